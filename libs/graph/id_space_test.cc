#include "libs/graph/id_space.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/random/philox.h"
#include "libs/status/status_matchers.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::StatusIs;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr int64_t kWild[] = {-1,
                             -2,
                             INT64_MIN,
                             INT64_MIN + 1,
                             INT64_MAX,
                             INT64_MAX - 1,
                             int64_t{1} << 41,
                             -(int64_t{1} << 40)};

// Ids below `bound`, ascending.
std::vector<int64_t> SparseIds(RandomStream& random, size_t count,
                               uint64_t bound) {
  std::set<int64_t> ids;
  while (ids.size() < count) {
    ids.insert(static_cast<int64_t>(random.Below(bound)));
  }
  return {ids.begin(), ids.end()};
}

// Runs of consecutive ids far from each other, which fill few buckets.
std::vector<int64_t> ClusteredIds(RandomStream& random, size_t count,
                                  uint64_t bound) {
  std::set<int64_t> ids;
  while (ids.size() < count) {
    const auto from = static_cast<int64_t>(random.Below(bound));
    const auto length = static_cast<int64_t>(1 + random.Below(200));
    for (int64_t id = from; id < from + length; ++id) ids.insert(id);
  }
  return {ids.begin(), ids.end()};
}

// Whatever is asked, the answer is that of a map.
void ExpectAgreesWithAMap(const std::vector<int64_t>& ids,
                          RandomStream& random) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const IdSpace space,
                                IdSpace::List(ids, "ids.npy"));
  std::map<int64_t, int64_t> rows;
  for (size_t i = 0; i < ids.size(); ++i) {
    rows[ids[i]] = static_cast<int64_t>(i);
  }
  ASSERT_EQ(space.size(), static_cast<int64_t>(ids.size()));
  EXPECT_EQ(space.end(), ids.empty() ? 0 : ids.back() + 1);
  for (size_t i = 0; i < ids.size(); ++i) {
    ASSERT_EQ(space.Id(static_cast<int64_t>(i)), ids[i]);
  }
  const auto expect_row = [&](int64_t id) {
    const auto found = rows.find(id);
    ASSERT_EQ(space.Row(id), found == rows.end() ? -1 : found->second)
        << "id " << id;
    space.Prefetch(id);  // of anything, it does no harm
  };
  for (const int64_t id : ids) {
    for (const int64_t near : {id - 1, id, id + 1}) expect_row(near);
  }
  for (const int64_t id : kWild) expect_row(id);
  for (int i = 0; i < 1'000; ++i) {
    expect_row(static_cast<int64_t>(random.Below(uint64_t{1} << 41)));
  }
}

TEST(IdSpace, OfRandomSparseIdsAgreesWithAMap) {
  RandomStream random(1, 0, 0);
  for (const int bits : {4, 8, 12, 20, 32, 40}) {
    for (const size_t count : {1, 2, 5, 13, 1'000}) {
      if (count > size_t{1} << (bits - 1)) continue;
      SCOPED_TRACE(absl::StrCat(count, " ids of ", bits, " bits"));
      ExpectAgreesWithAMap(SparseIds(random, count, uint64_t{1} << bits),
                           random);
    }
  }
}

TEST(IdSpace, OfClusteredIdsAgreesWithAMap) {
  RandomStream random(2, 0, 0);
  for (const int bits : {16, 24, 40}) {
    for (const size_t count : {200, 2'000}) {
      SCOPED_TRACE(absl::StrCat(count, " ids of ", bits, " bits"));
      ExpectAgreesWithAMap(ClusteredIds(random, count, uint64_t{1} << bits),
                           random);
    }
  }
}

TEST(IdSpace, OfTheIdsFurthestApartAgreesWithAMap) {
  RandomStream random(3, 0, 0);
  ExpectAgreesWithAMap({}, random);
  ExpectAgreesWithAMap({0}, random);
  ExpectAgreesWithAMap({0, 2}, random);
  ExpectAgreesWithAMap({0, INT64_MAX - 1}, random);
  ExpectAgreesWithAMap({INT64_MAX - 3, INT64_MAX - 1}, random);
  ExpectAgreesWithAMap({0, 1, 2, int64_t{1} << 40}, random);
  ExpectAgreesWithAMap({0, (int64_t{1} << 40) - 1, int64_t{1} << 40}, random);
}

TEST(IdSpace, NoIdsHaveNoRows) {
  const IdSpace none;
  EXPECT_EQ(none.size(), 0);
  EXPECT_EQ(none.end(), 0);
  for (const int64_t id : kWild) EXPECT_EQ(none.Row(id), -1);
  EXPECT_EQ(none.Row(0), -1);
}

TEST(IdSpace, RangeHasRowsForItsIdsAlone) {
  constexpr int64_t kFirst = int64_t{1} << 40;
  const IdSpace space = IdSpace::Range(kFirst, 3);
  EXPECT_TRUE(space.is_range());
  EXPECT_EQ(space.first(), kFirst);
  EXPECT_EQ(space.size(), 3);
  EXPECT_EQ(space.end(), kFirst + 3);
  EXPECT_EQ(space.Id(2), kFirst + 2);
  EXPECT_EQ(space.Row(kFirst - 1), -1);
  EXPECT_EQ(space.Row(kFirst), 0);
  EXPECT_EQ(space.Row(kFirst + 2), 2);
  EXPECT_EQ(space.Row(kFirst + 3), -1);
  EXPECT_EQ(space.Row(0), -1);
  for (const int64_t id : kWild) EXPECT_EQ(space.Row(id), -1) << id;
}

TEST(IdSpace, RangeToTheLastIdThereIsDoesNotWrap) {
  const IdSpace space = IdSpace::Range(INT64_MAX - 2, 2);
  EXPECT_EQ(space.end(), INT64_MAX);
  EXPECT_EQ(space.Row(INT64_MAX - 1), 1);
  EXPECT_EQ(space.Row(INT64_MAX), -1);
  EXPECT_EQ(space.Row(INT64_MIN), -1);
  EXPECT_EQ(space.Row(-1), -1);
}

TEST(IdSpace, ConsecutiveListIsARange) {
  const std::vector<int64_t> ids = {7, 8, 9, 10};
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const IdSpace space,
                                IdSpace::List(ids, "ids.npy"));
  EXPECT_TRUE(space.is_range());
  EXPECT_EQ(space.first(), 7);
  EXPECT_EQ(space.size(), 4);
  const std::vector<int64_t> gap = {7, 8, 10};
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const IdSpace list,
                                IdSpace::List(gap, "ids.npy"));
  EXPECT_FALSE(list.is_range());
  EXPECT_THAT(list.list(), ElementsAre(7, 8, 10));
}

TEST(IdSpace, ListThatIsNoneIsRefusedByNameAndPosition) {
  const struct {
    std::vector<int64_t> ids;
    const char* why;
  } lists[] = {{{3, 2}, "[1] is 2 after 3"},
               {{1, 5, 5}, "[2] is 5 after 5"},
               {{-1, 2}, "[0] is -1"},
               {{4, INT64_MIN}, "[1] is -9223372036854775808"},
               {{4, INT64_MAX}, "[1] is 9223372036854775807"}};
  for (const auto& list : lists) {
    EXPECT_THAT(
        IdSpace::List(list.ids, "part0/ids.npy"),
        StatusIs(absl::StatusCode::kInvalidArgument,
                 AllOf(HasSubstr("part0/ids.npy"), HasSubstr(list.why))));
  }
}

TEST(IdSpace, RowsOfManyIdsAreTheRowsOfEach) {
  const std::vector<int64_t> ids = {2, 30, 31, int64_t{1} << 40};
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const IdSpace space,
                                IdSpace::List(ids, "ids.npy"));
  // More than are looked up ahead.
  std::vector<int64_t> asked;
  std::vector<int64_t> expected;
  for (int64_t i = 0; i < 50; ++i) {
    asked.push_back(ids[static_cast<size_t>(i % 4)]);
    expected.push_back(i % 4);
  }
  std::vector<int64_t> rows(asked.size());
  ASSERT_THAT(space.Rows(asked, absl::MakeSpan(rows)), IsOk());
  EXPECT_EQ(rows, expected);
}

TEST(IdSpace, RowsNameTheIdsThatAreMissing) {
  const IdSpace space = IdSpace::Range(10, 5);
  const std::vector<int64_t> asked = {12, 9, 14, -3};
  std::vector<int64_t> rows(asked.size());
  EXPECT_THAT(space.Rows(asked, absl::MakeSpan(rows)),
              StatusIs(absl::StatusCode::kNotFound,
                       AllOf(HasSubstr("5 ids of this partition"),
                             HasSubstr("2 ids, such as 9, -3"))));
  EXPECT_THAT(rows, ElementsAre(2, -1, 4, -1));
}

TEST(DescribeIds, NamesTenAndSaysHowMany) {
  EXPECT_EQ(DescribeIds(std::vector<int64_t>{7}), "1 id, 7");
  std::vector<int64_t> ids(25);
  for (size_t i = 0; i < ids.size(); ++i)
    ids[i] = static_cast<int64_t>(100 + i);
  EXPECT_THAT(DescribeIds(ids), AllOf(HasSubstr("25 ids"), HasSubstr("100, "),
                                      HasSubstr("109"), Not(HasSubstr("110"))));
}

}  // namespace
}  // namespace fairlead
