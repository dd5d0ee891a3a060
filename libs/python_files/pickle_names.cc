#include "libs/python_files/pickle_names.h"

#include "absl/types/span.h"
#include "libs/python_files/pickle_value.h"
#include "libs/python_files/strided_array.h"

namespace fairlead {
namespace {

using Meaning = PickleMeaning;

// ("__builtin__" is what protocols below 3 call
// "builtins"; "numpy._core" is what NumPy 2 calls "numpy.core".)
constexpr PickleName kNames[] = {
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

}  // namespace

absl::Span<const PickleName> PickleNames() { return kNames; }

const PickleName& NameOf(const PickleValue& global) {
  return kNames[global.int_value()];
}

}  // namespace fairlead
