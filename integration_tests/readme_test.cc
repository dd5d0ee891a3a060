// The README's example is the program that is compiled and run.

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace fairlead {
namespace {

using ::testing::HasSubstr;

std::string Read(const std::string& file) {
  std::ifstream in(absl::StrCat(std::getenv("TEST_SRCDIR"), "/",
                                std::getenv("TEST_WORKSPACE"), "/", file));
  EXPECT_TRUE(in.good()) << file;
  return {std::istreambuf_iterator<char>(in), {}};
}

// The text from `begin` to the end of `end`, which both must be there.
std::string Part(const std::string& text, const std::string& begin,
                 const std::string& end) {
  const size_t from = text.find(begin);
  const size_t to = text.find(end, from);
  if (from == std::string::npos || to == std::string::npos) {
    ADD_FAILURE() << "no \"" << begin << "\" to \"" << end << "\" in " << text;
    return "";
  }
  return text.substr(from, to + end.size() - from);
}

TEST(Readme, QuotesTheExampleTrainerAsItIs) {
  EXPECT_EQ(Part(Read("README.md"), "absl::Status Train(", "\n}\n"),
            Part(Read("libs/loader/example_trainer.cc"), "absl::Status Train(",
                 "\n}\n"));
}

// The code of a page's blocks of C++.
std::string Blocks(const std::string& page) {
  std::string code;
  const std::string begin = "```cpp\n";
  for (size_t at = page.find(begin); at != std::string::npos;
       at = page.find(begin, at)) {
    at += begin.size();
    absl::StrAppend(&code, page.substr(at, page.find("```", at) - at));
  }
  return code;
}

// Without what a compiler does not see, so that lines may be broken elsewhere.
std::string Bare(const std::string& code) {
  std::string bare;
  for (const absl::string_view line : absl::StrSplit(code, '\n')) {
    absl::StrAppend(&bare, line.substr(0, line.find("//")));
  }
  absl::StrReplaceAll({{" ", ""}, {"...", ""}}, &bare);
  return bare;
}

TEST(Readme, ShowsOfTheLoaderWhatIsCompiled) {
  const std::string compiled =
      Bare(Read("libs/loader/readme_examples_test.cc"));
  int statements = 0;
  for (const absl::string_view statement :
       absl::StrSplit(Bare(Blocks(Read("libs/loader/README.md"))), ';')) {
    EXPECT_THAT(compiled, HasSubstr(std::string(statement)));
    ++statements;
  }
  EXPECT_GT(statements, 20);
}

TEST(Readme, OpensWithTheTwoCommands) {
  const std::string commands = Part(Read("README.md"), "```\n", "\n```\n");
  EXPECT_THAT(commands, HasSubstr("\ntools/dev quickstart "));
  EXPECT_THAT(commands, HasSubstr("\ntools/dev test "));
}

}  // namespace
}  // namespace fairlead
