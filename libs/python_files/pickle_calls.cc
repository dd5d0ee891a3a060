#include "libs/python_files/pickle_calls.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "libs/python_files/pickle_args.h"
#include "libs/python_files/pickle_heap.h"
#include "libs/python_files/pickle_names.h"
#include "libs/python_files/pickle_value.h"
#include "libs/python_files/utf8.h"
#include "libs/status/status_macros.h"

namespace fairlead {
namespace {

using Kind = PickleKind;
using Meaning = PickleMeaning;

}  // namespace

absl::StatusOr<PickleValue*> PickleCalls::Global(absl::string_view module,
                                                 absl::string_view name) const {
  const absl::Span<const PickleName> names = PickleNames();
  const auto* const found =
      std::find_if(names.begin(), names.end(), [&](const PickleName& one) {
        return one.module == module && one.name == name;
      });
  if (found == names.end()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the pickle names ", Shown(module), ".", Shown(name),
        ", which is not plain data: in Python, loading the file would have "
        "imported it and could have run it; nothing was run. If you trust who "
        "wrote the file, load it in Python and save what you need as dicts, "
        "lists, numbers, strings and arrays"));
  }
  FAIRLEAD_RETURN_IF_ERROR(
      heap_.ChargeText(found->module.size() + found->name.size()));
  FAIRLEAD_ASSIGN_OR_RETURN(PickleValue * global, heap_.New(Kind::kGlobal));
  global->integer_ = found - names.begin();
  global->text_ = heap_.Keep(absl::StrCat(found->module, ".", found->name));
  return global;
}

absl::StatusOr<PickleValue*> PickleCalls::Call(const PickleValue& function,
                                               const PickleValue& args) const {
  if (function.kind() != Kind::kGlobal || args.kind() != Kind::kTuple) {
    return absl::DataLossError(absl::StrCat(
        "the pickle calls a ", PickleKindName(function.kind()), " with a ",
        PickleKindName(args.kind()), "; write the file again"));
  }
  switch (NameOf(function).meaning) {
    case Meaning::kOrderedDict:
      return OrderedDict(args);
    case Meaning::kSet:
      return Set(args);
    case Meaning::kBytes:
      return Bytes(args);
    case Meaning::kEncode:
      return Encode(args);
    case Meaning::kTorchSize:
      FAIRLEAD_RETURN_IF_ERROR(CheckArgs("torch.Size", args, {Kind::kTuple}));
      return args.items_[0];
    case Meaning::kTensor:
      return Tensor(args, /*names_dtype=*/false);
    case Meaning::kTensorWithDtype:
      return Tensor(args, /*names_dtype=*/true);
    case Meaning::kParameter:  // a tensor, whether it has gradients, hooks
      FAIRLEAD_RETURN_IF_ERROR(
          CheckArgs(function.text(), args, {Kind::kArray}));
      return args.items_[0];
    case Meaning::kStorageFromBytes:
      return StorageFromBytes(args);
    case Meaning::kEmptyArray:
      return EmptyArray(args);
    case Meaning::kArrayFromBuffer:
      return ArrayFromBuffer(args);
    case Meaning::kDtype:
      return Dtype(args);
    case Meaning::kScalar:
      return Scalar(args);
    case Meaning::kArrayClass:
    case Meaning::kStorageType:
    case Meaning::kTorchDtype:
      break;
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "the pickle calls ", function.text(),
      ", which torch and NumPy name and never call; nothing was run"));
}

absl::StatusOr<PickleValue*> PickleCalls::OrderedDict(
    const PickleValue& args) const {
  FAIRLEAD_ASSIGN_OR_RETURN(PickleValue * dict, heap_.New(Kind::kDict));
  dict->integer_ = 1;  // it may have attributes
  if (args.size() == 0) return dict;
  // Old protocols: a list of [key, value].
  FAIRLEAD_RETURN_IF_ERROR(
      CheckArgs("collections.OrderedDict", args, {Kind::kList}));
  const PickleValue& pairs = args.item(0);
  FAIRLEAD_RETURN_IF_ERROR(heap_.Charge(2 * pairs.size()));
  for (size_t i = 0; i < pairs.size(); ++i) {
    const PickleValue& pair = pairs.item(i);
    if ((pair.kind() != Kind::kList && pair.kind() != Kind::kTuple) ||
        pair.size() != 2) {
      return absl::DataLossError(absl::StrCat(
          "collections.OrderedDict gets, as item ", i, ", no pair"));
    }
    dict->items_.push_back(pair.items_[0]);
    dict->items_.push_back(pair.items_[1]);
  }
  return dict;
}

absl::StatusOr<PickleValue*> PickleCalls::Set(const PickleValue& args) const {
  FAIRLEAD_ASSIGN_OR_RETURN(PickleValue * set, heap_.New(Kind::kSet));
  if (args.size() == 0) return set;
  FAIRLEAD_RETURN_IF_ERROR(CheckArgs("set", args, {Kind::kList}));
  FAIRLEAD_RETURN_IF_ERROR(heap_.Charge(args.item(0).size()));
  set->items_ = args.item(0).items_;
  return set;
}

absl::StatusOr<PickleValue*> PickleCalls::Bytes(const PickleValue& args) const {
  if (args.size() == 0) return heap_.New(Kind::kBytes);
  // bytearray(text, "latin-1") of protocol 2; bytearray(bytes) of 3 and 4.
  if (args.item(0).kind() == Kind::kString) return Encode(args);
  FAIRLEAD_RETURN_IF_ERROR(CheckArgs("bytes", args, {Kind::kBytes}));
  return args.items_[0];
}

// How protocols 0 to 2, which have no bytes, write them: as text of which each
// character is a byte.
absl::StatusOr<PickleValue*> PickleCalls::Encode(
    const PickleValue& args) const {
  FAIRLEAD_RETURN_IF_ERROR(
      CheckArgs("_codecs.encode", args, {Kind::kString, Kind::kString}));
  const absl::string_view codec = args.item(1).text();
  if (codec != "latin1" && codec != "latin-1") {
    return absl::InvalidArgumentError(
        absl::StrCat("the pickle encodes text as ", Shown(codec),
                     "; Python writes bytes as latin1"));
  }
  absl::string_view text = args.item(0).text();
  FAIRLEAD_RETURN_IF_ERROR(heap_.ChargeText(text.size()));
  std::string bytes;
  bytes.reserve(text.size());
  while (!text.empty()) {
    const std::optional<uint32_t> code_point = TakeCodePoint(&text);
    if (code_point.value_or(0x100) > 0xff) {
      return absl::DataLossError(
          "the pickle has bytes, written as text, that are no latin1");
    }
    bytes.push_back(static_cast<char>(*code_point));
  }
  FAIRLEAD_ASSIGN_OR_RETURN(PickleValue * value, heap_.New(Kind::kBytes));
  value->text_ = heap_.Keep(std::move(bytes));
  return value;
}

absl::Status PickleCalls::SetState(PickleValue* object,
                                   const PickleValue& state) const {
  switch (object->kind()) {
    case Kind::kDict:
      // Attributes of an OrderedDict: torch keeps versions of modules there.
      if (object->integer_ == 1) return absl::OkStatus();
      break;
    case Kind::kDtype:
      return SetDtypeState(*object, state);
    case Kind::kEmptyArray:
      return SetArrayState(object, state);
    default:
      break;
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "the pickle sets attributes of a ", PickleKindName(object->kind()),
      ", which could run code in Python; nothing was run. Save plain dicts, "
      "lists and arrays"));
}

}  // namespace fairlead
