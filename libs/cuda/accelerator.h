#ifndef FAIRLEAD_LIBS_CUDA_ACCELERATOR_H_
#define FAIRLEAD_LIBS_CUDA_ACCELERATOR_H_

#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "libs/graph/table.h"
#include "libs/sampling/neighbor_sampler.h"

namespace fairlead::cuda {

// Does parts of the work on batches of one dataset that this host's CPU would
// do otherwise, to the same byte. Who makes batches asks this of a GPU, and
// needs to know no more of one; what it does not do, the CPU does.
//
// Thread-safe. The dataset must outlive it.
class Accelerator {
 public:
  virtual ~Accelerator() = default;

  // One for each batch that is in the making, which this must outlive. It
  // samples with these options, and ones that only leave fanouts out. Its
  // errors are NeighborSampler's, and RESOURCE_EXHAUSTED where the device has
  // no memory left. Null if it does not sample that way.
  virtual std::unique_ptr<NeighborhoodSampler> NewSampler(
      const NeighborSamplerOptions& options) = 0;

  // Whether it has these rows, which are the dataset's.
  virtual bool Has(const RowStore& rows) const = 0;

  // As RowStore::Gather. REQUIRES Has(rows).
  virtual absl::Status Gather(const RowStore& rows,
                              absl::Span<const int64_t> ids,
                              absl::Span<uint8_t> out) = 0;
};

}  // namespace fairlead::cuda

#endif  // FAIRLEAD_LIBS_CUDA_ACCELERATOR_H_
