#include "libs/command_line/byte_size.h"

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

}  // namespace

absl::StatusOr<ByteSize> ParseByteSize(absl::string_view text) {
  std::string upper = absl::AsciiStrToUpper(text);
  absl::string_view number = upper;
  absl::ConsumeSuffix(&number, "B");
  double scale = 1;
  for (int i = 0; kUnits[i] != '\0'; ++i) {
    const absl::string_view unit(&kUnits[i], 1);
    if (absl::ConsumeSuffix(&number, unit)) {
      scale = std::ldexp(1.0, 10 * (i + 1));
      break;
    }
  }
  double value = 0;
  // Digits first and last: SimpleAtod takes "inf", signs and spaces too.
  if (number.empty() || !absl::ascii_isdigit(number.front()) ||
      !absl::ascii_isdigit(number.back()) ||
      !absl::SimpleAtod(number, &value) || value * scale >= 0x1p63) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", text,
                     "\" is no size in bytes; write it as 4096, 256k, 64MB, "
                     "1.5G"));
  }
  return ByteSize(static_cast<uint64_t>(value * scale));
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
