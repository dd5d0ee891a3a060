#include "libs/python_files/unpickler.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "libs/python_files/pickle_errors.h"
#include "libs/python_files/pickle_heap.h"
#include "libs/python_files/pickle_value.h"
#include "libs/status/status_macros.h"

namespace fairlead {
namespace {

using Kind = PickleKind;

constexpr uint8_t kHighestProtocol = 5;
constexpr uint8_t kProto = 0x80;
constexpr uint8_t kStop = '.';

absl::Status OfPython2(absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(
      "the pickle has ", what,
      ", as Python 2 writes; load it in Python 3 and save it again"));
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
    return MalformedPickle(absl::StrCat("it ends with ", stack_.size(),
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
      return MalformedPickle("it is cut short inside a frame");
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
      return MalformedPickle(absl::StrCat("opcode ", opcode, " is unknown"));
  }
}

absl::Status Unpickler::Get(absl::StatusOr<uint64_t> index) {
  FAIRLEAD_RETURN_IF_ERROR(index.status());
  const auto found = memo_.find(*index);
  if (found == memo_.end()) {
    return MalformedPickle(
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
    return MalformedPickle("it names something by what are no strings");
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
