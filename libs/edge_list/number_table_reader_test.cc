#include "libs/edge_list/number_table_reader.h"

#include <unistd.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/edge_list/test_tables.h"
#include "libs/status/status_matchers.h"

namespace fairlead {
namespace {

using ::fairlead::testing::Gzipped;
using ::fairlead::testing::IsOkAndHolds;
using ::fairlead::testing::MemorySource;
using ::fairlead::testing::WriteTestFile;
using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::IsEmpty;

constexpr size_t kAllRows = std::numeric_limits<size_t>::max();

std::unique_ptr<NumberTableReader> Open(
    const std::string& text, const NumberTableOptions& options = {}) {
  auto reader =
      NumberTableReader::Create(MemorySource(text), "table.csv", options);
  EXPECT_THAT(reader, ::fairlead::testing::IsOk());
  return *std::move(reader);
}

std::vector<int64_t> Integers(const std::string& text,
                              const NumberTableOptions& options = {}) {
  std::vector<int64_t> integers;
  EXPECT_THAT(Open(text, options)->ReadIntegers(kAllRows, &integers),
              ::fairlead::testing::IsOk());
  return integers;
}

TEST(NumberTableReader, ReadsEdgesWithAnyDelimiter) {
  for (const char* const text :
       {"1,2\n3,4\n", "1\t2\n3\t4\n", "1;2\n3;4\n", "1 2\n3 4\n",
        "  1 \t 2\n3    4  \n", " 1 , 2 \n 3 , 4 \n"}) {
    EXPECT_THAT(Integers(text), ElementsAre(1, 2, 3, 4)) << text;
  }
}

TEST(NumberTableReader, LinesEndInAnyWay) {
  const std::string byte_order_mark = "\xef\xbb\xbf";
  for (const std::string& text : std::vector<std::string>{
           "1,2\n3,4", "1,2\r\n3,4\r\n", "1,2\r\n3,4", "1,2\n3,4\r",
           byte_order_mark + "1,2\n3,4\n", byte_order_mark + "\n1,2\n3,4\n"}) {
    EXPECT_THAT(Integers(text), ElementsAre(1, 2, 3, 4)) << text;
  }
}

TEST(NumberTableReader, CommentsAndBlankLinesAreNoRows) {
  EXPECT_THAT(Integers("# Nodes: 4\n%% more\n\n1,2\n  \n \t# between\r\n"
                       "\r\n3,4\n\n# end"),
              ElementsAre(1, 2, 3, 4));
}

TEST(NumberTableReader, QuotedNumbersAreNumbers) {
  EXPECT_THAT(Integers("\"1\",\"2\"\n3,\"4\"\n"), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(Integers("\"1\" \"2\"\n3 \"4\"\n"), ElementsAre(1, 2, 3, 4));
}

TEST(NumberTableReader, TakesTheDelimiterThatIsGiven) {
  EXPECT_THAT(Integers("1\t\t2\n", {.delimiter = Delimiter::kBlanks}),
              ElementsAre(1, 2));
  EXPECT_THAT(Integers("\"1\";2\n", {.delimiter = Delimiter::kSemicolon}),
              ElementsAre(1, 2));
}

TEST(NumberTableReader, FindsAHeader) {
  const auto reader = Open("# edges\nsrc,\"the \"\"dst\"\"\", \n1,2,3\n");
  EXPECT_THAT(reader->header(), ElementsAre("src", "the \"dst\"", ""));
  EXPECT_EQ(reader->columns(), 3);
  EXPECT_EQ(reader->line(), 2);
  std::vector<int64_t> row;
  EXPECT_THAT(reader->ReadIntegers(10, &row), IsOkAndHolds(1));
  EXPECT_THAT(row, ElementsAre(1, 2, 3));
}

TEST(NumberTableReader, HasNoHeaderWhereAllAreNumbers) {
  const auto reader = Open("1,nan\n2,3\n");
  EXPECT_THAT(reader->header(), IsEmpty());
  EXPECT_EQ(reader->columns(), 2);
}

TEST(NumberTableReader, HeaderCanBeSaidToBeThereOrNot) {
  const auto with = Open("0,1\n2,3\n", {.header = HeaderLine::kPresent});
  EXPECT_THAT(with->header(), ElementsAre("0", "1"));
  std::vector<int64_t> row;
  EXPECT_THAT(with->ReadIntegers(10, &row), IsOkAndHolds(1));
  EXPECT_THAT(row, ElementsAre(2, 3));

  const auto without = Open("7,ada\n8,bob\n", {.header = HeaderLine::kAbsent});
  EXPECT_THAT(without->ReadColumns(10, {ColumnKind::kId, ColumnKind::kSkipped},
                                   &row, nullptr),
              IsOkAndHolds(2));
  EXPECT_THAT(row, ElementsAre(7, 8));
}

TEST(NumberTableReader, TheFirstRowSaysWhatDelimitsTheHeader) {
  EXPECT_THAT(Open("node id\n17\n18\n")->header(), ElementsAre("node id"));
  EXPECT_THAT(Open("\"node id\"\n17\n")->header(), ElementsAre("node id"));
  EXPECT_THAT(Open("a,b\tc\n\n# row:\n1\t2\n")->header(),
              ElementsAre("a,b", "c"));
  EXPECT_EQ(Open("src dst\n1 2\n")->delimiter(), Delimiter::kBlanks);
}

TEST(NumberTableReader, AHeaderAloneIsATableWithoutRows) {
  const auto reader = Open("src,dst\n# none\n");
  EXPECT_EQ(reader->columns(), 2);
  std::vector<int64_t> rows = {1};
  EXPECT_THAT(reader->ReadIntegers(10, &rows), IsOkAndHolds(0));
  EXPECT_THAT(rows, IsEmpty());
}

TEST(NumberTableReader, ReadsAsManyRowsAsAskedFor) {
  const auto reader = Open("1\n2\n3\n4\n5\n");
  std::vector<int64_t> rows;
  EXPECT_THAT(reader->ReadIntegers(0, &rows), IsOkAndHolds(0));
  EXPECT_THAT(reader->ReadIntegers(2, &rows), IsOkAndHolds(2));
  EXPECT_THAT(rows, ElementsAre(1, 2));
  EXPECT_EQ(reader->line(), 2);
  EXPECT_THAT(reader->ReadIntegers(2, &rows), IsOkAndHolds(2));
  EXPECT_THAT(rows, ElementsAre(3, 4));
  EXPECT_THAT(reader->ReadIntegers(2, &rows), IsOkAndHolds(1));
  EXPECT_THAT(rows, ElementsAre(5));
  for (int i = 0; i < 2; ++i) {
    EXPECT_THAT(reader->ReadIntegers(2, &rows), IsOkAndHolds(0));
    EXPECT_THAT(rows, IsEmpty());
  }
  EXPECT_EQ(reader->line(), 5);
}

TEST(NumberTableReader, ReadsReals) {
  std::vector<double> reals;
  EXPECT_THAT(Open("1,0.5\n-2e3,+.25\n1e-999,\"7\"\n")->ReadReals(9, &reals),
              IsOkAndHolds(3));
  EXPECT_THAT(reals, ElementsAre(1, 0.5, -2000, 0.25, 0, 7));
}

TEST(NumberTableReader, ReadsWhatIsNotFiniteIfItMayBe) {
  std::vector<double> reals;
  EXPECT_THAT(Open("nan,-inf\n+inf,NaN\n", {.allow_non_finite = true})
                  ->ReadReals(9, &reals),
              IsOkAndHolds(2));
  EXPECT_TRUE(std::isnan(reals[0]) && std::isnan(reals[3]));
  EXPECT_EQ(reals[1], -HUGE_VAL);
  EXPECT_EQ(reals[2], HUGE_VAL);
}

TEST(NumberTableReader, ReadsEachColumnAsItsKind) {
  const std::string text =
      "src,dst,weight,name,timestamp\n"
      "1,2,0.5,a b,-10\n"
      "3,4,1,\"c,d\",20\n"
      "5,6,2e1,,+30\n";
  std::vector<int64_t> integers;
  std::vector<double> reals;
  EXPECT_THAT(Open(text)->ReadColumns(
                  kAllRows,
                  {ColumnKind::kId, ColumnKind::kId, ColumnKind::kReal,
                   ColumnKind::kSkipped, ColumnKind::kInteger},
                  &integers, &reals),
              IsOkAndHolds(3));
  EXPECT_THAT(integers, ElementsAre(1, 2, -10, 3, 4, 20, 5, 6, 30));
  EXPECT_THAT(reals, ElementsAre(0.5, 1, 20));
}

TEST(NumberTableReader, SkipsTextInAnyColumn) {
  const NumberTableOptions options = {.header = HeaderLine::kAbsent};
  for (const char* const text :
       {"a,1,b\n# no row\n,2,\nc\"c,3,#d\r\n", "a\t1\tb\n\t2\t\n c \t3\t#d",
        "a 1 b\n\"\" 2 %\n# 9 9\n c 3 #d\n"}) {
    std::vector<int64_t> integers;
    EXPECT_THAT(Open(text, options)
                    ->ReadColumns(9,
                                  {ColumnKind::kSkipped, ColumnKind::kId,
                                   ColumnKind::kSkipped},
                                  &integers, nullptr),
                IsOkAndHolds(3))
        << text;
    EXPECT_THAT(integers, ElementsAre(1, 2, 3)) << text;
  }
}

TEST(NumberTableReader, ReadsFilesAndSaysHowFarItIs) {
  const std::string text = "1,2\n3,4\n";
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const auto reader,
      NumberTableReader::Open(WriteTestFile("plain.gz", text)));
  std::vector<int64_t> rows;
  EXPECT_THAT(reader->ReadIntegers(9, &rows), IsOkAndHolds(2));
  EXPECT_THAT(rows, ElementsAre(1, 2, 3, 4));
  EXPECT_EQ(reader->bytes_read(), text.size());
  EXPECT_EQ(reader->file_bytes(), text.size());
}

TEST(NumberTableReader, ReadsGzipWhateverItsName) {
  std::string text;
  std::vector<int64_t> expected;
  for (int64_t i = 0; i < 50'000; ++i) {
    absl::StrAppend(&text, i, ",", i * i, "\n");
    expected.push_back(i);
    expected.push_back(i * i);
  }
  // Members end wherever they do, an empty one among them.
  const std::string gzip = Gzipped(text.substr(0, 12'345)) + Gzipped("") +
                           Gzipped(text.substr(12'345));
  for (const size_t block : {size_t{100}, size_t{1} << 20}) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(
        const auto reader,
        NumberTableReader::Open(WriteTestFile("table.csv", gzip),
                                {.block_bytes = block}));
    std::vector<int64_t> rows;
    EXPECT_THAT(reader->ReadIntegers(kAllRows, &rows), IsOkAndHolds(50'000));
    EXPECT_THAT(rows, ElementsAreArray(expected));
    EXPECT_EQ(reader->bytes_read(), gzip.size());
    EXPECT_EQ(reader->file_bytes(), gzip.size());
  }
}

TEST(NumberTableReader, ReadsPipes) {
  for (const std::string& bytes : {std::string("1 2\n"), Gzipped("1 2\n")}) {
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    ASSERT_EQ(write(ends[1], bytes.data(), bytes.size()),
              static_cast<ssize_t>(bytes.size()));
    close(ends[1]);
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(
        const auto reader,
        NumberTableReader::Open(absl::StrCat("/proc/self/fd/", ends[0])));
    close(ends[0]);
    std::vector<int64_t> rows;
    EXPECT_THAT(reader->ReadIntegers(9, &rows), IsOkAndHolds(1));
    EXPECT_THAT(rows, ElementsAre(1, 2));
    EXPECT_EQ(reader->file_bytes(), 0);
  }
}

TEST(NumberTableReader, ALineMayBeAsLongAsItIsSaidTo) {
  const std::string line = "1," + std::string(37, '0') + "2";
  for (const size_t block : {1, 7, 39, 40, 41, 1000}) {
    EXPECT_THAT(Integers(absl::StrCat(line, "\n", line),
                         {.block_bytes = block, .max_line_bytes = line.size()}),
                ElementsAre(1, 2, 1, 2));
  }
}

}  // namespace
}  // namespace fairlead
