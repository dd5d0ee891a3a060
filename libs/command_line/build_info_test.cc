#include "libs/command_line/build_info.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace fairlead {
namespace {

using ::testing::AnyOf;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;

TEST(BuildInfoTest, SaysVersionAndConfiguration) {
  const BuildInfo build = ThisBuild();
  EXPECT_THAT(build.version, MatchesRegex("[0-9]+\\.[0-9]+\\.[0-9]+"));
  EXPECT_THAT(build.config, AnyOf("opt", "dbg", "asan", "tsan"));
  // Bazel never stamps tests.
  EXPECT_THAT(build.commit, IsEmpty());
}

TEST(BuildInfoTest, TextIsOneLineThatNamesTheProgram) {
  EXPECT_EQ(VersionText("registry"), absl::StrCat("registry ", kVersion, " (",
                                                  ThisBuild().config, ")\n"));
}

}  // namespace
}  // namespace fairlead
