#ifndef FAIRLEAD_LIBS_EDGE_LIST_FIELDS_H_
#define FAIRLEAD_LIBS_EDGE_LIST_FIELDS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace fairlead {

// What is between the fields of a row. Around a field there may be blanks
// (spaces, and tabs where these do not delimit), and it may be in double quotes
// ("" is one of them, within); it cannot go on in the next line.
enum class Delimiter : uint8_t {
  kComma,
  kTab,
  kSemicolon,
  kBlanks,  // one or more spaces or tabs; also before and after the row
};

// "comma", "tab", ...
absl::string_view DelimiterName(Delimiter delimiter);

// Walks the fields of a line.
//
//   FieldCursor fields(line, Delimiter::kComma);
//   while (std::optional<absl::string_view> field = fields.Next()) Use(*field);
//   if (!fields.problem().empty()) ... the field after those is malformed ...
class FieldCursor {
 public:
  // `line` has no newline and outlives the cursor.
  FieldCursor(absl::string_view line, Delimiter delimiter)
      : line_(line), delimiter_(delimiter) {}

  // The next field, without the blanks and quotes around it; a quote within
  // stays doubled. nullopt after the last, or at one whose quotes are wrong.
  std::optional<absl::string_view> Next();

  // How many fields there were.
  size_t count() const { return count_; }
  // Whether the last one was in quotes.
  bool quoted() const { return quoted_; }
  // What is wrong with the field after them, such as "has no closing quote".
  absl::string_view problem() const { return problem_; }

 private:
  bool IsPadding(char c) const;
  bool IsDelimiter(char c) const;
  void SkipPadding();
  std::optional<absl::string_view> NextQuoted();
  // Past the delimiter that is here, if one is.
  void PassDelimiter();

  const absl::string_view line_;
  const Delimiter delimiter_;
  size_t at_ = 0;
  size_t count_ = 0;
  bool done_ = false;
  bool quoted_ = false;
  absl::string_view problem_;
};

// Whether a line has nothing but spaces and tabs.
bool IsBlankLine(absl::string_view line);

// Whether the first character that is not blank is # or %.
bool IsCommentLine(absl::string_view line);

// What delimits a line: what makes all its fields numbers, or else, in this
// order, comma, tab, semicolon, or blanks if there are spaces; nullopt if it
// has none of these. Tabs alone, without spaces, are never blanks: two in a row
// have an empty field between them.
std::optional<Delimiter> DetectDelimiter(absl::string_view line);

// Whether a line holds names: at least one field is not empty, is no number and
// does not begin like one. ("12,3x" is a bad row, and no header.)
bool IsHeaderLine(absl::string_view line, Delimiter delimiter);

enum class NumberProblem : uint8_t { kNone, kNotANumber, kOutOfRange };

// A whole field as a number: a sign, digits; for a real, also a fraction and
// an exponent, or nan, inf, infinity in any case. A real too small for a double
// is 0 or the nearest there is. `value` is untouched if there is a problem.
NumberProblem ParseInteger(absl::string_view field, int64_t* value);
NumberProblem ParseReal(absl::string_view field, double* value);

// A field in quotes for a message, shortened and escaped if need be.
std::string QuotedField(absl::string_view field);

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_EDGE_LIST_FIELDS_H_
