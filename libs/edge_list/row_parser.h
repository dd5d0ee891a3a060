#ifndef FAIRLEAD_LIBS_EDGE_LIST_ROW_PARSER_H_
#define FAIRLEAD_LIBS_EDGE_LIST_ROW_PARSER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "libs/edge_list/fields.h"

namespace fairlead {

// What a column is read as.
enum class ColumnKind : uint8_t {
  kId,       // an integer that is not negative
  kInteger,  // fits int64
  kReal,
  kSkipped,  // anything, text too; not read
};

// What is wrong with a row, and where: `column` counts from 0.
struct RowProblem {
  size_t column = 0;
  std::string what;
};

// Reads rows as numbers. Two ways, which give the same where both give
// anything: a plain row at once, as it lies in the buffer; any row by its
// fields, with a message for what is wrong. Immutable.
class RowParser {
 public:
  // `kinds` has as many columns as the rows.
  RowParser(Delimiter delimiter, absl::Span<const ColumnKind> kinds,
            bool allow_non_finite);

  size_t num_integers() const { return num_integers_; }
  size_t num_reals() const { return num_reals_; }

  // Reads the row that begins at `row`, if it is plain: no quotes, plus signs,
  // blanks before a delimiter, nor anything wrong. Puts its numbers, in the
  // order of the columns, at `integers` and `reals`, and returns where the next
  // line begins; nullptr if it is not plain, or no row. REQUIRES a newline in
  // [row, end), as LineBuffer gives them.
  const char* ParsePlain(const char* row, const char* end, int64_t* integers,
                         double* reals) const;

  // Reads a row by its fields, to the same places. REQUIRES as many fields as
  // columns, with quotes as they should be. False, and why, if one is not what
  // its column is read as.
  bool ParseFields(absl::string_view line, int64_t* integers, double* reals,
                   RowProblem* problem) const;

 private:
  template <bool kBlanks>
  const char* ParsePlainDelimited(const char* row, const char* end,
                                  int64_t* integers, double* reals) const;
  // Past the field at `at`, or nullptr.
  template <bool kBlanks>
  const char* ParsePlainField(ColumnKind kind, const char* at, const char* end,
                              int64_t** integers, double** reals) const;
  template <bool kBlanks>
  const char* SkipPlainField(const char* at) const;
  // What is wrong with a field; nothing if it could be read.
  std::string ParseIntegerField(absl::string_view field, ColumnKind kind,
                                int64_t* value) const;
  std::string ParseRealField(absl::string_view field, double* value) const;

  const Delimiter delimiter_;
  const char delimiter_character_;
  const bool allow_non_finite_;
  const std::vector<ColumnKind> kinds_;
  size_t num_integers_ = 0;
  size_t num_reals_ = 0;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_EDGE_LIST_ROW_PARSER_H_
