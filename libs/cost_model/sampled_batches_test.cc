// The formulas against batches that were sampled. (A Kronecker graph, and whole
// messages: tools/bench/cost_model_test.cc.)

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "gtest/gtest.h"
#include "libs/cost_model/batch_cost.h"
#include "libs/cost_model/degree_profile.h"
#include "libs/graph/dataset.h"
#include "libs/random/philox.h"
#include "libs/sampling/neighbor_sampler.h"
#include "libs/sampling/power_law_graph.h"
#include "libs/status/status_matchers.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;

constexpr int64_t kNodes = 20'000;
constexpr uint64_t kBatches = 20;

class SampledBatches : public ::testing::TestWithParam<bool> {
 protected:
  static void SetUpTestSuite() {
    dataset_ = testing::PowerLawGraph(kNodes, 20 * kNodes).release();
    ASSERT_NE(dataset_, nullptr);
  }
  static void TearDownTestSuite() { delete dataset_; }

  static const Dataset* dataset_;
};
const Dataset* SampledBatches::dataset_ = nullptr;

TEST_P(SampledBatches, AreAsLargeAsExpected) {
  const Topology& topology = *dataset_->edge_types()[0].out;
  const DegreeProfile profile =
      DegreeProfile::Of(topology.indptr, topology.indices);
  for (const std::vector<int32_t>& fanout :
       {std::vector<int32_t>{10, 5}, {15, 10, 5}, {-1}, {2}}) {
    for (const int64_t batch_size : {16, 256}) {
      const SampledLoad load{.batch_size = static_cast<double>(batch_size),
                             .fanout = fanout,
                             .replace = GetParam()};
      FAIRLEAD_ASSERT_OK_AND_ASSIGN(const BatchShape expected,
                                    ExpectBatch(profile, load));
      const NeighborSamplerOptions options{.fanouts = {fanout},
                                           .replace = GetParam()};
      NeighborSampler sampler(*dataset_);
      SampledSubgraph out;
      double edges = 0;
      double nodes = 0;
      for (uint64_t batch = 0; batch < kBatches; ++batch) {
        // As an epoch does: all nodes in turn, each once.
        std::vector<int64_t> seeds;
        for (int64_t i = 0; i < batch_size; ++i) {
          seeds.push_back((static_cast<int64_t>(batch) * batch_size + i) * 7 %
                          kNodes);
        }
        ASSERT_THAT(sampler.Sample(
                        options, {.seeds = seeds, .batch_index = batch}, &out),
                    IsOk());
        edges += static_cast<double>(out.TotalEdges());
        nodes += static_cast<double>(out.nodes[0].ids.size());
      }
      edges /= kBatches;
      nodes /= kBatches;
      EXPECT_NEAR(expected.edges / edges, 1, 0.1)
          << edges << " edges, batch size " << batch_size << ", "
          << fanout.size() << " hops";
      EXPECT_NEAR(expected.nodes / nodes, 1, 0.1)
          << nodes << " nodes, batch size " << batch_size << ", "
          << fanout.size() << " hops";
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Replace, SampledBatches, ::testing::Bool());

}  // namespace
}  // namespace fairlead
