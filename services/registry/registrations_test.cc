#include "services/registry/registrations.h"

#include "gtest/gtest.h"

namespace fairlead {
namespace {

constexpr uint64_t kChannel = 7;

TEST(Registrations, ChannelThatItsPoolHasStays) {
  Registrations registrations;
  ASSERT_TRUE(registrations.Begin(kChannel, /*is_new=*/true));
  EXPECT_FALSE(registrations.End(kChannel, /*succeeded=*/true));
}

TEST(Registrations, NewChannelThatNoPoolHasIsTakenBack) {
  Registrations registrations;
  ASSERT_TRUE(registrations.Begin(kChannel, /*is_new=*/true));
  EXPECT_TRUE(registrations.End(kChannel, /*succeeded=*/false));
  // Who comes meanwhile would lose what it gets.
  EXPECT_FALSE(registrations.Begin(kChannel, /*is_new=*/false));
  registrations.NoteTakenBack(kChannel);
  EXPECT_TRUE(registrations.Begin(kChannel, /*is_new=*/true));
}

TEST(Registrations, ChannelOfAnEarlierCallIsNeverTakenBack) {
  Registrations registrations;
  ASSERT_TRUE(registrations.Begin(kChannel, /*is_new=*/false));
  EXPECT_FALSE(registrations.End(kChannel, /*succeeded=*/false));
}

TEST(Registrations, OneOfTwoCopiesThatGotItIsEnough) {
  for (const bool is_first : {true, false}) {
    Registrations registrations;
    ASSERT_TRUE(registrations.Begin(kChannel, /*is_new=*/true));
    ASSERT_TRUE(registrations.Begin(kChannel, /*is_new=*/false));
    EXPECT_FALSE(registrations.End(kChannel, is_first));
    EXPECT_FALSE(registrations.End(kChannel, !is_first));
  }
}

TEST(Registrations, LastOfTwoCopiesTakesBackWhatNoneGot) {
  Registrations registrations;
  ASSERT_TRUE(registrations.Begin(kChannel, /*is_new=*/true));
  ASSERT_TRUE(registrations.Begin(kChannel, /*is_new=*/false));
  EXPECT_FALSE(registrations.End(kChannel, /*succeeded=*/false));
  EXPECT_TRUE(registrations.End(kChannel, /*succeeded=*/false));
}

TEST(Registrations, ChannelsDoNotConcernEachOther) {
  Registrations registrations;
  ASSERT_TRUE(registrations.Begin(1, /*is_new=*/true));
  ASSERT_TRUE(registrations.Begin(2, /*is_new=*/true));
  EXPECT_TRUE(registrations.End(1, /*succeeded=*/false));
  EXPECT_FALSE(registrations.End(2, /*succeeded=*/true));
}

}  // namespace
}  // namespace fairlead
