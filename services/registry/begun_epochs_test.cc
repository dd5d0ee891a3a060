#include "services/registry/begun_epochs.h"

#include "gtest/gtest.h"

namespace fairlead {
namespace {

TEST(BegunEpochs, CopyOfACallIsNoNews) {
  BegunEpochs begun(/*max_channels=*/10);
  EXPECT_TRUE(begun.Add(7, 0, 0));
  EXPECT_FALSE(begun.Add(7, 0, 0));
  EXPECT_TRUE(begun.Add(8, 0, 0));
  EXPECT_TRUE(begun.Add(7, 0, 1));
  EXPECT_FALSE(begun.Add(7, 0, 1));
  EXPECT_TRUE(begun.Add(7, 1, 0));
}

TEST(BegunEpochs, CallThatIsLateIsNoNews) {
  BegunEpochs begun(/*max_channels=*/10);
  EXPECT_TRUE(begun.Add(7, 3, 2));
  EXPECT_FALSE(begun.Add(7, 3, 1));
  EXPECT_FALSE(begun.Add(7, 2, 9));
}

TEST(BegunEpochs, RemembersTheLatestChannelsOnly) {
  BegunEpochs begun(/*max_channels=*/2);
  for (const uint64_t channel : {1, 2, 3}) {
    EXPECT_TRUE(begun.Add(channel, 0, 0));
  }
  EXPECT_FALSE(begun.Add(2, 0, 0));
  EXPECT_FALSE(begun.Add(3, 0, 0));
  EXPECT_TRUE(begun.Add(1, 0, 0));  // forgotten
}

}  // namespace
}  // namespace fairlead
