#include "libs/tensor_message/torch_adaptor.h"

#include <memory>
#include <utility>

#include "ATen/Functions.h"
#include "ATen/core/Tensor.h"
#include "libs/tensor_message/tensor_message.h"
#include "protos/fairlead/v1/messages.pb.h"

namespace fairlead {
namespace {

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

}  // namespace

at::Tensor ToTorch(const TensorView& view,
                   std::shared_ptr<const void> keep_alive) {
  // libtorch has no read-only tensors: the caller promises not to write.
  void* data = const_cast<uint8_t*>(view.bytes.data());
  return at::from_blob(
      data, view.shape, [owner = std::move(keep_alive)](void* /*data*/) {},
      at::TensorOptions().dtype(ToScalarType(view.dtype)));
}

}  // namespace fairlead
