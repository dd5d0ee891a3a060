#ifndef FAIRLEAD_LIBS_CUDA_ROW_GATHERER_H_
#define FAIRLEAD_LIBS_CUDA_ROW_GATHERER_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "libs/cuda/gather_step.h"
#include "libs/cuda/growing_array.h"
#include "libs/status/status_macros.h"

namespace fairlead::cuda {

// Rows of a UnifiedTable by their ids, with an executor (see KHopSampler): the
// bytes that RowStore::Gather gives. Thread-compatible.
template <typename Executor>
class RowGatherer {
 public:
  // The table and the executor must outlive it.
  RowGatherer(Executor* executor, const UnifiedView& table)
      : executor_(executor), table_(table), missing_(executor) {}

  // Starts to copy the rows of `count` ids to `out`, in order, repeats allowed.
  // Both are where the executor reads and writes, and stay there until it is
  // done. Errors as the executor.
  absl::Status Start(const int64_t* ids, int64_t count, uint8_t* out) {
    ids_ = ids;
    FAIRLEAD_RETURN_IF_ERROR(missing_.Renew(1));
    FAIRLEAD_RETURN_IF_ERROR(
        executor_->Fill(missing_.data(), 0xFF, sizeof(uint64_t)));
    const int64_t chunks = table_.stride / kChunkBytes;
    return executor_->Launch(count * chunks,
                             GatherStep{.table = table_,
                                        .ids = ids,
                                        .chunks = chunks,
                                        .width = Width(out),
                                        .out = out,
                                        .missing = missing_.data()});
  }

  // Waits for what was started last. NOT_FOUND, naming it, for an id that has
  // no row; then `out` holds nothing of use.
  absl::Status Finish() {
    uint64_t missing = kNothing;
    FAIRLEAD_RETURN_IF_ERROR(
        executor_->Read(&missing, missing_.data(), sizeof(missing)));
    if (missing == kNothing) return absl::OkStatus();
    int64_t id = 0;
    FAIRLEAD_RETURN_IF_ERROR(executor_->Read(&id, ids_ + missing, sizeof(id)));
    return absl::NotFoundError(absl::StrCat("id ", id, ": has no row here"));
  }

 private:
  static constexpr uint64_t kNothing = ~uint64_t{0};

  // The widest word that every row of `out` is aligned to.
  int Width(const uint8_t* out) const {
    const uint64_t bits = reinterpret_cast<uintptr_t>(out) |
                          static_cast<uint64_t>(table_.row_bytes) | 16;
    return static_cast<int>(bits & -bits);
  }

  Executor* const executor_;
  const UnifiedView table_;
  GrowingArray<uint64_t, Executor> missing_;
  const int64_t* ids_ = nullptr;
};

}  // namespace fairlead::cuda

#endif  // FAIRLEAD_LIBS_CUDA_ROW_GATHERER_H_
