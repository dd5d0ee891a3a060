#include "libs/command_line/flag_check.h"

#include <string>

#include "absl/flags/flag.h"
#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/status/status_matchers.h"

ABSL_FLAG(bool, example_switch, false, "");
ABSL_FLAG(int, example_number, 0, "");

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::StatusIs;
using ::testing::HasSubstr;

TEST(CheckFlags, TakesFlagsInAllTheirForms) {
  EXPECT_THAT(CheckFlags({"word", "--example_switch", "--example_number=3",
                          "-example_number=3", "--noexample_switch",
                          "--example_number", "4", "-"}),
              IsOk());
  EXPECT_THAT(CheckFlags({"--", "--no_such_flag"}), IsOk());
}

TEST(CheckFlags, NamesAFlagThatIsNotThere) {
  for (const char* word :
       {"--no_such_flag", "--no_such_flag=3", "--noexample_number", "--no"}) {
    EXPECT_THAT(CheckFlags({"word", word}),
                StatusIs(absl::StatusCode::kInvalidArgument));
  }
}

TEST(CheckFlags, NamesAValueThatCannotBe) {
  EXPECT_THAT(CheckFlags({"--example_number=three"}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("--example_number=three")));
  EXPECT_THAT(CheckFlags({"--example_switch=maybe"}),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(CheckFlags({"--example_number"}),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(FindHelp, FindsItWhereverItStands) {
  for (const char* word : {"--help", "-help", "--helpshort"}) {
    EXPECT_EQ(FindHelp({"word", "--example_number=3", word}),
              HelpAsked::kOwnFlags);
  }
  EXPECT_EQ(FindHelp({"--helpfull"}), HelpAsked::kAllFlags);
  EXPECT_EQ(FindHelp({"--no_such_flag", "--help"}), HelpAsked::kOwnFlags);
}

TEST(FindHelp, TakesNoOtherWordForIt) {
  EXPECT_EQ(FindHelp({"help", "--version", "--example_switch"}),
            HelpAsked::kNo);
  EXPECT_EQ(FindHelp({"--example_number", "--help"}), HelpAsked::kNo);
  EXPECT_EQ(FindHelp({"--", "--help"}), HelpAsked::kNo);
  EXPECT_EQ(FindHelp({}), HelpAsked::kNo);
}

}  // namespace
}  // namespace fairlead
