#include "libs/command_line/byte_size.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"

namespace fairlead {
namespace {

constexpr char kUnits[] = "KMGT";
constexpr uint64_t kMaxBytes = (uint64_t{1} << 63) - 1;

}  // namespace

absl::StatusOr<ByteSize> ParseByteSize(absl::string_view text) {
  const std::string upper = absl::AsciiStrToUpper(text);
  absl::string_view number = upper;
  absl::ConsumeSuffix(&number, "B");
  int shift = 0;
  for (int i = 0; kUnits[i] != '\0'; ++i) {
    const absl::string_view unit(&kUnits[i], 1);
    if (absl::ConsumeSuffix(&number, unit)) {
      shift = 10 * (i + 1);
      break;
    }
  }
  // Digits, at most one point among them: the parsers below take "inf", signs,
  // spaces and "0x1" too.
  const bool is_number =
      !number.empty() && absl::ascii_isdigit(number.front()) &&
      absl::ascii_isdigit(number.back()) &&
      std::count(number.begin(), number.end(), '.') <= 1 &&
      std::all_of(number.begin(), number.end(), [](unsigned char c) {
        return absl::ascii_isdigit(c) || c == '.';
      });
  uint64_t whole = 0;
  double value = 0;
  if (is_number && absl::SimpleAtoi(number, &whole)) {
    // Not by way of a double, which is exact up to 2^53 only.
    if (whole <= kMaxBytes >> shift) return ByteSize(whole << shift);
  } else if (is_number && shift > 0 && absl::SimpleAtod(number, &value) &&
             std::ldexp(value, shift) < static_cast<double>(kMaxBytes)) {
    return ByteSize(static_cast<uint64_t>(std::ldexp(value, shift)));
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "\"", text,
      "\" is no size in bytes; write it as 4096, 256k, 64MB, 1.5G"));
}

bool AbslParseFlag(absl::string_view text, ByteSize* size, std::string* error) {
  const absl::StatusOr<ByteSize> parsed = ParseByteSize(text);
  if (!parsed.ok()) {
    *error = std::string(parsed.status().message());
    return false;
  }
  *size = *parsed;
  return true;
}

std::string AbslUnparseFlag(const ByteSize& size) {
  for (int i = 3; i >= 0; --i) {
    const uint64_t unit = uint64_t{1} << (10 * (i + 1));
    if (size.bytes >= unit && size.bytes % unit == 0) {
      return absl::StrCat(size.bytes / unit, absl::string_view(&kUnits[i], 1),
                          "B");
    }
  }
  return absl::StrCat(size.bytes);
}

}  // namespace fairlead
