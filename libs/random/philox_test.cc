#include "libs/random/philox.h"

#include <cstdint>
#include <set>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace fairlead {
namespace {

using ::testing::ElementsAre;

// The known answers of the authors' Random123 library (kat_vectors).
TEST(PhiloxTest, GivesTheAuthorsKnownAnswers) {
  EXPECT_THAT(Philox4x32({0, 0, 0, 0}, 0),
              ElementsAre(0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8));
  EXPECT_THAT(Philox4x32({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
                         0xffffffffffffffff),
              ElementsAre(0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd));
  EXPECT_THAT(Philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
                         0x299f31d0a4093822),
              ElementsAre(0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1));
}

TEST(RandomStreamTest, SameKeyPlaceAndLaneGiveTheSameNumbers) {
  RandomStream a(1, 2, 3);
  RandomStream b(1, 2, 3);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(a.Next32(), b.Next32());
}

TEST(RandomStreamTest, KeyPlaceAndLaneEachGiveOtherNumbers) {
  std::set<uint64_t> firsts;
  for (uint64_t key = 0; key < 10; ++key) {
    for (uint64_t place = 0; place < 10; ++place) {
      for (uint32_t lane = 0; lane < 10; ++lane) {
        firsts.insert(RandomStream(key, place << 32, lane).Next64());
      }
    }
  }
  EXPECT_EQ(firsts.size(), 1000u);
}

TEST(RandomStreamTest, BelowStaysBelowAndReachesEveryValue) {
  for (const uint64_t bound : {uint64_t{1}, uint64_t{2}, uint64_t{7}}) {
    RandomStream stream(5, 6, 7);
    std::set<uint64_t> seen;
    for (int i = 0; i < 200; ++i) seen.insert(stream.Below(bound));
    EXPECT_EQ(seen.size(), bound);
    EXPECT_EQ(*seen.rbegin(), bound - 1);
  }
  RandomStream stream(5, 6, 7);
  for (int i = 0; i < 200; ++i) {
    EXPECT_LT(stream.Below((uint64_t{1} << 40) + 1), (uint64_t{1} << 40) + 1);
  }
}

TEST(RandomStreamTest, BelowIsUniformByChiSquare) {
  constexpr int kValues = 10;
  constexpr int kDraws = 100'000;
  std::vector<int> counts(kValues, 0);
  for (int i = 0; i < kDraws; ++i) {
    ++counts[RandomStream(11, /*place=*/i, 0).Below(kValues)];
  }
  constexpr double kExpected = static_cast<double>(kDraws) / kValues;
  double chi_square = 0;
  for (const int count : counts) {
    chi_square += (count - kExpected) * (count - kExpected) / kExpected;
  }
  EXPECT_LT(chi_square, 27.9);  // 9 degrees of freedom, p = 0.001
}

TEST(DeriveRandomKeyTest, EveryArgumentMatters) {
  const uint64_t key = DeriveRandomKey(1, RandomPurpose::kNeighbors, 2, 3);
  EXPECT_EQ(key, DeriveRandomKey(1, RandomPurpose::kNeighbors, 2, 3));
  EXPECT_NE(key, DeriveRandomKey(9, RandomPurpose::kNeighbors, 2, 3));
  EXPECT_NE(key, DeriveRandomKey(1, RandomPurpose::kShuffle, 2, 3));
  EXPECT_NE(key, DeriveRandomKey(1, RandomPurpose::kNeighbors, 9, 3));
  EXPECT_NE(key, DeriveRandomKey(1, RandomPurpose::kNeighbors, 2, 9));
}

}  // namespace
}  // namespace fairlead
