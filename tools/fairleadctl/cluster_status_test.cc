#include "tools/fairleadctl/cluster_status.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "protos/fairlead/v1/registry.pb.h"

namespace fairlead {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

v1::Member Service(v1::Role role, const std::string& name) {
  v1::Member member;
  member.set_role(role);
  member.set_member_name(name);
  member.set_shm_domain("domain");
  if (role == v1::ROLE_SAMPLER_POOL) {
    member.mutable_dataset()->set_name("papers");
    member.mutable_dataset()->set_num_partitions(1);
  }
  return member;
}

v1::ChannelDescription Channel(uint64_t id, v1::ChannelState state) {
  v1::ChannelDescription channel;
  channel.set_channel_id(id);
  channel.set_state(state);
  channel.set_pool_name("pool");
  return channel;
}

ClusterStatus Summarise(const std::vector<v1::Member>& members,
                        const std::vector<v1::ChannelDescription>& channels) {
  std::vector<const v1::Member*> member_ptrs;
  for (const v1::Member& member : members) member_ptrs.push_back(&member);
  std::vector<const v1::ChannelDescription*> channel_ptrs;
  for (const auto& channel : channels) channel_ptrs.push_back(&channel);
  return SummariseCluster(member_ptrs, channel_ptrs, 0);
}

TEST(ClusterStatus, CountsMembersByRoleAndChannelsByState) {
  v1::Member draining = Service(v1::ROLE_CHANNEL_GATEWAY, "gateway");
  draining.set_draining(true);
  const ClusterStatus status = Summarise(
      {Service(v1::ROLE_SAMPLER_POOL, "pool"), draining},
      {Channel(1, v1::CHANNEL_STATE_PARKED), Channel(2, v1::CHANNEL_STATE_IDLE),
       Channel(3, v1::CHANNEL_STATE_PARKED)});
  EXPECT_THAT(status.warnings, IsEmpty());
  const auto json = status.ToJson();
  EXPECT_EQ(json["members"]["sampler_pool"]["up"], 1);
  EXPECT_EQ(json["members"]["channel_gateway"]["draining"], 1);
  EXPECT_EQ(json["members"]["trainer"]["up"], 0);
  EXPECT_EQ(json["channels"]["parked"], 2);
  EXPECT_THAT(status.ToText(), AllOf(HasSubstr("1 idle, 2 parked"),
                                     HasSubstr("nothing is wrong")));
}

TEST(ClusterStatus, EmptyClusterLacksPools) {
  EXPECT_THAT(Summarise({}, {}).warnings,
              ElementsAre(HasSubstr("no sampler pool has joined")));
}

TEST(ClusterStatus, PoolWithoutAGatewayIsNamed) {
  EXPECT_THAT(Summarise({Service(v1::ROLE_SAMPLER_POOL, "storage-3/pool")}, {})
                  .warnings,
              ElementsAre(HasSubstr("storage-3/pool")));
}

TEST(ClusterStatus, PartitionsWithoutAPoolAreCounted) {
  v1::Member pool = Service(v1::ROLE_SAMPLER_POOL, "pool");
  pool.mutable_dataset()->set_num_partitions(4);
  pool.mutable_dataset()->set_partition(0);
  EXPECT_THAT(
      Summarise({pool, Service(v1::ROLE_CHANNEL_GATEWAY, "g")}, {}).warnings,
      ElementsAre(AllOf(HasSubstr("3 of 4"), HasSubstr("the first 1"))));
}

TEST(ClusterStatus, LostAndFailedChannelsAreWarnedOfTogether) {
  std::vector<v1::ChannelDescription> channels = {
      Channel(9, v1::CHANNEL_STATE_FAILED)};
  for (uint64_t id = 1; id <= 7; ++id) {
    channels.push_back(Channel(id, v1::CHANNEL_STATE_LOST));
  }
  EXPECT_THAT(Summarise({Service(v1::ROLE_SAMPLER_POOL, "pool"),
                         Service(v1::ROLE_CHANNEL_GATEWAY, "g")},
                        channels)
                  .warnings,
              ElementsAre(HasSubstr("channels 1, 2, 3, 4, 5 and others"),
                          HasSubstr("channel 9")));
}

TEST(ClusterStatus, FailedBatchesAreWarnedOf) {
  v1::ChannelDescription channel = Channel(4, v1::CHANNEL_STATE_RUNNABLE);
  channel.set_failed_batches(3);
  EXPECT_THAT(Summarise({Service(v1::ROLE_SAMPLER_POOL, "pool"),
                         Service(v1::ROLE_CHANNEL_GATEWAY, "g")},
                        {channel})
                  .warnings,
              ElementsAre(HasSubstr("3 batches")));
}

}  // namespace
}  // namespace fairlead
