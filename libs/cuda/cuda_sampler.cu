#include <cstddef>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/cuda/cuda_executor.h"
#include "libs/cuda/cuda_sampler.h"
#include "libs/cuda/graph_view.h"
#include "libs/cuda/k_hop_request.h"
#include "libs/cuda/k_hop_sampler.h"

namespace fairlead::cuda {

struct CudaSampler::State {
  State(const GraphView& graph, cudaStream_t stream)
      : executor(stream), sampler(&executor, graph) {}

  CudaExecutor executor;
  KHopSampler<CudaExecutor> sampler;
};

CudaSampler::CudaSampler(const GraphView& graph, cudaStream_t stream)
    : state_(std::make_unique<State>(graph, stream)) {}

CudaSampler::~CudaSampler() = default;

absl::StatusOr<KHopBatch> CudaSampler::Sample(const KHopOptions& options,
                                              const KHopRequest& request) {
  return state_->sampler.Sample(options, request);
}

absl::Status CudaSampler::Read(void* to, const void* from, size_t bytes) {
  return state_->executor.Read(to, from, bytes);
}

}  // namespace fairlead::cuda
