#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/graph/dataset.h"
#include "libs/graph/dataset_writer.h"
#include "libs/partition_writer/partition_options.h"
#include "libs/partition_writer/partition_writer.h"
#include "libs/partition_writer/random_dataset.h"
#include "libs/random/philox.h"
#include "libs/sampling/neighbor_draw.h"
#include "libs/sampling/neighbor_gather.h"
#include "libs/sampling/neighbor_sampler.h"
#include "libs/sampling/random_contents.h"
#include "libs/sampling/subgraph_equality.h"
#include "libs/status/status_macros.h"
#include "libs/status/status_matchers.h"

// A batch drawn from partitions as they are written is the batch that the
// whole gives.

namespace fairlead {
namespace {

using ::fairlead::testing::ExpectSame;
using ::fairlead::testing::IsOk;
using ::fairlead::testing::NewFolder;
using ::fairlead::testing::RandomContents;
using ::fairlead::testing::WriteToNewFolder;

using Partitions = std::vector<std::unique_ptr<const Dataset>>;

constexpr int64_t kParts = 4;

Partitions WriteAndLoad(const std::string& source, PartitionMethod method) {
  const std::string folder = NewFolder();
  EXPECT_THAT(WritePartitions(source, folder,
                              {.parts = kParts, .method = method, .seed = 1},
                              [](uint64_t, uint64_t) {})
                  .status(),
              IsOk());
  Partitions partitions;
  for (uint32_t part = 0; part < kParts; ++part) {
    partitions.push_back(Dataset::Load(folder, {.partition = part}).value());
  }
  return partitions;
}

// Each fetch as the partition that it is for would.
absl::Status Answer(const Partitions& partitions, NeighborFetch& fetch) {
  const Dataset& dataset = *partitions[fetch.partition];
  const EdgeType& type =
      dataset.edge_types()[static_cast<size_t>(fetch.edge_type)];
  const auto rows = static_cast<size_t>(type.row_type(fetch.direction));
  NeighborDrawer drawer;
  return drawer.Draw(*type.topology(fetch.direction),
                     dataset.node_types()[rows].ids, fetch.nodes,
                     {.times = fetch.times, .salts = fetch.salts}, fetch.spec,
                     &fetch.answer);
}

absl::Status Sample(const Partitions& partitions, uint32_t part,
                    const NeighborSamplerOptions& options,
                    const NeighborSampleRequest& request,
                    SampledSubgraph* out) {
  NeighborSampler sampler(*partitions[part]);
  FAIRLEAD_ASSIGN_OR_RETURN(bool done, sampler.Begin(options, request, out));
  while (!done) {
    for (NeighborFetch& fetch : sampler.fetches()) {
      FAIRLEAD_RETURN_IF_ERROR(Answer(partitions, fetch));
    }
    FAIRLEAD_ASSIGN_OR_RETURN(done, sampler.Resume());
  }
  return absl::OkStatus();
}

std::vector<NeighborSamplerOptions> AllKinds(size_t edge_types) {
  std::vector<NeighborSamplerOptions> kinds;
  for (const EdgeDir direction : {EdgeDir::kOut, EdgeDir::kIn}) {
    for (const TemporalStrategy temporal :
         {TemporalStrategy::kNone, TemporalStrategy::kUniform,
          TemporalStrategy::kLast}) {
      for (const bool weighted : {false, true}) {
        kinds.push_back({.fanouts = {edge_types, {3, -1, 2}},
                         .direction = direction,
                         .weighted = weighted,
                         .temporal = temporal,
                         .with_edge_ids = true,
                         .seed = kinds.size()});
      }
    }
  }
  return kinds;
}

// With seeds for the method frequency, and places for edge ids in every other.
DatasetContents Contents(uint64_t seed, bool sparse_ids) {
  DatasetContents contents =
      RandomContents({.seed = seed, .heterogeneous = seed % 2 == 1});
  contents.nodes[0].train = {0};
  for (DatasetContents::Edges& edges : contents.edges) {
    if (seed % 4 > 1) edges.ids.clear();
  }
  if (!sparse_ids) return contents;
  const auto spread = [](int64_t id) { return 5 + id * 1'000'003; };
  for (DatasetContents::Nodes& nodes : contents.nodes) {
    for (int64_t i = 0; i < nodes.num_nodes; ++i) {
      nodes.ids.push_back(spread(i));
    }
  }
  contents.nodes[0].train = {spread(0)};
  for (DatasetContents::Edges& edges : contents.edges) {
    for (auto& [src, dst] : edges.edges) {
      src = spread(src);
      dst = spread(dst);
    }
  }
  return contents;
}

struct Case {
  PartitionMethod method;
  bool sparse_ids;
};

class SampledPartitions : public ::testing::TestWithParam<Case> {};

TEST_P(SampledPartitions, GiveTheBatchesOfTheWhole) {
  for (uint64_t seed = 0; seed < 8; ++seed) {
    const std::string source =
        WriteToNewFolder(Contents(seed, GetParam().sparse_ids));
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto whole, Dataset::Load(source));
    if (whole->node_types()[0].num_nodes < kParts) continue;  // METIS will not
    const Partitions partitions = WriteAndLoad(source, GetParam().method);
    RandomStream random(seed, 1, 0);
    const IdSpace& ids = whole->node_types()[0].ids;
    std::vector<int64_t> seeds;
    std::vector<int64_t> times;
    for (int i = 0; i < 6; ++i) {
      seeds.push_back(ids.Id(static_cast<int64_t>(
          random.Below(static_cast<uint64_t>(ids.size())))));
      times.push_back(static_cast<int64_t>(random.Below(20)));
    }
    for (const NeighborSamplerOptions& options :
         AllKinds(whole->edge_types().size())) {
      ASSERT_THAT(ValidateNeighborSamplerOptions(*whole, options), IsOk());
      const NeighborSampleRequest request{
          .seeds = seeds, .epoch = 1, .batch_index = seed, .times = times};
      SampledSubgraph expected;
      NeighborSampler sampler(*whole);
      ASSERT_THAT(sampler.Sample(options, request, &expected), IsOk());
      for (uint32_t part = 0; part < kParts; ++part) {
        SCOPED_TRACE(absl::StrCat("seed ", seed, ", partition ", part));
        SampledSubgraph out;
        ASSERT_THAT(Sample(partitions, part, options, request, &out), IsOk());
        ExpectSame(out, expected);
        if (HasFailure()) return;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Methods, SampledPartitions,
    ::testing::Values(Case{PartitionMethod::kRange, false},
                      Case{PartitionMethod::kRange, true},
                      Case{PartitionMethod::kHash, false},
                      Case{PartitionMethod::kHash, true},
                      Case{PartitionMethod::kRandom, false},
                      Case{PartitionMethod::kMetis, false},
                      Case{PartitionMethod::kFrequency, false}),
    [](const auto& info) {
      return absl::StrCat(std::string(PartitionMethodName(info.param.method)),
                          info.param.sparse_ids ? "OfSparseIds" : "");
    });

}  // namespace
}  // namespace fairlead
