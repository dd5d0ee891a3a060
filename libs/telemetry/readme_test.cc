// The README names only metrics that there are.

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <set>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace fairlead {
namespace {

using ::testing::Contains;
using ::testing::Gt;
using ::testing::SizeIs;

// All metrics named in a file of this folder, between `quote`s. (Without
// std::regex, in which gcc's sanitizers find what is not there.)
std::set<std::string> NamesIn(const std::string& file,
                              const std::string& quote) {
  std::ifstream in(absl::StrCat(std::getenv("TEST_SRCDIR"), "/",
                                std::getenv("TEST_WORKSPACE"),
                                "/libs/telemetry/", file));
  EXPECT_TRUE(in.good()) << file;
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  std::set<std::string> names;
  for (const absl::string_view part : absl::StrSplit(text, quote)) {
    if ((absl::StartsWith(part, "fairlead_") ||
         absl::StartsWith(part, "process_")) &&
        part.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") ==
            absl::string_view::npos) {
      names.emplace(part);
    }
  }
  return names;
}

TEST(TelemetryReadme, NamesOnlyMetricsThatThereAre) {
  const std::set<std::string> listed = NamesIn("metric_names.h", "\"");
  const std::set<std::string> named = NamesIn("README.md", "`");
  EXPECT_THAT(named, SizeIs(Gt(30)));
  for (const std::string& name : named) EXPECT_THAT(listed, Contains(name));
}

}  // namespace
}  // namespace fairlead
