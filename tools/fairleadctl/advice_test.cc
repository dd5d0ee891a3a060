#include "tools/fairleadctl/advice.h"

#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "protos/fairlead/v1/registry.pb.h"
#include "tools/fairleadctl/activity.h"

namespace fairlead {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

// A channel of a pool with four workers that does as it should.
ClusterActivity Healthy() {
  ClusterActivity activity;
  activity.seconds = 5;
  PoolActivity& pool = activity.pools["pool"];
  pool.name = "pool";
  pool.workers = 4;
  pool.busy = 1;
  ChannelActivity& channel = activity.channels.emplace_back();
  channel.channel.set_channel_id(7);
  channel.channel.set_worker_key("worker");
  channel.channel.set_pool_name("pool");
  channel.channel.set_state(v1::CHANNEL_STATE_RUNNABLE);
  channel.channel.set_started(true);
  channel.channel.set_buffer_bytes(1000);
  channel.channel.set_buffer_high_water_bytes(300);
  channel.worker_share = 1;
  channel.wait_data = 0.1;
  channel.wait_credit = 0.1;
  return activity;
}

// The only finding.
Finding JudgeOne(const ClusterActivity& activity) {
  const std::vector<Finding> findings = Judge(activity);
  EXPECT_EQ(findings.size(), 1u);
  return findings.empty() ? Finding() : findings[0];
}

TEST(Advice, SaysNothingOfAChannelThatDoesAsItShould) {
  EXPECT_THAT(Judge(Healthy()), IsEmpty());
}

TEST(Advice, IdleChannelIsNotHeldBack) {
  ClusterActivity activity = Healthy();
  activity.channels[0].channel.set_state(v1::CHANNEL_STATE_IDLE);
  activity.channels[0].wait_data = 0;
  EXPECT_THAT(Judge(activity), IsEmpty());
}

TEST(Advice, StreamThatWaitsForCreditHasASlowTrainer) {
  ClusterActivity activity = Healthy();
  activity.channels[0].wait_credit = 0.9;
  activity.channels[0].parked = 0.8;
  activity.channels[0].channel.set_buffer_high_water_bytes(1000);
  const Finding finding = JudgeOne(activity);
  EXPECT_EQ(finding.bottleneck, Bottleneck::kTrainer);
  EXPECT_EQ(finding.channel_id, 7u);
  EXPECT_THAT(finding.evidence, HasSubstr("90% for the trainer"));
}

TEST(Advice, CreditThatIsInTheNetworkMostOfTheTimeIsNoSlowTrainer) {
  ClusterActivity activity = Healthy();
  ChannelActivity& channel = activity.channels[0];
  channel.wait_credit = 0.9;
  channel.credit_in_network = 0.95;
  channel.credit_at_trainer = 0.05;
  const Finding network = JudgeOne(activity);
  EXPECT_EQ(network.bottleneck, Bottleneck::kNetwork);
  EXPECT_THAT(network.evidence, HasSubstr("on its way for 95%"));
  EXPECT_THAT(network.advice, HasSubstr("prefetch_size"));
  channel.credit_in_network = 0.3;
  channel.credit_at_trainer = 0.7;
  EXPECT_EQ(JudgeOne(activity).bottleneck, Bottleneck::kTrainer);
  // Nobody has said: it is the trainer that asks for no more.
  channel.credit_in_network = 0;
  channel.credit_at_trainer = 0;
  const Finding unsampled = JudgeOne(activity);
  EXPECT_EQ(unsampled.bottleneck, Bottleneck::kTrainer);
  EXPECT_THAT(unsampled.evidence, HasSubstr("no sampled batch tells"));
}

TEST(Advice, StreamThatWaitsForTheTransportHasASlowNetwork) {
  ClusterActivity activity = Healthy();
  activity.channels[0].wait_transport = 0.8;
  activity.channels[0].parked = 0.7;
  activity.channels[0].channel.set_buffer_high_water_bytes(1000);
  EXPECT_EQ(JudgeOne(activity).bottleneck, Bottleneck::kNetwork);
}

TEST(Advice, WaitingForABusyPoolIsTheSampler) {
  ClusterActivity activity = Healthy();
  activity.channels[0].wait_data = 0.9;
  activity.pools["pool"].busy = 3.8;
  const Finding finding = JudgeOne(activity);
  EXPECT_EQ(finding.bottleneck, Bottleneck::kSampler);
  EXPECT_THAT(finding.evidence, HasSubstr("3.8 of 4 workers"));
}

TEST(Advice, BothWaitingForEachOtherIsATooSmallRing) {
  ClusterActivity activity = Healthy();
  activity.channels[0].wait_data = 0.5;
  activity.channels[0].wait_transport = 0.4;
  activity.channels[0].parked = 0.4;
  activity.channels[0].batches_per_second = 10;
  activity.channels[0].bytes_per_second = 7000;  // 1.4 messages fit
  // Making what then waits for room keeps workers busy; that is not the cause.
  activity.pools["pool"].busy = 3.8;
  EXPECT_EQ(JudgeOne(activity).bottleneck, Bottleneck::kRing);
  // A larger one would only be full of more.
  activity.channels[0].wait_data = 0.1;
  activity.channels[0].wait_transport = 0.9;
  EXPECT_EQ(JudgeOne(activity).bottleneck, Bottleneck::kNetwork);
  activity.channels[0].wait_transport = 0;
  activity.channels[0].wait_credit = 0.9;
  EXPECT_EQ(JudgeOne(activity).bottleneck, Bottleneck::kTrainer);
}

TEST(Advice, RingThatHoldsSeveralMessagesIsNotTooSmall) {
  ClusterActivity activity = Healthy();
  activity.channels[0].wait_data = 0.9;
  activity.channels[0].parked = 0.4;
  activity.channels[0].batches_per_second = 10;
  activity.channels[0].bytes_per_second = 1000;  // ten fit
  activity.pools["pool"].busy = 4;
  EXPECT_EQ(JudgeOne(activity).bottleneck, Bottleneck::kSampler);
}

TEST(Advice, PartitionThatAnswersMoreSlowlyThanOthersIsNamed) {
  ClusterActivity activity = Healthy();
  activity.channels[0].wait_data = 0.9;
  PoolActivity& pool = activity.pools["pool"];
  pool.put_aside = 4;
  pool.peers["1"] = {.calls_per_second = 10, .mean_seconds = 0.002};
  pool.peers["2"] = {.calls_per_second = 10, .mean_seconds = 0.200};
  pool.peers["3"] = {.calls_per_second = 10, .mean_seconds = 0.003};
  const Finding finding = JudgeOne(activity);
  EXPECT_EQ(finding.bottleneck, Bottleneck::kSlowPartition);
  EXPECT_THAT(finding.evidence, HasSubstr("calls to partition 2"));
}

TEST(Advice, PartitionsThatAreAllAlikeAreNotToBlame) {
  ClusterActivity activity = Healthy();
  activity.channels[0].wait_data = 0.9;
  PoolActivity& pool = activity.pools["pool"];
  pool.busy = 4;
  pool.peers["1"] = {.calls_per_second = 10, .mean_seconds = 0.05};
  pool.peers["2"] = {.calls_per_second = 10, .mean_seconds = 0.06};
  EXPECT_EQ(JudgeOne(activity).bottleneck, Bottleneck::kSampler);
}

TEST(Advice, TheOnlyOtherPartitionIsSlowByItsTimeAlone) {
  ClusterActivity activity = Healthy();
  activity.channels[0].wait_data = 0.9;
  activity.pools["pool"].peers["1"] = {.calls_per_second = 5,
                                       .mean_seconds = 0.1};
  EXPECT_EQ(JudgeOne(activity).bottleneck, Bottleneck::kSlowPartition);
}

TEST(Advice, LimitedRateIsNoFaultOfThePool) {
  ClusterActivity activity = Healthy();
  activity.channels[0].wait_data = 0.9;
  activity.channels[0].batches_per_second = 9.5;
  activity.channels[0].channel.mutable_control()->set_max_batches_per_second(
      10);
  EXPECT_EQ(JudgeOne(activity).bottleneck, Bottleneck::kRateLimit);
}

TEST(Advice, IdleWorkersAndAWaitingTrainerAreUnknown) {
  ClusterActivity activity = Healthy();
  activity.channels[0].wait_data = 0.9;
  EXPECT_EQ(JudgeOne(activity).bottleneck, Bottleneck::kUnknown);
}

TEST(Advice, PausedAndLostChannelsAreSaidToBeSo) {
  ClusterActivity activity = Healthy();
  v1::ChannelControl& control = *activity.channels[0].channel.mutable_control();
  control.set_paused(true);
  EXPECT_EQ(JudgeOne(activity).bottleneck, Bottleneck::kPaused);
  activity.channels[0].channel.set_state(v1::CHANNEL_STATE_LOST);
  EXPECT_EQ(JudgeOne(activity).bottleneck, Bottleneck::kAway);
}

TEST(Advice, PoolWhoseMetricsAreAwayIsNotJudged) {
  ClusterActivity activity = Healthy();
  activity.channels[0].wait_data = 0.9;
  activity.pools["pool"].status = absl::UnavailableError("no");
  EXPECT_THAT(Judge(activity), IsEmpty());
  activity.pools.clear();
  EXPECT_THAT(Judge(activity), IsEmpty());
}

}  // namespace
}  // namespace fairlead
