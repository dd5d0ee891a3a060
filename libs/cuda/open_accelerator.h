#ifndef FAIRLEAD_LIBS_CUDA_OPEN_ACCELERATOR_H_
#define FAIRLEAD_LIBS_CUDA_OPEN_ACCELERATOR_H_

#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/cuda/accelerator.h"
#include "libs/cuda/device_options.h"
#include "libs/graph/dataset.h"

namespace fairlead::cuda {

// Whether OpenAccelerator would find what it needs but for memory, which takes
// no more than asking the driver. Errors as Resolve, OpenDevice and
// DeviceAccelerator::Create, and OK where no GPU is asked for.
absl::Status CheckAccelerator(const Dataset& dataset,
                              const DeviceOptions& options);

// Puts what the options say where a GPU has it. Null where they ask for none.
// Errors as above, and RESOURCE_EXHAUSTED for too little memory. `dataset` must
// outlive it.
absl::StatusOr<std::unique_ptr<Accelerator>> OpenAccelerator(
    const Dataset& dataset, const DeviceOptions& options);

}  // namespace fairlead::cuda

#endif  // FAIRLEAD_LIBS_CUDA_OPEN_ACCELERATOR_H_
