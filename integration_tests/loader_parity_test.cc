// libs/loader/PARITY.md says what is true of the tree: every id has its place,
// and the names, files and tests that it tells of are there.

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace fairlead {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kPage[] = "libs/loader/PARITY.md";

std::string Read(absl::string_view file) {
  std::ifstream in(absl::StrCat(std::getenv("TEST_SRCDIR"), "/",
                                std::getenv("TEST_WORKSPACE"), "/", file));
  EXPECT_TRUE(in.good()) << "there is no " << file;
  return {std::istreambuf_iterator<char>(in), {}};
}

struct Proof {
  std::string file;
  std::string suite;
  std::string test;
};

struct Row {
  std::string name;
  std::string file;
  std::vector<Proof> shown_by;
};

absl::string_view WithoutQuotes(absl::string_view cell) {
  cell = absl::StripAsciiWhitespace(cell);
  absl::ConsumePrefix(&cell, "`");
  absl::ConsumeSuffix(&cell, "`");
  return cell;
}

struct Page {
  std::map<std::string, Row> rows;  // of its table, by id
  std::string below;                // the rest of it
  std::vector<std::string> problems;
};

Page Parse(const std::string& text) {
  Page page;
  const size_t end = text.find("## Not on this page");
  if (end != std::string::npos) page.below = text.substr(end);
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    const std::vector<absl::string_view> cells = absl::StrSplit(line, '|');
    if (cells.size() != 6) continue;
    const std::string id(absl::StripAsciiWhitespace(cells[1]));
    if (id == "id" || id == "---") continue;
    Row row{.name = std::string(WithoutQuotes(cells[2])),
            .file = std::string(WithoutQuotes(cells[3]))};
    for (const absl::string_view proof : absl::StrSplit(cells[4], ',')) {
      const std::vector<std::string> where =
          absl::StrSplit(WithoutQuotes(proof), ": ");
      const std::vector<std::string> test = absl::StrSplit(where.back(), '.');
      if (where.size() != 2 || test.size() != 2) {
        page.problems.push_back(absl::StrCat(id, ": names no test"));
        continue;
      }
      row.shown_by.push_back({where.front(), test.front(), test.back()});
    }
    if (!page.rows.emplace(id, std::move(row)).second) {
      page.problems.push_back(absl::StrCat(id, ": is there twice"));
    }
  }
  return page;
}

// Every id that the loader answers for.
std::set<std::string> AllIds() {
  std::set<std::string> ids = {"2.4", "2.8", "6.2", "G3"};
  const auto add = [&ids](const char* prefix, int digits, int first, int last) {
    for (int i = first; i <= last; ++i) {
      ids.insert(absl::StrFormat("%s-%0*d", prefix, digits, i));
    }
  };
  add("RC", 2, 1, 15);
  add("GL", 3, 1, 7);
  add("GL", 3, 10, 17);
  add("GL", 3, 50, 60);
  add("GL", 3, 80, 88);
  add("GL", 3, 90, 97);
  add("GL", 3, 100, 105);
  add("GL", 3, 110, 116);
  add("GL", 3, 120, 133);
  add("GL", 3, 136, 136);
  add("DS", 2, 60, 69);
  add("C", 2, 1, 25);
  return ids;
}

std::string WithoutComments(absl::string_view code) {
  std::string left;
  for (const absl::string_view line : absl::StrSplit(code, '\n')) {
    absl::StrAppend(&left, line.substr(0, line.find("//")), "\n");
  }
  return left;
}

// Whether `name` is there, and not as a part of another.
bool HasName(absl::string_view code, absl::string_view name) {
  const auto is_of_a_name = [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_';
  };
  for (size_t at = code.find(name); at != absl::string_view::npos;
       at = code.find(name, at + 1)) {
    const size_t end = at + name.size();
    if ((at == 0 || !is_of_a_name(code[at - 1])) &&
        (end == code.size() || !is_of_a_name(code[end]))) {
      return true;
    }
  }
  return false;
}

// Whether a file has the test, and not in a comment.
bool HasTest(const std::string& tests, const Proof& proof) {
  for (const absl::string_view gap : {" ", "\n     ", "\n       "}) {
    for (const absl::string_view macro : {"TEST", "TEST_F", "TEST_P"}) {
      if (absl::StrContains(tests, absl::StrCat("\n", macro, "(", proof.suite,
                                                ",", gap, proof.test, ")"))) {
        return true;
      }
    }
  }
  return false;
}

// All that is not as the page says.
std::vector<std::string> Problems(const std::string& text) {
  Page page = Parse(text);
  std::vector<std::string>& problems = page.problems;
  const std::set<std::string> ids = AllIds();
  for (const std::string& id : ids) {
    const bool is_below =
        absl::StrContains(page.below, absl::StrCat(id, ",")) ||
        absl::StrContains(page.below, absl::StrCat(id, "."));
    if (page.rows.contains(id) == is_below) {
      problems.push_back(absl::StrCat(
          id, is_below ? ": is in the table and below it" : ": is nowhere"));
    }
  }
  for (const auto& [id, row] : page.rows) {
    if (!ids.contains(id)) {
      problems.push_back(absl::StrCat(id, ": is no id of the loader's"));
    }
    // ("no such call: Class" is of the class.)
    const std::vector<std::string> said = absl::StrSplit(row.name, ": ");
    const std::string code = WithoutComments(Read(row.file));
    for (const absl::string_view part : absl::StrSplit(said.back(), "::")) {
      if (HasName(code, part)) continue;
      problems.push_back(absl::StrCat(id, ": ", row.file, " has no ", part));
    }
    for (const Proof& proof : row.shown_by) {
      if (HasTest(Read(proof.file), proof)) continue;
      problems.push_back(absl::StrCat(id, ": ", proof.file, " has no test ",
                                      proof.suite, ".", proof.test));
    }
  }
  return std::move(problems);
}

TEST(LoaderParity, PageIsTrueOfTheTree) {
  EXPECT_THAT(Problems(Read(kPage)), IsEmpty());
}

// The page, with one thing of it made wrong.
std::vector<std::string> ProblemsWith(absl::string_view was,
                                      absl::string_view is) {
  const std::string text = Read(kPage);
  EXPECT_TRUE(absl::StrContains(text, was)) << was;
  return Problems(absl::StrReplaceAll(text, {{was, is}}));
}

TEST(LoaderParity, WhatIsMissingOrWrongIsFound) {
  EXPECT_THAT(ProblemsWith("| RC-03 |", "| none |"),
              Contains(HasSubstr("RC-03: is nowhere")));
  EXPECT_THAT(ProblemsWith("| RC-03 |", "| RC-02 |"),
              Contains(HasSubstr("RC-02: is there twice")));
  EXPECT_THAT(ProblemsWith("C-05,", "RC-03, C-05,"),
              Contains(HasSubstr("RC-03: is in the table and below it")));
  EXPECT_THAT(ProblemsWith("C-05,", ""),
              Contains(HasSubstr("C-05: is nowhere")));
  EXPECT_THAT(ProblemsWith("`Batch::index`", "`Batch::indices_of`"),
              Contains(HasSubstr("batch.h has no indices_of")));
  // Only as a part of another name, and only in a comment.
  EXPECT_THAT(ProblemsWith("`Batch::index`", "`Batch::receive`"),
              Contains(HasSubstr("batch.h has no receive")));
  EXPECT_THAT(ProblemsWith("`Batch::index`", "`Batch::trainer`"),
              Contains(HasSubstr("batch.h has no trainer")));
  EXPECT_THAT(ProblemsWith("EpochRange.HasEveryBatchOnce", "EpochRange.HasAll"),
              Contains(HasSubstr("has no test EpochRange.HasAll")));
  EXPECT_THAT(ProblemsWith("EpochRange.HasEveryBatchOnce", "nothing"),
              Contains(HasSubstr("RC-13: names no test")));
}

}  // namespace
}  // namespace fairlead
