#ifndef FAIRLEAD_LIBS_TENSOR_MESSAGE_TORCH_ADAPTOR_H_
#define FAIRLEAD_LIBS_TENSOR_MESSAGE_TORCH_ADAPTOR_H_

#include <memory>

#include "ATen/core/Tensor.h"
#include "c10/core/ScalarType.h"
#include "libs/tensor_message/tensor_message.h"
#include "protos/fairlead/v1/messages.pb.h"

namespace fairlead {

// The libtorch side of a message. The only part that needs its headers.

// The same type on the other side; Undefined for a dtype that is not known, and
// DTYPE_UNSPECIFIED for a type that no message can hold (complex, quantised).
at::ScalarType ToScalarType(v1::DType dtype);
v1::DType ToDType(at::ScalarType type);

// A CPU tensor that aliases the view's bytes and holds on to `keep_alive`, the
// owner of these bytes, for as long as any tensor made from it lives. REQUIRES
// a view that ParseTensorMessage gave. The bytes must not be written to.
at::Tensor ToTorch(const TensorView& view,
                   std::shared_ptr<const void> keep_alive);

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_TENSOR_MESSAGE_TORCH_ADAPTOR_H_
