#include "libs/edge_list/number_table_reader.h"

#include <string.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"
#include "libs/edge_list/byte_source.h"
#include "libs/edge_list/fields.h"
#include "libs/edge_list/line_buffer.h"
#include "libs/edge_list/row_parser.h"
#include "libs/status/status_macros.h"

namespace fairlead {
namespace {

constexpr size_t kMaxColumns = size_t{1} << 20;
constexpr absl::string_view kByteOrderMark = "\xef\xbb\xbf";

// A vector that rows are put in, which grows as they come: `max_rows` may be
// "all of them".
template <typename T>
class RowStore {
 public:
  // `out` may be null if rows are empty.
  RowStore(size_t row_size, size_t max_rows, std::vector<T>* out)
      : row_size_(row_size), out_(out) {
    if (__builtin_mul_overflow(row_size, max_rows, &max_size_)) {
      max_size_ = std::numeric_limits<size_t>::max();
    }
  }

  // Room for a row, after `rows` others.
  T* RowAfter(size_t rows) {
    if (row_size_ == 0) return nullptr;
    const size_t begin = rows * row_size_;
    if (begin + row_size_ > out_->size()) {
      out_->resize(
          std::min(max_size_, 2 * begin + std::max(row_size_, kFirstSize)));
    }
    return out_->data() + begin;
  }

 private:
  static constexpr size_t kFirstSize = 4096;

  const size_t row_size_;
  std::vector<T>* const out_;
  size_t max_size_ = 0;
};

}  // namespace

absl::StatusOr<std::unique_ptr<NumberTableReader>> NumberTableReader::Open(
    const std::string& path, const NumberTableOptions& options) {
  FAIRLEAD_ASSIGN_OR_RETURN(std::unique_ptr<ByteSource> source,
                            OpenByteSource(path));
  return Create(std::move(source), path, options);
}

absl::StatusOr<std::unique_ptr<NumberTableReader>> NumberTableReader::Create(
    std::unique_ptr<ByteSource> source, const std::string& name,
    const NumberTableOptions& options) {
  if (options.block_bytes == 0 || options.max_line_bytes == 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        name, ": block_bytes and max_line_bytes must be at least 1"));
  }
  FAIRLEAD_ASSIGN_OR_RETURN(source, InflateIfGzip(std::move(source), name));
  std::unique_ptr<NumberTableReader> reader(
      new NumberTableReader(std::move(source), name, options));
  FAIRLEAD_RETURN_IF_ERROR(reader->ReadBegin());
  return reader;
}

NumberTableReader::NumberTableReader(std::unique_ptr<ByteSource> source,
                                     std::string name,
                                     const NumberTableOptions& options)
    : options_(options),
      lines_(std::move(source), std::move(name),
             std::min(options.block_bytes, options.max_line_bytes),
             options.max_line_bytes) {}

absl::Status NumberTableReader::ReadBegin() {
  FAIRLEAD_ASSIGN_OR_RETURN(const bool has_lines, lines_.Fill());
  if (has_lines && absl::StartsWith(Line(), kByteOrderMark)) {
    lines_.PassBytes(kByteOrderMark.size());
  }
  FAIRLEAD_ASSIGN_OR_RETURN(const bool has_row, FindRow());
  if (!has_row) {
    return absl::InvalidArgumentError(absl::StrCat(
        lines_.name(), lines_.line() == 0
                           ? ": is empty"
                           : ": has only comments and blank lines"));
  }
  first_line_ = lines_.line() + 1;
  const std::string line(Line());
  delimiter_ = options_.delimiter.value_or(
      DetectDelimiter(line).value_or(Delimiter::kBlanks));
  if (options_.header == HeaderLine::kPresent ||
      (options_.header == HeaderLine::kDetect &&
       IsHeaderLine(line, delimiter_))) {
    return ReadHeader(line);
  }
  return SetColumns(line);
}

absl::Status NumberTableReader::ReadHeader(const std::string& line) {
  // Its fields are names, in which any delimiter may be: the first row knows
  // better, if there is one.
  bool is_one_name = false;
  PassLine();
  FAIRLEAD_ASSIGN_OR_RETURN(const bool has_row, FindRow());
  if (has_row && !options_.delimiter.has_value()) {
    const std::optional<Delimiter> of_row = DetectDelimiter(Line());
    is_one_name = !of_row.has_value() && delimiter_ == Delimiter::kBlanks;
    delimiter_ = of_row.value_or(delimiter_);
  }
  FAIRLEAD_RETURN_IF_ERROR(SetColumns(line));
  if (is_one_name && columns_ > 1) {
    columns_ = 1;
    header_ = {std::string(absl::StripAsciiWhitespace(line))};
    return absl::OkStatus();
  }
  FieldCursor fields(line, delimiter_);
  while (const std::optional<absl::string_view> field = fields.Next()) {
    header_.push_back(fields.quoted()
                          ? absl::StrReplaceAll(*field, {{"\"\"", "\""}})
                          : std::string(*field));
  }
  return absl::OkStatus();
}

absl::Status NumberTableReader::SetColumns(absl::string_view line) {
  FAIRLEAD_ASSIGN_OR_RETURN(columns_, CountFields(first_line_, line));
  if (columns_ <= kMaxColumns) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      lines_.name(), ": line ", first_line_, " has ", columns_,
      " fields; at most ", kMaxColumns, " are read: is it a line a row?"));
}

absl::StatusOr<bool> NumberTableReader::FindRow() {
  while (true) {
    if (lines_.empty()) {
      FAIRLEAD_ASSIGN_OR_RETURN(const bool more, lines_.Fill());
      if (!more) return false;
    }
    const absl::string_view line = Line();
    FAIRLEAD_RETURN_IF_ERROR(
        CheckNoNul(line, lines_.name(), lines_.line() + 1));
    if (!IsBlankLine(line) && !IsCommentLine(line)) return true;
    PassLine();
  }
}

absl::string_view NumberTableReader::Line() const {
  const auto* const newline =
      static_cast<const char*>(rawmemchr(lines_.begin(), '\n'));
  absl::string_view line(lines_.begin(),
                         static_cast<size_t>(newline - lines_.begin()));
  absl::ConsumeSuffix(&line, "\r");
  return line;
}

void NumberTableReader::PassLine() {
  lines_.PassLine(static_cast<const char*>(rawmemchr(lines_.begin(), '\n')) +
                  1);
}

absl::StatusOr<size_t> NumberTableReader::ReadIntegers(
    size_t max_rows, std::vector<int64_t>* out) {
  const std::vector<ColumnKind> kinds(
      columns_, options_.non_negative ? ColumnKind::kId : ColumnKind::kInteger);
  return ReadColumns(max_rows, kinds, out, nullptr);
}

absl::StatusOr<size_t> NumberTableReader::ReadReals(size_t max_rows,
                                                    std::vector<double>* out) {
  const std::vector<ColumnKind> kinds(columns_, ColumnKind::kReal);
  return ReadColumns(max_rows, kinds, nullptr, out);
}

absl::StatusOr<size_t> NumberTableReader::ReadColumns(
    size_t max_rows, absl::Span<const ColumnKind> kinds,
    std::vector<int64_t>* integers, std::vector<double>* reals) {
  const RowParser parser(delimiter_, kinds, options_.allow_non_finite);
  absl::StatusOr<size_t> rows = 0;
  if (kinds.size() != columns_) {
    rows = absl::InvalidArgumentError(
        absl::StrCat(lines_.name(), ": is to be read as ", kinds.size(),
                     " columns, but has ", columns_));
  } else if (parser.num_integers() + parser.num_reals() == 0) {
    rows = absl::InvalidArgumentError(
        absl::StrCat(lines_.name(), ": all columns are to be skipped"));
  } else {
    if (status_.ok()) {
      rows = ReadRows(max_rows, parser, integers, reals);
      status_ = rows.status();
    } else {
      rows = status_;
    }
  }
  if (integers != nullptr)
    integers->resize(rows.value_or(0) * parser.num_integers());
  if (reals != nullptr) reals->resize(rows.value_or(0) * parser.num_reals());
  return rows;
}

absl::StatusOr<size_t> NumberTableReader::ReadRows(
    size_t max_rows, const RowParser& parser, std::vector<int64_t>* integers,
    std::vector<double>* reals) {
  RowStore<int64_t> integer_rows(parser.num_integers(), max_rows, integers);
  RowStore<double> real_rows(parser.num_reals(), max_rows, reals);
  size_t rows = 0;
  while (rows < max_rows) {
    if (lines_.empty()) {
      FAIRLEAD_ASSIGN_OR_RETURN(const bool more, lines_.Fill());
      if (!more) break;
    }
    int64_t* const integer_row = integer_rows.RowAfter(rows);
    double* const real_row = real_rows.RowAfter(rows);
    const char* const next =
        parser.ParsePlain(lines_.begin(), lines_.end(), integer_row, real_row);
    if (next != nullptr) {
      lines_.PassLine(next);
    } else {
      FAIRLEAD_ASSIGN_OR_RETURN(const bool has_row, FindRow());
      if (!has_row) break;
      FAIRLEAD_RETURN_IF_ERROR(ReadAnyRow(parser, integer_row, real_row));
    }
    ++rows;
  }
  return rows;
}

absl::Status NumberTableReader::ReadAnyRow(const RowParser& parser,
                                           int64_t* integers, double* reals) {
  const absl::string_view line = Line();
  const uint64_t number = lines_.line() + 1;
  FAIRLEAD_ASSIGN_OR_RETURN(const size_t fields, CountFields(number, line));
  if (fields != columns_) {
    return absl::InvalidArgumentError(absl::StrCat(
        lines_.name(), ": line ", number, " has ", fields,
        fields == 1 ? " field" : " fields", "; line ", first_line_, " had ",
        columns_, " (delimited by ", DelimiterName(delimiter_), ")"));
  }
  RowProblem problem;
  if (!parser.ParseFields(line, integers, reals, &problem)) {
    return BadField(number, problem.column, problem.what);
  }
  PassLine();
  return absl::OkStatus();
}

absl::StatusOr<size_t> NumberTableReader::CountFields(
    uint64_t number, absl::string_view line) const {
  FieldCursor fields(line, delimiter_);
  while (fields.Next().has_value()) {
  }
  if (fields.problem().empty()) return fields.count();
  return BadField(number, fields.count(), fields.problem());
}

absl::Status NumberTableReader::BadField(uint64_t line, size_t column,
                                         absl::string_view what) const {
  return absl::InvalidArgumentError(
      absl::StrCat(lines_.name(), ": line ", line, ", column ", column + 1,
                   column < header_.size()
                       ? absl::StrCat(" (", QuotedField(header_[column]), ")")
                       : "",
                   ": ", what));
}

}  // namespace fairlead
