#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/edge_list/number_table_reader.h"
#include "libs/edge_list/test_tables.h"
#include "libs/random/philox.h"
#include "libs/status/status_matchers.h"

// Whatever numbers there are, however they are written down, and in whatever
// pieces they are read: they are the same.

namespace fairlead {
namespace {

using ::fairlead::testing::Gzipped;
using ::fairlead::testing::IsOk;
using ::fairlead::testing::MemorySource;
using ::testing::ElementsAreArray;

constexpr int kTables = 3000;
constexpr uint64_t kKey = 7;

struct Table {
  std::vector<ColumnKind> kinds;
  // As ReadColumns gives them.
  std::vector<int64_t> integers;
  std::vector<double> reals;
  size_t rows = 0;
  bool has_header = false;
  Delimiter delimiter = Delimiter::kComma;
  std::string text;
};

class TableWriter {
 public:
  explicit TableWriter(uint64_t number) : random_(kKey, number, 0) {}

  Table Write() {
    table_.delimiter = static_cast<Delimiter>(random_.Below(4));
    line_end_ = OneIn(3) ? "\r\n" : "\n";
    is_plain_ = OneIn(3);
    table_.kinds.resize(1 + random_.Below(5));
    for (ColumnKind& kind : table_.kinds) {
      kind = static_cast<ColumnKind>(random_.Below(4));
    }
    // One is read, or the table would be refused.
    table_.kinds[random_.Below(table_.kinds.size())] = ColumnKind::kInteger;
    if (OneIn(5)) table_.text = "\xef\xbb\xbf";
    table_.has_header = OneIn(2);
    if (table_.has_header) WriteHeader();
    table_.rows = 1 + random_.Below(20);
    for (size_t row = 0; row < table_.rows; ++row) WriteRow();
    if (OneIn(2)) table_.text.resize(table_.text.size() - line_end_.size());
    return std::move(table_);
  }

  size_t Below(size_t bound) { return random_.Below(bound); }
  bool OneIn(uint64_t n) { return random_.Below(n) == 0; }

 private:
  void WriteHeader() {
    WriteNoRows();
    for (size_t column = 0; column < table_.kinds.size(); ++column) {
      if (column > 0) WriteDelimiter();
      WriteField(absl::StrCat("name", column));
    }
    table_.text += line_end_;
  }

  void WriteRow() {
    WriteNoRows();
    if (table_.delimiter == Delimiter::kBlanks) WritePadding();
    for (size_t column = 0; column < table_.kinds.size(); ++column) {
      if (column > 0) WriteDelimiter();
      WriteField(FieldText(table_.kinds[column]));
    }
    if (table_.delimiter == Delimiter::kBlanks) WritePadding();
    table_.text += line_end_;
  }

  // Comments and blank lines.
  void WriteNoRows() {
    while (!is_plain_ && OneIn(6)) {
      WritePadding();
      constexpr std::array<absl::string_view, 5> kTexts = {"", "#", "%%",
                                                           "# 1,2", "#\"\t"};
      absl::StrAppend(&table_.text, kTexts[random_.Below(kTexts.size())],
                      line_end_);
    }
  }

  void WriteDelimiter() {
    constexpr std::array<char, 4> kCharacters = {',', '\t', ';', ' '};
    table_.text += kCharacters[static_cast<size_t>(table_.delimiter)];
    if (table_.delimiter == Delimiter::kBlanks) WritePadding();
  }

  void WritePadding() {
    while (!is_plain_ && OneIn(4)) {
      table_.text +=
          table_.delimiter == Delimiter::kTab || OneIn(2) ? ' ' : '\t';
    }
  }

  void WriteField(const std::string& field) {
    const bool padded = table_.delimiter != Delimiter::kBlanks;
    if (padded) WritePadding();
    if (!is_plain_ && OneIn(5)) {
      absl::StrAppend(&table_.text, "\"", field, "\"");
    } else {
      table_.text += field;
    }
    if (padded) WritePadding();
  }

  // A field of that kind, whose number goes to the table.
  std::string FieldText(ColumnKind kind) {
    switch (kind) {
      case ColumnKind::kSkipped:
        return OneIn(2) ? "text" : "-17";
      case ColumnKind::kReal:
        return RealText();
      case ColumnKind::kId:
      case ColumnKind::kInteger:
        break;
    }
    // Of any length: all lengths are as likely.
    auto value = static_cast<int64_t>(random_.Next64() >> random_.Below(64));
    if (kind == ColumnKind::kId && value < 0) value = -(value + 1);
    table_.integers.push_back(value);
    const bool plus = !is_plain_ && value >= 0 && OneIn(8);
    return absl::StrCat(plus ? "+" : "", value);
  }

  std::string RealText() {
    const auto numerator = static_cast<double>(
        static_cast<int64_t>(random_.Next64() >> random_.Below(64)));
    const double value =
        numerator /
        static_cast<double>(1 + (random_.Next64() >> random_.Below(64)));
    table_.reals.push_back(value);
    std::array<char, 64> text;
    constexpr std::array<std::chars_format, 3> kFormats = {
        std::chars_format::general, std::chars_format::scientific,
        std::chars_format::fixed};
    const auto [end, error] =
        std::to_chars(text.data(), text.data() + text.size(), value,
                      kFormats[random_.Below(kFormats.size())]);
    EXPECT_EQ(error, std::errc());
    return {text.data(), end};
  }

  RandomStream random_;
  std::string line_end_;
  bool is_plain_ = false;  // as programs write it
  Table table_;
};

TEST(NumberTableProperty, WhatWasWrittenIsRead) {
  for (uint64_t number = 0; number < kTables; ++number) {
    TableWriter writer(number);
    const Table table = writer.Write();
    NumberTableOptions options;
    options.header =
        table.has_header ? HeaderLine::kPresent : HeaderLine::kAbsent;
    // (A single column, or one of text, shows no delimiter.)
    options.delimiter = table.delimiter;
    options.block_bytes = 1 + writer.Below(writer.OneIn(2) ? 8 : 300);
    const std::string bytes =
        writer.OneIn(4) ? Gzipped(table.text) : table.text;
    const auto reader = NumberTableReader::Create(
        MemorySource(bytes, 1 + writer.Below(64)), "t", options);
    ASSERT_THAT(reader, IsOk()) << table.text;
    ASSERT_EQ((*reader)->columns(), table.kinds.size()) << table.text;
    EXPECT_EQ((*reader)->header().empty(), !table.has_header);

    std::vector<int64_t> integers;
    std::vector<double> reals;
    size_t rows = 0;
    while (true) {
      std::vector<int64_t> some_integers;
      std::vector<double> some_reals;
      const auto some = (*reader)->ReadColumns(1 + writer.Below(8), table.kinds,
                                               &some_integers, &some_reals);
      ASSERT_THAT(some, IsOk()) << table.text;
      if (*some == 0) break;
      rows += *some;
      integers.insert(integers.end(), some_integers.begin(),
                      some_integers.end());
      reals.insert(reals.end(), some_reals.begin(), some_reals.end());
    }
    ASSERT_EQ(rows, table.rows) << table.text;
    ASSERT_THAT(integers, ElementsAreArray(table.integers)) << table.text;
    ASSERT_THAT(reals, ElementsAreArray(table.reals)) << table.text;
  }
}

TEST(NumberTableProperty, DelimiterAndHeaderAreFoundInTablesOfNumbers) {
  for (uint64_t number = 0; number < kTables; ++number) {
    Table table = TableWriter(number).Write();
    if (table.kinds.size() == 1) continue;
    bool has_text = false;
    for (const ColumnKind kind : table.kinds) {
      has_text |= kind == ColumnKind::kSkipped;
    }
    if (has_text) continue;
    const auto reader =
        NumberTableReader::Create(MemorySource(table.text), "t");
    ASSERT_THAT(reader, IsOk()) << table.text;
    ASSERT_EQ((*reader)->columns(), table.kinds.size()) << table.text;
    EXPECT_EQ((*reader)->header().empty(), !table.has_header) << table.text;
    std::vector<double> reals;
    const auto rows =
        (*reader)->ReadReals(std::numeric_limits<size_t>::max(), &reals);
    ASSERT_THAT(rows, IsOk()) << table.text;
    EXPECT_EQ(*rows, table.rows) << table.text;
  }
}

}  // namespace
}  // namespace fairlead
