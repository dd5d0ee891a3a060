#ifndef FAIRLEAD_LIBS_CUDA_CUDA_SAMPLER_H_
#define FAIRLEAD_LIBS_CUDA_CUDA_SAMPLER_H_

#include <cstddef>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cuda_runtime_api.h"
#include "libs/cuda/graph_view.h"
#include "libs/cuda/k_hop_request.h"

namespace fairlead::cuda {

// KHopSampler on a GPU: the CPU's batches, where the GPU has them.
//
//   FAIRLEAD_ASSIGN_OR_RETURN(const GraphView host,
//                             ViewOf(*dataset, EdgeDir::kOut));
//   FAIRLEAD_ASSIGN_OR_RETURN(const PlacedGraph graph,
//                             PlacedGraph::Create(host, DeviceMemory()));
//   CudaSampler sampler(graph.view(), stream);
//   FAIRLEAD_ASSIGN_OR_RETURN(const KHopBatch batch,
//                             sampler.Sample({.fanouts = {{15, 10}}},
//                                            {.seeds = {{.ids = seeds}}}));
//
// Of the calling thread's current device, which must be the stream's.
// Thread-compatible.
class CudaSampler {
 public:
  // The graph, where the device can read it, and the stream must outlive it.
  CudaSampler(const GraphView& graph, cudaStream_t stream);
  ~CudaSampler();

  // As KHopSampler::Sample.
  absl::StatusOr<KHopBatch> Sample(const KHopOptions& options,
                                   const KHopRequest& request);

  // From a batch's memory to this process's; waits.
  absl::Status Read(void* to, const void* from, size_t bytes);

 private:
  struct State;
  const std::unique_ptr<State> state_;
};

}  // namespace fairlead::cuda

#endif  // FAIRLEAD_LIBS_CUDA_CUDA_SAMPLER_H_
