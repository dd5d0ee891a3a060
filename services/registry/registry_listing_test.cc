#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/status/status_matchers.h"
#include "protos/fairlead/v1/registry.pb.h"
#include "services/registry/registry_state.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::StatusIs;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr absl::Duration kNow = absl::Seconds(100);

// A pool, a gateway beside it, and a trainer with one channel.
class RegistryListingTest : public ::testing::Test {
 protected:
  void SetUp() override {
    Join("pool", v1::ROLE_SAMPLER_POOL);
    Join("gateway", v1::ROLE_CHANNEL_GATEWAY);
    trainer_ = Join("trainer", v1::ROLE_TRAINER);
    v1::InitSamplingBackendRequest backend;
    backend.set_member_id(trainer_);
    backend.set_backend_key("backend");
    backend_ = Carry(*state_.PlanInitBackend(backend)).backend_id();
    ASSERT_THAT(Register("worker"), IsOk());
  }

  template <typename Answer>
  Answer Carry(RegistryState::Planned<Answer> planned) {
    EXPECT_THAT(state_.Apply(planned.writes, kNow), IsOk());
    return planned.answer;
  }

  uint64_t Join(const std::string& name, v1::Role role) {
    v1::JoinRequest request;
    request.set_member_name(name);
    request.set_role(role);
    request.set_address(name + ":1");
    request.set_shm_domain("domain");
    return Carry(*state_.PlanJoin(request)).member_id();
  }

  absl::StatusOr<RegistryState::Registration> Register(
      const std::string& worker_key) {
    v1::RegisterSamplingInputRequest request;
    request.set_member_id(trainer_);
    request.set_backend_id(backend_);
    request.set_worker_key(worker_key);
    request.mutable_control()->set_weight(2);
    auto planned = state_.PlanRegister(request);
    if (!planned.ok()) return planned.status();
    return Carry(*planned);
  }

  absl::StatusOr<v1::DrainMemberResponse> Drain(const std::string& name,
                                                bool draining = true) {
    v1::DrainMemberRequest request;
    request.set_member_name(name);
    request.set_draining(draining);
    auto planned = state_.PlanDrain(request);
    if (!planned.ok()) return planned.status();
    return Carry(*planned);
  }

  bool IsDraining(uint64_t member_id) {
    return state_.FindMember(member_id)->draining();
  }

  RegistryState state_{RegistryLimits(), /*incarnation=*/1};
  uint64_t trainer_ = 0;
  uint64_t backend_ = 0;
};

TEST_F(RegistryListingTest, DrainingPoolTakesNoNewChannelsAndKeepsWhatItHas) {
  EXPECT_EQ(Drain("pool")->channels(), 1u);
  EXPECT_THAT(Register("another"),
              StatusIs(absl::StatusCode::kUnavailable,
                       AllOf(HasSubstr("pool"), HasSubstr("draining"))));
  EXPECT_FALSE(Register("worker")->is_new);
  EXPECT_THAT(state_.FindPool(0), IsOk());
  ASSERT_THAT(Drain("pool", false), IsOk());
  EXPECT_THAT(Register("another"), IsOk());
}

TEST_F(RegistryListingTest, DrainingGatewayIsGivenOnlyWhereThereIsNoOther) {
  EXPECT_EQ(Drain("gateway")->channels(), 1u);
  EXPECT_EQ(state_.FindGateway("domain")->member_name(), "gateway");
  Join("second", v1::ROLE_CHANNEL_GATEWAY);
  EXPECT_EQ(state_.FindGateway("domain")->member_name(), "second");
  ASSERT_THAT(Drain("gateway", false), IsOk());
  EXPECT_EQ(state_.FindGateway("domain")->member_name(), "gateway");
}

TEST_F(RegistryListingTest, MemberIsToldThatItDrainsWhenItRenews) {
  const uint64_t pool = Join("pool", v1::ROLE_SAMPLER_POOL);
  EXPECT_FALSE(state_.RenewLease(pool, "pool", 0, kNow)->draining);
  ASSERT_THAT(Drain("pool"), IsOk());
  EXPECT_TRUE(state_.RenewLease(pool, "pool", 0, kNow)->draining);
}

TEST_F(RegistryListingTest, DrainingLastsAsLongAsTheMembership) {
  const uint64_t pool = Join("pool", v1::ROLE_SAMPLER_POOL);
  ASSERT_THAT(Drain("pool"), IsOk());
  // Its process was restarted within its lease.
  EXPECT_EQ(Join("pool", v1::ROLE_SAMPLER_POOL), pool);
  EXPECT_TRUE(IsDraining(pool));
  Carry(state_.PlanLeave(pool));
  EXPECT_EQ(Join("pool", v1::ROLE_SAMPLER_POOL), pool);
  EXPECT_FALSE(IsDraining(pool));
}

TEST_F(RegistryListingTest, DrainingTwiceWritesOnce) {
  ASSERT_THAT(Drain("pool"), IsOk());
  v1::DrainMemberRequest again;
  again.set_member_name("pool");
  again.set_draining(true);
  EXPECT_TRUE(state_.PlanDrain(again)->writes.empty());
}

TEST_F(RegistryListingTest, OnlyServicesThatAreThereDrain) {
  EXPECT_THAT(Drain("nobody"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("nobody")));
  EXPECT_THAT(Drain("trainer"), StatusIs(absl::StatusCode::kInvalidArgument,
                                         HasSubstr("trainer")));
  Carry(state_.PlanLeave(Join("pool", v1::ROLE_SAMPLER_POOL)));
  EXPECT_THAT(Drain("pool"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("away")));
}

TEST_F(RegistryListingTest, ChannelsAreDescribedAsFarAsTheRegistryKnows) {
  const std::vector<v1::ChannelDescription> channels =
      state_.DescribeChannels();
  ASSERT_EQ(channels.size(), 1u);
  EXPECT_EQ(channels[0].worker_key(), "worker");
  EXPECT_EQ(channels[0].state(), v1::CHANNEL_STATE_LOST);
  EXPECT_EQ(channels[0].trainer_name(), "trainer");
  EXPECT_EQ(channels[0].pool_name(), "pool");
  EXPECT_EQ(channels[0].control().weight(), 2);
  EXPECT_THAT(state_.DescribeChannel(99),
              StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(RegistryListingTest, BackendsAreListedWithTheirUsersAndChannels) {
  const v1::ListBackendsResponse response = state_.ListBackends();
  ASSERT_EQ(response.backends_size(), 1);
  EXPECT_EQ(response.backends(0).backend_key(), "backend");
  EXPECT_EQ(response.backends(0).channels(), 1u);
  EXPECT_THAT(response.backends(0).member_names(), ElementsAre("trainer"));
}

TEST_F(RegistryListingTest, CountsSayForHowLongAPoolLacksWhatItShouldHold) {
  const uint64_t pool =
      state_.ListMembers(v1::ROLE_SAMPLER_POOL).members(0).member_id();
  const auto lag = [this](int seconds) {
    return state_.Count(kNow + absl::Seconds(seconds)).reconcile_lag;
  };
  EXPECT_EQ(lag(5), absl::Seconds(5));  // it has not asked yet
  state_.NoteAsked(pool);
  EXPECT_EQ(lag(6), absl::ZeroDuration());
  EXPECT_EQ(state_.Count(kNow).assigned, 1u);

  Carry(state_.PlanExpiry(pool, kNow + absl::Hours(1)));
  EXPECT_EQ(lag(7), absl::Seconds(7));  // away
  EXPECT_EQ(state_.Count(kNow).assigned, 0u);
  EXPECT_EQ(state_.Count(kNow).lost, 1u);
  EXPECT_EQ(state_.Count(kNow).sampler_pools, 0u);

  Join("pool", v1::ROLE_SAMPLER_POOL);
  EXPECT_EQ(lag(8), absl::Seconds(8));
  state_.NoteAsked(pool);
  EXPECT_EQ(lag(9), absl::ZeroDuration());
}

TEST_F(RegistryListingTest, CountsHaveEveryMemberAndChannelOnce) {
  ASSERT_THAT(Drain("gateway"), IsOk());
  v1::UpdateChannelRequest update;
  update.set_channel_id(1);
  update.mutable_control()->set_paused(true);
  EXPECT_THAT(state_.Apply(*state_.PlanUpdate(update), kNow), IsOk());
  const RegistryCounts counts = state_.Count(kNow);
  EXPECT_EQ(counts.sampler_pools, 1u);
  EXPECT_EQ(counts.channel_gateways, 1u);
  EXPECT_EQ(counts.trainers, 1u);
  EXPECT_EQ(counts.draining, 1u);
  EXPECT_EQ(counts.backends, 1u);
  EXPECT_EQ(counts.assigned, 0u);
  EXPECT_EQ(counts.paused, 1u);
  EXPECT_EQ(counts.lost, 0u);
}

}  // namespace
}  // namespace fairlead
