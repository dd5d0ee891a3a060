#include "libs/graph/table.h"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <numeric>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/graph/element_type.h"
#include "libs/graph/id_space.h"
#include "libs/random/philox.h"
#include "libs/status/status_matchers.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Table TableOf(const std::vector<float>& values, int64_t columns) {
  return {ElementType::kFloat32, static_cast<int64_t>(values.size()) / columns,
          columns, reinterpret_cast<const uint8_t*>(values.data())};
}

// Of `store_or_table`, by whatever its Gather takes.
template <typename Gather>
std::vector<float> Gathered(const Gather& gather, size_t ids, int64_t columns) {
  std::vector<float> rows(ids * static_cast<size_t>(columns));
  EXPECT_THAT(gather(absl::MakeSpan(reinterpret_cast<uint8_t*>(rows.data()),
                                    rows.size() * sizeof(float))),
              IsOk());
  return rows;
}

std::vector<float> GatherRows(const Table& table,
                              const std::vector<int64_t>& ids,
                              int64_t first_id = 0) {
  return Gathered(
      [&](absl::Span<uint8_t> out) { return table.Gather(ids, first_id, out); },
      ids.size(), table.columns);
}

std::vector<float> GatherRows(const RowStore& store,
                              const std::vector<int64_t>& ids) {
  return Gathered(
      [&](absl::Span<uint8_t> out) { return store.Gather(ids, out); },
      ids.size(), store.table.columns);
}

TEST(Table, GathersRowsInOrderWithRepeats) {
  const std::vector<float> values = {0, 0.5F, 1, 1.5F, 2, 2.5F, 3, 3.5F};
  const Table table = TableOf(values, 2);
  EXPECT_THAT(GatherRows(table, {3, 0, 3}),
              ElementsAre(3, 3.5F, 0, 0.5F, 3, 3.5F));
  EXPECT_THAT(GatherRows(table, {}), IsEmpty());
}

TEST(Table, FirstRowIsThatOfTheFirstId) {
  const std::vector<float> values = {10, 11, 12};
  constexpr int64_t kFirst = int64_t{1} << 40;
  EXPECT_THAT(GatherRows(TableOf(values, 1), {kFirst + 2, kFirst}, kFirst),
              ElementsAre(12, 10));
  float out = 0;
  EXPECT_THAT(TableOf(values, 1).Gather(
                  {0}, kFirst, {reinterpret_cast<uint8_t*>(&out), sizeof(out)}),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("id 0:")));
}

// Around every bound of the loop that prefetches, and for widths on both sides
// of what it prefetches.
TEST(Table, GathersAnyNumberOfRowsOfAnyWidth) {
  constexpr int64_t kRows = 50;
  for (const int64_t columns : {1, 16, 132, 256, 257, 600}) {
    std::vector<float> values(static_cast<size_t>(kRows * columns));
    std::iota(values.begin(), values.end(), 0.0F);
    const Table table = TableOf(values, columns);
    for (const int64_t count : {1, 15, 16, 17, 50}) {
      std::vector<int64_t> ids;
      std::vector<float> expected;
      for (int64_t i = 0; i < count; ++i) {
        const int64_t id = (i * 7 + 3) % kRows;
        ids.push_back(id);
        expected.insert(expected.end(), values.begin() + id * columns,
                        values.begin() + (id + 1) * columns);
      }
      EXPECT_EQ(GatherRows(table, ids), expected)
          << count << " rows of " << columns;
    }
  }
}

TEST(Table, GatherOfWhatIsNoRowIsNotFoundWhereverItStands) {
  const std::vector<int64_t> values = {7, 8, 9};
  const Table table = {ElementType::kInt64, 3, 1,
                       reinterpret_cast<const uint8_t*>(values.data())};
  for (const int64_t wrong : {int64_t{-1}, int64_t{3}, INT64_MAX, INT64_MIN}) {
    for (const size_t at : {0, 20, 39}) {
      std::vector<int64_t> ids(40, 1);
      ids[at] = wrong;
      std::vector<uint8_t> out(40 * 8);
      EXPECT_THAT(table.Gather(ids, 0, absl::MakeSpan(out)),
                  StatusIs(absl::StatusCode::kNotFound,
                           HasSubstr(absl::StrCat("id ", wrong, ":"))));
    }
  }
}

// A store of sparse ids: the row of id i is (i, -i), in float.
class SparseRowStore : public ::testing::Test {
 protected:
  void SetUp() override {
    RandomStream random(1, 0, 0);
    int64_t id = 0;
    for (int i = 0; i < 3'000; ++i) {
      id += 1 + static_cast<int64_t>(random.Below(1'000));
      ids_.push_back(id);
      Append(id, &values_);
    }
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(store_.ids, IdSpace::List(ids_, "ids.npy"));
    ASSERT_FALSE(store_.ids.is_range());
    store_.table = TableOf(values_, 2);
  }

  static void Append(int64_t id, std::vector<float>* rows) {
    rows->push_back(static_cast<float>(id));
    rows->push_back(-static_cast<float>(id));
  }

  static std::vector<float> RowsOf(const std::vector<int64_t>& ids) {
    std::vector<float> rows;
    for (const int64_t id : ids) Append(id, &rows);
    return rows;
  }

  // Keeps rows of ids beyond its own, too.
  void AddCached() {
    for (const int64_t id : {10'000'000, 10'000'002, 10'000'007}) {
      cached_ids_.push_back(id);
      Append(id, &cached_values_);
    }
    store_.cached = TableOf(cached_values_, 2);
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(store_.cached_ids,
                                  IdSpace::List(cached_ids_, "cached_ids.npy"));
  }

  std::vector<int64_t> ids_;
  std::vector<float> values_;
  std::vector<int64_t> cached_ids_;
  std::vector<float> cached_values_;
  RowStore store_;
};

// More than are looked up together, and around that number.
TEST_F(SparseRowStore, GathersRowsByIdInOrderWithRepeats) {
  RandomStream random(2, 0, 0);
  for (const size_t count : {0, 1, 511, 512, 513, 5'000}) {
    std::vector<int64_t> asked;
    for (size_t i = 0; i < count; ++i) {
      asked.push_back(ids_[random.Below(ids_.size())]);
    }
    EXPECT_EQ(GatherRows(store_, asked), RowsOf(asked)) << count << " ids";
  }
}

TEST_F(SparseRowStore, FindsWhatIsHereAndNothingElse) {
  for (const int64_t id : ids_) {
    const uint8_t* row = store_.Find(id);
    ASSERT_NE(row, nullptr);
    float value = 0;
    std::memcpy(&value, row, sizeof(value));
    ASSERT_EQ(value, static_cast<float>(id));
  }
  for (const int64_t id :
       {int64_t{-1}, int64_t{0}, ids_.back() + 1, INT64_MAX, INT64_MIN}) {
    EXPECT_EQ(store_.Find(id), nullptr) << id;
  }
}

TEST_F(SparseRowStore, GatherNamesTheIdThatHasNoRowWhereverItStands) {
  for (const int64_t wrong : {int64_t{-1}, int64_t{0}, INT64_MAX, INT64_MIN}) {
    for (const size_t at : {0, 511, 512, 1'023}) {
      std::vector<int64_t> asked(1'024, ids_[7]);
      asked[at] = wrong;
      std::vector<uint8_t> out(asked.size() * 8);
      EXPECT_THAT(store_.Gather(asked, absl::MakeSpan(out)),
                  StatusIs(absl::StatusCode::kNotFound,
                           HasSubstr(absl::StrCat("id ", wrong, ":"))));
    }
  }
}

TEST_F(SparseRowStore, RowsOfOtherPartitionsThatAreKeptAreFoundToo) {
  AddCached();
  const std::vector<int64_t> asked = {10'000'007, ids_[5],    10'000'000,
                                      ids_[5],    10'000'007, ids_[2'999]};
  EXPECT_EQ(GatherRows(store_, asked), RowsOf(asked));
  std::vector<uint8_t> out(8);
  EXPECT_THAT(store_.Gather({10'000'001}, absl::MakeSpan(out)),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("10000001")));
}

TEST(RowStore, OfARangeWithCachedRowsFindsBoth) {
  const std::vector<float> values = {0, 1, 2, 3};
  const std::vector<float> cached = {90, 70};
  const std::vector<int64_t> cached_ids = {7, 9};
  RowStore store = {.table = TableOf(values, 1), .ids = IdSpace::Range(100, 4)};
  EXPECT_THAT(GatherRows(store, {103, 100}), ElementsAre(3, 0));
  store.cached = TableOf(cached, 1);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(store.cached_ids,
                                IdSpace::List(cached_ids, "cached_ids.npy"));
  EXPECT_THAT(GatherRows(store, {9, 103, 7}), ElementsAre(70, 3, 90));
  std::vector<uint8_t> out(4);
  EXPECT_THAT(store.Gather({8}, absl::MakeSpan(out)),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("id 8:")));
}

// Elements are copied as they are: a scale is the reader's to apply.
TEST(RowStore, ScaleLeavesElementsAsTheyAre) {
  const std::vector<uint8_t> values = {1, 2, 250, 4};
  const std::vector<float> scale = {0.5F, 2};
  const RowStore store = {.table = {ElementType::kUint8, 2, 2, values.data()},
                          .ids = IdSpace::Range(0, 2),
                          .scale = scale};
  std::vector<uint8_t> out(4);
  ASSERT_THAT(store.Gather({1, 0}, absl::MakeSpan(out)), IsOk());
  EXPECT_THAT(out, ElementsAre(250, 4, 1, 2));
}

TEST(CopyRows, CopiesRowsFromAnywhere) {
  for (const size_t row_bytes : {1, 64, 1'024, 1'025, 3'000}) {
    std::vector<uint8_t> memory(100 * row_bytes);
    std::iota(memory.begin(), memory.end(), uint8_t{0});
    for (const size_t count : {0, 1, 16, 17, 100}) {
      std::vector<const uint8_t*> rows;
      std::vector<uint8_t> expected;
      for (size_t i = 0; i < count; ++i) {
        rows.push_back(memory.data() + (i * 37 + 5) % 100 * row_bytes);
        expected.insert(expected.end(), rows.back(), rows.back() + row_bytes);
      }
      std::vector<uint8_t> out(count * row_bytes);
      CopyRows(rows, row_bytes, out.data());
      EXPECT_EQ(out, expected) << count << " rows of " << row_bytes;
    }
  }
}

}  // namespace
}  // namespace fairlead
