// What NumPy's arrays and numbers call: see pickle_calls.h.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "libs/python_files/pickle_args.h"
#include "libs/python_files/pickle_calls.h"
#include "libs/python_files/pickle_heap.h"
#include "libs/python_files/pickle_names.h"
#include "libs/python_files/pickle_value.h"
#include "libs/python_files/strided_array.h"
#include "libs/status/status_macros.h"

namespace fairlead {
namespace {

using Kind = PickleKind;

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

absl::Status NoPlainNumbers(absl::string_view dtype) {
  return absl::InvalidArgumentError(absl::StrCat(
      "an array has the NumPy dtype ", Shown(dtype),
      "; plain numbers are read (bool, integers, floats up to 64 bits): "
      "convert it with array.astype(...) and save it again"));
}

}  // namespace

// numpy._reconstruct(numpy.ndarray, (0,), b"b"): the array comes by SetState.
absl::StatusOr<PickleValue*> PickleCalls::EmptyArray(
    const PickleValue& args) const {
  FAIRLEAD_RETURN_IF_ERROR(CheckArgs("_reconstruct", args, {Kind::kGlobal}));
  if (NameOf(args.item(0)).meaning != PickleMeaning::kArrayClass) {
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

// (version, shape, dtype, whether in Fortran order, bytes)
absl::Status PickleCalls::SetArrayState(PickleValue* array,
                                        const PickleValue& state) const {
  if (state.kind() != Kind::kTuple) {
    return absl::DataLossError("the state of an array is no tuple");
  }
  if (state.size() == 5 && state.item(4).kind() == Kind::kList) {
    return NoPlainNumbers("object");
  }
  FAIRLEAD_RETURN_IF_ERROR(CheckArgs(
      "an array's state", state,
      {Kind::kInt, Kind::kTuple, Kind::kDtype, Kind::kBool, Kind::kBytes}));
  return Fill(array, state.item(1), state.item(2), state.item(4),
              state.item(3).bool_value());
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
