#include "libs/command_line/help_text.h"

#include <string>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

ABSL_FLAG(bool, example_off, false, "Off.");
ABSL_FLAG(bool, example_on, true, "On.");
ABSL_FLAG(std::string, example_word, "a b",
          "A word that needs so much to be said about it that it does not all "
          "fit into one line of a terminal, nor into two of them if they are "
          "short.");

namespace fairlead {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::Le;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

bool IsHere(absl::string_view file) {
  return absl::EndsWith(file, "help_text_test.cc");
}

TEST(HelpText, SaysWhatTheProgramIsForAndEachFlag) {
  const std::string text = HelpText("Does something.", IsHere);
  EXPECT_THAT(text, StartsWith("Does something.\n"));
  EXPECT_THAT(text, AllOf(HasSubstr("\n  --example_off\n      Off.\n"),
                          HasSubstr("\n  --example_on=true\n      On.\n"),
                          HasSubstr("\n  --example_word=a b\n      A word ")));
  EXPECT_THAT(text, HasSubstr("--version"));
}

TEST(HelpText, FitsIntoATerminal) {
  const std::vector<std::string> lines =
      absl::StrSplit(HelpText("Does something.", IsHere), '\n');
  EXPECT_THAT(lines, Each(SizeIs(Le(79))));
}

TEST(HelpText, LeavesOutWhatIsOfOtherFiles) {
  const auto nothing = [](absl::string_view /*file*/) { return false; };
  EXPECT_THAT(HelpText("Does something.", nothing), Not(HasSubstr("  --")));
}

}  // namespace
}  // namespace fairlead
