// The README names only metrics that there are.

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace fairlead {
namespace {

using ::testing::Contains;
using ::testing::Gt;
using ::testing::SizeIs;

// All metrics named in a file of this folder, between `quote`s.
std::set<std::string> NamesIn(const std::string& file,
                              const std::string& quote) {
  std::ifstream in(absl::StrCat(std::getenv("TEST_SRCDIR"), "/",
                                std::getenv("TEST_WORKSPACE"),
                                "/libs/telemetry/", file));
  EXPECT_TRUE(in.good()) << file;
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  const std::regex name(quote + "((fairlead|process)_[a-z_]*[a-z])" + quote);
  std::set<std::string> names;
  for (std::sregex_iterator it(text.begin(), text.end(), name), end; it != end;
       ++it) {
    names.insert((*it)[1]);
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
