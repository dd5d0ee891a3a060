// What opcodes take off the bytes and off the stack, and what they push.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "libs/python_files/pickle_errors.h"
#include "libs/python_files/pickle_heap.h"
#include "libs/python_files/pickle_value.h"
#include "libs/python_files/unpickler.h"
#include "libs/python_files/utf8.h"
#include "libs/status/status_macros.h"

namespace fairlead {
namespace {

using Kind = PickleKind;

absl::Status TooLarge(absl::string_view integer) {
  return absl::InvalidArgumentError(
      absl::StrCat("the pickle has the integer ", integer,
                   ", beyond 64 signed bits; save it as a string"));
}

}  // namespace

absl::StatusOr<absl::string_view> Unpickler::Take(uint64_t bytes) {
  if (bytes > bytes_.size() - at_) {
    return MalformedPickle(absl::StrCat("it is cut short: ", bytes,
                                        " bytes should follow, and there are ",
                                        bytes_.size() - at_));
  }
  const absl::string_view taken(
      reinterpret_cast<const char*>(bytes_.data()) + at_, bytes);
  at_ += bytes;
  return taken;
}

absl::StatusOr<absl::string_view> Unpickler::TakeLine() {
  const auto* const begin = bytes_.begin() + at_;
  const auto* const end = std::find(begin, bytes_.end(), '\n');
  if (end == bytes_.end()) return MalformedPickle("it is cut short in a line");
  FAIRLEAD_ASSIGN_OR_RETURN(absl::string_view line, Take(end - begin + 1));
  line.remove_suffix(1);
  return line;
}

absl::StatusOr<uint64_t> Unpickler::TakeLe(size_t size) {
  FAIRLEAD_ASSIGN_OR_RETURN(const absl::string_view bytes, Take(size));
  uint64_t value = 0;
  for (size_t i = size; i-- > 0;) {
    value = value << 8 | static_cast<uint8_t>(bytes[i]);
  }
  return value;
}

absl::StatusOr<absl::string_view> Unpickler::TakeCounted(size_t length_bytes) {
  FAIRLEAD_ASSIGN_OR_RETURN(const uint64_t length, TakeLe(length_bytes));
  return Take(length);
}

absl::StatusOr<uint64_t> Unpickler::TakeDecimal() {
  FAIRLEAD_ASSIGN_OR_RETURN(const absl::string_view text, TakeLine());
  uint64_t value = 0;
  if (!absl::SimpleAtoi(text, &value)) {
    return MalformedPickle("a number of the memo is none");
  }
  return value;
}

absl::Status Unpickler::Push(PickleValue* value) {
  if (stack_.size() >= options_.max_values) {
    return absl::ResourceExhaustedError(
        absl::StrCat("the pickle has more than the ", options_.max_values,
                     " values on its stack that are allowed"));
  }
  stack_.push_back(value);
  return absl::OkStatus();
}

absl::Status Unpickler::Push(absl::StatusOr<PickleValue*> value) {
  return value.ok() ? Push(*value) : value.status();
}

absl::StatusOr<PickleValue*> Unpickler::Top() const {
  if (stack_.size() <= Floor()) {
    return MalformedPickle("it takes a value that is not there");
  }
  return stack_.back();
}

absl::StatusOr<PickleValue*> Unpickler::Pop() {
  FAIRLEAD_ASSIGN_OR_RETURN(PickleValue * top, Top());
  stack_.pop_back();
  return top;
}

absl::StatusOr<std::vector<PickleValue*>> Unpickler::PopToMark() {
  if (marks_.empty()) return MalformedPickle("it takes values up to no mark");
  const auto first = stack_.begin() + static_cast<ptrdiff_t>(marks_.back());
  marks_.pop_back();
  std::vector<PickleValue*> items(first, stack_.end());
  stack_.erase(first, stack_.end());
  return items;
}

absl::Status Unpickler::PushInt(int64_t integer) {
  FAIRLEAD_ASSIGN_OR_RETURN(PickleValue * value, heap_.New(Kind::kInt));
  value->integer_ = integer;
  return Push(value);
}

absl::Status Unpickler::PushDecimal(absl::string_view text) {
  int64_t value = 0;
  if (absl::SimpleAtoi(text, &value)) return PushInt(value);
  const absl::string_view digits =
      text.substr(text.empty() || text[0] != '-' ? 0 : 1);
  if (!digits.empty() &&
      std::all_of(digits.begin(), digits.end(), absl::ascii_isdigit)) {
    return TooLarge(
        absl::StrCat(text.substr(0, 40), text.size() > 40 ? "..." : ""));
  }
  return MalformedPickle(absl::StrCat(
      "\"", absl::CHexEscape(text.substr(0, 40)), "\" is no integer"));
}

absl::Status Unpickler::PushLong(absl::StatusOr<absl::string_view> bytes) {
  FAIRLEAD_RETURN_IF_ERROR(bytes.status());
  constexpr size_t kMostBytes = sizeof(int64_t);
  if (bytes->size() > kMostBytes) {
    return TooLarge(absl::StrCat("of ", bytes->size(), " bytes"));
  }
  // Two's complement, the lowest byte first, as short as it can be.
  uint64_t value = 0;
  if (!bytes->empty() && static_cast<int8_t>(bytes->back()) < 0) value = ~value;
  for (size_t i = bytes->size(); i-- > 0;) {
    value = value << 8 | static_cast<uint8_t>((*bytes)[i]);
  }
  return PushInt(static_cast<int64_t>(value));
}

absl::Status Unpickler::PushFloatText(absl::string_view text) {
  FAIRLEAD_ASSIGN_OR_RETURN(PickleValue * value, heap_.New(Kind::kFloat));
  if (!absl::SimpleAtod(text, &value->real_)) {
    return MalformedPickle(absl::StrCat(
        "\"", absl::CHexEscape(text.substr(0, 40)), "\" is no number"));
  }
  return Push(value);
}

absl::Status Unpickler::PushFloat() {
  FAIRLEAD_ASSIGN_OR_RETURN(const uint64_t bytes, TakeLe(8));
  const uint64_t swapped = __builtin_bswap64(bytes);  // it is big-endian
  FAIRLEAD_ASSIGN_OR_RETURN(PickleValue * value, heap_.New(Kind::kFloat));
  memcpy(&value->real_, &swapped, sizeof(double));
  return Push(value);
}

absl::Status Unpickler::PushText(Kind kind,
                                 absl::StatusOr<absl::string_view> text) {
  FAIRLEAD_RETURN_IF_ERROR(text.status());
  if (kind == Kind::kString && !IsUtf8(*text)) {
    return MalformedPickle("a string is no UTF-8");
  }
  FAIRLEAD_ASSIGN_OR_RETURN(PickleValue * value, heap_.New(kind));
  value->text_ = *text;
  return Push(value);
}

// "raw-unicode-escape": bytes are characters, but for \uxxxx and \Uxxxxxxxx.
absl::Status Unpickler::PushEscaped(absl::string_view text) {
  FAIRLEAD_RETURN_IF_ERROR(heap_.ChargeText(2 * text.size()));
  std::string utf8;
  utf8.reserve(text.size());
  while (!text.empty()) {
    const size_t digits = absl::StartsWith(text, "\\u")   ? 4
                          : absl::StartsWith(text, "\\U") ? 8
                                                          : 0;
    uint32_t code_point = static_cast<uint8_t>(text[0]);
    if (digits > 0) {
      const absl::string_view hex = text.substr(2, digits);
      if (hex.size() != digits ||
          !std::all_of(hex.begin(), hex.end(), absl::ascii_isxdigit) ||
          !absl::SimpleHexAtoi(hex, &code_point) || code_point > 0x10ffff ||
          (code_point >= 0xd800 && code_point < 0xe000)) {
        return MalformedPickle("a string has an escape that is no character");
      }
      text.remove_prefix(2 + digits);
    } else {
      text.remove_prefix(1);
    }
    AppendUtf8(code_point, &utf8);
  }
  return PushText(Kind::kString, heap_.Keep(std::move(utf8)));
}

absl::Status Unpickler::PushItems(
    Kind kind, absl::StatusOr<std::vector<PickleValue*>> items) {
  FAIRLEAD_RETURN_IF_ERROR(items.status());
  FAIRLEAD_ASSIGN_OR_RETURN(PickleValue * value, heap_.New(kind));
  FAIRLEAD_RETURN_IF_ERROR(heap_.Charge(items->size()));
  if (kind == Kind::kDict && items->size() % 2 != 0) {
    return MalformedPickle("a dict has a key without a value");
  }
  value->items_ = *std::move(items);
  return Push(value);
}

absl::Status Unpickler::PushTuple(size_t size) {
  if (stack_.size() - Floor() < size) {
    return MalformedPickle("it takes values that are not there");
  }
  std::vector<PickleValue*> items(stack_.end() - static_cast<ptrdiff_t>(size),
                                  stack_.end());
  stack_.resize(stack_.size() - size);
  return PushItems(Kind::kTuple, std::move(items));
}

absl::Status Unpickler::Extend(
    Kind kind, absl::StatusOr<std::vector<PickleValue*>> items) {
  FAIRLEAD_RETURN_IF_ERROR(items.status());
  FAIRLEAD_ASSIGN_OR_RETURN(PickleValue * to, Top());
  if (to->kind() != kind) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the pickle adds items to a ", PickleKindName(to->kind()),
        " as if to a ", PickleKindName(kind),
        ", which could run code in Python; nothing was run. Save plain dicts, "
        "lists and arrays"));
  }
  FAIRLEAD_RETURN_IF_ERROR(heap_.Charge(items->size()));
  if (kind == Kind::kDict && items->size() % 2 != 0) {
    return MalformedPickle("a dict gets a key without a value");
  }
  to->items_.insert(to->items_.end(), items->begin(), items->end());
  return absl::OkStatus();
}

absl::Status Unpickler::ExtendOne(Kind kind, size_t size) {
  if (stack_.size() - Floor() < size) {
    return MalformedPickle("it takes values that are not there");
  }
  std::vector<PickleValue*> items(stack_.end() - static_cast<ptrdiff_t>(size),
                                  stack_.end());
  stack_.resize(stack_.size() - size);
  return Extend(kind, std::move(items));
}

}  // namespace fairlead
