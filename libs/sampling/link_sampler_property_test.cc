#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <set>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/graph/dataset.h"
#include "libs/graph/dataset_writer.h"
#include "libs/random/philox.h"
#include "libs/sampling/batch_equality.h"
#include "libs/sampling/batch_sampler.h"
#include "libs/sampling/id_universe.h"
#include "libs/sampling/link_sampler.h"
#include "libs/sampling/negative_draw.h"
#include "libs/sampling/negative_sampler.h"
#include "libs/sampling/neighbor_draw.h"
#include "libs/sampling/neighbor_sampler.h"
#include "libs/sampling/partitioned_dataset.h"
#include "libs/sampling/random_contents.h"
#include "libs/sampling/subgraph_equality.h"
#include "libs/status/status_macros.h"
#include "libs/status/status_matchers.h"

// What a batch of links is, on any graph, whole and in partitions.

namespace fairlead {
namespace {

using ::fairlead::testing::BookKind;
using ::fairlead::testing::ExpectSame;
using ::fairlead::testing::ExpectSameBatch;
using ::fairlead::testing::IsOk;
using ::fairlead::testing::PartitionedDataset;
using ::fairlead::testing::RandomContents;
using ::fairlead::testing::WriteWhole;

using Mode = LinkSamplerOptions::NegativeMode;
using OnShortfall = NegativeSamplerOptions::OnShortfall;
using Pairs = std::vector<std::pair<int64_t, int64_t>>;

const std::vector<int64_t>& Int64s(const MetaTensor& tensor) {
  return std::get<std::vector<int64_t>>(tensor.values);
}

struct Case {
  LinkSamplerOptions options;
  std::vector<int64_t> src;
  std::vector<int64_t> dst;
  std::vector<int64_t> labels;
  std::vector<int64_t> times;

  BatchRequest request() const {
    return {.epoch = 2,
            .batch_index = 9,
            .seeds = src,
            .destinations = dst,
            .edge_labels = labels,
            .times = times};
  }
};

Case RandomCase(const Dataset& whole, RandomStream& random) {
  Case made;
  LinkSamplerOptions& options = made.options;
  for (size_t e = 0; e < whole.edge_types().size(); ++e) {
    auto& fanouts = options.neighbors.fanouts.emplace_back();
    for (int hop = 0; hop < 2; ++hop) {
      fanouts.push_back(static_cast<int32_t>(random.Below(5)) - 1);
    }
  }
  options.neighbors.direction =
      random.Below(2) == 0 ? EdgeDir::kIn : EdgeDir::kOut;
  options.neighbors.temporal = static_cast<TemporalStrategy>(random.Below(3));
  options.neighbors.with_edge_ids = true;
  options.neighbors.seed = random.Next64();
  options.edge_type = static_cast<int>(random.Below(whole.edge_types().size()));
  options.mode = static_cast<Mode>(random.Below(3));
  options.amount = options.mode == Mode::kTriplet
                       ? static_cast<double>(1 + random.Below(3))
                       : static_cast<double>(1 + random.Below(8)) / 4;
  options.negatives.strict = random.Below(4) != 0;
  options.negatives.max_trials = 1 + static_cast<int>(random.Below(3));
  options.negatives.exhaustive_limit = random.Below(2) == 0 ? 0 : 65536;
  options.negatives.on_shortfall = random.Below(4) == 0
                                       ? OnShortfall::kError
                                       : OnShortfall::kAcceptFalseNegatives;
  const EdgeType& type =
      whole.edge_types()[static_cast<size_t>(options.edge_type)];
  options.negatives.exclude_self =
      type.src_type == type.dst_type && random.Below(2) == 0;
  const auto node_of = [&](int node_type) {
    return static_cast<int64_t>(random.Below(static_cast<uint64_t>(
        whole.node_types()[static_cast<size_t>(node_type)].num_nodes)));
  };
  for (uint64_t i = random.Below(15); i > 0; --i) {
    made.src.push_back(node_of(type.src_type));
    made.dst.push_back(node_of(type.dst_type));
    made.times.push_back(static_cast<int64_t>(random.Below(20)));
    if (options.mode == Mode::kBinary) {
      made.labels.push_back(static_cast<int64_t>(random.Below(4)));
    }
  }
  return made;
}

std::set<std::pair<int64_t, int64_t>> EdgesOf(const EdgeType& type) {
  std::set<std::pair<int64_t, int64_t>> edges;
  for (int64_t src = 0; src < type.out->num_rows(); ++src) {
    const auto row = static_cast<size_t>(src);
    for (int64_t i = type.out->indptr[row]; i < type.out->indptr[row + 1];
         ++i) {
      edges.insert({src, type.out->indices[static_cast<size_t>(i)]});
    }
  }
  return edges;
}

// What the batch says, in ids: (source, destination) of the given edges and
// then of negatives.
Pairs PairsOf(const Dataset& whole, const Case& made, const SampledBatch& out) {
  const EdgeType& type =
      whole.edge_types()[static_cast<size_t>(made.options.edge_type)];
  const auto src_of = [&](int64_t local) {
    return out.subgraph.nodes[static_cast<size_t>(type.src_type)]
        .ids[static_cast<size_t>(local)];
  };
  const auto dst_of = [&](int64_t local) {
    return out.subgraph.nodes[static_cast<size_t>(type.dst_type)]
        .ids[static_cast<size_t>(local)];
  };
  Pairs pairs;
  if (made.options.mode != Mode::kTriplet) {
    const std::vector<int64_t>& index = Int64s(out.meta[0]);
    for (size_t i = 0; i < index.size() / 2; ++i) {
      pairs.emplace_back(src_of(index[i]), dst_of(index[index.size() / 2 + i]));
    }
    return pairs;
  }
  const std::vector<int64_t>& src = Int64s(out.meta[0]);
  const std::vector<int64_t>& dst = Int64s(out.meta[1]);
  const std::vector<int64_t>& negative = Int64s(out.meta[2]);
  for (size_t i = 0; i < src.size(); ++i) {
    pairs.emplace_back(src_of(src[i]), dst_of(dst[i]));
  }
  for (size_t i = 0; i < negative.size(); ++i) {
    pairs.emplace_back(src_of(src[i * src.size() / negative.size()]),
                       dst_of(negative[i]));
  }
  return pairs;
}

// As the headers promise: given edges, then what the negative sampler draws
// with all edges in view.
absl::StatusOr<Pairs> SlowPairs(const Dataset& whole, const Case& made) {
  const LinkSamplerOptions& options = made.options;
  const EdgeType& type =
      whole.edge_types()[static_cast<size_t>(options.edge_type)];
  const auto edges = EdgesOf(type);
  const auto find = [&edges](absl::Span<const int64_t> src,
                             absl::Span<const int64_t> dst,
                             absl::Span<bool> exists) {
    for (size_t i = 0; i < src.size(); ++i) {
      exists[i] = edges.contains({src[i], dst[i]});
    }
    return absl::OkStatus();
  };
  NegativeSamplerOptions negatives = options.negatives;
  negatives.seed = options.neighbors.seed;
  const DenseIds sources(
      whole.node_types()[static_cast<size_t>(type.src_type)].num_nodes);
  const DenseIds destinations(
      whole.node_types()[static_cast<size_t>(type.dst_type)].num_nodes);
  const auto sampler =
      NegativeSampler::Create(sources, destinations, nullptr, negatives);
  const NegativeRequest request{
      .epoch = 2,
      .batch_index = 9,
      .edge_type = static_cast<uint16_t>(options.edge_type)};
  NegativePairs drawn;
  if (options.mode == Mode::kBinary) {
    const auto count = static_cast<int64_t>(
        std::ceil(static_cast<double>(made.src.size()) * options.amount));
    FAIRLEAD_ASSIGN_OR_RETURN(drawn,
                              sampler->SamplePairs(request, count, find));
  } else if (options.mode == Mode::kTriplet) {
    FAIRLEAD_ASSIGN_OR_RETURN(
        drawn,
        sampler->SampleDestinations(
            request, made.src, static_cast<int32_t>(options.amount), find));
  }
  Pairs pairs;
  for (size_t i = 0; i < made.src.size(); ++i) {
    pairs.emplace_back(made.src[i], made.dst[i]);
  }
  for (size_t i = 0; i < drawn.rows.size(); ++i) {
    pairs.emplace_back(drawn.rows[i], drawn.cols[i]);
  }
  return pairs;
}

// The neighbourhood of the ends that the batch says it has.
SampledSubgraph SlowNeighborhood(const Dataset& whole, const Case& made,
                                 const Pairs& pairs) {
  const LinkSamplerOptions& options = made.options;
  const EdgeType& type =
      whole.edge_types()[static_cast<size_t>(options.edge_type)];
  const bool is_triplet = options.mode == Mode::kTriplet;
  const size_t edges = made.src.size();
  std::vector<int64_t> src, dst, negative, times, negative_times;
  for (size_t i = 0; i < pairs.size(); ++i) {
    const size_t edge = i < edges ? i
                        : is_triplet
                            ? (i - edges) / static_cast<size_t>(options.amount)
                            : (i - edges) % std::max<size_t>(edges, 1);
    if (is_triplet && i >= edges) {
      negative.push_back(pairs[i].second);
      negative_times.push_back(made.times[edge]);
      continue;
    }
    src.push_back(pairs[i].first);
    dst.push_back(pairs[i].second);
    times.push_back(made.times[edge]);
  }
  std::vector<SeedGroup> groups = {
      {.type = type.dst_type, .ids = dst, .times = times}};
  if (is_triplet) {
    groups.push_back(
        {.type = type.dst_type, .ids = negative, .times = negative_times});
  }
  SampledSubgraph out;
  NeighborSampler sampler(whole);
  EXPECT_THAT(sampler.Sample(options.neighbors,
                             {.seeds = src,
                              .seed_type = type.src_type,
                              .epoch = 2,
                              .batch_index = 9,
                              .times = times,
                              .more_seeds = groups},
                             &out),
              IsOk());
  return out;
}

class LinkPropertyTest : public ::testing::TestWithParam<bool> {};

TEST_P(LinkPropertyTest, AgreesWithTheSlowWayWholeAndInPartitions) {
  int good = 0;
  int exhausted = 0;
  for (uint64_t round = 0; round < 6; ++round) {
    // Up to complete graphs, so that later trials and lists of all matter.
    DatasetContents contents = RandomContents({.seed = round,
                                               .heterogeneous = GetParam(),
                                               .max_nodes = round < 3 ? 8 : 60,
                                               .max_edges = 300});
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto whole,
                                  WriteWhole(std::move(contents)));
    std::vector<PartitionedDataset> graphs;
    for (const uint32_t partitions : {1, 2, 3, 4}) {
      for (const BookKind book : {BookKind::kRange, BookKind::kTable}) {
        FAIRLEAD_ASSERT_OK_AND_ASSIGN(
            graphs.emplace_back(),
            PartitionedDataset::Create(*whole, partitions, book));
      }
    }
    RandomStream random(round, 1, 0);
    for (int batch = 0; batch < 25; ++batch) {
      SCOPED_TRACE(absl::StrCat("round ", round, " batch ", batch));
      Case made = RandomCase(*whole, random);
      FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto sampler,
                                    LinkSampler::Create(*whole, made.options));
      SampledBatch expected;
      const absl::Status status =
          sampler->Begin(made.request(), &expected).status();
      const absl::StatusOr<Pairs> pairs = SlowPairs(*whole, made);
      ASSERT_EQ(status, pairs.status());
      ++(status.ok() ? good : exhausted);
      if (status.ok()) {
        EXPECT_EQ(PairsOf(*whole, made, expected), *pairs);
        ExpectSame(expected.subgraph, SlowNeighborhood(*whole, made, *pairs));
      }
      if (HasFailure()) return;
      for (const PartitionedDataset& graph : graphs) {
        for (uint32_t p = 0; p < graph.num_partitions(); ++p) {
          SCOPED_TRACE(
              absl::StrCat("partition ", p, " of ", graph.num_partitions()));
          FAIRLEAD_ASSERT_OK_AND_ASSIGN(
              const auto part,
              LinkSampler::Create(graph.partition(p), made.options));
          SampledBatch out;
          // Twice: the second finds the memory of the first.
          ASSERT_EQ(graph.Run(*part, made.request(), &out), status);
          ASSERT_EQ(graph.Run(*part, made.request(), &out), status);
          if (!status.ok()) continue;
          ExpectSameBatch(out, expected);
          if (HasFailure()) return;
        }
      }
    }
  }
  // (Both were seen.)
  EXPECT_GT(good, 50);
  EXPECT_GT(exhausted, 0);
}

INSTANTIATE_TEST_SUITE_P(HomogeneousAndHeterogeneous, LinkPropertyTest,
                         ::testing::Bool());

// W-35: edges on other partitions count, and as many come as were asked for.
TEST(StrictNegativesTest, AreNeverEdgesAndAllThere) {
  for (uint64_t round = 0; round < 20; ++round) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(
        const auto whole,
        WriteWhole(RandomContents(
            {.seed = 100 + round, .max_nodes = 40, .max_edges = 900})));
    const auto edges = EdgesOf(whole->edge_types()[0]);
    const int64_t nodes = whole->node_types()[0].num_nodes;
    if (static_cast<int64_t>(edges.size()) == nodes * nodes) continue;
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(
        const auto graph,
        PartitionedDataset::Create(*whole, 3, BookKind::kTable));
    Case made;
    made.options = {
        .neighbors = {.fanouts = {{}}}, .mode = Mode::kBinary, .amount = 2.5};
    made.src.assign(11, 0);
    made.dst.assign(11, 0);
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(
        const auto sampler,
        LinkSampler::Create(graph.partition(0), made.options));
    SampledBatch out;
    ASSERT_THAT(graph.Run(*sampler, made.request(), &out), IsOk());
    const Pairs pairs = PairsOf(*whole, made, out);
    ASSERT_EQ(pairs.size(), 11u + 28u);
    for (size_t i = 11; i < pairs.size(); ++i) {
      ASSERT_FALSE(edges.contains(pairs[i]));
    }
  }
}

}  // namespace
}  // namespace fairlead
