#include "services/registry/registry_state.h"

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/random/philox.h"
#include "libs/status/status_matchers.h"
#include "protos/fairlead/v1/registry.pb.h"
#include "services/registry/registry_store.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr absl::Duration kStart = absl::Seconds(100);
constexpr uint64_t kIncarnation = 11;

// A state and the store behind it, kept in step as the service does.
class RegistryStateTest : public ::testing::Test {
 protected:
  RegistryStateTest() : state_(Limits(), kIncarnation) {}

  static RegistryLimits Limits() {
    return {.max_members = 5, .max_backends = 3, .max_channels = 4};
  }

  template <typename Answer>
  absl::StatusOr<Answer> Carry(
      absl::StatusOr<RegistryState::Planned<Answer>> planned) {
    if (!planned.ok()) return planned.status();
    return Carry(*std::move(planned));
  }
  template <typename Answer>
  Answer Carry(RegistryState::Planned<Answer> planned) {
    for (const StoreWrite& write : planned.writes) {
      if (write.value.has_value()) {
        store_[write.key] = *write.value;
      } else {
        store_.erase(write.key);
      }
    }
    EXPECT_THAT(state_.Apply(planned.writes, now_), IsOk());
    return std::move(planned.answer);
  }

  absl::StatusOr<v1::JoinResponse> Join(const std::string& name,
                                        v1::Role role) {
    v1::JoinRequest request;
    request.set_member_name(name);
    request.set_role(role);
    if (role != v1::ROLE_TRAINER) {
      request.set_address("host:1");
      request.set_shm_domain("domain");
    }
    return Carry(state_.PlanJoin(request));
  }

  absl::StatusOr<v1::JoinResponse> JoinPool(const std::string& name,
                                            const std::string& dataset,
                                            uint32_t partition,
                                            uint32_t num_partitions) {
    v1::JoinRequest request;
    request.set_member_name(name);
    request.set_role(v1::ROLE_SAMPLER_POOL);
    request.set_address("host:1");
    request.set_shm_domain("domain");
    request.mutable_dataset()->set_name(dataset);
    request.mutable_dataset()->set_partition(partition);
    request.mutable_dataset()->set_num_partitions(num_partitions);
    return Carry(state_.PlanJoin(request));
  }

  absl::StatusOr<uint64_t> InitBackend(uint64_t member, const std::string& key,
                                       uint64_t buffer_bytes = 1000) {
    v1::InitSamplingBackendRequest request;
    request.set_member_id(member);
    request.set_backend_key(key);
    request.mutable_options()->set_buffer_bytes(buffer_bytes);
    const auto backend = Carry(state_.PlanInitBackend(request));
    if (!backend.ok()) return backend.status();
    return backend->backend_id();
  }

  absl::StatusOr<RegistryState::Registration> Register(
      uint64_t member, uint64_t backend, const std::string& key,
      uint64_t batch_size = 10) {
    v1::RegisterSamplingInputRequest request;
    request.set_member_id(member);
    request.set_backend_id(backend);
    request.set_worker_key(key);
    request.mutable_config()->set_batch_size(batch_size);
    return Carry(state_.PlanRegister(request));
  }

  // A state made from the store alone, as after a restart.
  RegistryState Restarted(uint64_t incarnation = kIncarnation + 1) const {
    RegistryState restarted(Limits(), incarnation);
    RegistryState::Writes writes;
    for (const auto& [key, value] : store_) writes.push_back({key, value});
    EXPECT_THAT(restarted.Apply(writes, now_), IsOk());
    return restarted;
  }

  RegistryState state_;
  std::map<std::string, std::string> store_;
  absl::Duration now_ = kStart;
};

TEST_F(RegistryStateTest, RanksAreTheSmallestFreeAndNamesKeepTheirs) {
  EXPECT_EQ(Join("a", v1::ROLE_SAMPLER_POOL)->rank(), 0u);
  const uint64_t b = Join("b", v1::ROLE_SAMPLER_POOL)->member_id();
  EXPECT_EQ(Join("g", v1::ROLE_CHANNEL_GATEWAY)->rank(), 0u);
  EXPECT_EQ(Join("b", v1::ROLE_SAMPLER_POOL)->member_id(), b);
  EXPECT_EQ(Join("b", v1::ROLE_SAMPLER_POOL)->rank(), 1u);
  Carry(state_.PlanLeave(Join("a", v1::ROLE_SAMPLER_POOL)->member_id()));
  EXPECT_EQ(Join("c", v1::ROLE_SAMPLER_POOL)->rank(), 0u);
}

TEST_F(RegistryStateTest, BadJoinsAreRefused) {
  EXPECT_THAT(
      Join("", v1::ROLE_TRAINER),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("member_name")));
  EXPECT_THAT(Join("a b", v1::ROLE_TRAINER),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(Join("a", v1::ROLE_UNSPECIFIED),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("role")));
  ASSERT_THAT(Join("a", v1::ROLE_TRAINER), IsOk());
  EXPECT_THAT(Join("a", v1::ROLE_SAMPLER_POOL),
              StatusIs(absl::StatusCode::kFailedPrecondition));
  for (const char* name : {"b", "c", "d", "e"}) {
    ASSERT_THAT(Join(name, v1::ROLE_TRAINER), IsOk());
  }
  EXPECT_THAT(Join("f", v1::ROLE_TRAINER),
              StatusIs(absl::StatusCode::kResourceExhausted,
                       HasSubstr("--max_members=5")));
}

TEST_F(RegistryStateTest, PoolsOfOneDatasetHaveItInTheSamePartitions) {
  ASSERT_THAT(JoinPool("a", "graph", /*partition=*/0, /*num_partitions=*/3),
              IsOk());
  EXPECT_THAT(JoinPool("b", "graph", 1, 2),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       AllOf(HasSubstr("dataset graph"), HasSubstr("3 at a"))));
  EXPECT_THAT(JoinPool("b", "graph", 1, 3), IsOk());
  EXPECT_THAT(JoinPool("c", "graph", 1, 3), IsOk());  // a replica
  EXPECT_THAT(JoinPool("d", "other", 1, 2), IsOk());
  // Whoever is not a pool says nothing of datasets.
  EXPECT_THAT(Join("e", v1::ROLE_TRAINER), IsOk());
}

TEST_F(RegistryStateTest, PoolMayComeBackWithItsDatasetPartitionedAnew) {
  const auto first = JoinPool("a", "graph", 0, 3);
  ASSERT_THAT(first, IsOk());
  ASSERT_THAT(JoinPool("a", "graph", 0, 2), IsOk());
  EXPECT_THAT(JoinPool("b", "graph", 1, 3),
              StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(JoinPool("b", "graph", 1, 2), IsOk());
}

TEST_F(RegistryStateTest, PoolThatIsGoneKeepsNobodyFromOtherPartitions) {
  const auto first = JoinPool("a", "graph", 0, 3);
  ASSERT_THAT(first, IsOk());
  Carry(state_.PlanLeave(first->member_id()));
  EXPECT_THAT(JoinPool("b", "graph", 0, 2), IsOk());
}

TEST_F(RegistryStateTest, PartitionThatThereIsNoneOfIsRefused) {
  for (const auto& [partition, num_partitions] :
       {std::pair{3u, 3u}, {7u, 3u}, {0u, 0u}}) {
    EXPECT_THAT(JoinPool("a", "graph", partition, num_partitions),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr(absl::StrCat("partition ", partition, " of ",
                                                num_partitions))));
  }
  EXPECT_THAT(JoinPool("a", "graph", 2, 3), IsOk());
}

TEST_F(RegistryStateTest, LeaseRunsOutUnlessItIsRenewedByItsOwner) {
  const uint64_t id = Join("a", v1::ROLE_TRAINER)->member_id();
  EXPECT_EQ(state_.NextExpiry(), kStart + Limits().default_lease);
  EXPECT_THAT(state_.RenewLease(id, "a", 0, kStart + absl::Seconds(5)), IsOk());
  EXPECT_THAT(state_.RenewLease(id, "someone else", 0, kStart),
              StatusIs(absl::StatusCode::kNotFound));
  EXPECT_TRUE(state_.Expired(kStart + absl::Seconds(14)).empty());
  EXPECT_THAT(state_.Expired(kStart + absl::Seconds(15)),
              ::testing::ElementsAre(id));
}

TEST_F(RegistryStateTest, ProcessThatWasReplacedUnderItsNameIsToldSo) {
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

TEST_F(RegistryStateTest, BackendIsOneAKeyAndOtherOptionsAreShown) {
  const uint64_t member = Join("t", v1::ROLE_TRAINER)->member_id();
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const uint64_t first,
                                InitBackend(member, "k", 1000));
  EXPECT_THAT(InitBackend(member, "k", 1000),
              testing::IsOkAndHolds(::testing::Eq(first)));
  EXPECT_THAT(InitBackend(member, "k", 2000),
              StatusIs(absl::StatusCode::kAlreadyExists,
                       AllOf(HasSubstr("1000"), HasSubstr("2000"))));
  EXPECT_THAT(InitBackend(99, "k"), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(RegistryStateTest, ChannelIsOneAWorkerKeyAndItsIdIsNeverUsedAgain) {
  const uint64_t member = Join("t", v1::ROLE_TRAINER)->member_id();
  const uint64_t other = Join("u", v1::ROLE_TRAINER)->member_id();
  const uint64_t backend = InitBackend(member, "k").value();
  const auto first = Register(member, backend, "w");
  ASSERT_THAT(first, IsOk());
  EXPECT_TRUE(first->is_new);
  EXPECT_FALSE(Register(member, backend, "w")->is_new);
  EXPECT_THAT(Register(member, backend, "w", /*batch_size=*/11),
              StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr("11")));
  EXPECT_THAT(Register(other, backend, "w"),
              StatusIs(absl::StatusCode::kAlreadyExists));
  EXPECT_THAT(Register(member, backend + 1, "w"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("never")));

  const uint64_t id = first->record.spec().channel_id();
  EXPECT_TRUE(Carry(state_.PlanDestroy(id))->has_value());
  EXPECT_FALSE(Carry(state_.PlanDestroy(id))->has_value());  // C-15
  EXPECT_THAT(state_.PlanDestroy(id + 1).status(),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("never")));
  EXPECT_THAT(state_.FindChannel(id),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("gone")));
  EXPECT_GT(Register(member, backend, "w")->record.spec().channel_id(), id);
}

TEST_F(RegistryStateTest, TrainerTakesItsChannelsAndBackendsWithIt) {
  const uint64_t member = Join("t", v1::ROLE_TRAINER)->member_id();
  const uint64_t other = Join("u", v1::ROLE_TRAINER)->member_id();
  const uint64_t backend = InitBackend(member, "shared").value();
  ASSERT_THAT(InitBackend(other, "shared"), IsOk());
  ASSERT_THAT(InitBackend(member, "own"), IsOk());
  ASSERT_THAT(Register(member, backend, "w0"), IsOk());
  ASSERT_THAT(Register(member, backend, "w1"), IsOk());
  ASSERT_THAT(Register(other, backend, "w2"), IsOk());

  EXPECT_EQ(Carry(state_.PlanLeave(member)).size(), 2u);

  EXPECT_EQ(state_.channels(), 1u);
  EXPECT_EQ(state_.backends(), 1u);
  EXPECT_EQ(Carry(state_.PlanLeave(other)).size(), 1u);
  EXPECT_EQ(state_.channels(), 0u);
  EXPECT_EQ(state_.backends(), 0u);
}

TEST_F(RegistryStateTest, PoolThatIsPointedAtKeepsItsRankWhileItIsAway) {
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

TEST_F(RegistryStateTest, PoolThatIsAwayStaysSoOverARestart) {
  const uint64_t pool = Join("p", v1::ROLE_SAMPLER_POOL)->member_id();
  const uint64_t member = Join("t", v1::ROLE_TRAINER)->member_id();
  const uint64_t backend = InitBackend(member, "k").value();
  ASSERT_THAT(Register(member, backend, "w"), IsOk());
  Carry(state_.PlanLeave(pool));
  EXPECT_TRUE(Restarted().IsAway(pool));
}

TEST_F(RegistryStateTest, MemberWhoseHomeDiedGetsANewLeaseFromWhoeverAdoptsIt) {
  const uint64_t id = Join("t", v1::ROLE_TRAINER)->member_id();
  RegistryState next = Restarted();
  EXPECT_EQ(next.NextExpiry(), absl::InfiniteDuration());
  EXPECT_TRUE(next.PlanAdopt({kIncarnation, kIncarnation + 1}).empty());
  ASSERT_THAT(next.Apply(next.PlanAdopt({kIncarnation + 1}), now_), IsOk());
  EXPECT_EQ(next.NextExpiry(), now_ + Limits().default_lease / 2);
  EXPECT_THAT(next.RenewLease(id, "t", 0, now_), IsOk());
  EXPECT_EQ(next.NextExpiry(), now_ + Limits().default_lease);
}

TEST_F(RegistryStateTest, DeadMemberEndsThoughRegistriesDieFasterThanLeases) {
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

TEST_F(RegistryStateTest, MemberThatJoinsElsewhereIsNoLongerEndedHere) {
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

TEST_F(RegistryStateTest, LeasesThatEndedWhileTheRegistryDidNotRunBeginAnew) {
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

TEST_F(RegistryStateTest, UpdateThatIsSentAgainDoesNotUndoALaterOne) {
  const uint64_t member = Join("t", v1::ROLE_TRAINER)->member_id();
  const uint64_t backend = InitBackend(member, "k").value();
  const auto channel = Register(member, backend, "w");
  ASSERT_THAT(channel, IsOk());
  const uint64_t id = channel->record.spec().channel_id();
  const auto update = [&](const std::string& request_id, double weight) {
    v1::UpdateChannelRequest request;
    request.set_channel_id(id);
    request.set_request_id(request_id);
    request.mutable_control()->set_weight(weight);
    const auto writes = state_.PlanUpdate(request);
    EXPECT_THAT(writes, IsOk());
    EXPECT_THAT(state_.Apply(*writes, now_), IsOk());
    return state_.FindChannel(id)->spec().control().weight();
  };
  EXPECT_EQ(update("a", 2), 2);
  EXPECT_EQ(update("b", 3), 3);
  EXPECT_EQ(update("a", 2), 3);
  EXPECT_EQ(update("", 4), 4);
  for (int i = 0; i < 100; ++i) update(absl::StrCat("r", i), i);
  EXPECT_LE(state_.FindChannel(id)->update_ids_size(), 16);
}

TEST_F(RegistryStateTest, TellsWhichMembersChanged) {
  const uint64_t a = Join("a", v1::ROLE_TRAINER)->member_id();
  const uint64_t b = Join("b", v1::ROLE_TRAINER)->member_id();
  EXPECT_THAT(state_.TakeChangedMembers(), ::testing::ElementsAre(a, b));
  ASSERT_THAT(Join("a", v1::ROLE_TRAINER), IsOk());  // says the same again
  EXPECT_THAT(state_.TakeChangedMembers(), ::testing::IsEmpty());
  Carry(state_.PlanLeave(b));
  EXPECT_THAT(state_.TakeChangedMembers(), ::testing::ElementsAre(b));
}

TEST_F(RegistryStateTest, RecordThatCannotBeReadIsDataLoss) {
  EXPECT_THAT(
      state_.Apply(RegistryState::Writes{{"member/1", "\xff\xff"}}, now_),
      StatusIs(absl::StatusCode::kDataLoss, HasSubstr("member/1")));
}

// Whatever is done, in any order: the store gives the same state back, and ids
// only rise.
TEST_F(RegistryStateTest, RestartGivesBackTheStateAfterAnyHistory) {
  for (uint64_t seed = 0; seed < 10; ++seed) {
    SCOPED_TRACE(seed);
    RandomStream random(seed, 0, 0);
    uint64_t last_channel = 0;
    for (int step = 0; step < 300; ++step) {
      const std::string name = absl::StrCat("m", random.Below(6));
      const uint64_t member = random.Below(20);
      switch (random.Below(6)) {
        case 0:
          (void)Join(name, v1::ROLE_TRAINER);
          break;
        case 1:
          (void)Join("pool", v1::ROLE_SAMPLER_POOL);
          break;
        case 2:
          (void)InitBackend(member, absl::StrCat("k", random.Below(4)));
          break;
        case 3: {
          const auto made = Register(member, 1 + random.Below(8),
                                     absl::StrCat("w", random.Below(4)));
          if (made.ok() && made->is_new) {
            ASSERT_GT(made->record.spec().channel_id(), last_channel);
            last_channel = made->record.spec().channel_id();
          }
          break;
        }
        case 4:
          Carry(state_.PlanLeave(member));
          break;
        default:
          (void)Carry(state_.PlanDestroy(random.Below(10)));
      }
      const RegistryState restarted = Restarted();
      ASSERT_EQ(restarted.channels(), state_.channels());
      ASSERT_EQ(restarted.backends(), state_.backends());
      ASSERT_EQ(restarted.Assignments(0).SerializeAsString(),
                state_.Assignments(0).SerializeAsString());
      ASSERT_LE(state_.channels(), Limits().max_channels);
    }
  }
}

}  // namespace
}  // namespace fairlead
