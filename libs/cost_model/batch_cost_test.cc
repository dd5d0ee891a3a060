#include "libs/cost_model/batch_cost.h"

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/cost_model/degree_profile.h"
#include "libs/status/status_matchers.h"

namespace fairlead {
namespace {

using ::fairlead::testing::StatusIs;
using ::testing::HasSubstr;

// So many nodes, each with a list of `degree`.
DegreeProfile Regular(double nodes, double degree) {
  DegreeProfile profile;
  profile.classes = {{.nodes = nodes, .list = degree, .listed = degree}};
  profile.nodes = nodes;
  profile.edges = nodes * degree;
  return profile;
}

BatchShape Expect(const DegreeProfile& profile, const SampledLoad& load) {
  const auto shape = ExpectBatch(profile, load);
  EXPECT_THAT(shape, testing::IsOk());
  return shape.value_or(BatchShape());
}

TEST(ExpectBatch, InAHugeGraphNobodyMeetsAnybody) {
  const BatchShape shape =
      Expect(Regular(1e12, 20), {.batch_size = 10, .fanout = {3, 2}});
  ASSERT_EQ(shape.hops.size(), 2);
  EXPECT_DOUBLE_EQ(shape.hops[0].edges, 30);
  EXPECT_NEAR(shape.hops[0].new_nodes, 30, 1e-3);
  EXPECT_NEAR(shape.edges, 30 + 60, 1e-3);
  EXPECT_NEAR(shape.nodes, 10 + 30 + 60, 1e-3);
}

TEST(ExpectBatch, ShortListsGiveAllTheyHave) {
  const BatchShape shape =
      Expect(Regular(1e12, 2), {.batch_size = 10, .fanout = {5}});
  EXPECT_DOUBLE_EQ(shape.edges, 20);
}

TEST(ExpectBatch, WithReplacementDrawsTheSameAgain) {
  const SampledLoad without{.batch_size = 10, .fanout = {5}};
  const SampledLoad with{.batch_size = 10, .fanout = {5}, .replace = true};
  const BatchShape few = Expect(Regular(1e12, 5), without);
  const BatchShape many = Expect(Regular(1e12, 5), with);
  EXPECT_DOUBLE_EQ(few.edges, many.edges);
  // 5 (1 - (4/5)^5) of a list of 5.
  EXPECT_NEAR(many.nodes, 10 + 10 * 3.3616, 1e-3);
  EXPECT_NEAR(few.nodes, 10 + 50, 1e-3);
}

TEST(ExpectBatch, AllNodesAreTheMostThereAre) {
  const BatchShape shape =
      Expect(Regular(100, 50), {.batch_size = 100, .fanout = {-1, -1}});
  EXPECT_NEAR(shape.nodes, 100, 1e-6);
  // None is new, so none draws at the second hop.
  EXPECT_NEAR(shape.edges, 100 * 50, 1e-6);
}

TEST(ExpectBatch, NodesWithoutNeighboursDrawNone) {
  const BatchShape shape =
      Expect(Regular(100, 0), {.batch_size = 7, .fanout = {15, 10}});
  EXPECT_EQ(shape.edges, 0);
  EXPECT_EQ(shape.nodes, 7);
}

TEST(ExpectBatch, RefusesWhatCannotBe) {
  const DegreeProfile profile = Regular(100, 3);
  EXPECT_THAT(
      ExpectBatch(profile, {.batch_size = 101, .fanout = {}}),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("batch_size")));
  EXPECT_THAT(
      ExpectBatch(profile, {.batch_size = 0, .fanout = {}}),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("batch_size")));
  EXPECT_THAT(
      ExpectBatch(profile, {.batch_size = 1, .fanout = {-2}}),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("fanout")));
}

TEST(CostOf, CountsEveryTensorOfAMessage) {
  const SampledLoad load{.batch_size = 10, .fanout = {3, 2}};
  const BatchShape shape = Expect(Regular(1e12, 20), load);
  const BatchCost cost = CostOf(shape, load, {.features = 512, .labels = 8});
  EXPECT_NEAR(cost.gathered_bytes, 100 * 520, 1);
  EXPECT_NEAR(cost.topology_bytes, 8 * (100 + 2 * 90 + 2 * 10), 1);
  EXPECT_GT(cost.message_bytes, cost.gathered_bytes + cost.topology_bytes);
  EXPECT_NEAR(cost.reads.features, 100, 1e-3);
  EXPECT_NEAR(cost.feature_lines, 800, 1e-2);
  EXPECT_NEAR(cost.reads.offsets, 10 + 30, 1e-3);
  EXPECT_NEAR(cost.reads.index, 100, 1e-3);
  // A list of 160 bytes is three or four lines, of which 3 draws miss some.
  EXPECT_LT(cost.reads.neighbours, 90);
  EXPECT_GT(cost.reads.neighbours, 40);
}

TEST(CostOf, EdgeIdsAreAThirdNumberForEachEdge) {
  const SampledLoad without{.batch_size = 10, .fanout = {3}};
  const SampledLoad with{.batch_size = 10, .fanout = {3}, .with_edge = true};
  const BatchShape shape = Expect(Regular(1e12, 20), without);
  EXPECT_NEAR(CostOf(shape, with, {}).topology_bytes -
                  CostOf(shape, without, {}).topology_bytes,
              8 * 30, 1e-6);
}

TEST(CostOf, OnTheNetworkAMessageIsCopiedThreeTimesMore) {
  const SampledLoad load{.batch_size = 10, .fanout = {3}};
  const BatchCost cost =
      CostOf(Expect(Regular(1e12, 20), load), load, {.features = 512});
  double shared = 0;
  for (const CopyStep& step : cost.SharedMemoryCopies()) shared += step.bytes;
  double remote = 0;
  for (const CopyStep& step : cost.RemoteCopies()) remote += step.bytes;
  EXPECT_NEAR(remote - shared, 3 * cost.message_bytes, 1e-6);
}

TEST(FloorOf, IsTheSumOfItsParts) {
  BatchCost cost;
  cost.edges = 1000;
  cost.gathered_bytes = 4e6;
  cost.message_bytes = 5e6;
  const MachineRates rates{.sample_s_per_edge = 50e-9,
                           .gather_bytes_per_s = 4e9,
                           .send_s_per_byte = 0.2e-9,
                           .receive_s_per_byte = 0.1e-9};
  const CpuFloor remote = FloorOf(cost, rates);
  EXPECT_DOUBLE_EQ(remote.sample, 50e-6);
  EXPECT_DOUBLE_EQ(remote.gather, 1e-3);
  EXPECT_DOUBLE_EQ(remote.send, 1e-3);
  EXPECT_DOUBLE_EQ(remote.receive, 0.5e-3);
  EXPECT_DOUBLE_EQ(remote.total(), 50e-6 + 2.5e-3);
  EXPECT_DOUBLE_EQ(SharedMemoryFloorOf(cost, rates).total(), 50e-6 + 1e-3);
}

}  // namespace
}  // namespace fairlead
