// The cost model against whole messages of a Kronecker graph, as a sampler pool
// makes them.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "absl/strings/str_join.h"
#include "gtest/gtest.h"
#include "libs/batch_maker/channel_plan.h"
#include "libs/batch_maker/epoch_seeds.h"
#include "libs/batch_maker/prepared_batch.h"
#include "libs/clock/clock.h"
#include "libs/cost_model/batch_cost.h"
#include "libs/cost_model/degree_profile.h"
#include "libs/graph/dataset.h"
#include "libs/status/status_matchers.h"
#include "protos/fairlead/v1/sampling.pb.h"
#include "tools/bench/own_rates.h"
#include "tools/dataset/kronecker.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;

constexpr int kScale = 15;
constexpr int64_t kEdgeFactor = 20;
constexpr uint64_t kBatches = 20;
constexpr double kTolerance = 0.1;

struct Means {
  double nodes = 0;
  double edges = 0;
  double bytes = 0;
};

class CostModel : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    std::filesystem::create_directories(::testing::TempDir() + "/kronecker");
    ASSERT_THAT(WriteKronecker({.scale = kScale,
                                .edge_factor = kEdgeFactor,
                                .node_data = {.feature_dim = 16}},
                               ::testing::TempDir() + "/kronecker",
                               [](uint64_t, uint64_t) {}),
                IsOk());
    auto loaded = Dataset::Load(::testing::TempDir() + "/kronecker");
    ASSERT_THAT(loaded, IsOk());
    dataset_ = loaded->release();
  }
  static void TearDownTestSuite() { delete dataset_; }

  // Of the first batches of a shuffled epoch.
  static Means Sample(const SampledLoad& load) {
    v1::SeedNodes seeds;
    seeds.set_split(v1::SPLIT_ALL);
    v1::SamplingConfig config;
    config.set_type(v1::SAMPLING_TYPE_NODE);
    config.mutable_fanout()->Assign(load.fanout.begin(), load.fanout.end());
    config.set_batch_size(static_cast<uint64_t>(load.batch_size));
    config.set_replace(load.replace);
    config.set_with_edge(load.with_edge);
    config.set_shuffle(true);
    config.set_collect_features(true);
    auto created = ChannelPlan::Create(*dataset_, seeds, config);
    EXPECT_THAT(created, IsOk());
    const auto plan = std::make_shared<const ChannelPlan>(*std::move(created));
    const EpochSeeds order(*plan, /*epoch=*/0);
    const RealClock clock;
    PreparedBatch batch;
    Means means;
    for (uint64_t i = 0; i < kBatches; ++i) {
      v1::MessageHeader header;
      header.set_batch_index(i);
      EXPECT_THAT(batch.Restart(plan, order, header, /*caches=*/nullptr),
                  IsOk());
      const auto done = batch.Advance(clock);
      EXPECT_TRUE(done.ok() && *done);
      means.nodes +=
          static_cast<double>(batch.subgraph().nodes[0].ids.size()) / kBatches;
      means.edges +=
          static_cast<double>(batch.subgraph().TotalEdges()) / kBatches;
      means.bytes += static_cast<double>(batch.bytes()) / kBatches;
    }
    return means;
  }

  static const Dataset* dataset_;
};
const Dataset* CostModel::dataset_ = nullptr;

TEST_F(CostModel, IsRightAboutBatchesOfAKroneckerGraph) {
  const Topology& topology = *dataset_->edge_types()[0].out;
  const DegreeProfile profile =
      DegreeProfile::Of(topology.indptr, topology.indices);
  for (const bool replace : {false, true}) {
    for (const std::vector<int32_t>& fanout :
         {std::vector<int32_t>{10, 5}, {15, 10, 5}, {5}, {-1}}) {
      const SampledLoad load{.batch_size = 256,
                             .fanout = fanout,
                             .replace = replace,
                             .with_edge = replace};
      const Means sampled = Sample(load);
      FAIRLEAD_ASSERT_OK_AND_ASSIGN(const BatchShape shape,
                                    ExpectBatch(profile, load));
      const BatchCost cost = CostOf(shape, load, bench::WidthsOf(*dataset_));
      const std::string what = absl::StrJoin(fanout, ",");
      EXPECT_NEAR(shape.nodes / sampled.nodes, 1, kTolerance) << what;
      EXPECT_NEAR(shape.edges / sampled.edges, 1, kTolerance) << what;
      EXPECT_NEAR(cost.message_bytes / sampled.bytes, 1, kTolerance) << what;
      // Given what was sampled, a message's length is known to the header.
      BatchShape exact;
      exact.nodes = sampled.nodes;
      exact.edges = sampled.edges;
      EXPECT_NEAR(CostOf(exact, load, bench::WidthsOf(*dataset_)).message_bytes,
                  sampled.bytes, 600)
          << what;
    }
  }
}

// A graph that is not there yet is described by its size alone.
TEST_F(CostModel, KnowsAKroneckerGraphByItsSize) {
  const double nodes = 1 << kScale;
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const DegreeProfile profile,
      DegreeProfile::OfKronecker(nodes, kEdgeFactor * nodes, 0.76));
  const SampledLoad load{.batch_size = 256, .fanout = {10, 5}};
  const Means sampled = Sample(load);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const BatchShape shape,
                                ExpectBatch(profile, load));
  EXPECT_NEAR(shape.nodes / sampled.nodes, 1, kTolerance);
  EXPECT_NEAR(shape.edges / sampled.edges, 1, kTolerance);
}

}  // namespace
}  // namespace fairlead
