// Random graphs and options: what the sampler gives is what it promises, worked
// out one node and one edge at a time.

#include <stdlib.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/graph/dataset.h"
#include "libs/graph/dataset_writer.h"
#include "libs/random/philox.h"
#include "libs/sampling/neighbor_sampler.h"
#include "libs/status/status_matchers.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;

std::unique_ptr<const Dataset> Make(DatasetContents contents) {
  std::string folder = ::testing::TempDir() + "/dataset-XXXXXX";
  EXPECT_NE(mkdtemp(folder.data()), nullptr);
  EXPECT_THAT(WriteDataset(folder, std::move(contents)), IsOk());
  return Dataset::Load(folder).value();
}

// The positions of the edges that a node draws.
std::vector<int64_t> SlowDraw(const Topology& csr, int64_t node, int32_t fanout,
                              bool replace, RandomStream random) {
  const int64_t first = csr.indptr[static_cast<size_t>(node)];
  const int64_t degree = csr.indptr[static_cast<size_t>(node) + 1] - first;
  std::vector<int64_t> positions;
  if (fanout < 0 || degree == 0 || (!replace && degree <= fanout)) {
    for (int64_t i = 0; i < degree; ++i) positions.push_back(first + i);
    return positions;
  }
  const auto below = [&random, first](int64_t bound) {
    return first +
           static_cast<int64_t>(random.Below(static_cast<uint64_t>(bound)));
  };
  std::set<int64_t> taken;
  for (int64_t i = 0; i < fanout; ++i) {
    if (replace) {
      positions.push_back(below(degree));
      continue;
    }
    const int64_t top = degree - fanout + i;  // Floyd's
    const int64_t draw = below(top + 1);
    positions.push_back(taken.contains(draw) ? first + top : draw);
    taken.insert(positions.back());
  }
  return positions;
}

// What the sampler promises.
SampledSubgraph SlowSample(const Dataset& dataset,
                           const NeighborSamplerOptions& options,
                           const NeighborSampleRequest& request) {
  const size_t num_types = dataset.node_types().size();
  SampledSubgraph out;
  out.nodes.resize(num_types);
  out.edges.resize(dataset.edge_types().size());
  std::vector<std::map<int64_t, int64_t>> locals(num_types);
  const auto local_of = [&](int type, int64_t id) {
    const auto at = static_cast<size_t>(type);
    const auto [it, is_new] =
        locals[at].try_emplace(id, static_cast<int64_t>(locals[at].size()));
    if (is_new) out.nodes[at].ids.push_back(id);
    return it->second;
  };
  for (const int64_t seed : request.seeds) {
    out.seed_locals.push_back(local_of(request.seed_type, seed));
  }
  size_t hops = 0;
  for (const auto& list : options.fanouts) hops = std::max(hops, list.size());
  const uint64_t key = DeriveRandomKey(options.seed, RandomPurpose::kNeighbors,
                                       request.epoch, request.batch_index);
  std::vector<size_t> begin(num_types, 0);
  for (size_t hop = 0;; ++hop) {
    std::vector<size_t> end;
    for (size_t t = 0; t < num_types; ++t) {
      end.push_back(out.nodes[t].ids.size());
      out.nodes[t].num_sampled_nodes.push_back(
          static_cast<int64_t>(end[t] - begin[t]));
    }
    if (hop == hops) return out;
    for (size_t e = 0; e < out.edges.size(); ++e) {
      const EdgeType& type = dataset.edge_types()[e];
      const auto src = static_cast<size_t>(type.src_type);
      SampledSubgraph::Edges& edges = out.edges[e];
      const size_t edges_before = edges.rows.size();
      for (size_t local = begin[src]; local < end[src]; ++local) {
        if (hop >= options.fanouts[e].size()) break;
        if (options.fanouts[e][hop] == 0) break;
        const int64_t node = out.nodes[src].ids[local];
        for (const int64_t position :
             SlowDraw(*type.out, node, options.fanouts[e][hop], options.replace,
                      RandomStream(key, static_cast<uint64_t>(node),
                                   static_cast<uint32_t>(hop << 16 | e)))) {
          edges.rows.push_back(static_cast<int64_t>(local));
          edges.cols.push_back(local_of(
              type.dst_type, type.out->indices[static_cast<size_t>(position)]));
          if (options.with_edge_ids) edges.edge_ids.push_back(position);
        }
      }
      edges.num_sampled_edges.push_back(
          static_cast<int64_t>(edges.rows.size() - edges_before));
    }
    begin = end;
  }
}

// Any graph, any options, one sampler for all: to the last number what the
// slow way gives.
TEST(NeighborSamplerTest, AgreesWithTheSlowWay) {
  for (uint64_t round = 0; round < 20; ++round) {
    RandomStream random(4, round, 0);
    const auto below = [&random](int64_t bound) {
      return static_cast<int64_t>(random.Below(static_cast<uint64_t>(bound)));
    };
    DatasetContents contents;
    contents.name = "test";
    contents.nodes.push_back({.name = "a", .num_nodes = 1 + below(300)});
    contents.nodes.push_back({.name = "b", .num_nodes = 1 + below(300)});
    for (const auto& [src, dst] : std::vector<std::pair<int, int>>{
             {0, 0}, {0, 1}, {1, 0}, {1, 1}, {0, 1}}) {
      DatasetContents::Edges& type = contents.edges.emplace_back();
      type.name = {contents.nodes[static_cast<size_t>(src)].name,
                   absl::StrCat("r", contents.edges.size()),
                   contents.nodes[static_cast<size_t>(dst)].name};
      const int64_t num_src =
          contents.nodes[static_cast<size_t>(src)].num_nodes;
      const int64_t num_dst =
          contents.nodes[static_cast<size_t>(dst)].num_nodes;
      // The first ids have most of the edges, some hundreds each.
      for (int64_t i = below(3000); i > 0; --i) {
        type.edges.emplace_back(below(1 + below(1 + below(num_src))),
                                below(num_dst));
      }
    }
    const auto dataset = Make(std::move(contents));
    NeighborSampler sampler(*dataset);
    SampledSubgraph out;
    for (uint64_t batch = 0; batch < 20; ++batch) {
      SCOPED_TRACE(absl::StrCat("round ", round, " batch ", batch));
      NeighborSamplerOptions options{.replace = below(3) == 0,
                                     .with_edge_ids = below(2) == 0,
                                     .seed = random.Next64()};
      for (size_t e = 0; e < dataset->edge_types().size(); ++e) {
        std::vector<int32_t>& fanout = options.fanouts.emplace_back();
        for (int64_t hops = below(4); hops > 0; --hops) {
          // Over 64 draws go another way.
          fanout.push_back(
              static_cast<int32_t>(below(below(8) == 0 ? 100 : 6) - 1));
        }
      }
      const int seed_type = static_cast<int>(below(2));
      std::vector<int64_t> seeds;
      for (int64_t i = below(20); i > 0; --i) {
        seeds.push_back(below(
            dataset->node_types()[static_cast<size_t>(seed_type)].num_nodes));
      }
      const NeighborSampleRequest request{.seeds = seeds,
                                          .seed_type = seed_type,
                                          .epoch = random.Below(3),
                                          .batch_index = batch};
      ASSERT_THAT(ValidateNeighborSamplerOptions(*dataset, options), IsOk());
      ASSERT_THAT(sampler.Sample(options, request, &out), IsOk());
      const SampledSubgraph slow = SlowSample(*dataset, options, request);
      ASSERT_EQ(out.seed_locals, slow.seed_locals);
      for (size_t t = 0; t < slow.nodes.size(); ++t) {
        ASSERT_EQ(out.nodes[t].ids, slow.nodes[t].ids);
        ASSERT_EQ(out.nodes[t].num_sampled_nodes,
                  slow.nodes[t].num_sampled_nodes);
      }
      for (size_t e = 0; e < slow.edges.size(); ++e) {
        ASSERT_EQ(out.edges[e].rows, slow.edges[e].rows);
        ASSERT_EQ(out.edges[e].cols, slow.edges[e].cols);
        ASSERT_EQ(out.edges[e].edge_ids, slow.edges[e].edge_ids);
        ASSERT_EQ(out.edges[e].num_sampled_edges,
                  slow.edges[e].num_sampled_edges);
      }
    }
  }
}

}  // namespace
}  // namespace fairlead
