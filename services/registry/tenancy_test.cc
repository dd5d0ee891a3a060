#include "services/registry/tenancy.h"

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/security/identity.h"
#include "libs/status/status_macros.h"
#include "libs/status/status_matchers.h"
#include "protos/fairlead/v1/registry.pb.h"
#include "services/registry/registry_state.h"

namespace fairlead {
namespace {

using ::fairlead::security::Identity;
using ::fairlead::security::Role;
using ::fairlead::testing::IsOk;
using ::fairlead::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;

const Caller kJobA = Identity{.role = Role::kTrainer, .job = "a"};
const Caller kJobB = Identity{.role = Role::kTrainer, .job = "b"};
const Caller kPool = Identity{.role = Role::kPool};
const Caller kGateway = Identity{.role = Role::kGateway};
const Caller kOperator = Identity{.role = Role::kOperator};
const Caller kNobody = Identity();
const Caller kUnknown = std::nullopt;  // without TLS

const auto kDenied = StatusIs(absl::StatusCode::kPermissionDenied);

v1::JoinRequest JoinAs(v1::Role role, const std::string& name) {
  v1::JoinRequest request;
  request.set_role(role);
  request.set_member_name(name);
  request.set_address("127.0.0.1:1");
  request.set_shm_domain("host");
  return request;
}

// A cluster with a pool, and a trainer of each job with a backend and a
// channel.
class TenancyTest : public ::testing::Test {
 protected:
  void SetUp() override {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(pool_,
                                  Join(kPool, v1::ROLE_SAMPLER_POOL, "pool"));
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(trainer_a_,
                                  Join(kJobA, v1::ROLE_TRAINER, "a-0"));
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(trainer_b_,
                                  Join(kJobB, v1::ROLE_TRAINER, "b-0"));
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(backend_a_, InitBackend(kJobA, trainer_a_));
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(backend_b_, InitBackend(kJobB, trainer_b_));
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(channel_a_,
                                  Register(trainer_a_, backend_a_, "worker"));
  }

  absl::StatusOr<uint64_t> Join(const Caller& caller, v1::Role role,
                                const std::string& name) {
    const v1::JoinRequest request = JoinAs(role, name);
    FAIRLEAD_RETURN_IF_ERROR(MayJoin(state_, caller, request));
    FAIRLEAD_ASSIGN_OR_RETURN(const auto planned,
                              state_.PlanJoin(request, JobOf(caller)));
    FAIRLEAD_RETURN_IF_ERROR(
        state_.Apply(planned.writes, absl::ZeroDuration()));
    return planned.answer.member_id();
  }
  absl::StatusOr<uint64_t> InitBackend(const Caller& caller, uint64_t member) {
    v1::InitSamplingBackendRequest request;
    request.set_member_id(member);
    request.set_backend_key(OwnName(caller, "loader"));
    FAIRLEAD_ASSIGN_OR_RETURN(const auto planned,
                              state_.PlanInitBackend(request));
    FAIRLEAD_RETURN_IF_ERROR(
        state_.Apply(planned.writes, absl::ZeroDuration()));
    return planned.answer.backend_id();
  }
  absl::StatusOr<uint64_t> Register(uint64_t member, uint64_t backend,
                                    const std::string& worker) {
    v1::RegisterSamplingInputRequest request;
    request.set_member_id(member);
    request.set_backend_id(backend);
    request.set_worker_key(worker);
    FAIRLEAD_ASSIGN_OR_RETURN(const auto planned, state_.PlanRegister(request));
    FAIRLEAD_RETURN_IF_ERROR(
        state_.Apply(planned.writes, absl::ZeroDuration()));
    return planned.answer.record.spec().channel_id();
  }

  RegistryState state_ =
      RegistryState({.max_channels_per_job = 3}, /*incarnation=*/1);
  uint64_t pool_ = 0;
  uint64_t trainer_a_ = 0;
  uint64_t trainer_b_ = 0;
  uint64_t backend_a_ = 0;
  uint64_t backend_b_ = 0;
  uint64_t channel_a_ = 0;
};

TEST_F(TenancyTest, MembersKeepTheJobOfTheirTrainer) {
  EXPECT_EQ(state_.FindMember(trainer_a_)->job(), "a");
  EXPECT_EQ(state_.FindMember(trainer_b_)->job(), "b");
  EXPECT_EQ(state_.FindMember(pool_)->job(), "");
}

TEST_F(TenancyTest, NobodyJoinsInAnotherRoleOrUnderAnothersName) {
  EXPECT_THAT(Join(kJobA, v1::ROLE_SAMPLER_POOL, "pool-2"), kDenied);
  EXPECT_THAT(Join(kPool, v1::ROLE_TRAINER, "c-0"), kDenied);
  EXPECT_THAT(Join(kPool, v1::ROLE_CHANNEL_GATEWAY, "gateway"), kDenied);
  EXPECT_THAT(Join(kOperator, v1::ROLE_TRAINER, "c-0"), kDenied);
  EXPECT_THAT(Join(kNobody, v1::ROLE_TRAINER, "c-0"), kDenied);
  EXPECT_THAT(Join(kJobA, v1::ROLE_TRAINER, "b-0"), kDenied);
  EXPECT_THAT(Join(kJobA, v1::ROLE_TRAINER, "a-0"), IsOk());  // again
  EXPECT_THAT(Join(kUnknown, v1::ROLE_TRAINER, "b-0"), IsOk());
}

TEST_F(TenancyTest, NobodyActsForAnothersMember) {
  EXPECT_THAT(MayActFor(state_, kJobA, trainer_a_), IsOk());
  EXPECT_THAT(MayActFor(state_, kJobA, trainer_b_), kDenied);
  EXPECT_THAT(MayActFor(state_, kJobA, pool_), kDenied);
  EXPECT_THAT(MayActFor(state_, kPool, pool_), IsOk());
  EXPECT_THAT(MayActFor(state_, kPool, trainer_a_), kDenied);
  EXPECT_THAT(MayActFor(state_, kGateway, pool_), kDenied);
  EXPECT_THAT(MayActFor(state_, kNobody, trainer_a_), kDenied);
  EXPECT_THAT(MayActFor(state_, kUnknown, trainer_a_), IsOk());
  EXPECT_THAT(MayActFor(state_, kJobA, 4711), IsOk());  // nobody's
}

TEST_F(TenancyTest, BackendsOfOneNameAreTwoOfTwoJobs) {
  EXPECT_NE(backend_a_, backend_b_);
  EXPECT_THAT(MayUseBackend(state_, kJobA, backend_a_), IsOk());
  EXPECT_THAT(MayUseBackend(state_, kJobA, backend_b_), kDenied);
  EXPECT_THAT(MayUseBackend(state_, kUnknown, backend_b_), IsOk());
  EXPECT_EQ(OwnName(kJobA, "loader"), "a/loader");
  EXPECT_EQ(OwnName(kJobA, ""), "");
  EXPECT_EQ(OwnName(kUnknown, "loader"), "loader");
}

TEST_F(TenancyTest, ChannelsAreOfTheJobThatMadeThem) {
  EXPECT_THAT(MayUseChannel(state_, kJobA, channel_a_), IsOk());
  EXPECT_THAT(MayUseChannel(state_, kJobB, channel_a_), kDenied);
  EXPECT_THAT(MayUseChannel(state_, kOperator, channel_a_), IsOk());
  EXPECT_THAT(MayUseChannel(state_, kUnknown, channel_a_), IsOk());
  EXPECT_THAT(MayUseChannel(state_, kJobB, 4711), IsOk());  // nobody's
}

TEST_F(TenancyTest, AJobHasNoMoreChannelsThanItMay) {
  EXPECT_THAT(Register(trainer_a_, backend_a_, "second"), IsOk());
  EXPECT_THAT(Register(trainer_a_, backend_a_, "third"), IsOk());
  EXPECT_THAT(Register(trainer_a_, backend_a_, "fourth"),
              StatusIs(absl::StatusCode::kResourceExhausted,
                       AllOf(HasSubstr("job a"),
                             HasSubstr("--max_channels_per_job=3"))));
  EXPECT_THAT(Register(trainer_a_, backend_a_, "third"), IsOk());  // again
  EXPECT_THAT(Register(trainer_b_, backend_b_, "first"), IsOk());
}

}  // namespace
}  // namespace fairlead
