#include "libs/rpc/readiness.h"

#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace fairlead::rpc {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

TEST(ReadinessTest, IsReadyOnceNoReasonIsLeft) {
  Readiness readiness;
  EXPECT_TRUE(readiness.ready());
  readiness.Hold("reconciling");
  readiness.Hold("draining");
  readiness.Release("reconciling");
  EXPECT_FALSE(readiness.ready());
  EXPECT_THAT(readiness.reasons(),
              ElementsAre(Pair("draining", true), Pair("reconciling", false)));
  readiness.Release("draining");
  EXPECT_TRUE(readiness.ready());
}

TEST(ReadinessTest, AReasonGivenTwiceIsOne) {
  Readiness readiness;
  readiness.Hold("store");
  readiness.Hold("store");
  readiness.Release("store");
  EXPECT_TRUE(readiness.ready());
  readiness.Release("store");
  EXPECT_TRUE(readiness.ready());
}

TEST(ReadinessTest, AListenerIsToldTheStateNowAndEveryChange) {
  Readiness readiness;
  readiness.Hold("starting");
  std::vector<bool> told;
  readiness.Listen([&told](bool ready) { told.push_back(ready); });
  EXPECT_THAT(told, ElementsAre(false));
  readiness.Release("starting");
  EXPECT_THAT(told, ElementsAre(false, true));
  readiness.Set("draining", true);
  EXPECT_THAT(told, ElementsAre(false, true, false));
  readiness.Listen(nullptr);
  readiness.Set("draining", false);
  EXPECT_THAT(told, ElementsAre(false, true, false));
}

}  // namespace
}  // namespace fairlead::rpc
