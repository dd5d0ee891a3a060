#ifndef FAIRLEAD_LIBS_CUDA_ROW_PLAN_H_
#define FAIRLEAD_LIBS_CUDA_ROW_PLAN_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "libs/cuda/graph_view.h"

namespace fairlead::cuda {

// Which rows of a table are kept on the device. Pure.
struct RowPlan {
  // Of each row, where it is: below `hot_rows` on the device, and else, less
  // `hot_rows`, on the host. Rows keep their order in either place.
  std::vector<uint32_t> slots;
  uint32_t hot_rows = 0;
};

// The hottest rows that `budget_bytes` have room for, of rows that are as hot
// as `heat` says and take `stride` bytes each; of equals those before. A slot
// for each row takes 4 bytes of the device beside. INVALID_ARGUMENT for 2^32
// rows or more, or a stride of 0.
absl::StatusOr<RowPlan> PlanRows(absl::Span<const uint64_t> heat,
                                 uint64_t stride, uint64_t budget_bytes);

// How hot rows are if nothing was measured: how many edges of a type, in host
// memory, lead to each, which is how often a node is met by those who draw all.
// Edges to ids without a row are passed over. Adds to `heat`. REQUIRES
// heat.size() == rows.size.
void AddMentions(const EdgeList& edges, const RowIds& rows,
                 absl::Span<uint64_t> heat);

}  // namespace fairlead::cuda

#endif  // FAIRLEAD_LIBS_CUDA_ROW_PLAN_H_
