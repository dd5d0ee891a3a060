#include "libs/cuda/unified_table.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "libs/cuda/gather_step.h"
#include "libs/cuda/memory.h"
#include "libs/cuda/row_plan.h"
#include "libs/status/status_macros.h"

namespace fairlead::cuda {
namespace {

// The rows that are in one place, in order, copied there a few megabytes at a
// time.
absl::StatusOr<SharedMemory> Place(const UnifiedTable::Rows& rows,
                                   const RowPlan& plan, bool hot,
                                   const Memory& memory) {
  constexpr size_t kStaging = size_t{8} << 20;
  const auto row_bytes = static_cast<size_t>(rows.row_bytes);
  const size_t stride = UnifiedTable::Stride(rows.row_bytes);
  const size_t count = hot ? plan.hot_rows : plan.slots.size() - plan.hot_rows;
  if (count == 0) return SharedMemory();
  FAIRLEAD_ASSIGN_OR_RETURN(SharedMemory there,
                            memory.allocate(count * stride));
  // (Padding is copied too: it is zeros, not what was in memory.)
  std::vector<uint8_t> staging(std::max<size_t>(kStaging / stride, 1) * stride);
  size_t copied = 0;
  size_t staged = 0;
  const auto flush = [&]() -> absl::Status {
    FAIRLEAD_RETURN_IF_ERROR(
        memory.copy(there.get() + copied, staging.data(), staged));
    copied += staged;
    staged = 0;
    return absl::OkStatus();
  };
  for (size_t row = 0; row < plan.slots.size(); ++row) {
    if ((plan.slots[row] < plan.hot_rows) != hot) continue;
    std::memcpy(staging.data() + staged, rows.data + row * row_bytes,
                row_bytes);
    staged += stride;
    if (staged == staging.size()) FAIRLEAD_RETURN_IF_ERROR(flush());
  }
  if (staged > 0) FAIRLEAD_RETURN_IF_ERROR(flush());
  return there;
}

template <typename T>
absl::StatusOr<SharedMemory> CopyOf(const T* array, size_t size,
                                    const Memory& memory) {
  if (array == nullptr || size == 0) return SharedMemory();
  FAIRLEAD_ASSIGN_OR_RETURN(SharedMemory there,
                            memory.allocate(size * sizeof(T)));
  FAIRLEAD_RETURN_IF_ERROR(memory.copy(there.get(), array, size * sizeof(T)));
  return there;
}

}  // namespace

absl::StatusOr<UnifiedTable> UnifiedTable::Create(const Rows& rows,
                                                  const RowPlan& plan,
                                                  const Memory& device,
                                                  const Memory& host) {
  if (plan.slots.size() != static_cast<size_t>(rows.ids.size)) {
    return absl::InvalidArgumentError(
        absl::StrCat("rows: the plan is for ", plan.slots.size(),
                     " of them, and there are ", rows.ids.size));
  }
  UnifiedTable table;
  FAIRLEAD_ASSIGN_OR_RETURN(
      table.slots_, CopyOf(plan.slots.data(), plan.slots.size(), device));
  FAIRLEAD_ASSIGN_OR_RETURN(table.ids_,
                            CopyOf(rows.ids.list, plan.slots.size(), device));
  FAIRLEAD_ASSIGN_OR_RETURN(table.hot_, Place(rows, plan, true, device));
  FAIRLEAD_ASSIGN_OR_RETURN(table.cold_, Place(rows, plan, false, host));
  table.view_ = {.ids = rows.ids,
                 .slots = reinterpret_cast<const uint32_t*>(table.slots_.get()),
                 .hot_rows = plan.hot_rows,
                 .hot = table.hot_.get(),
                 .cold = table.cold_.get(),
                 .row_bytes = rows.row_bytes,
                 .stride = static_cast<int64_t>(Stride(rows.row_bytes))};
  table.view_.ids.list = reinterpret_cast<const int64_t*>(table.ids_.get());
  return table;
}

}  // namespace fairlead::cuda
