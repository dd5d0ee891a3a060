#include "services/registry/gather_rounds.h"

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/random/philox.h"
#include "libs/status/status_matchers.h"
#include "protos/fairlead/v1/registry.pb.h"
#include "protos/fairlead/v1/registry_state.pb.h"
#include "services/registry/registry_store.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::StatusIs;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Rounds in which rank r is member 10 + r, with the name "m" and its rank.
class GatherRoundsTest : public ::testing::Test {
 protected:
  void Apply(const std::vector<StoreWrite>& writes) {
    for (const StoreWrite& write : writes) {
      if (!write.value.has_value()) {
        rounds_.Delete(write.key);
        continue;
      }
      v1::StoredRecord record;
      ASSERT_TRUE(record.ParseFromString(*write.value));
      rounds_.Put(record.gather());
    }
  }

  static v1::AllGatherRequest Request(uint64_t round, uint32_t rank,
                                      uint32_t world_size = 3,
                                      const std::string& value = "v") {
    v1::AllGatherRequest request;
    request.set_member_id(10 + rank);
    request.set_group("job/a");
    request.set_round(round);
    request.set_rank(rank);
    request.set_world_size(world_size);
    request.set_value(value);
    return request;
  }

  absl::Status Send(const v1::AllGatherRequest& request) {
    const auto writes =
        rounds_.PlanValue(request, absl::StrCat("m", request.rank()));
    if (writes.ok()) Apply(*writes);
    return writes.status();
  }

  void Leave(uint32_t rank) {
    gone_.insert(10 + rank);
    Apply(
        rounds_.PlanLeave(10 + rank, absl::StrCat("m", rank),
                          [this](uint64_t id) { return !gone_.contains(id); }));
  }

  std::vector<std::string> Values(uint64_t round) {
    const auto answer = rounds_.Answer("job/a", round);
    EXPECT_THAT(answer, IsOk());
    std::vector<std::string> values;
    if (!answer.ok()) return values;
    for (const v1::GatheredValue& value : answer->values()) {
      values.push_back(absl::StrCat(value.member_name(), "=", value.value()));
    }
    return values;
  }

  GatherRounds rounds_;
  std::set<uint64_t> gone_;
};

TEST_F(GatherRoundsTest, AllGetAllValuesByRankOnceTheLastHasSentIts) {
  ASSERT_THAT(Send(Request(0, 2, 3, "c")), IsOk());
  ASSERT_THAT(Send(Request(0, 0, 3, "a")), IsOk());
  EXPECT_THAT(rounds_.Answer("job/a", 0),
              StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_EQ(rounds_.DescribeMissing("job/a", 0), "1");
  ASSERT_THAT(Send(Request(0, 1, 3, "")), IsOk());
  EXPECT_THAT(Values(0), ElementsAre("m0=a", "m1=", "m2=c"));
}

TEST_F(GatherRoundsTest, WhoeverLostTheAnswerGetsItAgainUntilTheNextRound) {
  for (uint32_t rank : {0, 1, 2}) ASSERT_THAT(Send(Request(0, rank)), IsOk());
  ASSERT_THAT(Send(Request(0, 1)), IsOk());
  for (uint32_t rank : {0, 1}) ASSERT_THAT(Send(Request(1, rank)), IsOk());
  EXPECT_EQ(Values(0).size(), 3u);
  ASSERT_THAT(Send(Request(1, 2)), IsOk());
  EXPECT_EQ(rounds_.Keys().size(), 3u);  // of round 1 alone
  EXPECT_THAT(
      Send(Request(0, 0)),
      StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("round 1")));
}

TEST_F(GatherRoundsTest, MismatchesAreAnsweredAtOnceWithBothSides) {
  ASSERT_THAT(Send(Request(0, 0)), IsOk());
  EXPECT_THAT(
      Send(Request(0, 1, /*world_size=*/4)),
      StatusIs(absl::StatusCode::kFailedPrecondition,
               AllOf(HasSubstr("world_size is 4"), HasSubstr("3 at rank 0"))));
  EXPECT_THAT(
      Send(Request(0, 0, 3, "another")),
      StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr("another value")));
  v1::AllGatherRequest twin = Request(0, 0);
  twin.set_member_id(77);
  EXPECT_THAT(rounds_.PlanValue(twin, "twin"),
              StatusIs(absl::StatusCode::kAlreadyExists,
                       AllOf(HasSubstr("taken by m0"), HasSubstr("twin"))));
}

TEST_F(GatherRoundsTest, RequestsThatMakeNoSenseAreRefused) {
  const auto bad = [](absl::string_view text) {
    return StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(text));
  };
  EXPECT_THAT(Send(Request(0, 0, 0)), bad("world_size"));
  EXPECT_THAT(Send(Request(0, 3, 3)), bad("rank: 3 of world_size 3"));
  EXPECT_THAT(Send(Request(0, 0, 1u << 30)), bad("world_size"));
  EXPECT_THAT(Send(Request(0, 0, 1, std::string((1 << 20) + 1, 'x'))),
              bad("value"));
  EXPECT_THAT(rounds_.Keys(), IsEmpty());
}

TEST_F(GatherRoundsTest, MemberThatLeavesEarlyBreaksTheRoundForThoseWhoWait) {
  ASSERT_THAT(Send(Request(0, 0)), IsOk());
  ASSERT_THAT(Send(Request(0, 1)), IsOk());
  Leave(1);
  EXPECT_THAT(rounds_.Answer("job/a", 0),
              StatusIs(absl::StatusCode::kAborted, HasSubstr("m1")));
  // Asked for again, it starts over.
  gone_.clear();
  for (uint32_t rank : {2, 1, 0}) ASSERT_THAT(Send(Request(0, rank)), IsOk());
  EXPECT_EQ(Values(0).size(), 3u);
}

TEST_F(GatherRoundsTest, CompleteRoundOutlivesMembersButNotTheLast) {
  for (uint32_t rank : {0, 1, 2}) ASSERT_THAT(Send(Request(0, rank)), IsOk());
  Leave(0);
  Leave(2);
  EXPECT_EQ(Values(0).size(), 3u);
  Leave(1);
  EXPECT_THAT(rounds_.Keys(), IsEmpty());
}

// Whatever the order in which ranks send, ask again and go on: each gets the
// same values for the same round, and no more than two rounds are kept.
TEST_F(GatherRoundsTest, EveryRankSeesTheSameWhateverTheOrder) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    SCOPED_TRACE(seed);
    rounds_ = GatherRounds();
    RandomStream random(seed, 0, 0);
    constexpr uint32_t kRanks = 4;
    std::vector<uint64_t> at(kRanks, 0);  // the round that each is in
    std::map<uint64_t, std::vector<std::string>> seen;
    for (int step = 0; step < 400; ++step) {
      const auto rank = static_cast<uint32_t>(random.Below(kRanks));
      const uint64_t round = at[rank];
      ASSERT_THAT(
          Send(Request(round, rank, kRanks, absl::StrCat(round, ":", rank))),
          IsOk());
      const auto answer = rounds_.Answer("job/a", round);
      if (answer.ok()) {
        const std::vector<std::string> values = Values(round);
        ASSERT_EQ(seen.try_emplace(round, values).first->second, values);
        ++at[rank];
      }
      ASSERT_LE(rounds_.Keys().size(), 2 * kRanks);
    }
    ASSERT_GT(at[0], 10u);
  }
}

}  // namespace
}  // namespace fairlead
