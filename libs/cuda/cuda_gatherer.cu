#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "libs/cuda/cuda_executor.h"
#include "libs/cuda/cuda_gatherer.h"
#include "libs/cuda/gather_step.h"
#include "libs/cuda/row_gatherer.h"

namespace fairlead::cuda {

struct CudaGatherer::State {
  State(const UnifiedView& table, cudaStream_t stream)
      : executor(stream), gatherer(&executor, table) {}

  CudaExecutor executor;
  RowGatherer<CudaExecutor> gatherer;
};

CudaGatherer::CudaGatherer(const UnifiedView& table, cudaStream_t stream)
    : state_(std::make_unique<State>(table, stream)) {}

CudaGatherer::~CudaGatherer() = default;

absl::Status CudaGatherer::Start(const int64_t* ids, int64_t count,
                                 uint8_t* out) {
  return state_->gatherer.Start(ids, count, out);
}

absl::Status CudaGatherer::Finish() { return state_->gatherer.Finish(); }

}  // namespace fairlead::cuda
