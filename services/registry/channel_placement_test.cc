#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/status/status_matchers.h"
#include "protos/fairlead/v1/registry.pb.h"
#include "protos/fairlead/v1/registry_state.pb.h"
#include "services/registry/registry_state.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Move = RegistryState::Move;

constexpr absl::Duration kNow = absl::Seconds(100);
constexpr uint64_t kHome = 1;

// Storage hosts with a pool and a gateway each, and a trainer.
class ChannelPlacementTest : public ::testing::Test {
 protected:
  void SetUp() override {
    trainer_ = Join("trainer", v1::ROLE_TRAINER, "");
    v1::InitSamplingBackendRequest backend;
    backend.set_member_id(trainer_);
    backend.set_backend_key("backend");
    backend_ = Carry(*state_.PlanInitBackend(backend)).backend_id();
  }

  template <typename Answer>
  Answer Carry(RegistryState::Planned<Answer> planned) {
    EXPECT_THAT(state_.Apply(planned.writes, kNow), IsOk());
    return planned.answer;
  }

  uint64_t Join(const std::string& name, v1::Role role,
                const std::string& folder, uint32_t partition = 0) {
    v1::JoinRequest request;
    request.set_member_name(name);
    request.set_role(role);
    request.set_address(name + ":1");
    request.set_shm_domain(folder);
    if (role == v1::ROLE_SAMPLER_POOL) {
      request.mutable_dataset()->set_name("graph");
      request.mutable_dataset()->set_partition(partition);
      request.mutable_dataset()->set_num_partitions(2);
    }
    return Carry(*state_.PlanJoin(request)).member_id();
  }

  // "pool-a" and "gateway-a" on host "a". The pool's id.
  uint64_t AddHost(const std::string& name, uint32_t partition = 0) {
    Join("gateway-" + name, v1::ROLE_CHANNEL_GATEWAY, name);
    return Join("pool-" + name, v1::ROLE_SAMPLER_POOL, name, partition);
  }

  // Rank of the pool that a new channel goes to.
  uint32_t Register(uint32_t server_rank = 0) {
    v1::RegisterSamplingInputRequest request;
    request.set_member_id(trainer_);
    request.set_backend_id(backend_);
    request.set_worker_key(absl::StrCat("worker-", ++workers_));
    request.set_server_rank(server_rank);
    const uint32_t place = state_.PlaceOf(request);
    const auto registration = Carry(*state_.PlanRegister(request));
    EXPECT_EQ(RegistryState::PoolRank(registration.record), place);
    EXPECT_EQ(state_.PlaceOf(request), place);  // again: where it is
    return place;
  }

  void Drain(const std::string& name) {
    v1::DrainMemberRequest request;
    request.set_member_name(name);
    request.set_draining(true);
    Carry(*state_.PlanDrain(request));
  }

  // Carries out what is planned; then nothing is left to do.
  std::vector<Move> Balance() {
    const std::vector<Move> moves = state_.PlanMoves();
    for (const Move& move : moves) {
      EXPECT_TRUE(Carry(state_.PlanMove(move)).has_value());
    }
    EXPECT_THAT(state_.PlanMoves(), IsEmpty());
    return moves;
  }

  int ChannelsOf(uint32_t rank) {
    return state_.Assignments(rank).channels_size();
  }

  RegistryState state_{RegistryLimits(), kHome};
  uint64_t trainer_ = 0;
  uint64_t backend_ = 0;
  int workers_ = 0;
};

TEST_F(ChannelPlacementTest, NewChannelsGoToTheReplicaWithTheFewest) {
  AddHost("a");
  AddHost("other", /*partition=*/1);
  AddHost("b");  // rank 2
  EXPECT_EQ(Register(), 0u);
  EXPECT_EQ(Register(), 2u);
  EXPECT_EQ(Register(/*server_rank=*/2), 2u);
  EXPECT_EQ(Register(), 0u);
  EXPECT_EQ(Register(/*server_rank=*/1), 1u);
  EXPECT_THAT(Balance(), IsEmpty());
}

TEST_F(ChannelPlacementTest, PoolThatComesGetsItsShare) {
  AddHost("a");
  for (int i = 0; i < 5; ++i) Register();
  AddHost("other", /*partition=*/1);
  EXPECT_THAT(Balance(), IsEmpty());
  AddHost("b");
  EXPECT_THAT(Balance(), ElementsAre(Move{5, 0, 2}, Move{4, 0, 2}));
  EXPECT_EQ(ChannelsOf(0), 3);
  EXPECT_EQ(ChannelsOf(2), 2);
}

TEST_F(ChannelPlacementTest, PoolWithoutAGatewayGetsNone) {
  AddHost("a");
  Register();
  Register();
  Join("pool-b", v1::ROLE_SAMPLER_POOL, "b");
  EXPECT_THAT(Balance(), IsEmpty());
  Join("gateway-b", v1::ROLE_CHANNEL_GATEWAY, "b");
  EXPECT_THAT(Balance(), SizeIs(1));
  // Its host's only gateway drains: it is as good as none.
  Drain("gateway-b");
  EXPECT_THAT(Balance(), ElementsAre(Move{2, 1, 0}));
}

TEST_F(ChannelPlacementTest, ChannelsOfOneThatDrainsOrGoesAreSharedOut) {
  AddHost("a");
  const uint64_t b = AddHost("b");
  AddHost("c");
  for (int i = 0; i < 6; ++i) Register();
  Drain("pool-a");
  EXPECT_THAT(Balance(), ElementsAre(Move{1, 0, 1}, Move{4, 0, 2}));
  EXPECT_EQ(ChannelsOf(0), 0);
  Carry(state_.PlanLeave(b));
  EXPECT_THAT(Balance(), SizeIs(3));
  EXPECT_EQ(ChannelsOf(2), 6);
  // Nobody is left to take these, who keep their pool's rank for it.
  Drain("pool-c");
  EXPECT_THAT(Balance(), IsEmpty());
  EXPECT_EQ(ChannelsOf(2), 6);
}

TEST_F(ChannelPlacementTest, PoolThatCameBackHasWhatItIsGivenAnew) {
  const uint64_t a = AddHost("a");
  AddHost("b");
  for (int i = 0; i < 4; ++i) Register();
  Carry(state_.PlanLeave(a));
  Balance();
  EXPECT_EQ(ChannelsOf(1), 4);
  Join("pool-a", v1::ROLE_SAMPLER_POOL, "a");
  Balance();
  EXPECT_EQ(ChannelsOf(0), 2);
  EXPECT_EQ(ChannelsOf(1), 2);
}

TEST_F(ChannelPlacementTest, MoveOfAChannelThatWentOrMovedDoesNothing) {
  AddHost("a");
  AddHost("b");
  Register();
  EXPECT_FALSE(Carry(state_.PlanMove({1, /*from=*/1, /*to=*/0})).has_value());
  ASSERT_TRUE(Carry(state_.PlanMove({1, 0, 1})).has_value());
  EXPECT_FALSE(Carry(state_.PlanMove({1, 0, 1})).has_value());
  const auto ended = Carry(*state_.PlanDestroy(1));
  EXPECT_EQ(ended->pool_rank, 1u);  // who is told
  EXPECT_FALSE(Carry(state_.PlanMove({1, 1, 0})).has_value());
}

TEST_F(ChannelPlacementTest, OtherRegistriesMoveToPoolsAtHomeThere) {
  AddHost("a");
  Register();
  Register();
  AddHost("b");
  ASSERT_THAT(state_.PlanMoves(), SizeIs(1));
  RegistryState::Writes everything = state_.PlanAdopt({});
  for (auto& write : everything) {
    v1::StoredRecord record;
    ASSERT_TRUE(record.ParseFromString(*write.value));
    if (record.member().member().member_name() != "pool-b") continue;
    record.mutable_member()->set_home(kHome + 1);
    write.value = record.SerializeAsString();
  }
  ASSERT_THAT(state_.Apply(everything, kNow), IsOk());
  EXPECT_THAT(state_.PlanMoves(), IsEmpty());
}

// As written before channels could move.
TEST_F(ChannelPlacementTest, ChannelWithoutAPoolIsAtItsServer) {
  AddHost("a");
  v1::StoredRecord stored;
  stored.mutable_channel()->mutable_spec()->set_channel_id(1);
  stored.mutable_channel()->set_server_rank(0);
  ASSERT_THAT(
      state_.Apply(
          std::vector<StoreWrite>{{"channel/1", stored.SerializeAsString()}},
          kNow),
      IsOk());
  EXPECT_EQ(ChannelsOf(0), 1);
  AddHost("b");
  Drain("pool-a");
  EXPECT_THAT(Balance(), ElementsAre(Move{1, 0, 1}));
}

}  // namespace
}  // namespace fairlead
