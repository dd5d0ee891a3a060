#ifndef FAIRLEAD_TOOLS_DATASET_EXPORT_TO_FLOAT_H_
#define FAIRLEAD_TOOLS_DATASET_EXPORT_TO_FLOAT_H_

#include <cstdint>

#include "absl/types/span.h"
#include "libs/graph/element_type.h"

namespace fairlead {

// The values of a row of features: scale[column] * element, or scale[0] *
// element, or the element where there is no scale. REQUIRES `type` to be one of
// those of features, `row` to have out.size() elements, and `scale` to be as
// long, or of one, or empty.
void RowToFloat(ElementType type, const uint8_t* row,
                absl::Span<const float> scale, absl::Span<float> out);

}  // namespace fairlead

#endif  // FAIRLEAD_TOOLS_DATASET_EXPORT_TO_FLOAT_H_
