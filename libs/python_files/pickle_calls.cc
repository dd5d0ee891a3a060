#include "libs/python_files/pickle_calls.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "libs/python_files/pickle_heap.h"
#include "libs/python_files/pickle_value.h"
#include "libs/python_files/strided_array.h"
#include "libs/python_files/torch_legacy.h"
#include "libs/python_files/utf8.h"
#include "libs/status/status_macros.h"

namespace fairlead {
namespace {

using Kind = PickleKind;

// What a name stands for.
enum class Meaning : uint8_t {
  // Functions and classes that may be called.
  kOrderedDict,
  kSet,
  kBytes,
  kEncode,
  kTorchSize,
  kTensor,
  kTensorWithDtype,
  kParameter,
  kStorageFromBytes,
  kEmptyArray,
  kArrayFromBuffer,
  kDtype,
  kScalar,
  // Names that are only ever arguments.
  kArrayClass,
  kStorageType,
  kTorchDtype,
};

struct AllowedGlobal {
  absl::string_view module;
  absl::string_view name;
  Meaning meaning;
  ElementType type = ElementType::kUint8;  // of storage types and dtypes
};

// All that a pickle may name. ("__builtin__" is what protocols below 3 call
// "builtins"; "numpy._core" is what NumPy 2 calls "numpy.core".)
constexpr AllowedGlobal kAllowed[] = {
    {"collections", "OrderedDict", Meaning::kOrderedDict},
    {"builtins", "set", Meaning::kSet},
    {"builtins", "frozenset", Meaning::kSet},
    {"builtins", "bytes", Meaning::kBytes},
    {"builtins", "bytearray", Meaning::kBytes},
    {"__builtin__", "set", Meaning::kSet},
    {"__builtin__", "frozenset", Meaning::kSet},
    {"__builtin__", "bytes", Meaning::kBytes},
    {"__builtin__", "bytearray", Meaning::kBytes},
    {"_codecs", "encode", Meaning::kEncode},

    {"torch", "Size", Meaning::kTorchSize},
    {"torch._utils", "_rebuild_tensor_v2", Meaning::kTensor},
    {"torch._utils", "_rebuild_tensor_v3", Meaning::kTensorWithDtype},
    {"torch._utils", "_rebuild_parameter", Meaning::kParameter},
    {"torch.storage", "_load_from_bytes", Meaning::kStorageFromBytes},
    {"torch", "BoolStorage", Meaning::kStorageType, ElementType::kBool},
    {"torch", "ByteStorage", Meaning::kStorageType, ElementType::kUint8},
    {"torch", "CharStorage", Meaning::kStorageType, ElementType::kInt8},
    {"torch", "ShortStorage", Meaning::kStorageType, ElementType::kInt16},
    {"torch", "IntStorage", Meaning::kStorageType, ElementType::kInt32},
    {"torch", "LongStorage", Meaning::kStorageType, ElementType::kInt64},
    {"torch", "HalfStorage", Meaning::kStorageType, ElementType::kFloat16},
    {"torch", "BFloat16Storage", Meaning::kStorageType, ElementType::kBFloat16},
    {"torch", "FloatStorage", Meaning::kStorageType, ElementType::kFloat32},
    {"torch", "DoubleStorage", Meaning::kStorageType, ElementType::kFloat64},
    {"torch", "UntypedStorage", Meaning::kStorageType, ElementType::kUint8},
    {"torch.storage", "UntypedStorage", Meaning::kStorageType,
     ElementType::kUint8},
    {"torch", "bool", Meaning::kTorchDtype, ElementType::kBool},
    {"torch", "uint8", Meaning::kTorchDtype, ElementType::kUint8},
    {"torch", "int8", Meaning::kTorchDtype, ElementType::kInt8},
    {"torch", "uint16", Meaning::kTorchDtype, ElementType::kUint16},
    {"torch", "int16", Meaning::kTorchDtype, ElementType::kInt16},
    {"torch", "uint32", Meaning::kTorchDtype, ElementType::kUint32},
    {"torch", "int32", Meaning::kTorchDtype, ElementType::kInt32},
    {"torch", "uint64", Meaning::kTorchDtype, ElementType::kUint64},
    {"torch", "int64", Meaning::kTorchDtype, ElementType::kInt64},
    {"torch", "float16", Meaning::kTorchDtype, ElementType::kFloat16},
    {"torch", "bfloat16", Meaning::kTorchDtype, ElementType::kBFloat16},
    {"torch", "float32", Meaning::kTorchDtype, ElementType::kFloat32},
    {"torch", "float64", Meaning::kTorchDtype, ElementType::kFloat64},

    {"numpy", "ndarray", Meaning::kArrayClass},
    {"numpy", "dtype", Meaning::kDtype},
    {"numpy.core.multiarray", "_reconstruct", Meaning::kEmptyArray},
    {"numpy._core.multiarray", "_reconstruct", Meaning::kEmptyArray},
    {"numpy.core.multiarray", "scalar", Meaning::kScalar},
    {"numpy._core.multiarray", "scalar", Meaning::kScalar},
    {"numpy.core.numeric", "_frombuffer", Meaning::kArrayFromBuffer},
    {"numpy._core.numeric", "_frombuffer", Meaning::kArrayFromBuffer},
};

// NumPy's names of the plain numbers.
struct NumpyName {
  absl::string_view name;
  ElementType type;
};
constexpr NumpyName kNumpyNames[] = {
    {"b1", ElementType::kBool},    {"u1", ElementType::kUint8},
    {"i1", ElementType::kInt8},    {"u2", ElementType::kUint16},
    {"i2", ElementType::kInt16},   {"u4", ElementType::kUint32},
    {"i4", ElementType::kInt32},   {"u8", ElementType::kUint64},
    {"i8", ElementType::kInt64},   {"f2", ElementType::kFloat16},
    {"f4", ElementType::kFloat32}, {"f8", ElementType::kFloat64},
};

std::string Shown(absl::string_view name) {
  constexpr size_t kShown = 100;
  return absl::StrCat(absl::CHexEscape(name.substr(0, kShown)),
                      name.size() > kShown ? "..." : "");
}

// DATA_LOSS unless `args` begins with values of these kinds.
absl::Status CheckArgs(absl::string_view function, const PickleValue& args,
                       std::initializer_list<Kind> kinds) {
  size_t i = 0;
  for (const Kind kind : kinds) {
    if (i >= args.size()) {
      return absl::DataLossError(
          absl::StrCat(function, " gets ", args.size(), " arguments and needs ",
                       kinds.size(), "; write the file again"));
    }
    if (args.item(i).kind() != kind) {
      return absl::DataLossError(
          absl::StrCat(function, " gets ", PickleKindName(args.item(i).kind()),
                       " as argument ", i + 1, ", which must be ",
                       PickleKindName(kind), "; write the file again"));
    }
    ++i;
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<int64_t>> Dimensions(const PickleValue& tuple) {
  if (tuple.size() > kMaxDimensions) {
    return absl::DataLossError(absl::StrCat("an array has ", tuple.size(),
                                            " dimensions; ", kMaxDimensions,
                                            " are possible"));
  }
  std::vector<int64_t> dimensions;
  dimensions.reserve(tuple.size());
  for (size_t i = 0; i < tuple.size(); ++i) {
    if (tuple.item(i).kind() != Kind::kInt) {
      return absl::DataLossError(
          absl::StrCat("dimension ", i, " of an array is of Python type ",
                       PickleKindName(tuple.item(i).kind()), ", not int"));
    }
    dimensions.push_back(tuple.item(i).int_value());
  }
  return dimensions;
}

absl::Status NoPlainNumbers(absl::string_view dtype) {
  return absl::InvalidArgumentError(absl::StrCat(
      "an array has the NumPy dtype ", Shown(dtype),
      "; plain numbers are read (bool, integers, floats up to 64 bits): "
      "convert it with array.astype(...) and save it again"));
}

absl::Span<const uint8_t> AsBytes(absl::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

}  // namespace

absl::StatusOr<PickleValue*> PickleCalls::Global(absl::string_view module,
                                                 absl::string_view name) const {
  const auto* const found = std::find_if(
      std::begin(kAllowed), std::end(kAllowed), [&](const AllowedGlobal& one) {
        return one.module == module && one.name == name;
      });
  if (found == std::end(kAllowed)) {
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
  global->integer_ = found - kAllowed;
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
  switch (kAllowed[function.integer_].meaning) {
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

absl::StatusOr<PickleValue*> PickleCalls::NewStorage(
    ElementType type, absl::Span<const uint8_t> bytes) const {
  FAIRLEAD_ASSIGN_OR_RETURN(PickleValue * storage, heap_.New(Kind::kStorage));
  storage->array_ = std::make_unique<StridedArray>();
  storage->array_->type = type;
  storage->array_->storage = bytes;
  return storage;
}

// ("storage", torch.FloatStorage, "0", "cpu", 12), and None or nothing.
absl::StatusOr<PickleValue*> PickleCalls::Persistent(
    const PickleValue& id) const {
  if (options_.load_storage == nullptr) {
    return absl::InvalidArgumentError(
        "the pickle refers to a storage outside of itself, as only those in a "
        "file of torch.save do; read that file instead");
  }
  if (id.kind() != Kind::kTuple) {
    return absl::DataLossError("a persistent id of the pickle is no tuple");
  }
  FAIRLEAD_RETURN_IF_ERROR(
      CheckArgs("a persistent id", id,
                {Kind::kString, Kind::kGlobal, Kind::kString, Kind::kString,
                 Kind::kInt}));
  const AllowedGlobal& type = kAllowed[id.item(1).integer_];
  if (id.item(0).text() != "storage" || type.meaning != Meaning::kStorageType ||
      id.item(4).int_value() < 0) {
    return absl::DataLossError(
        absl::StrCat("a persistent id of the pickle is no storage: (",
                     Shown(id.item(0).text()), ", ", id.item(1).text(),
                     ", ..., ", id.item(4).int_value(), ")"));
  }
  if (id.size() > 6 || (id.size() == 6 && id.item(5).kind() != Kind::kNone)) {
    return absl::InvalidArgumentError(
        "the pickle has a view of a storage, as torch before 0.4 wrote; save "
        "tensor.clone() with a newer torch");
  }
  TorchStorageRef ref;
  ref.key = id.item(2).text();
  ref.type = type.type;
  ref.elements = id.item(4).int_value();
  FAIRLEAD_ASSIGN_OR_RETURN(const absl::Span<const uint8_t> bytes,
                            options_.load_storage(ref));
  const uint64_t size = ElementBytes(ref.type);
  if (bytes.size() % size != 0 || bytes.size() / size != ref.elements) {
    return absl::DataLossError(
        absl::StrCat("storage \"", Shown(ref.key), "\" has ", bytes.size(),
                     " bytes; ", ref.elements, " ", ElementTypeName(ref.type),
                     " take another number: write the file again"));
  }
  return NewStorage(ref.type, bytes);
}

// storage, offset, sizes, strides, requires_grad, hooks [, dtype [, metadata]]
absl::StatusOr<PickleValue*> PickleCalls::Tensor(const PickleValue& args,
                                                 bool names_dtype) const {
  FAIRLEAD_RETURN_IF_ERROR(
      CheckArgs("a tensor", args,
                {Kind::kStorage, Kind::kInt, Kind::kTuple, Kind::kTuple}));
  FAIRLEAD_RETURN_IF_ERROR(
      heap_.Charge(args.item(2).size() + args.item(3).size()));
  auto array = std::make_unique<StridedArray>();
  array->type = args.item(0).array().type;
  array->storage = args.item(0).array().storage;
  array->offset = args.item(1).int_value();
  FAIRLEAD_ASSIGN_OR_RETURN(array->shape, Dimensions(args.item(2)));
  FAIRLEAD_ASSIGN_OR_RETURN(array->strides, Dimensions(args.item(3)));
  if (names_dtype) {
    if (args.size() < 7 || args.item(6).kind() != Kind::kGlobal ||
        kAllowed[args.item(6).integer_].meaning != Meaning::kTorchDtype) {
      return absl::DataLossError("a tensor names no torch dtype");
    }
    array->type = kAllowed[args.item(6).integer_].type;
  }
  FAIRLEAD_RETURN_IF_ERROR(CheckBounds(*array));
  FAIRLEAD_ASSIGN_OR_RETURN(PickleValue * tensor, heap_.New(Kind::kArray));
  tensor->array_ = std::move(array);
  return tensor;
}

// How a tensor that was pickled by itself (pickle.dump, not torch.save) writes
// its storage: as bytes, that are a whole torch file.
absl::StatusOr<PickleValue*> PickleCalls::StorageFromBytes(
    const PickleValue& args) const {
  FAIRLEAD_RETURN_IF_ERROR(
      CheckArgs("torch.storage._load_from_bytes", args, {Kind::kBytes}));
  if (nested_) {
    return absl::InvalidArgumentError(
        "a torch file is inside another, inside another; torch does not write "
        "that");
  }
  FAIRLEAD_ASSIGN_OR_RETURN(const LegacyStorage storage,
                            ParseLegacyStorage(AsBytes(args.item(0).text())));
  // Or a short pickle could have a long one read a million times.
  FAIRLEAD_RETURN_IF_ERROR(heap_.ChargeText(storage.pickle_bytes));
  return NewStorage(storage.type, storage.bytes);
}

// numpy._reconstruct(numpy.ndarray, (0,), b"b"): the array comes by SetState.
absl::StatusOr<PickleValue*> PickleCalls::EmptyArray(
    const PickleValue& args) const {
  FAIRLEAD_RETURN_IF_ERROR(CheckArgs("_reconstruct", args, {Kind::kGlobal}));
  if (kAllowed[args.item(0).integer_].meaning != Meaning::kArrayClass) {
    return absl::DataLossError(absl::StrCat(
        "_reconstruct is to make a ", args.item(0).text(), ", not an array"));
  }
  return heap_.New(Kind::kEmptyArray);
}

// _frombuffer(bytes, dtype, shape, order): protocol 5.
absl::StatusOr<PickleValue*> PickleCalls::ArrayFromBuffer(
    const PickleValue& args) const {
  FAIRLEAD_RETURN_IF_ERROR(
      CheckArgs("_frombuffer", args,
                {Kind::kBytes, Kind::kDtype, Kind::kTuple, Kind::kString}));
  const absl::string_view order = args.item(3).text();
  if ((order != "C" && order != "F") ||
      (args.size() > 4 && args.item(4).kind() != Kind::kNone)) {
    return absl::InvalidArgumentError(
        absl::StrCat("an array has its axes in the order ", Shown(order),
                     "; save numpy.ascontiguousarray(array) instead"));
  }
  FAIRLEAD_ASSIGN_OR_RETURN(PickleValue * array, heap_.New(Kind::kEmptyArray));
  FAIRLEAD_RETURN_IF_ERROR(
      Fill(array, args.item(2), args.item(1), args.item(0), order == "F"));
  return array;
}

// dtype("f4", False, True). A storage's kind of value holds the type.
absl::StatusOr<PickleValue*> PickleCalls::Dtype(const PickleValue& args) const {
  FAIRLEAD_RETURN_IF_ERROR(CheckArgs("numpy.dtype", args, {Kind::kString}));
  const absl::string_view name = args.item(0).text();
  for (const NumpyName& known : kNumpyNames) {
    if (known.name != name) continue;
    FAIRLEAD_ASSIGN_OR_RETURN(PickleValue * dtype, heap_.New(Kind::kDtype));
    dtype->array_ = std::make_unique<StridedArray>();
    dtype->array_->type = known.type;
    return dtype;
  }
  return NoPlainNumbers(name);
}

// scalar(dtype, bytes): one number.
absl::StatusOr<PickleValue*> PickleCalls::Scalar(
    const PickleValue& args) const {
  FAIRLEAD_RETURN_IF_ERROR(
      CheckArgs("a NumPy scalar", args, {Kind::kDtype, Kind::kBytes}));
  const ElementType type = args.item(0).array().type;
  const absl::string_view bytes = args.item(1).text();
  if (bytes.size() != ElementBytes(type)) {
    return absl::DataLossError(absl::StrCat("a NumPy ", ElementTypeName(type),
                                            " has ", bytes.size(), " bytes"));
  }
  uint64_t bits = 0;
  for (size_t i = bytes.size(); i-- > 0;) {
    bits = bits << 8 | static_cast<uint8_t>(bytes[i]);
  }
  switch (type) {
    case ElementType::kBool:
      return heap_.boolean(bits != 0);
    case ElementType::kFloat32:
    case ElementType::kFloat64: {
      FAIRLEAD_ASSIGN_OR_RETURN(PickleValue * value, heap_.New(Kind::kFloat));
      if (type == ElementType::kFloat64) {
        memcpy(&value->real_, bytes.data(), sizeof(double));
      } else {
        float real = 0;
        memcpy(&real, bytes.data(), sizeof(real));
        value->real_ = real;
      }
      return value;
    }
    case ElementType::kFloat16:
    case ElementType::kBFloat16:
      return absl::InvalidArgumentError(
          "the pickle has a NumPy float16 by itself; save float(value)");
    case ElementType::kUint64:
      if (bits > static_cast<uint64_t>(INT64_MAX)) {
        return absl::InvalidArgumentError(absl::StrCat(
            "the pickle has the integer ", bits, ", beyond 64 signed bits"));
      }
      break;
    case ElementType::kInt8:
    case ElementType::kInt16:
    case ElementType::kInt32: {
      const uint64_t sign = uint64_t{1} << (8 * bytes.size() - 1);
      bits = (bits ^ sign) - sign;
      break;
    }
    default:
      break;
  }
  FAIRLEAD_ASSIGN_OR_RETURN(PickleValue * value, heap_.New(Kind::kInt));
  value->integer_ = static_cast<int64_t>(bits);
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
    case Kind::kEmptyArray: {
      // version, shape, dtype, whether in Fortran order, bytes
      if (state.kind() != Kind::kTuple) {
        return absl::DataLossError("the state of an array is no tuple");
      }
      if (state.size() == 5 && state.item(4).kind() == Kind::kList) {
        return NoPlainNumbers("object");
      }
      FAIRLEAD_RETURN_IF_ERROR(CheckArgs(
          "an array's state", state,
          {Kind::kInt, Kind::kTuple, Kind::kDtype, Kind::kBool, Kind::kBytes}));
      return Fill(object, state.item(1), state.item(2), state.item(4),
                  state.item(3).bool_value());
    }
    default:
      break;
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "the pickle sets attributes of a ", PickleKindName(object->kind()),
      ", which could run code in Python; nothing was run. Save plain dicts, "
      "lists and arrays"));
}

// (version, byte order, subarray, names, fields, ...)
absl::Status PickleCalls::SetDtypeState(const PickleValue& dtype,
                                        const PickleValue& state) const {
  if (state.kind() != Kind::kTuple) {
    return absl::DataLossError("the state of a dtype is no tuple");
  }
  FAIRLEAD_RETURN_IF_ERROR(
      CheckArgs("a dtype's state", state, {Kind::kInt, Kind::kString}));
  for (size_t i = 2; i < std::min<size_t>(state.size(), 5); ++i) {
    if (state.item(i).kind() != Kind::kNone) {
      return NoPlainNumbers("of a structured or nested array");
    }
  }
  if (state.item(1).text() == ">" && ElementBytes(dtype.array().type) > 1) {
    return absl::InvalidArgumentError(
        "an array is big-endian; save array.astype(array.dtype.newbyteorder"
        "('<')) instead");
  }
  return absl::OkStatus();
}

absl::Status PickleCalls::Fill(PickleValue* array, const PickleValue& shape,
                               const PickleValue& dtype,
                               const PickleValue& bytes, bool fortran) const {
  FAIRLEAD_RETURN_IF_ERROR(heap_.Charge(2 * shape.size()));
  auto filled = std::make_unique<StridedArray>();
  filled->type = dtype.array().type;
  filled->storage = AsBytes(bytes.text());
  FAIRLEAD_ASSIGN_OR_RETURN(filled->shape, Dimensions(shape));
  FAIRLEAD_ASSIGN_OR_RETURN(const int64_t elements,
                            CountElements(filled->shape));
  const uint64_t size = ElementBytes(filled->type);
  if (filled->storage.size() % size != 0 ||
      filled->storage.size() / size != static_cast<uint64_t>(elements)) {
    return absl::DataLossError(absl::StrCat(
        "an array of ", elements, " ", ElementTypeName(filled->type), " has ",
        filled->storage.size(), " bytes; write the file again"));
  }
  filled->strides = DenseStrides(filled->shape, fortran);
  FAIRLEAD_RETURN_IF_ERROR(CheckBounds(*filled));
  array->kind_ = Kind::kArray;
  array->array_ = std::move(filled);
  return absl::OkStatus();
}

}  // namespace fairlead
