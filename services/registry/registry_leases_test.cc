// Leases: who is away, who is replaced, and what becomes of members when their
// registry dies or is started again.

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/status/status_matchers.h"
#include "protos/fairlead/v1/registry.pb.h"
#include "services/registry/registry_state.h"
#include "services/registry/registry_state_fixture.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;

using RegistryLeasesTest = RegistryStateTest;

TEST_F(RegistryLeasesTest, LeaseRunsOutUnlessItIsRenewedByItsOwner) {
  const uint64_t id = Join("a", v1::ROLE_TRAINER)->member_id();
  EXPECT_EQ(state_.NextExpiry(), kStart + Limits().default_lease);
  EXPECT_THAT(state_.RenewLease(id, "a", 0, kStart + absl::Seconds(5)), IsOk());
  EXPECT_THAT(state_.RenewLease(id, "someone else", 0, kStart),
              StatusIs(absl::StatusCode::kNotFound));
  EXPECT_TRUE(state_.Expired(kStart + absl::Seconds(14)).empty());
  EXPECT_THAT(state_.Expired(kStart + absl::Seconds(15)),
              ::testing::ElementsAre(id));
}

TEST_F(RegistryLeasesTest, ProcessThatWasReplacedUnderItsNameIsToldSo) {
  v1::JoinRequest request;
  request.set_member_name("a");
  request.set_role(v1::ROLE_TRAINER);
  request.set_incarnation(1);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const v1::JoinResponse first,
                                Carry(state_.PlanJoin(request)));
  request.set_incarnation(2);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const v1::JoinResponse second,
                                Carry(state_.PlanJoin(request)));
  EXPECT_EQ(first.member_id(), second.member_id());
  EXPECT_THAT(state_.RenewLease(second.member_id(), "a", 2, kStart), IsOk());
  EXPECT_THAT(state_.RenewLease(first.member_id(), "a", 1, kStart),
              StatusIs(absl::StatusCode::kAborted, HasSubstr("replaced")));
  EXPECT_TRUE(state_.IsReplaced(first.member_id(), 1));
  EXPECT_FALSE(state_.IsReplaced(second.member_id(), 2));
  // With the other gone, it may join again.
  Carry(state_.PlanLeave(second.member_id()));
  EXPECT_THAT(state_.RenewLease(first.member_id(), "a", 1, kStart),
              StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(RegistryLeasesTest, PoolThatIsPointedAtKeepsItsRankWhileItIsAway) {
  const uint64_t pool = Join("p", v1::ROLE_SAMPLER_POOL)->member_id();
  const uint64_t member = Join("t", v1::ROLE_TRAINER)->member_id();
  const uint64_t backend = InitBackend(member, "k").value();
  ASSERT_THAT(Register(member, backend, "w"), IsOk());

  Carry(state_.PlanLeave(pool));

  EXPECT_TRUE(state_.IsAway(pool));
  EXPECT_THAT(state_.FindPool(0),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("away")));
  EXPECT_EQ(Join("other", v1::ROLE_SAMPLER_POOL)->rank(), 1u);
  EXPECT_EQ(Join("p", v1::ROLE_SAMPLER_POOL)->rank(), 0u);
  EXPECT_THAT(state_.FindPool(0), IsOk());
  EXPECT_EQ(state_.Assignments(0).channels_size(), 1);
}

TEST_F(RegistryLeasesTest, PoolThatIsAwayStaysSoOverARestart) {
  const uint64_t pool = Join("p", v1::ROLE_SAMPLER_POOL)->member_id();
  const uint64_t member = Join("t", v1::ROLE_TRAINER)->member_id();
  const uint64_t backend = InitBackend(member, "k").value();
  ASSERT_THAT(Register(member, backend, "w"), IsOk());
  Carry(state_.PlanLeave(pool));
  EXPECT_TRUE(Restarted().IsAway(pool));
}

TEST_F(RegistryLeasesTest,
       MemberWhoseHomeDiedGetsANewLeaseFromWhoeverAdoptsIt) {
  const uint64_t id = Join("t", v1::ROLE_TRAINER)->member_id();
  RegistryState next = Restarted();
  EXPECT_EQ(next.NextExpiry(), absl::InfiniteDuration());
  EXPECT_TRUE(next.PlanAdopt({kIncarnation, kIncarnation + 1}).empty());
  ASSERT_THAT(next.Apply(next.PlanAdopt({kIncarnation + 1}), now_), IsOk());
  EXPECT_EQ(next.NextExpiry(), now_ + Limits().default_lease / 2);
  EXPECT_THAT(next.RenewLease(id, "t", 0, now_), IsOk());
  EXPECT_EQ(next.NextExpiry(), now_ + Limits().default_lease);
}

TEST_F(RegistryLeasesTest, DeadMemberEndsThoughRegistriesDieFasterThanLeases) {
  ASSERT_THAT(Join("t", v1::ROLE_TRAINER), IsOk());
  absl::Duration lease = absl::InfiniteDuration();
  for (uint64_t life = 1; life <= 6; ++life) {
    RegistryState next = Restarted(kIncarnation + life);
    const auto adopt = next.PlanAdopt({kIncarnation + life});
    for (const StoreWrite& write : adopt) store_[write.key] = *write.value;
    ASSERT_THAT(next.Apply(adopt, now_), IsOk());
    EXPECT_LT(next.NextExpiry() - now_, lease);
    lease = next.NextExpiry() - now_;
  }
  EXPECT_LT(lease, absl::Milliseconds(200));
}

TEST_F(RegistryLeasesTest, MemberThatJoinsElsewhereIsNoLongerEndedHere) {
  const uint64_t id = Join("t", v1::ROLE_TRAINER)->member_id();
  RegistryState other = Restarted();
  v1::JoinRequest request;
  request.set_member_name("t");
  request.set_role(v1::ROLE_TRAINER);
  const auto joined = other.PlanJoin(request);
  ASSERT_THAT(joined, IsOk());
  EXPECT_EQ(joined->answer.member_id(), id);
  ASSERT_THAT(state_.Apply(joined->writes, now_), IsOk());
  EXPECT_EQ(state_.NextExpiry(), absl::InfiniteDuration());
  EXPECT_TRUE(state_.PlanExpiry(id, now_ + absl::Hours(1)).writes.empty());
}

TEST_F(RegistryLeasesTest, LeasesThatEndedWhileTheRegistryDidNotRunBeginAnew) {
  const uint64_t id = Join("t", v1::ROLE_TRAINER)->member_id();
  const absl::Duration end = kStart + Limits().default_lease;
  state_.PardonLateExpiries(end + absl::Milliseconds(100));
  EXPECT_THAT(state_.Expired(end + absl::Milliseconds(100)),
              ::testing::ElementsAre(id));
  state_.PardonLateExpiries(end + absl::Seconds(5));
  EXPECT_TRUE(state_.Expired(end + absl::Seconds(5)).empty());
  EXPECT_EQ(state_.NextExpiry(),
            end + absl::Seconds(5) + Limits().default_lease);
}

}  // namespace
}  // namespace fairlead
