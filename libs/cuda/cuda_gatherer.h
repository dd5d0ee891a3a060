#ifndef FAIRLEAD_LIBS_CUDA_CUDA_GATHERER_H_
#define FAIRLEAD_LIBS_CUDA_CUDA_GATHERER_H_

#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "cuda_runtime_api.h"
#include "libs/cuda/gather_step.h"

namespace fairlead::cuda {

// RowGatherer on a stream of the calling thread's current device.
// Thread-compatible.
class CudaGatherer {
 public:
  // The table and the stream must outlive it.
  CudaGatherer(const UnifiedView& table, cudaStream_t stream);
  ~CudaGatherer();

  // As RowGatherer has them; `ids` and `out` are device memory.
  absl::Status Start(const int64_t* ids, int64_t count, uint8_t* out);
  absl::Status Finish();

 private:
  struct State;
  const std::unique_ptr<State> state_;
};

}  // namespace fairlead::cuda

#endif  // FAIRLEAD_LIBS_CUDA_CUDA_GATHERER_H_
