#ifndef FAIRLEAD_LIBS_PYTHON_FILES_UTF8_H_
#define FAIRLEAD_LIBS_PYTHON_FILES_UTF8_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace fairlead {

// Takes the first code point off `text`. Nothing if `text` does not start with
// well-formed UTF-8 (RFC 3629: no surrogates, nothing longer than needed).
std::optional<uint32_t> TakeCodePoint(absl::string_view* text);

// REQUIRES code_point <= 0x10ffff.
void AppendUtf8(uint32_t code_point, std::string* text);

bool IsUtf8(absl::string_view text);

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_PYTHON_FILES_UTF8_H_
