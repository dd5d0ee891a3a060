#include "services/registry/registry_state.h"

#include <cstdint>
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
#include "services/registry/registry_state_fixture.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;

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
