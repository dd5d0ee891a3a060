#include "libs/edge_list/fields.h"

#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/charconv.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace fairlead {
namespace {

constexpr size_t kMostShown = 40;

// from_chars takes no plus sign; a sign after it stays, and is refused.
absl::string_view WithoutPlus(absl::string_view field) {
  if (field.size() > 1 && field[0] == '+' && field[1] != '-') {
    field.remove_prefix(1);
  }
  return field;
}

bool IsNumber(absl::string_view field) {
  double value = 0;
  return ParseReal(field, &value) != NumberProblem::kNotANumber;
}

bool BeginsLikeNumber(absl::string_view field) {
  return absl::ascii_isdigit(static_cast<unsigned char>(field[0])) ||
         field[0] == '-' || field[0] == '+' || field[0] == '.';
}

// What a line is when so delimited.
enum class LineSort : uint8_t { kWrongQuotes, kText, kNumbers };

LineSort SortOf(absl::string_view line, Delimiter delimiter) {
  LineSort sort = LineSort::kNumbers;
  FieldCursor fields(line, delimiter);
  while (const std::optional<absl::string_view> field = fields.Next()) {
    if (!IsNumber(*field)) sort = LineSort::kText;
  }
  return fields.problem().empty() ? sort : LineSort::kWrongQuotes;
}

// Whether a character is outside of quotes.
bool HasUnquoted(absl::string_view line, char wanted) {
  bool in_quotes = false;
  for (const char c : line) {
    if (c == '"') in_quotes = !in_quotes;
    if (!in_quotes && c == wanted) return true;
  }
  return false;
}

}  // namespace

absl::string_view DelimiterName(Delimiter delimiter) {
  switch (delimiter) {
    case Delimiter::kComma:
      return "comma";
    case Delimiter::kTab:
      return "tab";
    case Delimiter::kSemicolon:
      return "semicolon";
    case Delimiter::kBlanks:
      break;
  }
  return "blanks";
}

bool FieldCursor::IsDelimiter(char c) const {
  switch (delimiter_) {
    case Delimiter::kComma:
      return c == ',';
    case Delimiter::kTab:
      return c == '\t';
    case Delimiter::kSemicolon:
      return c == ';';
    case Delimiter::kBlanks:
      break;
  }
  return c == ' ' || c == '\t';
}

bool FieldCursor::IsPadding(char c) const {
  return c == ' ' || (c == '\t' && delimiter_ != Delimiter::kTab);
}

void FieldCursor::SkipPadding() {
  while (at_ < line_.size() && IsPadding(line_[at_])) ++at_;
}

void FieldCursor::PassDelimiter() {
  if (at_ == line_.size()) {
    done_ = true;
  } else {
    ++at_;
  }
}

std::optional<absl::string_view> FieldCursor::Next() {
  if (done_) return std::nullopt;
  SkipPadding();
  if (delimiter_ == Delimiter::kBlanks && at_ == line_.size()) {
    done_ = true;
    return std::nullopt;
  }
  quoted_ = at_ < line_.size() && line_[at_] == '"';
  if (quoted_) return NextQuoted();
  const size_t begin = at_;
  while (at_ < line_.size() && !IsDelimiter(line_[at_])) ++at_;
  size_t end = at_;
  while (end > begin && IsPadding(line_[end - 1])) --end;
  PassDelimiter();
  ++count_;
  return line_.substr(begin, end - begin);
}

std::optional<absl::string_view> FieldCursor::NextQuoted() {
  const size_t begin = at_ + 1;
  size_t end = line_.find('"', begin);
  while (end != absl::string_view::npos && end + 1 < line_.size() &&
         line_[end + 1] == '"') {
    end = line_.find('"', end + 2);
  }
  if (end == absl::string_view::npos) {
    done_ = true;
    problem_ = "has no closing quote";
    return std::nullopt;
  }
  at_ = end + 1;
  if (delimiter_ != Delimiter::kBlanks) SkipPadding();
  if (at_ < line_.size() && !IsDelimiter(line_[at_])) {
    done_ = true;
    problem_ = "has text after its closing quote";
    return std::nullopt;
  }
  PassDelimiter();
  ++count_;
  return line_.substr(begin, end - begin);
}

bool IsBlankLine(absl::string_view line) {
  return line.find_first_not_of(" \t") == absl::string_view::npos;
}

bool IsCommentLine(absl::string_view line) {
  const size_t first = line.find_first_not_of(" \t");
  return first != absl::string_view::npos &&
         (line[first] == '#' || line[first] == '%');
}

std::optional<Delimiter> DetectDelimiter(absl::string_view line) {
  while (!line.empty() && line.front() == ' ') line.remove_prefix(1);
  while (!line.empty() && line.back() == ' ') line.remove_suffix(1);
  // Names and text may have spaces in them, so what is likeliest to delimit
  // text comes first.
  std::optional<Delimiter> of_numbers;
  std::optional<Delimiter> of_text;
  for (const auto& [delimiter, character] :
       {std::pair(Delimiter::kComma, ','), std::pair(Delimiter::kTab, '\t'),
        std::pair(Delimiter::kSemicolon, ';'),
        std::pair(Delimiter::kBlanks, ' ')}) {
    if (!HasUnquoted(line, character)) continue;
    const LineSort sort = SortOf(line, delimiter);
    // Where there are tabs and spaces, blanks allow for more.
    if (sort == LineSort::kNumbers &&
        (!of_numbers.has_value() || of_numbers == Delimiter::kTab)) {
      of_numbers = delimiter;
    }
    if (sort != LineSort::kWrongQuotes && !of_text.has_value()) {
      of_text = delimiter;
    }
  }
  return of_numbers.has_value() ? of_numbers : of_text;
}

bool IsHeaderLine(absl::string_view line, Delimiter delimiter) {
  bool has_name = false;
  FieldCursor fields(line, delimiter);
  while (const std::optional<absl::string_view> field = fields.Next()) {
    has_name |=
        !field->empty() && !BeginsLikeNumber(*field) && !IsNumber(*field);
  }
  return has_name && fields.problem().empty();
}

NumberProblem ParseInteger(absl::string_view field, int64_t* value) {
  field = WithoutPlus(field);
  const char* const end = field.data() + field.size();
  int64_t parsed = 0;
  const auto [stop, error] = std::from_chars(field.data(), end, parsed);
  if (error == std::errc::invalid_argument || stop != end) {
    return NumberProblem::kNotANumber;
  }
  if (error != std::errc()) return NumberProblem::kOutOfRange;
  *value = parsed;
  return NumberProblem::kNone;
}

NumberProblem ParseReal(absl::string_view field, double* value) {
  field = WithoutPlus(field);
  const char* const end = field.data() + field.size();
  double parsed = 0;
  const auto [stop, error] = std::from_chars(field.data(), end, parsed);
  if (error == std::errc::invalid_argument || stop != end) {
    return NumberProblem::kNotANumber;
  }
  if (error != std::errc()) {
    // Too large or too small: unlike std's, Abseil's says which.
    absl::from_chars(field.data(), end, parsed);
    if (std::fabs(parsed) > 1) return NumberProblem::kOutOfRange;
  }
  *value = parsed;
  return NumberProblem::kNone;
}

std::string QuotedField(absl::string_view field) {
  return absl::StrCat("\"", absl::CHexEscape(field.substr(0, kMostShown)),
                      field.size() > kMostShown ? "...\"" : "\"");
}

}  // namespace fairlead
