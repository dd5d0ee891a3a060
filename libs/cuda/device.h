#ifndef FAIRLEAD_LIBS_CUDA_DEVICE_H_
#define FAIRLEAD_LIBS_CUDA_DEVICE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "libs/cuda/gather_step.h"
#include "libs/cuda/graph_view.h"
#include "libs/cuda/k_hop_request.h"
#include "libs/cuda/memory.h"

namespace fairlead::cuda {

// What is asked of a device, one thing after another, with the memory that
// takes, which is used again. Thread-compatible.
class DeviceSession {
 public:
  virtual ~DeviceSession() = default;

  // As KHopSampler::Sample. The view, where it is, must outlive the session.
  virtual absl::StatusOr<KHopBatch> Sample(const GraphView& graph,
                                           const KHopOptions& options,
                                           const KHopRequest& request) = 0;
  // From a batch's memory to this process's; waits.
  virtual absl::Status Read(void* to, const void* from, size_t bytes) = 0;

  // The rows of `ids`, in order, both in this process's memory; waits. Errors
  // as RowGatherer. The view must outlive the session. REQUIRES
  // out.size() == ids.size() * table.row_bytes.
  virtual absl::Status Gather(const UnifiedView& table,
                              absl::Span<const int64_t> ids,
                              absl::Span<uint8_t> out) = 0;
};

// A device, as functions: CUDA's, or a test's own.
struct Device {
  Memory memory = {};  // its own
  Memory host = {};    // page-locked memory of this host, which it reads

  // Makes it the calling thread's current device, which what follows is of:
  // sessions, their calls and their ends, and `memory`.
  std::function<absl::Status()> enter = nullptr;
  std::function<absl::StatusOr<std::unique_ptr<DeviceSession>>()> new_session =
      nullptr;
};

}  // namespace fairlead::cuda

#endif  // FAIRLEAD_LIBS_CUDA_DEVICE_H_
