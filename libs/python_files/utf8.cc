#include "libs/python_files/utf8.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace fairlead {

std::optional<uint32_t> TakeCodePoint(absl::string_view* text) {
  if (text->empty()) return std::nullopt;
  const auto byte = [text](size_t i) {
    return static_cast<uint32_t>(static_cast<uint8_t>((*text)[i]));
  };
  const uint32_t first = byte(0);
  if (first < 0x80) {
    text->remove_prefix(1);
    return first;
  }
  // 110xxxxx, 1110xxxx, 11110xxx begin two, three, four bytes.
  const size_t bytes = first < 0xc0   ? 0
                       : first < 0xe0 ? 2
                       : first < 0xf0 ? 3
                       : first < 0xf8 ? 4
                                      : 0;
  if (bytes == 0 || text->size() < bytes) return std::nullopt;
  uint32_t code_point = first & (0x7fU >> bytes);
  for (size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return std::nullopt;
    code_point = code_point << 6 | (byte(i) & 0x3f);
  }
  constexpr uint32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  if (code_point < kSmallest[bytes] || code_point > 0x10ffff ||
      (code_point >= 0xd800 && code_point < 0xe000)) {
    return std::nullopt;
  }
  text->remove_prefix(bytes);
  return code_point;
}

void AppendUtf8(uint32_t code_point, std::string* text) {
  const auto append = [text](uint32_t byte) {
    text->push_back(static_cast<char>(byte));
  };
  const auto append_six = [&](int shift) {
    append(0x80 | (code_point >> shift & 0x3f));
  };
  if (code_point < 0x80) {
    append(code_point);
  } else if (code_point < 0x800) {
    append(0xc0 | code_point >> 6);
    append_six(0);
  } else if (code_point < 0x10000) {
    append(0xe0 | code_point >> 12);
    append_six(6);
    append_six(0);
  } else {
    append(0xf0 | code_point >> 18);
    append_six(12);
    append_six(6);
    append_six(0);
  }
}

bool IsUtf8(absl::string_view text) {
  while (!text.empty()) {
    if (!TakeCodePoint(&text).has_value()) return false;
  }
  return true;
}

}  // namespace fairlead
