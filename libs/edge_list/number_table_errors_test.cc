#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/edge_list/byte_source.h"
#include "libs/edge_list/number_table_reader.h"
#include "libs/edge_list/test_tables.h"
#include "libs/status/status_matchers.h"

// Tables that cannot be read, and what is said of them.

namespace fairlead {
namespace {

using ::fairlead::testing::Gzipped;
using ::fairlead::testing::IsOk;
using ::fairlead::testing::IsOkAndHolds;
using ::fairlead::testing::MemorySource;
using ::fairlead::testing::StatusIs;
using ::fairlead::testing::WriteTestFile;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;
using ::testing::TestParamInfo;

constexpr size_t kAllRows = std::numeric_limits<size_t>::max();
constexpr ColumnKind kId = ColumnKind::kId;
constexpr ColumnKind kInteger = ColumnKind::kInteger;
constexpr ColumnKind kReal = ColumnKind::kReal;
constexpr ColumnKind kSkipped = ColumnKind::kSkipped;

// The error of reading all of a table.
absl::Status ErrorOf(const std::string& bytes,
                     const std::vector<ColumnKind>& kinds,
                     const NumberTableOptions& options) {
  const auto reader =
      NumberTableReader::Create(MemorySource(bytes), "t.csv", options);
  if (!reader.ok()) return reader.status();
  std::vector<int64_t> integers = {1};
  std::vector<double> reals = {1};
  absl::Status status =
      (*reader)->ReadColumns(kAllRows, kinds, &integers, &reals).status();
  if (!status.ok()) {
    EXPECT_THAT(integers, IsEmpty());
    EXPECT_THAT(reals, IsEmpty());
    EXPECT_EQ((*reader)->ReadColumns(1, kinds, &integers, &reals).status(),
              status)
        << "the error did not last";
  }
  return status;
}

struct BadTable {
  std::string name;
  std::string text;
  std::string says;
  std::vector<ColumnKind> kinds = {kId, kInteger};
  NumberTableOptions options = {};
};

void PrintTo(const BadTable& table, std::ostream* out) { *out << table.name; }

class BadTableTest : public ::testing::TestWithParam<BadTable> {};

TEST_P(BadTableTest, IsRefusedWithItsPlace) {
  const BadTable& table = GetParam();
  for (const size_t block : {1, 5, 1 << 20}) {
    NumberTableOptions options = table.options;
    options.block_bytes = block;
    EXPECT_THAT(ErrorOf(table.text, table.kinds, options),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         AllOf(StartsWith("t.csv: "), HasSubstr(table.says))));
    EXPECT_THAT(ErrorOf(Gzipped(table.text), table.kinds, options),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         AllOf(StartsWith("t.csv: "), HasSubstr(table.says))));
  }
}

std::string NulText(const std::string& before, const std::string& after) {
  return before + '\0' + after;
}

INSTANTIATE_TEST_SUITE_P(
    Fields, BadTableTest,
    ::testing::Values(
        BadTable{"Text", "1,2\n3,abc\n",
                 R"(line 2, column 2: "abc" is no int)"},
        BadTable{"NamedColumn", "src,dst\n1,2\n3,abc\n",
                 R"(line 3, column 2 ("dst"): "abc")"},
        BadTable{"LinesThatAreNoRowsCount", "#\n\n1,2\n\r\n# x\n1,x\n",
                 "line 6, column 2"},
        BadTable{"Real", "1,2\n1,3.0\n", "\"3.0\" is no integer; read the "},
        BadTable{"Hexadecimal", "0x1,2\n", "line 1, column 1: \"0x1\" is no"},
        BadTable{"TwoSigns", "1,2\n1,+-2\n", "\"+-2\" is no integer"},
        BadTable{"BeyondInt64", "1,9223372036854775808\n",
                 "line 1, column 2: \"9223372036854775808\" is beyond int64"},
        BadTable{"BelowInt64", "1,-9223372036854775809\n", "is beyond int64"},
        BadTable{"NegativeId", "-1,2\n",
                 "line 1, column 1: \"-1\" is negative"},
        BadTable{"EmptyField", "1,2\n,2\n", "line 2, column 1: is empty"},
        BadTable{"EmptyInFirstRow", "1,\n", "line 1, column 2: is empty"},
        BadTable{"EmptyInQuotes", "1,2\n1,\"\"\n", "column 2: is empty"},
        BadTable{"TabsAreNotBlanks", "1\t2\n\t2\n", "line 2, column 1: is emp"},
        BadTable{"OldMacLineEnds",
                 "1,2\r3,4\r",
                 "\"2\\r3\" is no integer",
                 {kId, kId, kId}},
        BadTable{"CarriageReturns", "1,2\n1,2\r\r\n", "\"2\\r\" is no integer"},
        BadTable{"NotUtf8", "1,2\n1,\xff\n", R"("\xff" is no integer)"},
        BadTable{"NonAsciiDigit", "1,2\n1,\xd9\xa1\n", "is no integer"},
        BadTable{"LongText", "1,2\n1," + std::string(99, 'x') + "\n",
                 std::string(40, 'x') + "...\" is no integer"},
        BadTable{"RealText",
                 "1,2\n1,1.2.3\n",
                 "line 2, column 2: \"1.2.3\" is no number",
                 {kId, kReal}},
        BadTable{"RealEmpty", "1,2\n1,\n", "column 2: is empty", {kId, kReal}},
        BadTable{"RealBeyondDouble",
                 "1,1e999\n",
                 "column 2: \"1e999\" is beyond double",
                 {kId, kReal}},
        BadTable{"Nan",
                 "1,nan\n",
                 "line 1, column 2: \"nan\" is not finite; set allow_non_",
                 {kId, kReal}},
        BadTable{"Infinite",
                 "1,2\n1,-Inf\n",
                 "\"-Inf\" is not finite",
                 {kId, kReal}},
        BadTable{"NanAsInteger", "1,2\n1,nan\n", "\"nan\" is no integer"}),
    [](const TestParamInfo<BadTable>& info) { return info.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Lines, BadTableTest,
    ::testing::Values(
        BadTable{"MoreFields", "1,2\n1,2,3\n",
                 "line 2 has 3 fields; line 1 had 2 (delimited by comma)"},
        BadTable{"FewerFields", "# c\n1 2\n\n7\n",
                 "line 4 has 1 field; line 2 had 2 (delimited by blanks)"},
        BadTable{"TrailingComma", "1,2\n1,2,\n", "line 2 has 3 fields"},
        BadTable{"FewerThanHeader",
                 "a,b,c\n1,2\n",
                 "line 2 has 2 fields; line 1 had 3",
                 {kId, kId, kId}},
        BadTable{"OtherDelimiterThanHeader",
                 "a,b\n1 2\n",
                 "line 2 has 2 fields; line 1 had 1",
                 {kId}},
        BadTable{"NoDelimiterInRow", "a,b\n1\n",
                 "line 2 has 1 field; line 1 had 2 (delimited by comma)"},
        BadTable{"OtherDelimiterThanGiven",
                 "1,2\n1;2\n",
                 "line 2 has 1 field",
                 {kId, kId},
                 {.delimiter = Delimiter::kComma}},
        BadTable{"FieldsOfSkippedColumns",
                 "1,a\n2,b,c\n",
                 "line 2 has 3 fields",
                 {kId, kSkipped},
                 {.header = HeaderLine::kAbsent}},
        BadTable{"OpenQuote", "1,2\n1,\"2\n",
                 "line 2, column 2: has no closing quote"},
        BadTable{"OpenQuoteInFirstLine", "\"1,2\n", "line 1, column 1: has no"},
        BadTable{"OpenQuoteInHeader",
                 "a,\"b\n1,2\n",
                 "line 1, column 2: has no",
                 {kId, kId},
                 {.header = HeaderLine::kPresent}},
        BadTable{"TextAfterQuote", "1,2\n\"1\"1,2\n",
                 "line 2, column 1: has text after its closing quote"},
        BadTable{"LineTooLong",
                 "1,2\n" + std::string(60, ' ') + "1,2\n",
                 "line 2 is longer than 50 bytes",
                 {kId, kId},
                 {.max_line_bytes = 50}},
        BadTable{"LastLineTooLong",
                 "1,2\n1," + std::string(49, '1'),
                 "line 2 is longer than 50 bytes",
                 {kId, kId},
                 {.max_line_bytes = 50}},
        BadTable{"NulInField", NulText("1,2\n1,", "\n"),
                 "line 2 has a NUL byte: it is binary"},
        BadTable{"NulInComment", NulText("# ", "\n1,2\n"), "line 1 has a NUL"},
        BadTable{"NulInSkippedColumn",
                 NulText("1,2\n1,", "\n"),
                 "line 2 has a NUL byte",
                 {kId, kSkipped}},
        BadTable{"NulInLongLine",
                 NulText(std::string(60, '1'), "\n"),
                 "line 1 ",
                 {kId},
                 {.max_line_bytes = 50}},
        BadTable{"Utf16", std::string("\xff\xfe\x31\0\n\0", 6),
                 "line 1 has a NUL byte"},
        BadTable{"Empty", "", "is empty"},
        BadTable{"ByteOrderMarkAlone", "\xef\xbb\xbf", "has only comments"},
        BadTable{"CommentsOnly", "# a\n\n% b", "has only comments and blank"},
        BadTable{
            "KindsForOtherColumns", "1,2\n", "as 1 columns, but has 2", {kId}},
        BadTable{"AllSkipped",
                 "1,2\n",
                 "all columns are to be skipped",
                 {kSkipped, kSkipped}},
        BadTable{"NoLineFits",
                 "1,2\n",
                 "must be at least 1",
                 {kId, kId},
                 {.max_line_bytes = 0}}),
    [](const TestParamInfo<BadTable>& info) { return info.param.name; });

TEST(NumberTableErrors, ReadIntegersMindsNegativeIdsIfAsked) {
  std::vector<int64_t> rows;
  for (const bool non_negative : {false, true}) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(
        const auto reader,
        NumberTableReader::Create(MemorySource("1,-2\n"), "t.csv",
                                  {.non_negative = non_negative}));
    EXPECT_EQ(reader->ReadIntegers(9, &rows).ok(), !non_negative);
  }
}

TEST(NumberTableErrors, WrongKindsDoNotEndAReader) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const auto reader,
      NumberTableReader::Create(MemorySource("1,2\n"), "t.csv"));
  std::vector<int64_t> rows;
  EXPECT_THAT(reader->ReadColumns(9, {kId}, &rows, nullptr),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(reader->ReadIntegers(9, &rows), IsOkAndHolds(1));
}

TEST(NumberTableErrors, ColumnsAreBounded) {
  std::string names = "name";
  std::string row = "1";
  for (int i = 0; i < 1 << 20; ++i) {
    names += ",";
    row += ",1";
  }
  for (const std::string& line : {names, row}) {
    EXPECT_THAT(
        NumberTableReader::Create(MemorySource(line), "t.csv"),
        StatusIs(absl::StatusCode::kInvalidArgument,
                 HasSubstr("line 1 has 1048577 fields; at most 1048576")));
  }
}

TEST(NumberTableErrors, RowsBeforeABadOneCanBeRead) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const auto reader,
      NumberTableReader::Create(MemorySource("1\n2\nx\n4\n"), "t.csv"));
  std::vector<int64_t> rows;
  EXPECT_THAT(reader->ReadIntegers(2, &rows), IsOkAndHolds(2));
  EXPECT_THAT(reader->ReadIntegers(2, &rows),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("line 3, column 1")));
}

TEST(NumberTableErrors, WhatIsNoFileIsSaidToBeNone) {
  EXPECT_THAT(NumberTableReader::Open(::testing::TempDir() + "/none.csv"),
              StatusIs(absl::StatusCode::kNotFound,
                       HasSubstr("none.csv: no such file")));
  EXPECT_THAT(NumberTableReader::Open(::testing::TempDir()),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("is a directory")));
  EXPECT_THAT(
      NumberTableReader::Open(WriteTestFile("file", "1\n") + "/table.csv"),
      StatusIs(absl::StatusCode::kInvalidArgument,
               HasSubstr("cannot be opened: Not a directory")));
}

TEST(NumberTableErrors, OtherCompressionsAreNamed) {
  const std::vector<std::vector<std::string>> files = {
      {std::string("\xfd"
                   "7zXZ\0",
                   6),
       "xz"},
      {"\x28\xb5\x2f\xfd", "zstd"},
      {"PK\x03\x04", "zip"},
      {"BZh91AY&SY", "bzip2"}};
  for (const std::vector<std::string>& file : files) {
    EXPECT_THAT(ErrorOf(file[0] + "rest", {kId}, {}),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("t.csv: is compressed as " + file[1])));
  }
}

// Long enough for some blocks, and hard to deflate.
std::string ManyRows() {
  std::string text;
  for (uint64_t i = 0; i < 20'000; ++i) {
    absl::StrAppend(&text, (i * 0x9E3779B97F4A7C15) >> 32, ",", i, "\n");
  }
  return text;
}

TEST(NumberTableErrors, TruncatedGzipIsNeverTakenForAWholeOne) {
  const std::string gzip = Gzipped("1,2\n3,4\n");
  for (size_t bytes = 2; bytes < gzip.size(); ++bytes) {
    EXPECT_THAT(ErrorOf(gzip.substr(0, bytes), {kId, kId}, {}),
                StatusIs(absl::StatusCode::kDataLoss,
                         AllOf(HasSubstr("t.csv: is damaged gzip"),
                               HasSubstr("cut short"))))
        << bytes;
  }
  const std::string large = Gzipped(ManyRows());
  for (size_t bytes = large.size() / 2; bytes < large.size(); bytes += 997) {
    EXPECT_THAT(ErrorOf(large.substr(0, bytes), {kId, kId}, {}),
                StatusIs(absl::StatusCode::kDataLoss))
        << bytes;
  }
}

TEST(NumberTableErrors, DamagedGzipIsFound) {
  std::string gzip = Gzipped(ManyRows());
  gzip[gzip.size() - 6] ^= 1;  // its sum
  EXPECT_THAT(
      ErrorOf(gzip, {kId, kId}, {}),
      StatusIs(absl::StatusCode::kDataLoss, HasSubstr("incorrect data check")));
  EXPECT_THAT(ErrorOf(Gzipped("1,2\n") + "and more", {kId, kId}, {}),
              StatusIs(absl::StatusCode::kDataLoss,
                       HasSubstr("incorrect header check")));
}

// A disk that fails after the first row.
class FailingSource final : public ByteSource {
 public:
  absl::StatusOr<size_t> Read(absl::Span<char> into) override {
    if (bytes_read_ == text_.size())
      return absl::DataLossError("t.csv: disk failed");
    into[0] = text_[bytes_read_++];
    return 1;
  }
  uint64_t bytes_read() const override { return bytes_read_; }
  uint64_t file_bytes() const override { return 100; }

 private:
  const std::string text_ = "1,2\n34567890";
  uint64_t bytes_read_ = 0;
};

TEST(NumberTableErrors, AFailingDiskIsNotTheEnd) {
  const auto reader =
      NumberTableReader::Create(std::make_unique<FailingSource>(), "t.csv");
  ASSERT_THAT(reader, IsOk());
  std::vector<int64_t> rows;
  EXPECT_THAT((*reader)->ReadIntegers(1, &rows), IsOkAndHolds(1));
  EXPECT_THAT((*reader)->ReadIntegers(1, &rows),
              StatusIs(absl::StatusCode::kDataLoss,
                       "t.csv: disk failed (after line 1)"));
}

}  // namespace
}  // namespace fairlead
