#ifndef FAIRLEAD_LIBS_CUDA_DATASET_VIEW_H_
#define FAIRLEAD_LIBS_CUDA_DATASET_VIEW_H_

#include "absl/status/statusor.h"
#include "libs/cuda/graph_view.h"
#include "libs/graph/dataset.h"

namespace fairlead::cuda {

// The topology of a dataset, where it is mapped, which it must outlive. A type
// whose edges are not listed that way has none that can be drawn.
// FAILED_PRECONDITION for one of several partitions: kernels ask nobody.
absl::StatusOr<GraphView> ViewOf(const Dataset& dataset, EdgeDir direction);

}  // namespace fairlead::cuda

#endif  // FAIRLEAD_LIBS_CUDA_DATASET_VIEW_H_
