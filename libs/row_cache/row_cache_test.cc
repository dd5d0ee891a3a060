#include "libs/row_cache/row_cache.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "libs/random/philox.h"

namespace fairlead {
namespace {

constexpr uint64_t kRowBytes = 24;

// What the row of an id is, so that any copy can be checked.
std::vector<uint8_t> RowOf(int64_t id) {
  std::vector<uint8_t> row(kRowBytes);
  for (size_t i = 0; i < row.size(); i += 8) {
    const uint64_t value = SplitMix64(static_cast<uint64_t>(id) + i);
    std::memcpy(row.data() + i, &value, 8);
  }
  return row;
}

// As a pool does: a row that is not here is fetched and offered. True if it
// was here.
bool Read(RowCache& cache, int64_t id) {
  std::vector<uint8_t> row(kRowBytes);
  const bool hit = cache.Get(id, row.data());
  if (hit) {
    EXPECT_EQ(row, RowOf(id)) << "id " << id;
  } else {
    cache.Offer(id, RowOf(id).data());
  }
  return hit;
}

TEST(RowCache, GivesBackWhatItWasOffered) {
  RowCache cache({.row_bytes = kRowBytes, .budget_bytes = 1 << 20});
  EXPECT_FALSE(Read(cache, 7));
  EXPECT_TRUE(Read(cache, 7));
  EXPECT_FALSE(Read(cache, int64_t{1} << 40));
  EXPECT_TRUE(Read(cache, int64_t{1} << 40));
  const RowCache::Counts counts = cache.counts();
  EXPECT_EQ(counts.hits, 2U);
  EXPECT_EQ(counts.misses, 2U);
  EXPECT_EQ(counts.rows, 2U);
}

TEST(RowCache, NeverTakesMoreThanItsBudget) {
  constexpr uint64_t kBudget = 1 << 16;
  RowCache cache({.row_bytes = kRowBytes, .budget_bytes = kBudget});
  for (int64_t id = 0; id < 10'000; ++id) {
    Read(cache, id);
    Read(cache, id / 3);
  }
  EXPECT_LE(cache.counts().bytes, kBudget);
  EXPECT_GT(cache.counts().bytes, kBudget / 2);
}

TEST(RowCache, WithoutABudgetHoldsNothing) {
  RowCache cache({.row_bytes = kRowBytes, .budget_bytes = 0});
  EXPECT_FALSE(Read(cache, 1));
  EXPECT_FALSE(Read(cache, 1));
  EXPECT_EQ(cache.counts().rows, 0U);
}

// Parity W-40: rows of a power law, a cache of a few percent of them.
TEST(RowCache, KeepsTheRowsThatAreAskedForMost) {
  constexpr int64_t kIds = 20'000;
  constexpr uint64_t kSlots = 1'000;
  RowCache cache({.row_bytes = kRowBytes, .budget_bytes = kSlots * 88});
  RandomStream random(1, 0, 0);
  uint64_t hits = 0;
  constexpr int kReads = 400'000;
  for (int i = 0; i < kReads; ++i) {
    const double u = static_cast<double>(random.Next32()) * 0x1p-32;
    // Density falls as 1 / id: the first 1,000 of 20,000 get 70 % of all.
    const auto id = static_cast<int64_t>(std::pow(kIds, u));
    if (i > kReads / 4 && Read(cache, id)) ++hits;
    if (i <= kReads / 4) Read(cache, id);
  }
  EXPECT_GT(static_cast<double>(hits) / (0.75 * kReads), 0.55);
}

TEST(RowCache, APassOverColdRowsDrivesHotOnesOutNot) {
  constexpr uint64_t kSlots = 512;
  RowCache cache({.row_bytes = kRowBytes, .budget_bytes = kSlots * 88});
  for (int round = 0; round < 8; ++round) {
    for (int64_t id = 0; id < 200; ++id) Read(cache, id);
  }
  for (int64_t id = 1'000; id < 6'000; ++id) Read(cache, id);
  int hot = 0;
  for (int64_t id = 0; id < 200; ++id) {
    if (Read(cache, id)) ++hot;
  }
  EXPECT_GT(hot, 180);
}

TEST(RowCache, ManyThreadsReadTheRightRows) {
  RowCache cache({.row_bytes = kRowBytes, .budget_bytes = 1 << 14});
  std::vector<std::thread> threads;
  for (uint64_t thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&cache, thread] {
      RandomStream random(2, thread, 0);
      for (int i = 0; i < 20'000; ++i) {
        Read(cache, static_cast<int64_t>(random.Below(500)));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const RowCache::Counts counts = cache.counts();
  EXPECT_EQ(counts.hits + counts.misses, 80'000U);
}

}  // namespace
}  // namespace fairlead
