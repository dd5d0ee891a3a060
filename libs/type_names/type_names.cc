#include "libs/type_names/type_names.h"

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"

namespace fairlead {
namespace {

constexpr absl::string_view kSeparator = "__";
constexpr absl::string_view kReversed = "rev_";

absl::StatusOr<std::string> Unescape(absl::string_view part) {
  std::string name;
  for (size_t i = 0; i < part.size(); ++i) {
    if (part[i] != '%') {
      name += part[i];
      continue;
    }
    if (i + 2 >= part.size() || !absl::ascii_isxdigit(part[i + 1]) ||
        !absl::ascii_isxdigit(part[i + 2])) {
      return absl::InvalidArgumentError(absl::StrCat(
          "\"", part, "\": a % stands before two hexadecimal digits"));
    }
    name += absl::HexStringToBytes(part.substr(i + 1, 2));
    i += 2;
  }
  if (name.empty()) {
    return absl::InvalidArgumentError("a part of it is empty");
  }
  return name;
}

}  // namespace

std::string EscapeTypeName(absl::string_view name) {
  std::string escaped;
  for (size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    const bool lonely_underscore = c == '_' && i > 0 && i + 1 < name.size() &&
                                   name[i - 1] != '_' && name[i + 1] != '_';
    if ((c == '_' && !lonely_underscore) || c == '%' || c == '/' ||
        absl::ascii_iscntrl(c)) {
      absl::StrAppend(
          &escaped, "%",
          absl::AsciiStrToUpper(absl::BytesToHexString(name.substr(i, 1))));
    } else {
      escaped += c;
    }
  }
  return escaped;
}

std::string EdgeTypeName::ToString() const {
  return absl::StrCat(EscapeTypeName(src), kSeparator, EscapeTypeName(relation),
                      kSeparator, EscapeTypeName(dst));
}

absl::StatusOr<EdgeTypeName> ParseEdgeTypeName(absl::string_view text) {
  const std::vector<absl::string_view> parts = absl::StrSplit(text, kSeparator);
  if (parts.size() != 3) {
    return absl::InvalidArgumentError(
        absl::StrCat("edge type \"", text,
                     "\": must be src__relation__dst; where a name "
                     "has two _ in a row, write %5F for each"));
  }
  std::string names[3];
  for (size_t i = 0; i < 3; ++i) {
    absl::StatusOr<std::string> name = Unescape(parts[i]);
    if (!name.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("edge type \"", text, "\": ", name.status().message()));
    }
    names[i] = *std::move(name);
  }
  return EdgeTypeName{names[0], names[1], names[2]};
}

EdgeTypeName ReverseEdgeType(const EdgeTypeName& name) {
  if (name.src == name.dst) return name;
  absl::string_view relation = name.relation;
  return {name.dst,
          absl::ConsumePrefix(&relation, kReversed)
              ? std::string(relation)
              : absl::StrCat(kReversed, relation),
          name.src};
}

}  // namespace fairlead
