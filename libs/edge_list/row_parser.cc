#include "libs/edge_list/row_parser.h"

#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "libs/edge_list/fields.h"

namespace fairlead {
namespace {

char CharacterOf(Delimiter delimiter) {
  switch (delimiter) {
    case Delimiter::kComma:
      return ',';
    case Delimiter::kTab:
      return '\t';
    case Delimiter::kSemicolon:
      return ';';
    case Delimiter::kBlanks:
      break;
  }
  return ' ';
}

bool IsBlank(char c) { return c == ' ' || c == '\t'; }

}  // namespace

RowParser::RowParser(Delimiter delimiter, absl::Span<const ColumnKind> kinds,
                     bool allow_non_finite)
    : delimiter_(delimiter),
      delimiter_character_(CharacterOf(delimiter)),
      allow_non_finite_(allow_non_finite),
      kinds_(kinds.begin(), kinds.end()) {
  for (const ColumnKind kind : kinds_) {
    if (kind == ColumnKind::kReal) {
      ++num_reals_;
    } else if (kind != ColumnKind::kSkipped) {
      ++num_integers_;
    }
  }
}

const char* RowParser::ParsePlain(const char* row, const char* end,
                                  int64_t* integers, double* reals) const {
  return delimiter_ == Delimiter::kBlanks
             ? ParsePlainDelimited<true>(row, end, integers, reals)
             : ParsePlainDelimited<false>(row, end, integers, reals);
}

template <bool kBlanks>
const char* RowParser::ParsePlainDelimited(const char* row, const char* end,
                                           int64_t* integers,
                                           double* reals) const {
  const char* at = row;
  const size_t columns = kinds_.size();
  for (size_t column = 0; column < columns; ++column) {
    if (column > 0) {
      if (kBlanks ? !IsBlank(*at) : *at != delimiter_character_) return nullptr;
      ++at;
    }
    while (kBlanks ? IsBlank(*at) : *at == ' ') ++at;
    // What a skipped column begins with could be a comment, or blank.
    if (column == 0 && kinds_[0] == ColumnKind::kSkipped &&
        (IsBlank(*at) || *at == '#' || *at == '%' || *at == '\r')) {
      return nullptr;
    }
    at = ParsePlainField<kBlanks>(kinds_[column], at, end, &integers, &reals);
    if (at == nullptr) return nullptr;
  }
  if (kBlanks) {
    while (IsBlank(*at)) ++at;
  }
  if (*at == '\r') ++at;
  return *at == '\n' ? at + 1 : nullptr;
}

template <bool kBlanks>
const char* RowParser::ParsePlainField(ColumnKind kind, const char* at,
                                       const char* end, int64_t** integers,
                                       double** reals) const {
  if (kind == ColumnKind::kSkipped) return SkipPlainField<kBlanks>(at);
  if (kind == ColumnKind::kReal) {
    double* const value = (*reals)++;
    const auto [stop, error] = std::from_chars(at, end, *value);
    return error == std::errc() && (allow_non_finite_ || std::isfinite(*value))
               ? stop
               : nullptr;
  }
  int64_t* const value = (*integers)++;
  const auto [stop, error] = std::from_chars(at, end, *value);
  return error == std::errc() && (kind == ColumnKind::kInteger || *value >= 0)
             ? stop
             : nullptr;
}

template <bool kBlanks>
const char* RowParser::SkipPlainField(const char* at) const {
  if (*at == '"') return nullptr;
  const char* const begin = at;
  while (*at != '\n' && *at != '\r' && *at != '\0' &&
         (kBlanks ? !IsBlank(*at) : *at != delimiter_character_)) {
    ++at;
  }
  // With blanks between them, there are no empty fields.
  return kBlanks && at == begin ? nullptr : at;
}

std::string RowParser::ParseIntegerField(absl::string_view field,
                                         ColumnKind kind,
                                         int64_t* value) const {
  switch (ParseInteger(field, value)) {
    case NumberProblem::kNotANumber: {
      double real = 0;
      return absl::StrCat(QuotedField(field), " is no integer",
                          ParseReal(field, &real) == NumberProblem::kNone
                              ? "; read the column as reals"
                              : "");
    }
    case NumberProblem::kOutOfRange:
      return absl::StrCat(QuotedField(field), " is beyond int64");
    case NumberProblem::kNone:
      break;
  }
  if (kind == ColumnKind::kId && *value < 0) {
    return absl::StrCat(QuotedField(field), " is negative, and no id");
  }
  return "";
}

std::string RowParser::ParseRealField(absl::string_view field,
                                      double* value) const {
  switch (ParseReal(field, value)) {
    case NumberProblem::kNotANumber:
      return absl::StrCat(QuotedField(field), " is no number");
    case NumberProblem::kOutOfRange:
      return absl::StrCat(QuotedField(field), " is beyond double");
    case NumberProblem::kNone:
      break;
  }
  if (!allow_non_finite_ && !std::isfinite(*value)) {
    return absl::StrCat(QuotedField(field),
                        " is not finite; set allow_non_finite if it may be");
  }
  return "";
}

bool RowParser::ParseFields(absl::string_view line, int64_t* integers,
                            double* reals, RowProblem* problem) const {
  FieldCursor fields(line, delimiter_);
  for (size_t column = 0; column < kinds_.size(); ++column) {
    const absl::string_view field = fields.Next().value_or("");
    const ColumnKind kind = kinds_[column];
    if (kind == ColumnKind::kSkipped) continue;
    std::string what = kind == ColumnKind::kReal
                           ? ParseRealField(field, reals++)
                           : ParseIntegerField(field, kind, integers++);
    if (what.empty()) continue;
    *problem = {column, field.empty() ? "is empty" : std::move(what)};
    return false;
  }
  return true;
}

}  // namespace fairlead
