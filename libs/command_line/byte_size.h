#ifndef FAIRLEAD_LIBS_COMMAND_LINE_BYTE_SIZE_H_
#define FAIRLEAD_LIBS_COMMAND_LINE_BYTE_SIZE_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace fairlead {

// A number of bytes as people write it: "4096", "256k", "64MB", "1.5G". Units
// are powers of 1024 (parity G9), upper or lower case, with or without the B.
// Unlike the original, "10", "5B" and "4TB" are sizes too; a part of a byte is
// dropped, and "1.5" without a unit is refused. Works as a flag's type.
struct ByteSize {
  uint64_t bytes = 0;

  ByteSize() = default;
  explicit constexpr ByteSize(uint64_t value) : bytes(value) {}
};

// INVALID_ARGUMENT, showing good sizes, for anything else.
absl::StatusOr<ByteSize> ParseByteSize(absl::string_view text);

bool AbslParseFlag(absl::string_view text, ByteSize* size, std::string* error);
std::string AbslUnparseFlag(const ByteSize& size);

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_COMMAND_LINE_BYTE_SIZE_H_
