#include "tools/fairleadctl/activity.h"

#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/telemetry/metric_names.h"
#include "nlohmann/json.hpp"
#include "protos/fairlead/v1/registry.pb.h"
#include "tools/fairleadctl/snapshot.h"

namespace fairlead {
namespace {

using ::testing::DoubleNear;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// A cluster of a pool and a gateway that is looked at after so many seconds.
ClusterSnapshot SnapshotAt(double seconds) {
  ClusterSnapshot snapshot;
  snapshot.at = absl::Seconds(seconds);
  for (const auto& [name, role] :
       {std::pair("pool", v1::ROLE_SAMPLER_POOL),
        std::pair("gateway", v1::ROLE_CHANNEL_GATEWAY)}) {
    MemberSnapshot& member = snapshot.members.emplace_back();
    member.at = snapshot.at;
    member.member.set_member_name(name);
    member.member.set_role(role);
  }
  return snapshot;
}

void Add(MemberSnapshot& member, const std::string& name,
         const MetricLabels& labels, double value) {
  member.samples[name].push_back({name, labels, value});
}
MemberSnapshot& PoolIn(ClusterSnapshot& snapshot) {
  return snapshot.members[0];
}
MemberSnapshot& GatewayIn(ClusterSnapshot& snapshot) {
  return snapshot.members[1];
}

v1::ChannelDescription& AddChannel(ClusterSnapshot& snapshot, uint64_t id,
                                   uint64_t completed, double worker_seconds) {
  v1::ChannelDescription& channel = snapshot.channels.emplace_back();
  channel.set_channel_id(id);
  channel.set_pool_name("pool");
  channel.set_completed_batches(completed);
  channel.set_worker_seconds(worker_seconds);
  return channel;
}

TEST(Compare, GivesRatesOfCounters) {
  ClusterSnapshot before = SnapshotAt(10);
  ClusterSnapshot after = SnapshotAt(14);
  const std::string batches = metrics::kPoolBatches.name;
  Add(PoolIn(before), batches, {{"result", "ok"}}, 100);
  Add(PoolIn(after), batches, {{"result", "ok"}}, 130);
  Add(PoolIn(after), batches, {{"result", "failed"}}, 10);
  const ClusterActivity activity = Compare(before, after);
  EXPECT_EQ(activity.seconds, 4);
  EXPECT_EQ(activity.pools.at("pool").batches_per_second, 10);
}

TEST(Compare, CounterThatFellBeganAnew) {
  ClusterSnapshot before = SnapshotAt(0);
  ClusterSnapshot after = SnapshotAt(2);
  Add(GatewayIn(before), metrics::kGatewayBytes.name, {}, 1000);
  Add(GatewayIn(after), metrics::kGatewayBytes.name, {}, 50);
  EXPECT_EQ(Compare(before, after).gateways.at("gateway").bytes_per_second, 25);
}

TEST(Compare, MemberThatWasNotThereBeforeHasDoneNothing) {
  ClusterSnapshot before = SnapshotAt(0);
  before.members.clear();
  ClusterSnapshot after = SnapshotAt(2);
  Add(GatewayIn(after), metrics::kGatewayBytes.name, {}, 50);
  EXPECT_EQ(Compare(before, after).gateways.at("gateway").bytes_per_second, 0);
}

TEST(Compare, ChannelsShareTheWorkersTime) {
  ClusterSnapshot before = SnapshotAt(0);
  ClusterSnapshot after = SnapshotAt(2);
  AddChannel(before, 1, 10, 1);
  AddChannel(before, 2, 10, 1);
  AddChannel(after, 1, 20, 4);
  AddChannel(after, 2, 12, 2);
  const ClusterActivity activity = Compare(before, after);
  ASSERT_THAT(activity.channels, SizeIs(2));
  EXPECT_EQ(activity.channels[0].batches_per_second, 5);
  EXPECT_EQ(activity.channels[0].workers, 1.5);
  EXPECT_THAT(activity.channels[0].worker_share, DoubleNear(0.75, 1e-9));
  EXPECT_EQ(activity.channels[1].batches_per_second, 1);
}

TEST(Compare, NextEpochsBatchesCountFromItsStart) {
  ClusterSnapshot before = SnapshotAt(0);
  ClusterSnapshot after = SnapshotAt(2);
  AddChannel(before, 1, 90, 0);
  AddChannel(after, 1, 20, 0).set_epoch(1);
  EXPECT_EQ(Compare(before, after).channels[0].batches_per_second, 10);
}

TEST(Compare, FindsWhereAStreamWaits) {
  ClusterSnapshot before = SnapshotAt(0);
  ClusterSnapshot after = SnapshotAt(4);
  AddChannel(before, 7, 0, 0);
  AddChannel(after, 7, 0, 0);
  const std::string waits = metrics::kGatewayChannelWaitSeconds.name;
  Add(GatewayIn(after), waits, {{"channel", "7"}, {"for", "data"}}, 1);
  Add(GatewayIn(after), waits, {{"channel", "7"}, {"for", "credit"}}, 2);
  Add(GatewayIn(after), waits, {{"channel", "70"}, {"for", "credit"}}, 9);
  Add(PoolIn(after), metrics::kPoolChannelStateSeconds.name,
      {{"channel", "7"}, {"state", "parked"}}, 3);
  const ChannelActivity channel = Compare(before, after).channels[0];
  EXPECT_EQ(channel.wait_data, 0.25);
  EXPECT_EQ(channel.wait_credit, 0.5);
  EXPECT_EQ(channel.wait_transport, 0);
  EXPECT_EQ(channel.parked, 0.75);
}

TEST(Compare, ChannelHasItsOwnBytesAndWhereItsCreditWas) {
  ClusterSnapshot before = SnapshotAt(0);
  ClusterSnapshot after = SnapshotAt(2);
  AddChannel(before, 7, 0, 0);
  AddChannel(after, 7, 0, 0);
  AddChannel(after, 8, 0, 0);
  const std::string bytes = metrics::kGatewayChannelBytes.name;
  Add(GatewayIn(before), bytes, {{"channel", "7"}}, 100);
  Add(GatewayIn(after), bytes, {{"channel", "7"}}, 500);
  Add(GatewayIn(after), bytes, {{"channel", "8"}}, 30);
  const std::string held = metrics::kGatewayChannelCreditHeldSeconds.name;
  Add(GatewayIn(before), held, {{"channel", "7"}, {"side", "trainer"}}, 9);
  Add(GatewayIn(after), held, {{"channel", "7"}, {"side", "trainer"}}, 10);
  Add(GatewayIn(after), held, {{"channel", "7"}, {"side", "network"}}, 3);
  const ClusterActivity activity = Compare(before, after);
  EXPECT_EQ(activity.channels[0].bytes_per_second, 200);
  EXPECT_EQ(activity.channels[0].credit_in_network, 0.75);
  EXPECT_EQ(activity.channels[0].credit_at_trainer, 0.25);
  EXPECT_EQ(activity.channels[1].bytes_per_second, 15);
  EXPECT_EQ(activity.channels[1].credit_in_network, 0);
}

TEST(Compare, MeanTimeOfCallsIsOfThoseInBetween) {
  ClusterSnapshot before = SnapshotAt(0);
  ClusterSnapshot after = SnapshotAt(1);
  const std::string calls = metrics::kPoolPeerCallSeconds.name;
  Add(PoolIn(before), calls + "_count", {{"partition", "3"}}, 10);
  Add(PoolIn(before), calls + "_sum", {{"partition", "3"}}, 1);
  Add(PoolIn(after), calls + "_count", {{"partition", "3"}}, 12);
  Add(PoolIn(after), calls + "_sum", {{"partition", "3"}}, 2);
  const PeerActivity peer =
      Compare(before, after).pools.at("pool").peers.at("3");
  EXPECT_EQ(peer.calls_per_second, 2);
  EXPECT_EQ(peer.mean_seconds, 0.5);
}

TEST(Compare, NothingIsFine) {
  const ClusterActivity activity = Compare({}, {});
  EXPECT_THAT(activity.channels, IsEmpty());
  EXPECT_THAT(activity.ToJson()["pools"], IsEmpty());
}

}  // namespace
}  // namespace fairlead
