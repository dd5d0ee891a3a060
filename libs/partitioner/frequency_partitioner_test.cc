#include "libs/partitioner/frequency_partitioner.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/graph/partition_book.h"
#include "libs/random/philox.h"
#include "libs/status/status_matchers.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOkAndHolds;
using ::fairlead::testing::StatusIs;
using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Lt;

using Hotness = std::vector<std::vector<float>>;

absl::StatusOr<std::vector<uint32_t>> Partition(
    const Hotness& hotness, const FrequencyOptions& options = {}) {
  const std::vector<absl::Span<const float>> spans(hotness.begin(),
                                                   hotness.end());
  return FrequencyOwners(spans, options);
}

TEST(FrequencyOwners, GiveEachNodeToItsHotPartition) {
  // Node v is hot in partition (v / 5) % 3: neither blocks nor round robin.
  constexpr size_t kNodes = 30;
  Hotness hotness(3, std::vector<float>(kNodes, 0.1F));
  for (size_t v = 0; v < kNodes; ++v) hotness[v / 5 % 3][v] = 0.9F;
  for (const double imbalance : {0.0, 0.03}) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(
        const std::vector<uint32_t> owners,
        Partition(hotness, {.max_imbalance = imbalance}));
    for (size_t v = 0; v < kNodes; ++v) EXPECT_EQ(owners[v], v / 5 % 3);
  }
}

TEST(FrequencyOwners, LetThoseChooseFirstThatLoseMost) {
  // All four want partition 0; nodes 1 and 2 would lose most elsewhere.
  EXPECT_THAT(Partition({{0.9F, 0.9F, 0.8F, 0.5F}, {0.7F, 0.1F, 0.1F, 0.4F}},
                        {.max_imbalance = 0}),
              IsOkAndHolds(ElementsAre(1, 0, 0, 1)));
}

TEST(FrequencyOwners, ChooseAnewAmongTheOthersOnceOneIsFull) {
  // Partition 0 goes to node 0. Of the rest node 2 loses most without its
  // second choice, partition 1, though it lost least without its first.
  EXPECT_THAT(Partition({{0.9F, 0.8F, 0.7F}, {0, 0.3F, 0.6F}, {0, 0.25F, 0}},
                        {.max_imbalance = 0}),
              IsOkAndHolds(ElementsAre(0, 2, 1)));
}

TEST(FrequencyOwners, SpreadNodesThatNobodyNeeds) {
  EXPECT_THAT(
      Partition({{0, 0, 1, 0, 0, 0}, {0, 0, 0, 0, 0, 0}}, {.max_imbalance = 0}),
      IsOkAndHolds(ElementsAre(1, 0, 0, 1, 0, 1)));
}

TEST(FrequencyOwners, MayBeLessBalancedIfAllowed) {
  const Hotness all_want_0 = {{1, 1, 1, 1}, {0, 0, 0, 0}};
  EXPECT_THAT(Partition(all_want_0, {.max_imbalance = 0.5}),
              IsOkAndHolds(ElementsAre(0, 0, 0, 1)));
  EXPECT_THAT(Partition(all_want_0, {.max_imbalance = 1}),
              IsOkAndHolds(Each(0U)));
  EXPECT_THAT(Partition(all_want_0, {.max_imbalance = 1e300}),
              IsOkAndHolds(Each(0U)));
}

TEST(FrequencyOwners, BalanceAfterEachChunk) {
  // With chunks of 2 nodes a partition gets 1 of each two.
  EXPECT_THAT(Partition({{1, 1, 0, 0, 1, 1, 0, 0}, {0, 0, 1, 1, 0, 0, 1, 1}},
                        {.max_imbalance = 0, .chunk_size = 1}),
              IsOkAndHolds(ElementsAre(0, 1, 1, 0, 0, 1, 1, 0)));
}

TEST(FrequencyOwners, HoldTheBalanceForAnyHotness) {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    RandomStream random(seed, 0, 0);
    const auto parts = static_cast<uint32_t>(1 + random.Below(7));
    const size_t nodes = random.Below(60);
    Hotness hotness(parts, std::vector<float>(nodes));
    for (uint32_t part = 0; part < parts; ++part) {
      for (float& each : hotness[part]) {
        each = random.Below(3) == 0
                   ? 0
                   : static_cast<float>(random.Below(100 / (1 + part)));
      }
    }
    const FrequencyOptions options = {
        .max_imbalance = seed % 3 == 0 ? 0 : 0.2,
        .chunk_size = static_cast<int64_t>(random.Below(5))};
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::vector<uint32_t> owners,
                                  Partition(hotness, options));
    ASSERT_EQ(owners.size(), nodes);
    ASSERT_THAT(owners, Each(Lt(parts)));
    std::vector<int64_t> sizes(parts, 0);
    for (const uint32_t owner : owners) ++sizes[owner];
    const auto [least, most] = std::minmax_element(sizes.begin(), sizes.end());
    if (options.max_imbalance == 0) {
      EXPECT_LE(*most - *least, 1) << "seed " << seed;
    } else {
      const double share = static_cast<double>(nodes) / parts;
      EXPECT_LE(static_cast<double>(*most),
                std::max(std::ceil(share), share * 1.2))
          << "seed " << seed;
    }
    EXPECT_THAT(Partition(hotness, options), IsOkAndHolds(owners));
  }
}

// The expected rows a batch that need not be fetched.
double Local(const Hotness& hotness, const std::vector<uint32_t>& owners) {
  double local = 0;
  for (size_t v = 0; v < owners.size(); ++v) {
    local += static_cast<double>(hotness[owners[v]][v]);
  }
  return local;
}

// The most that any balanced owners could have local, by trying all.
double BestLocal(const Hotness& hotness) {
  const size_t nodes = hotness[0].size();
  const auto parts = static_cast<uint32_t>(hotness.size());
  std::vector<uint32_t> owners(nodes, 0);
  double best = 0;
  while (true) {
    std::vector<int> sizes(parts, 0);
    for (const uint32_t owner : owners) ++sizes[owner];
    const auto [least, most] = std::minmax_element(sizes.begin(), sizes.end());
    if (*most - *least <= 1) best = std::max(best, Local(hotness, owners));
    size_t digit = 0;  // counts up
    while (digit < nodes && ++owners[digit] == parts) owners[digit++] = 0;
    if (digit == nodes) return best;
  }
}

Hotness RandomHotness(uint64_t seed, uint32_t parts, size_t nodes) {
  RandomStream random(seed, 0, 0);
  Hotness hotness(parts, std::vector<float>(nodes));
  for (uint32_t part = 0; part < parts; ++part) {
    for (float& each : hotness[part]) {
      each = static_cast<float>(random.Below(100 / (1 + part)));
    }
  }
  return hotness;
}

TEST(FrequencyOwners, AreTheBestThereAreForTwoPartitions) {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    const Hotness hotness = RandomHotness(seed, 2, 1 + seed % 10);
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::vector<uint32_t> owners,
                                  Partition(hotness, {.max_imbalance = 0}));
    EXPECT_EQ(Local(hotness, owners), BestLocal(hotness)) << "seed " << seed;
  }
}

TEST(FrequencyOwners, AreCloseToTheBestForMore) {
  double local = 0;
  double best = 0;
  for (uint64_t seed = 0; seed < 100; ++seed) {
    const Hotness hotness = RandomHotness(seed, 3, 7);
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::vector<uint32_t> owners,
                                  Partition(hotness, {.max_imbalance = 0}));
    local += Local(hotness, owners);
    best += BestLocal(hotness);
    EXPECT_GE(Local(hotness, owners), 0.85 * BestLocal(hotness))
        << "seed " << seed;
  }
  EXPECT_GE(local, 0.98 * best);
}

TEST(FrequencyOwners, GiveTheOnePartitionEverything) {
  EXPECT_THAT(Partition({{0, 1, 2}}), IsOkAndHolds(ElementsAre(0, 0, 0)));
}

TEST(FrequencyOwners, OfNothingAreNone) {
  EXPECT_THAT(Partition({{}, {}}), IsOkAndHolds(IsEmpty()));
}

TEST(FrequencyOwners, TakeMorePartitionsThanNodes) {
  EXPECT_THAT(Partition({{0}, {0}, {1}}), IsOkAndHolds(ElementsAre(2)));
}

TEST(FrequencyOwners, RefuseWhatIsNoHotness) {
  EXPECT_THAT(Partition({}), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(Partition({{1, 2}, {1}}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("of 1 nodes for partition 1")));
  EXPECT_THAT(Partition({{1, 2}, {1, -1}}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("node 1"), HasSubstr("partition 1"))));
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(),
                          std::numeric_limits<float>::infinity()}) {
    EXPECT_THAT(Partition({{bad}}),
                StatusIs(absl::StatusCode::kInvalidArgument));
  }
  EXPECT_THAT(
      Partition({{1}}, {.max_imbalance = -1}),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("max_imbalance")));
  EXPECT_THAT(
      Partition({{1}}, {.chunk_size = -1}),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("chunk_size")));
}

// Partition 0 owns nodes 0 and 3; nobody owns node 5.
const std::vector<uint32_t> kOwners = {0, 1, 1, 0, 2, kNoPartition, 2, 1};
const std::vector<float> kHotness = {.9F, .5F, .7F, .8F, .5F, .6F, 0, .2F};

TEST(SelectCache, TakesTheHottestOfTheOthersByHotnessThenId) {
  EXPECT_THAT(SelectCache(kHotness, kOwners, 0, 10, 1000),
              IsOkAndHolds(ElementsAre(2, 1, 4, 7)));
  EXPECT_THAT(SelectCache(kHotness, kOwners, 1, 10, 1000),
              IsOkAndHolds(ElementsAre(0, 3, 4)));
}

TEST(SelectCache, StaysWithinItsBudget) {
  EXPECT_THAT(SelectCache(kHotness, kOwners, 0, 10, 29),
              IsOkAndHolds(ElementsAre(2, 1)));
  EXPECT_THAT(SelectCache(kHotness, kOwners, 0, 10, 30),
              IsOkAndHolds(ElementsAre(2, 1, 4)));
  EXPECT_THAT(SelectCache(kHotness, kOwners, 0, 10, 9),
              IsOkAndHolds(IsEmpty()));
  EXPECT_THAT(SelectCache(kHotness, kOwners, 0, 10, 0),
              IsOkAndHolds(IsEmpty()));
}

TEST(SelectCache, IsAPrefixOfALargerOne) {
  RandomStream random(9, 0, 0);
  std::vector<float> hotness(1000);
  std::vector<uint32_t> owners(1000);
  for (size_t i = 0; i < hotness.size(); ++i) {
    hotness[i] = static_cast<float>(random.Below(50));
    owners[i] = static_cast<uint32_t>(random.Below(3));
  }
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::vector<int64_t> all,
                                SelectCache(hotness, owners, 1, 1, 1000));
  for (size_t rows = 0; rows <= all.size(); rows += 13) {
    EXPECT_THAT(SelectCache(hotness, owners, 1, 1, rows),
                IsOkAndHolds(std::vector<int64_t>(
                    all.begin(), all.begin() + static_cast<ptrdiff_t>(rows))));
  }
}

TEST(SelectCache, RefusesWhatDoesNotAgree) {
  EXPECT_THAT(SelectCache({1, 2}, {0}, 0, 8, 100),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("2 nodes, owners of 1")));
  EXPECT_THAT(
      SelectCache({1}, {0}, 0, 0, 100),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("0 bytes")));
  EXPECT_THAT(SelectCache({-1}, {0}, 0, 8, 100),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace fairlead
