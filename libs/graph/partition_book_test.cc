#include "libs/graph/partition_book.h"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/graph/npy.h"
#include "libs/graph/partition_book_test_util.h"
#include "libs/random/philox.h"
#include "libs/status/status_matchers.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::Owners;
using ::fairlead::testing::OwnersOf;
using ::fairlead::testing::Range;
using ::fairlead::testing::StatusIs;
using ::fairlead::testing::Table;
using ::fairlead::testing::TempPath;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr int64_t kLastInt64 = std::numeric_limits<int64_t>::max();
constexpr int64_t kFirstInt64 = std::numeric_limits<int64_t>::min();

// Parity G7.
TEST(RangePartitionBook, FirstPartitionsOfAnEvenSplitGetTheRest) {
  EXPECT_THAT(RangePartitionBook::CreateEven(10, 2)->bounds(),
              ElementsAre(0, 5, 10));
  EXPECT_THAT(RangePartitionBook::CreateEven(7, 3)->bounds(),
              ElementsAre(0, 3, 5, 7));
  // Fewer ids than partitions is an error in the original.
  EXPECT_THAT(RangePartitionBook::CreateEven(1, 3)->bounds(),
              ElementsAre(0, 1, 1, 1));
  EXPECT_THAT(RangePartitionBook::CreateEven(kLastInt64, 2)->bounds(),
              ElementsAre(0, int64_t{1} << 62, kLastInt64));
}

// Parity G7, but for id 30: the original answers partition 3 of 3.
TEST(RangePartitionBook, KnowsTheOwnerOnBothSidesOfEveryBound) {
  const RangePartitionBook book = Range({0, 10, 20, 30});
  const Owners answer =
      OwnersOf(book, {0, 5, 9, 10, 15, 19, 20, 25, 29, 10, 0});
  EXPECT_THAT(answer.status, IsOk());
  EXPECT_THAT(answer.owners, ElementsAre(0, 0, 0, 1, 1, 1, 2, 2, 2, 1, 0));

  EXPECT_THAT(OwnersOf(book, {30}).status,
              StatusIs(absl::StatusCode::kNotFound, HasSubstr(": 30;")));
}

TEST(RangePartitionBook, EmptyPartitionsOwnNothing) {
  const RangePartitionBook book = Range({0, 0, 2, 2, 2, 3, 3});
  const Owners answer = OwnersOf(book, {0, 1, 2});
  EXPECT_THAT(answer.status, IsOk());
  EXPECT_THAT(answer.owners, ElementsAre(1, 1, 4));
}

// Parity W-41: ids up to 2^40 and more cost nothing.
TEST(RangePartitionBook, TakesMemoryForPartitionsNotForIds) {
  const int64_t kFar = int64_t{1} << 40;
  const RangePartitionBook book = Range({0, 1, kFar, kLastInt64});
  EXPECT_EQ(book.num_ids(), kLastInt64);
  const Owners answer = OwnersOf(book, {0, kFar - 1, kFar, kLastInt64 - 1});
  EXPECT_THAT(answer.status, IsOk());
  EXPECT_THAT(answer.owners, ElementsAre(0, 1, 2, 2));
  EXPECT_THAT(OwnersOf(book, {kLastInt64}).status,
              StatusIs(absl::StatusCode::kNotFound));
}

TEST(RangePartitionBook, RefusesBoundsThatAreNone) {
  struct Bad {
    std::vector<int64_t> bounds;
    const char* says;
  };
  for (const Bad& bad :
       {Bad{{}, "0 partitions"}, Bad{{0}, "0 partitions"},
        Bad{{1, 2}, "begin with 1"}, Bad{{-1, 2}, "begin with -1"},
        Bad{{0, 5, 4, 6}, "bounds[2] is 4, below 5"},
        Bad{{0, -1}, "bounds[1] is -1, below 0"}}) {
    EXPECT_THAT(
        RangePartitionBook::Create(bad.bounds),
        StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(bad.says)));
  }
  EXPECT_THAT(RangePartitionBook::Create(
                  std::vector<int64_t>(size_t{kMaxPartitions} + 2)),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("1048577 partitions")));
  EXPECT_THAT(RangePartitionBook::CreateEven(5, 0),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(RangePartitionBook::CreateEven(-5, 1),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("-5")));
}

TEST(TablePartitionBook, LooksUpWhatTheTableSays) {
  const TablePartitionBook book = Table("looks_up", 3, {2, 0, 2, 1, 2});
  const Owners answer = OwnersOf(book, {4, 3, 2, 1, 0, 4});
  EXPECT_THAT(answer.status, IsOk());
  EXPECT_THAT(answer.owners, ElementsAre(2, 1, 2, 0, 2, 2));
}

TEST(TablePartitionBook, ChoosesTheSmallestTypeThatHasRoomForNobody) {
  for (const auto& [partitions, dtype] :
       std::map<uint32_t, std::string>{{255, "u1"},
                                       {256, "u2"},
                                       {65535, "u2"},
                                       {65536, "u4"},
                                       {kMaxPartitions, "u4"}}) {
    const TablePartitionBook book =
        Table("type", partitions, {partitions - 1, kNoPartition, 0});
    EXPECT_EQ(NpyFile::Open(TempPath("type"))->dtype(), dtype);
    const Owners answer = OwnersOf(book, {0, 1, 2});
    EXPECT_THAT(answer.status, StatusIs(absl::StatusCode::kNotFound));
    EXPECT_THAT(answer.owners, ElementsAre(partitions - 1, kNoPartition, 0));
  }
}

TEST(TablePartitionBook, RefusesEntriesThatAreNoPartition) {
  const std::string path = TempPath("bad_entry");
  EXPECT_THAT(WritePartitionTable(path, 3, {0, 3}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("owner of id 1 is 3")));
  ASSERT_THAT(WriteNpy<uint8_t>(path, "u1", {2}, std::vector<uint8_t>{0, 3}),
              IsOk());
  EXPECT_THAT(TablePartitionBook::Open(path, 3),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr(path), HasSubstr("[1] is 3"))));
  EXPECT_THAT(TablePartitionBook::Open(path, 4), IsOk());
}

TEST(TablePartitionBook, RefusesFilesThatAreNoTable) {
  const std::string path = TempPath("no_table");
  ASSERT_THAT(WriteNpy<int64_t>(path, "i8", {2}, std::vector<int64_t>{0, 1}),
              IsOk());
  EXPECT_THAT(
      TablePartitionBook::Open(path, 2),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("must be u4")));
  ASSERT_THAT(WriteNpy<uint8_t>(path, "u1", {2, 1}, std::vector<uint8_t>{0, 1}),
              IsOk());
  EXPECT_THAT(
      TablePartitionBook::Open(path, 2),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("1 dimension")));
  ASSERT_THAT(WriteNpy<uint8_t>(path, "u1", {2}, std::vector<uint8_t>{0, 1}),
              IsOk());
  EXPECT_THAT(
      TablePartitionBook::Open(path, 256),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("too narrow")));
  EXPECT_THAT(TablePartitionBook::Open(path, 0),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(TablePartitionBook::Open(path, kMaxPartitions + 1),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(TablePartitionBook::Open(TempPath("missing"), 2),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("missing.npy")));
}

// Parity W-31.
TEST(PartitionBook, IdsThatNobodyOwnsAreNamedAndGetNoPartition) {
  const RangePartitionBook range = Range({0, 2, 4});
  const TablePartitionBook table = Table("nobody", 2, {0, kNoPartition, 1, 1});
  for (const PartitionBook* book :
       {static_cast<const PartitionBook*>(&range),
        static_cast<const PartitionBook*>(&table)}) {
    const Owners answer =
        OwnersOf(*book, {0, -1, 4, 3, kLastInt64, kFirstInt64, -1});
    EXPECT_THAT(answer.status,
                StatusIs(absl::StatusCode::kNotFound,
                         AllOf(HasSubstr("5 of 7 ids"),
                               HasSubstr(absl::StrCat(
                                   ": -1, 4, ", kLastInt64, ", ", kFirstInt64,
                                   ", -1; the book has ids below 4")))));
    EXPECT_THAT(answer.owners,
                ElementsAre(0, kNoPartition, kNoPartition, 1, kNoPartition,
                            kNoPartition, kNoPartition));
    EXPECT_THAT(book->Split({{0, 4}}), StatusIs(absl::StatusCode::kNotFound));
  }
  EXPECT_THAT(OwnersOf(table, {1}).status,
              StatusIs(absl::StatusCode::kNotFound, HasSubstr(": 1;")));
}

TEST(PartitionBook, NamesTenIdsAndCountsTheRest) {
  std::vector<int64_t> ids;
  for (int64_t i = 0; i < 1000; ++i) ids.push_back(100 + i);
  const Owners answer = OwnersOf(Range({0, 100}), ids);
  EXPECT_THAT(answer.status, StatusIs(absl::StatusCode::kNotFound,
                                      AllOf(HasSubstr("1000 of 1000 ids"),
                                            HasSubstr("108, 109, ...;"),
                                            Not(HasSubstr("110")))));
}

TEST(PartitionBook, IsDenseUnlessIdsAreMissingOrHashed) {
  EXPECT_TRUE(Range({0, 2, 2, 5}).IsDense());
  EXPECT_TRUE(Table("dense", 2, {1, 0, 1}).IsDense());
  EXPECT_FALSE(Table("gaps", 2, {1, kNoPartition, 1}).IsDense());
  EXPECT_FALSE(HashPartitionBook::Create(5, 2)->IsDense());
}

TEST(PartitionBook, NoIdsAreNoMistake) {
  const RangePartitionBook range = Range({0, 0});
  const TablePartitionBook table = Table("no_ids", 1, {});
  for (const PartitionBook* book :
       {static_cast<const PartitionBook*>(&range),
        static_cast<const PartitionBook*>(&table)}) {
    EXPECT_EQ(book->num_ids(), 0);
    EXPECT_THAT(OwnersOf(*book, {}).status, IsOk());
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const PartitionedIds split, book->Split({}));
    EXPECT_THAT(split.ids, IsEmpty());
    EXPECT_THAT(split.begins, ElementsAre(0, 0));
    EXPECT_THAT(OwnersOf(*book, {0}).status,
                StatusIs(absl::StatusCode::kNotFound));
  }
}

TEST(PartitionBook, SplitKeepsOrderAndRepeats) {
  const RangePartitionBook book = Range({0, 10, 20, 30});
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const PartitionedIds split,
                                book.Split({{25, 3, 29, 3, 25, 1}}));
  EXPECT_THAT(split.IdsOf(0), ElementsAre(3, 3, 1));
  EXPECT_THAT(split.PositionsOf(0), ElementsAre(1, 3, 5));
  EXPECT_THAT(split.IdsOf(1), IsEmpty());
  EXPECT_THAT(split.IdsOf(2), ElementsAre(25, 29, 25));
  EXPECT_THAT(split.PositionsOf(2), ElementsAre(0, 2, 4));
}

TEST(PartitionBook, ScatterRefusesAnAnswerOfTheWrongSize) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const PartitionedIds split,
                                Range({0, 10, 20}).Split({{11, 0, 12}}));
  std::vector<float> out(6, -1);
  for (const size_t size : {size_t{0}, size_t{3}, size_t{5}, size_t{6}}) {
    EXPECT_THAT(
        split.Scatter<float>(1, std::vector<float>(size), 2,
                             absl::MakeSpan(out)),
        StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("partition 1")));
  }
  EXPECT_THAT(out, ::testing::Each(-1));
  EXPECT_THAT(split.Scatter<float>(1, std::vector<float>{1, 2, 3, 4}, 2,
                                   absl::MakeSpan(out)),
              IsOk());
  EXPECT_THAT(out, ElementsAre(1, 2, -1, -1, 3, 4));
  EXPECT_THAT(split.Scatter<float>(1, {}, 0, {}), IsOk());
}

// The definition, bit for bit: other engines write such datasets.
TEST(HashPartitionBook, OwnersAreTheOnesThatAreWrittenDown) {
  EXPECT_EQ(HashOwner(0, 4), 3U);
  EXPECT_EQ(HashOwner(1, 4), 2U);
  EXPECT_EQ(HashOwner(int64_t{1} << 40, 1000),
            static_cast<uint32_t>(
                (SplitMix64(uint64_t{1} << 40) >> 32) * 1000 >> 32));
}

TEST(HashPartitionBook, SparseIdsAreSpreadAndOutsideIsNobodys) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const HashPartitionBook book,
                                HashPartitionBook::Create(int64_t{1} << 40, 8));
  std::vector<int> count(8, 0);
  for (int64_t i = 0; i < 8000; ++i) {
    const Owners answer = OwnersOf(book, {i << 27});
    ASSERT_THAT(answer.status, IsOk());
    ++count[answer.owners[0]];
  }
  for (const int owned : count) EXPECT_NEAR(owned, 1000, 150);
  EXPECT_THAT(OwnersOf(book, {int64_t{1} << 40}).owners,
              ElementsAre(kNoPartition));
  EXPECT_THAT(OwnersOf(book, {-1}).owners, ElementsAre(kNoPartition));
  EXPECT_THAT(HashPartitionBook::Create(-1, 2),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(HashPartitionBook::Create(1, 0),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(PartitionBook, ManifestMakesTheSameBookAgain) {
  const RangePartitionBook range = Range({0, 3, 3, 8});
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const HashPartitionBook hash,
                                HashPartitionBook::Create(9, 3));
  const TablePartitionBook table =
      Table("manifest", 3, {1, 2, kNoPartition, 0, 1});
  for (const PartitionBook* book : {static_cast<const PartitionBook*>(&range),
                                    static_cast<const PartitionBook*>(&table),
                                    static_cast<const PartitionBook*>(&hash)}) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(
        const std::unique_ptr<const PartitionBook> again,
        PartitionBook::Open(book->Manifest()));
    EXPECT_EQ(again->Manifest(), book->Manifest());
    EXPECT_EQ(again->num_partitions(), book->num_partitions());
    EXPECT_EQ(again->num_ids(), book->num_ids());
    std::vector<int64_t> ids;
    for (int64_t id = 0; id < book->num_ids(); ++id) ids.push_back(id);
    EXPECT_EQ(OwnersOf(*again, ids).owners, OwnersOf(*book, ids).owners);
  }
}

TEST(PartitionBook, ManifestOfSeveralKindsOrNoneIsRefused) {
  EXPECT_THAT(PartitionBook::Open({}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("has 0")));
  EXPECT_THAT(PartitionBook::Open(
                  {.bounds = {0, 1}, .table = "a.npy", .num_partitions = 1}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("has 2")));
  EXPECT_THAT(
      PartitionBook::Open({.table = TempPath("missing"), .num_partitions = 1}),
      StatusIs(absl::StatusCode::kNotFound));
}

}  // namespace
}  // namespace fairlead
