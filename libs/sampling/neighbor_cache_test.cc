#include "libs/sampling/neighbor_cache.h"

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/types/span.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace fairlead {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Optional;

constexpr int64_t kRoomy = int64_t{1} << 30;

// What one list of `count` neighbours takes.
int64_t BytesOf(size_t count) {
  NeighborCache cache(1, kRoomy);
  cache.Insert(0, 0, std::vector<int64_t>(count));
  return cache.bytes();
}

// Begins a batch, inserts a list of one neighbour for each id, and ends it.
void RunBatch(NeighborCache& cache, std::vector<int64_t> ids) {
  const uint64_t batch = cache.BeginBatch();
  for (const int64_t id : ids) cache.Insert(0, id, {id});
  cache.EndBatch(batch);
}

std::vector<int64_t> IdsOf(const NeighborCache& cache, int64_t end) {
  std::vector<int64_t> ids;
  for (int64_t id = 0; id < end; ++id) {
    if (cache.Contains(0, id)) ids.push_back(id);
  }
  return ids;
}

TEST(NeighborCache, FindsWhatWasInsertedUnderItsEdgeType) {
  NeighborCache cache(2, kRoomy);
  const int64_t large = (int64_t{1} << 40) + 7;
  cache.Insert(0, large, {3, 1, 2});
  cache.Insert(1, large, {});
  EXPECT_THAT(cache.Find(0, large), Optional(ElementsAre(3, 1, 2)));
  EXPECT_THAT(cache.Find(1, large), Optional(IsEmpty()));
  EXPECT_EQ(cache.Find(0, 7), std::nullopt);
  EXPECT_TRUE(cache.Contains(1, large));
  EXPECT_FALSE(cache.Contains(1, 7));
  EXPECT_EQ(cache.size(), 2u);
}

TEST(NeighborCache, KeepsTheListItHas) {
  NeighborCache cache(1, kRoomy);
  cache.Insert(0, 5, {1});
  const int64_t bytes = cache.bytes();
  cache.Insert(0, 5, {2, 3});
  EXPECT_THAT(cache.Find(0, 5), Optional(ElementsAre(1)));
  EXPECT_EQ(cache.bytes(), bytes);
}

TEST(NeighborCache, ListsStayWhereTheyAreWhileOthersAreInserted) {
  NeighborCache cache(1, /*byte_budget=*/0);
  const uint64_t batch = cache.BeginBatch();
  cache.Insert(0, 0, {42});
  const auto list = cache.Find(0, 0);
  for (int64_t id = 1; id < 10000; ++id) cache.Insert(0, id, {id});
  EXPECT_THAT(list, Optional(ElementsAre(42)));
  EXPECT_EQ(cache.size(), 10000u);  // whatever the budget
  cache.EndBatch(batch);
  EXPECT_EQ(cache.size(), 0u);
  EXPECT_EQ(cache.bytes(), 0);
}

TEST(NeighborCache, KeepsListsFromBatchToBatchWithinTheBudget) {
  NeighborCache cache(1, 8 * BytesOf(1));
  RunBatch(cache, {0, 1, 2, 3});
  RunBatch(cache, {4, 5, 6, 7});
  EXPECT_THAT(IdsOf(cache, 20), ElementsAre(0, 1, 2, 3, 4, 5, 6, 7));
  RunBatch(cache, {8});
  EXPECT_LE(cache.bytes(), 8 * BytesOf(1));
}

TEST(NeighborCache, EvictsDownToThreeQuartersByBatchOfLastUseThenId) {
  NeighborCache cache(1, 8 * BytesOf(1));
  RunBatch(cache, {3, 1, 2, 0});
  RunBatch(cache, {7, 6, 5, 4});
  const uint64_t batch = cache.BeginBatch();
  EXPECT_TRUE(cache.Find(0, 1).has_value());  // a use makes it young
  cache.Insert(0, 8, {8});
  cache.EndBatch(batch);
  // Nine lists, six may stay: 0, 2 and 3 are of the oldest batch.
  EXPECT_THAT(IdsOf(cache, 20), ElementsAre(1, 4, 5, 6, 7, 8));
  EXPECT_EQ(cache.bytes(), 6 * BytesOf(1));
}

TEST(NeighborCache, AskingWhetherItContainsAListIsNoUse) {
  NeighborCache cache(1, 4 * BytesOf(1));
  RunBatch(cache, {0, 1});
  RunBatch(cache, {2, 3});
  EXPECT_TRUE(cache.Contains(0, 0));
  RunBatch(cache, {4});
  EXPECT_THAT(IdsOf(cache, 20), ElementsAre(2, 3, 4));
}

TEST(NeighborCache, WhatABatchHasUsedStaysUntilThatBatchEnds) {
  NeighborCache cache(1, /*byte_budget=*/0);
  const uint64_t slow = cache.BeginBatch();
  cache.Insert(0, 1, {1});
  const auto list = cache.Find(0, 1);
  RunBatch(cache, {2});
  EXPECT_THAT(list, Optional(ElementsAre(1)));
  EXPECT_TRUE(cache.Contains(0, 1));
  cache.EndBatch(slow);
  EXPECT_EQ(cache.size(), 0u);
}

}  // namespace
}  // namespace fairlead
