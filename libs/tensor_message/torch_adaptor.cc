#include "libs/tensor_message/torch_adaptor.h"

#include <memory>
#include <utility>

#include "ATen/core/Tensor.h"
// Not ATen/Functions.h: clang 14 cannot compile that as C++20.
#include "ATen/ops/from_blob.h"
#include "c10/core/ScalarType.h"
#include "libs/tensor_message/tensor_message.h"
#include "protos/fairlead/v1/messages.pb.h"

namespace fairlead {

at::ScalarType ToScalarType(v1::DType dtype) {
  switch (dtype) {
    case v1::DTYPE_BOOL:
      return at::kBool;
    case v1::DTYPE_UINT8:
      return at::kByte;
    case v1::DTYPE_INT8:
      return at::kChar;
    case v1::DTYPE_INT16:
      return at::kShort;
    case v1::DTYPE_INT32:
      return at::kInt;
    case v1::DTYPE_INT64:
      return at::kLong;
    case v1::DTYPE_FLOAT16:
      return at::kHalf;
    case v1::DTYPE_BFLOAT16:
      return at::kBFloat16;
    case v1::DTYPE_FLOAT32:
      return at::kFloat;
    case v1::DTYPE_FLOAT64:
      return at::kDouble;
    default:
      return at::ScalarType::Undefined;
  }
}

v1::DType ToDType(at::ScalarType type) {
  for (int i = v1::DType_MIN; i <= v1::DType_MAX; ++i) {
    const auto dtype = static_cast<v1::DType>(i);
    if (ToScalarType(dtype) == type && DTypeSize(dtype) > 0) return dtype;
  }
  return v1::DTYPE_UNSPECIFIED;
}

at::Tensor ToTorch(const TensorView& view,
                   std::shared_ptr<const void> keep_alive) {
  // libtorch has no read-only tensors: the caller promises not to write.
  void* data = const_cast<uint8_t*>(view.bytes.data());
  return at::from_blob(
      data, view.shape, [owner = std::move(keep_alive)](void* /*data*/) {},
      at::TensorOptions().dtype(ToScalarType(view.dtype)));
}

}  // namespace fairlead
