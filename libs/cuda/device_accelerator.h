#ifndef FAIRLEAD_LIBS_CUDA_DEVICE_ACCELERATOR_H_
#define FAIRLEAD_LIBS_CUDA_DEVICE_ACCELERATOR_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "libs/cuda/accelerator.h"
#include "libs/cuda/device.h"
#include "libs/cuda/device_options.h"
#include "libs/cuda/placed_graph.h"
#include "libs/cuda/unified_table.h"
#include "libs/graph/dataset.h"
#include "libs/graph/table.h"
#include "libs/sampling/neighbor_sampler.h"
#include "libs/sync/mutex.h"

namespace fairlead::cuda {

// An Accelerator on one device: neighbourhoods of a graph that is placed for
// it, and rows of unified tables. It has as many sessions as threads have ever
// asked at a time.
class DeviceAccelerator final : public Accelerator {
 public:
  // Draws without replacement look through those before them: beyond this many
  // a node, that is the CPU's to do.
  static constexpr int32_t kMaxFanout = 512;

  // FAILED_PRECONDITION for a dataset in partitions, whose batches need what
  // others have at every hop.
  static absl::Status CheckDataset(const Dataset& dataset);

  // Places what is to be used, in all directions that the dataset lists edges
  // in. Hot rows are those of nodes to which most edges lead; each type has of
  // the budget what it has of the bytes. Errors as CheckDataset,
  // RESOURCE_EXHAUSTED for a budget that the graph is too large for, and the
  // device's own.
  static absl::StatusOr<std::unique_ptr<DeviceAccelerator>> Create(
      const Dataset& dataset, const DeviceUse& use, Device device);

  ~DeviceAccelerator() override;

  // Null for draws by weight or by time, without replacement of more than
  // kMaxFanout, and where the graph is not placed.
  std::unique_ptr<NeighborhoodSampler> NewSampler(
      const NeighborSamplerOptions& options) override;
  bool Has(const RowStore& rows) const override {
    return tables_.find(&rows) != tables_.end();
  }
  absl::Status Gather(const RowStore& rows, absl::Span<const int64_t> ids,
                      absl::Span<uint8_t> out) override;

 private:
  class Sampler;

  explicit DeviceAccelerator(Device device) : device_(std::move(device)) {}

  absl::Status PlaceGraph(const Dataset& dataset, const Memory& memory);
  absl::Status PlaceFeatures(const Dataset& dataset, const Memory& memory,
                             uint64_t bytes_left);

  // Lends a session to `work`. One that failed is not used again.
  absl::Status WithSession(
      const std::function<absl::Status(DeviceSession&)>& work)
      ABSL_LOCKS_EXCLUDED(mutex_);

  const Device device_;
  std::map<EdgeDir, PlacedGraph> graphs_;
  std::map<const RowStore*, UnifiedTable> tables_;

  Mutex mutex_;
  std::vector<std::unique_ptr<DeviceSession>> idle_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace fairlead::cuda

#endif  // FAIRLEAD_LIBS_CUDA_DEVICE_ACCELERATOR_H_
