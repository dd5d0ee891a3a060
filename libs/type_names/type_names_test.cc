#include "libs/type_names/type_names.h"

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/status/status_matchers.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOkAndHolds;
using ::fairlead::testing::StatusIs;

TEST(TypeNames, OrdinaryNamesStayAsTheyAre) {
  EXPECT_EQ((EdgeTypeName{"paper", "is_part_of", "venue"}.ToString()),
            "paper__is_part_of__venue");
  EXPECT_EQ(EscapeTypeName("café.2"), "café.2");
}

TEST(TypeNames, WhatWouldReadTwoWaysIsEscaped) {
  EXPECT_EQ(EscapeTypeName("a__b"), "a%5F%5Fb");
  EXPECT_EQ(EscapeTypeName("_a_"), "%5Fa%5F");
  EXPECT_EQ(EscapeTypeName("50%/a\n"), "50%25%2Fa%0A");
}

// Names of every awkward kind, in every position.
TEST(TypeNames, EveryNameIsReadBackAsItWas) {
  const std::vector<std::string> names = {
      "a", "_", "__", "a_", "_a", "%", "a__b", "%5F", "/", "a_b", "\x01é"};
  for (const std::string& src : names) {
    for (const std::string& relation : names) {
      for (const std::string& dst : names) {
        const EdgeTypeName name{src, relation, dst};
        EXPECT_THAT(ParseEdgeTypeName(name.ToString()), IsOkAndHolds(name));
      }
    }
  }
}

TEST(TypeNames, WhatIsNoEdgeTypeIsRefused) {
  for (const char* text : {"", "a", "a__b", "a__b__c__d", "__b__c", "a____c",
                           "a__b%__c", "a__b%4__c", "a__b%xy__c"}) {
    EXPECT_THAT(ParseEdgeTypeName(text),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         ::testing::HasSubstr("edge type")))
        << text;
  }
}

TEST(TypeNames, ReversingTwiceGivesTheTypeBack) {
  const EdgeTypeName writes{"author", "writes", "paper"};
  const EdgeTypeName reversed{"paper", "rev_writes", "author"};
  EXPECT_EQ(ReverseEdgeType(writes), reversed);
  EXPECT_EQ(ReverseEdgeType(reversed), writes);
  const EdgeTypeName cites{"paper", "cites", "paper"};
  EXPECT_EQ(ReverseEdgeType(cites), cites);
}

}  // namespace
}  // namespace fairlead
