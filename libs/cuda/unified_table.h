#ifndef FAIRLEAD_LIBS_CUDA_UNIFIED_TABLE_H_
#define FAIRLEAD_LIBS_CUDA_UNIFIED_TABLE_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "libs/cuda/gather_step.h"
#include "libs/cuda/graph_view.h"
#include "libs/cuda/memory.h"
#include "libs/cuda/row_plan.h"

namespace fairlead::cuda {

// One table of rows in two places (GLT's UnifiedTensor, parity 2.7): the hot
// ones on the device, the rest in page-locked memory, which kernels read over
// the link. A row is in one of them, padded to whole chunks of 16 bytes.
//
//   FAIRLEAD_ASSIGN_OR_RETURN(const RowPlan plan,
//       PlanRows(heat, UnifiedTable::Stride(row_bytes), budget));
//   FAIRLEAD_ASSIGN_OR_RETURN(const UnifiedTable table,
//       UnifiedTable::Create(rows, plan, DeviceMemory(), PinnedMemory()));
//   CudaGatherer gatherer(table.view(), stream);
class UnifiedTable {
 public:
  // Dense rows in host memory, and whose they are.
  struct Rows {
    const uint8_t* data = nullptr;
    int64_t row_bytes = 0;
    RowIds ids;
  };

  static constexpr uint64_t Stride(int64_t row_bytes) {
    return static_cast<uint64_t>((row_bytes + kChunkBytes - 1) / kChunkBytes *
                                 kChunkBytes);
  }

  // Copies all rows. INVALID_ARGUMENT for a plan of another number of rows;
  // else as the memories.
  static absl::StatusOr<UnifiedTable> Create(const Rows& rows,
                                             const RowPlan& plan,
                                             const Memory& device,
                                             const Memory& host);

  // Valid as long as this, or a copy of it, is.
  const UnifiedView& view() const { return view_; }

 private:
  UnifiedTable() = default;

  UnifiedView view_;
  SharedMemory slots_;
  SharedMemory ids_;
  SharedMemory hot_;
  SharedMemory cold_;
};

}  // namespace fairlead::cuda

#endif  // FAIRLEAD_LIBS_CUDA_UNIFIED_TABLE_H_
