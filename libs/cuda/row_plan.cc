#include "libs/cuda/row_plan.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "libs/cuda/graph_view.h"

namespace fairlead::cuda {

absl::StatusOr<RowPlan> PlanRows(absl::Span<const uint64_t> heat,
                                 uint64_t stride, uint64_t budget_bytes) {
  if (heat.size() >= UINT32_MAX) {
    return absl::InvalidArgumentError(absl::StrCat(
        "rows: ", heat.size(), " of them; a table on a device has fewer than ",
        UINT32_MAX, "; partition the graph"));
  }
  if (stride == 0) {
    return absl::InvalidArgumentError("rows: have no bytes");
  }
  RowPlan plan;
  plan.hot_rows = static_cast<uint32_t>(
      std::min<uint64_t>(budget_bytes / stride, heat.size()));
  std::vector<uint32_t> order(heat.size());
  std::iota(order.begin(), order.end(), 0);
  const auto hot_end =
      order.begin() + static_cast<std::ptrdiff_t>(plan.hot_rows);
  if (hot_end != order.end()) {
    std::nth_element(order.begin(), hot_end, order.end(),
                     [heat](uint32_t a, uint32_t b) {
                       return heat[a] != heat[b] ? heat[a] > heat[b] : a < b;
                     });
  }
  std::vector<bool> is_hot(heat.size());
  for (auto row = order.begin(); row != hot_end; ++row) is_hot[*row] = true;
  uint32_t hot = 0;
  uint32_t cold = plan.hot_rows;
  plan.slots.reserve(heat.size());
  for (const bool hot_row : is_hot) {
    plan.slots.push_back(hot_row ? hot++ : cold++);
  }
  return plan;
}

void AddMentions(const EdgeList& edges, const RowIds& rows,
                 absl::Span<uint64_t> heat) {
  for (int64_t i = 0; i < edges.indices.size; ++i) {
    const int64_t row = rows.Row(edges.indices[i]);
    if (row >= 0) ++heat[static_cast<size_t>(row)];
  }
}

}  // namespace fairlead::cuda
