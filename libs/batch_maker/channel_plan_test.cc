#include "libs/batch_maker/channel_plan.h"

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace fairlead {
namespace {

std::vector<int64_t> IdsOf(const SeedList& seeds) {
  std::vector<int64_t> ids;
  for (uint64_t i = 0; i < seeds.size(); ++i) ids.push_back(seeds[i]);
  return ids;
}

TEST(SeedListTest, ListHasItsIdsAndSoHaveItsParts) {
  const std::vector<int64_t> ids = {5, 3, 9, 3};
  const SeedList seeds((absl::Span<const int64_t>(ids)));
  EXPECT_THAT(IdsOf(seeds), ::testing::ElementsAre(5, 3, 9, 3));
  EXPECT_THAT(IdsOf(seeds.Part(1, 3)), ::testing::ElementsAre(3, 9));
  EXPECT_THAT(IdsOf(seeds.Part(1, 3).Part(1, 2)), ::testing::ElementsAre(9));
  EXPECT_THAT(IdsOf(seeds.Part(2, 2)), ::testing::IsEmpty());
}

TEST(SeedListTest, RangeHasAllOfItsIdsAndSoHaveItsParts) {
  const SeedList seeds = SeedList::Range(0, 4);
  EXPECT_THAT(IdsOf(seeds), ::testing::ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(IdsOf(seeds.Part(1, 3)), ::testing::ElementsAre(1, 2));
  EXPECT_THAT(IdsOf(seeds.Part(1, 4).Part(1, 3)), ::testing::ElementsAre(2, 3));
  EXPECT_THAT(IdsOf(SeedList::Range(0, 0)), ::testing::IsEmpty());
}

TEST(SeedListTest, EmptyListIsNoRange) {
  EXPECT_EQ(SeedList(absl::Span<const int64_t>()).size(), 0u);
}

}  // namespace
}  // namespace fairlead
