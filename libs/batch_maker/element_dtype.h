#ifndef FAIRLEAD_LIBS_BATCH_MAKER_ELEMENT_DTYPE_H_
#define FAIRLEAD_LIBS_BATCH_MAKER_ELEMENT_DTYPE_H_

#include "libs/graph/element_type.h"
#include "protos/fairlead/v1/messages.pb.h"

namespace fairlead {

// What messages call the elements of a dataset's tables; UNSPECIFIED for what
// no table has.
inline v1::DType ToDType(ElementType type) {
  switch (type) {
    case ElementType::kUint8:
      return v1::DTYPE_UINT8;
    case ElementType::kInt8:
      return v1::DTYPE_INT8;
    case ElementType::kInt64:
      return v1::DTYPE_INT64;
    case ElementType::kFloat16:
      return v1::DTYPE_FLOAT16;
    case ElementType::kBFloat16:
      return v1::DTYPE_BFLOAT16;
    case ElementType::kFloat32:
      return v1::DTYPE_FLOAT32;
    default:
      return v1::DTYPE_UNSPECIFIED;
  }
}

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_BATCH_MAKER_ELEMENT_DTYPE_H_
