#include "libs/python_files/unpickler.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "libs/python_files/pickle_heap.h"
#include "libs/python_files/pickle_value.h"
#include "libs/python_files/utf8.h"
#include "libs/status/status_macros.h"

namespace fairlead {
namespace {

using Kind = PickleKind;

constexpr uint8_t kHighestProtocol = 5;
constexpr uint8_t kProto = 0x80;
constexpr uint8_t kStop = '.';

absl::Status Malformed(absl::string_view why) {
  return absl::DataLossError(
      absl::StrCat(why, "; the pickle is damaged: write it again"));
}

absl::Status OfPython2(absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(
      "the pickle has ", what,
      ", as Python 2 writes; load it in Python 3 and save it again"));
}

absl::Status TooLarge(absl::string_view integer) {
  return absl::InvalidArgumentError(
      absl::StrCat("the pickle has the integer ", integer,
                   ", beyond 64 signed bits; save it as a string"));
}

}  // namespace

absl::StatusOr<PickleDocument> Unpickler::Parse(const SharedBytes& bytes,
                                                const PickleOptions& options,
                                                bool nested) {
  // Text is decoded once, and grows to twice its size (a byte above 0x7f of
  // protocol 0); names of globals and the rest are short.
  constexpr uint64_t kSlack = 4096;
  PickleDocument document;
  document.source_ = bytes;
  document.heap_ = std::make_unique<PickleHeap>(options.max_values,
                                                2 * bytes.span.size() + kSlack);
  Unpickler unpickler(bytes.span, options, nested, document.heap_.get());
  const absl::StatusOr<PickleValue*> root = unpickler.Run();
  if (!root.ok()) {
    return absl::Status(
        root.status().code(),
        absl::StrCat("byte ", unpickler.at_, ": ", root.status().message()));
  }
  document.root_ = *root;
  document.bytes_ = unpickler.at_;
  return document;
}

absl::StatusOr<PickleValue*> Unpickler::Run() {
  while (true) {
    FAIRLEAD_ASSIGN_OR_RETURN(const uint64_t opcode, TakeLe(1));
    if (opcode == kStop) break;
    FAIRLEAD_RETURN_IF_ERROR(Step(static_cast<uint8_t>(opcode)));
  }
  if (stack_.size() != 1 || !marks_.empty()) {
    return Malformed(absl::StrCat("it ends with ", stack_.size(),
                                  " values where there must be one"));
  }
  FAIRLEAD_RETURN_IF_ERROR(CheckTree(stack_[0]));
  return stack_[0];
}

absl::Status Unpickler::Step(uint8_t opcode) {
  switch (opcode) {
    // How it is written.
    case kProto: {
      FAIRLEAD_ASSIGN_OR_RETURN(const uint64_t protocol, TakeLe(1));
      if (protocol <= kHighestProtocol) return absl::OkStatus();
      return absl::InvalidArgumentError(absl::StrCat(
          "the pickle is of protocol ", protocol, "; up to ", kHighestProtocol,
          " are known: save it with pickle.dump(..., protocol=4)"));
    }
    case 0x95: {  // FRAME: so many bytes can be read at once
      FAIRLEAD_ASSIGN_OR_RETURN(const uint64_t bytes, TakeLe(8));
      if (bytes <= bytes_.size() - at_) return absl::OkStatus();
      return Malformed("it is cut short inside a frame");
    }

    // Constants.
    case 'N':
      return Push(heap_.none());
    case 0x88:
      return Push(heap_.boolean(true));
    case 0x89:
      return Push(heap_.boolean(false));
    case 'I': {
      FAIRLEAD_ASSIGN_OR_RETURN(const absl::string_view text, TakeLine());
      if (text == "00" || text == "01") {
        return Push(heap_.boolean(text == "01"));
      }
      return PushDecimal(text);
    }
    case 'L': {
      FAIRLEAD_ASSIGN_OR_RETURN(absl::string_view text, TakeLine());
      if (!text.empty() && text.back() == 'L') text.remove_suffix(1);
      return PushDecimal(text);
    }
    case 'J': {
      FAIRLEAD_ASSIGN_OR_RETURN(const uint64_t value, TakeLe(4));
      return PushInt(static_cast<int32_t>(value));
    }
    case 'K':
    case 'M': {
      FAIRLEAD_ASSIGN_OR_RETURN(const uint64_t value,
                                TakeLe(opcode == 'K' ? 1 : 2));
      return PushInt(static_cast<int64_t>(value));
    }
    case 0x8a:
      return PushLong(TakeCounted(1));
    case 0x8b:
      return PushLong(TakeCounted(4));
    case 'F': {
      FAIRLEAD_ASSIGN_OR_RETURN(const absl::string_view text, TakeLine());
      return PushFloatText(text);
    }
    case 'G':
      return PushFloat();
    case 'V': {
      FAIRLEAD_ASSIGN_OR_RETURN(const absl::string_view text, TakeLine());
      return PushEscaped(text);
    }
    case 0x8c:
      return PushText(Kind::kString, TakeCounted(1));
    case 'X':
      return PushText(Kind::kString, TakeCounted(4));
    case 0x8d:
      return PushText(Kind::kString, TakeCounted(8));
    case 'C':
      return PushText(Kind::kBytes, TakeCounted(1));
    case 'B':
      return PushText(Kind::kBytes, TakeCounted(4));
    case 0x8e:
    case 0x96:  // bytearray
      return PushText(Kind::kBytes, TakeCounted(8));
    case 'S':
    case 'T':
    case 'U':
      return OfPython2("a string of bytes");

    // Containers.
    case '(':
      if (marks_.size() >= options_.max_values) {
        return absl::ResourceExhaustedError("the pickle is nested too deep");
      }
      marks_.push_back(stack_.size());
      return absl::OkStatus();
    case ')':
      return PushTuple(0);
    case 0x85:
      return PushTuple(1);
    case 0x86:
      return PushTuple(2);
    case 0x87:
      return PushTuple(3);
    case 't':
      return PushItems(Kind::kTuple, PopToMark());
    case ']':
      return Push(heap_.New(Kind::kList));
    case 'l':
      return PushItems(Kind::kList, PopToMark());
    case 'a':
      return ExtendOne(Kind::kList, 1);
    case 'e':
      return Extend(Kind::kList, PopToMark());
    case '}':
      return Push(heap_.New(Kind::kDict));
    case 'd':
      return PushItems(Kind::kDict, PopToMark());
    case 's':
      return ExtendOne(Kind::kDict, 2);
    case 'u':
      return Extend(Kind::kDict, PopToMark());
    case 0x8f:
      return Push(heap_.New(Kind::kSet));
    case 0x90:
      return Extend(Kind::kSet, PopToMark());
    case 0x91:
      return PushItems(Kind::kSet, PopToMark());

    // Stack and memo.
    case '0':
      // POP also drops a mark, as CPython has it.
      if (!marks_.empty() && marks_.back() == stack_.size()) {
        marks_.pop_back();
        return absl::OkStatus();
      }
      return Pop().status();
    case '1':
      return PopToMark().status();
    case '2':
      return Push(Top());
    case 'g':
      return Get(TakeDecimal());
    case 'h':
      return Get(TakeLe(1));
    case 'j':
      return Get(TakeLe(4));
    case 'p':
      return Put(TakeDecimal());
    case 'q':
      return Put(TakeLe(1));
    case 'r':
      return Put(TakeLe(4));
    case 0x94:
      return Put(memo_.size());

    // What is code in Python.
    case 'c':
      return Global();
    case 0x93:
      return StackGlobal();
    case 'i':
      return Instance();
    case 'R':
      return Reduce();
    case 'b':
      return Build();
    case 'Q': {
      FAIRLEAD_ASSIGN_OR_RETURN(const PickleValue* id, Pop());
      return Push(calls_.Persistent(*id));
    }
    case 'P':
      return absl::InvalidArgumentError(
          "the pickle has a persistent id as text, which torch does not "
          "write; save it with protocol 2 or later");
    case 'o':
    case 0x81:
    case 0x92:
      return absl::InvalidArgumentError(
          "the pickle makes an object of a class (OBJ, NEWOBJ), which is not "
          "plain data: it could run code in Python; nothing was run. Save "
          "dicts, lists, numbers, strings and arrays");
    case 0x82:
    case 0x83:
    case 0x84:
      return absl::InvalidArgumentError(
          "the pickle names something by its number in the extension registry "
          "(copyreg) of the process that wrote it; save plain data");
    case 0x97:
    case 0x98:
      return absl::InvalidArgumentError(
          "the pickle has its buffers outside of itself; save it with "
          "pickle.dump and no buffer_callback");
    default:
      return Malformed(absl::StrCat("opcode ", opcode, " is unknown"));
  }
}

absl::StatusOr<absl::string_view> Unpickler::Take(uint64_t bytes) {
  if (bytes > bytes_.size() - at_) {
    return Malformed(absl::StrCat("it is cut short: ", bytes,
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
  if (end == bytes_.end()) return Malformed("it is cut short in a line");
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
    return Malformed("a number of the memo is none");
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
    return Malformed("it takes a value that is not there");
  }
  return stack_.back();
}

absl::StatusOr<PickleValue*> Unpickler::Pop() {
  FAIRLEAD_ASSIGN_OR_RETURN(PickleValue * top, Top());
  stack_.pop_back();
  return top;
}

absl::StatusOr<std::vector<PickleValue*>> Unpickler::PopToMark() {
  if (marks_.empty()) return Malformed("it takes values up to no mark");
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
  return Malformed(absl::StrCat("\"", absl::CHexEscape(text.substr(0, 40)),
                                "\" is no integer"));
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
    return Malformed(absl::StrCat("\"", absl::CHexEscape(text.substr(0, 40)),
                                  "\" is no number"));
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
    return Malformed("a string is no UTF-8");
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
        return Malformed("a string has an escape that is no character");
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
    return Malformed("a dict has a key without a value");
  }
  value->items_ = *std::move(items);
  return Push(value);
}

absl::Status Unpickler::PushTuple(size_t size) {
  if (stack_.size() - Floor() < size) {
    return Malformed("it takes values that are not there");
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
    return Malformed("a dict gets a key without a value");
  }
  to->items_.insert(to->items_.end(), items->begin(), items->end());
  return absl::OkStatus();
}

absl::Status Unpickler::ExtendOne(Kind kind, size_t size) {
  if (stack_.size() - Floor() < size) {
    return Malformed("it takes values that are not there");
  }
  std::vector<PickleValue*> items(stack_.end() - static_cast<ptrdiff_t>(size),
                                  stack_.end());
  stack_.resize(stack_.size() - size);
  return Extend(kind, std::move(items));
}

absl::Status Unpickler::Get(absl::StatusOr<uint64_t> index) {
  FAIRLEAD_RETURN_IF_ERROR(index.status());
  const auto found = memo_.find(*index);
  if (found == memo_.end()) {
    return Malformed(
        absl::StrCat("it takes memo ", *index, ", which was never put"));
  }
  return Push(found->second);
}

absl::Status Unpickler::Put(absl::StatusOr<uint64_t> index) {
  FAIRLEAD_RETURN_IF_ERROR(index.status());
  FAIRLEAD_ASSIGN_OR_RETURN(PickleValue * top, Top());
  FAIRLEAD_RETURN_IF_ERROR(heap_.Charge(1));
  memo_[*index] = top;
  return absl::OkStatus();
}

absl::Status Unpickler::Global() {
  FAIRLEAD_ASSIGN_OR_RETURN(const absl::string_view module, TakeLine());
  FAIRLEAD_ASSIGN_OR_RETURN(const absl::string_view name, TakeLine());
  return Push(calls_.Global(module, name));
}

absl::Status Unpickler::StackGlobal() {
  FAIRLEAD_ASSIGN_OR_RETURN(const PickleValue* name, Pop());
  FAIRLEAD_ASSIGN_OR_RETURN(const PickleValue* module, Pop());
  if (name->kind() != Kind::kString || module->kind() != Kind::kString) {
    return Malformed("it names something by what are no strings");
  }
  return Push(calls_.Global(module->text(), name->text()));
}

absl::Status Unpickler::Instance() {
  FAIRLEAD_ASSIGN_OR_RETURN(const absl::string_view module, TakeLine());
  FAIRLEAD_ASSIGN_OR_RETURN(const absl::string_view name, TakeLine());
  FAIRLEAD_RETURN_IF_ERROR(calls_.Global(module, name).status());
  return OfPython2(absl::StrCat("an instance of ", module, ".", name));
}

absl::Status Unpickler::Reduce() {
  FAIRLEAD_ASSIGN_OR_RETURN(const PickleValue* args, Pop());
  FAIRLEAD_ASSIGN_OR_RETURN(const PickleValue* function, Pop());
  return Push(calls_.Call(*function, *args));
}

absl::Status Unpickler::Build() {
  FAIRLEAD_ASSIGN_OR_RETURN(const PickleValue* state, Pop());
  FAIRLEAD_ASSIGN_OR_RETURN(PickleValue * object, Top());
  return calls_.SetState(object, *state);
}

// What is shared is visited once here, and counted as often as it occurs: the
// result's users walk it without such care.
absl::Status Unpickler::CheckTree(const PickleValue* root) const {
  struct Extent {
    uint64_t depth = 1;
    uint64_t values = 1;
    bool finished = false;
  };
  struct Frame {
    const PickleValue* value;
    size_t next;
    Extent extent;
  };
  const auto add = [](const Extent& child, Extent* parent) {
    parent->depth = std::max(parent->depth, child.depth + 1);
    if (__builtin_add_overflow(parent->values, child.values, &parent->values)) {
      parent->values = UINT64_MAX;
    }
  };
  const auto half_made = [this](const PickleValue& value) {
    const Kind kind = value.kind();
    return (kind == Kind::kStorage && !nested_) || kind == Kind::kDtype ||
           kind == Kind::kEmptyArray;
  };
  absl::flat_hash_map<const PickleValue*, Extent> seen;
  std::vector<Frame> frames = {{root, 0, {}}};
  Extent total;
  seen[root] = {};
  while (!frames.empty()) {
    Frame& frame = frames.back();
    if (frame.next == 0 && half_made(*frame.value)) {
      return absl::InvalidArgumentError(
          absl::StrCat("the pickle has a ", PickleKindName(frame.value->kind()),
                       " by itself; save the array or tensor"));
    }
    if (frame.next == frame.value->items_.size()) {
      frame.extent.finished = true;
      total = frame.extent;
      seen[frame.value] = total;
      frames.pop_back();
      if (!frames.empty()) add(total, &frames.back().extent);
      continue;
    }
    const PickleValue* const child = frame.value->items_[frame.next++];
    const auto [found, is_new] = seen.try_emplace(child);
    if (is_new) {
      if (frames.size() >= options_.max_depth) {
        return absl::ResourceExhaustedError(
            absl::StrCat("the pickle is nested deeper than the ",
                         options_.max_depth, " levels that are allowed"));
      }
      frames.push_back({child, 0, {}});
    } else if (found->second.finished) {
      add(found->second, &frame.extent);
    } else {
      return absl::InvalidArgumentError(
          absl::StrCat("the pickle has a ", PickleKindName(child->kind()),
                       " that holds itself; save what is finite"));
    }
  }
  if (total.depth > options_.max_depth) {
    return absl::ResourceExhaustedError(
        absl::StrCat("the pickle is nested deeper than the ",
                     options_.max_depth, " levels that are allowed"));
  }
  if (total.values > options_.max_values) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "the pickle has more than the ", options_.max_values,
        " values that are allowed, counting each as often as it is used"));
  }
  return absl::OkStatus();
}

}  // namespace fairlead
