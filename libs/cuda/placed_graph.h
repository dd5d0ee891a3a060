#ifndef FAIRLEAD_LIBS_CUDA_PLACED_GRAPH_H_
#define FAIRLEAD_LIBS_CUDA_PLACED_GRAPH_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/cuda/graph_view.h"
#include "libs/cuda/memory.h"

namespace fairlead::cuda {

// A graph's topology where kernels read it: in DeviceMemory() (GLT's graph mode
// CUDA) or PinnedMemory() (ZERO_COPY), of cuda_memory.h. Parity GL-022.
class PlacedGraph {
 public:
  // Copies all arrays. Errors as `memory`'s.
  static absl::StatusOr<PlacedGraph> Create(const GraphView& host,
                                            const Memory& memory);

  // Valid as long as this, or a copy of it, is.
  const GraphView& view() const { return view_; }
  uint64_t bytes() const { return bytes_; }

 private:
  PlacedGraph() = default;

  GraphView view_;
  uint64_t bytes_ = 0;
  std::vector<SharedMemory> arrays_;
};

}  // namespace fairlead::cuda

#endif  // FAIRLEAD_LIBS_CUDA_PLACED_GRAPH_H_
