#ifndef FAIRLEAD_LIBS_CUDA_NODE_NUMBERING_H_
#define FAIRLEAD_LIBS_CUDA_NODE_NUMBERING_H_

#include <bit>
#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "libs/cuda/growing_array.h"
#include "libs/cuda/node_table.h"
#include "libs/cuda/sampler_steps.h"
#include "libs/status/status_macros.h"

namespace fairlead::cuda {

// The nodes of one type in a batch, numbered by first occurrence; NodeTable
// says how. Thread-compatible.
template <typename Executor>
class NodeNumbering {
 public:
  // What numbering a list needs meanwhile: the same for all types.
  struct Scratch {
    explicit Scratch(Executor* executor)
        : slots(executor), is_first(executor), ranks(executor) {}

    GrowingArray<uint32_t, Executor> slots;
    GrowingArray<int64_t, Executor> is_first;
    GrowingArray<int64_t, Executor> ranks;
  };

  explicit NodeNumbering(Executor* executor)
      : executor_(executor),
        ids_(executor),
        table_ids_(executor),
        table_values_(executor) {}

  const int64_t* ids() const { return ids_.data(); }
  int64_t size() const { return ids_.size(); }

  // Forgets all nodes.
  absl::Status Clear() {
    FAIRLEAD_RETURN_IF_ERROR(ids_.Renew(0));
    FAIRLEAD_RETURN_IF_ERROR(table_ids_.Renew(0));
    return table_values_.Renew(0);
  }

  // Gives `count` ids, which are 0 or more, their numbers, which go to
  // `locals`, and makes nodes of those that are new. RESOURCE_EXHAUSTED for
  // more than 2^31 of them and the nodes together; else as the executor.
  absl::Status Number(const int64_t* ids, int64_t count, int64_t* locals,
                      Scratch& scratch) {
    if (count == 0) return absl::OkStatus();
    // Numbers, offers and slots have 32 bits.
    if (size() + count > int64_t{1} << 31) {
      return absl::ResourceExhaustedError(
          absl::StrCat("a batch of ", size(), " nodes meets ", count,
                       " neighbours at a hop; lower batch_size or fanout"));
    }
    FAIRLEAD_ASSIGN_OR_RETURN(const NodeTable table, TableFor(size() + count));
    const auto numbered = static_cast<uint32_t>(size());
    FAIRLEAD_RETURN_IF_ERROR(scratch.slots.Renew(count));
    FAIRLEAD_RETURN_IF_ERROR(scratch.is_first.Renew(count + 1));
    FAIRLEAD_RETURN_IF_ERROR(scratch.ranks.Renew(count + 1));
    uint32_t* const slots = scratch.slots.data();
    int64_t* const is_first = scratch.is_first.data();
    int64_t* const ranks = scratch.ranks.data();
    FAIRLEAD_RETURN_IF_ERROR(
        executor_->Launch(count, OfferStep{table, numbered, ids, slots}));
    FAIRLEAD_RETURN_IF_ERROR(
        executor_->Launch(count, FirstStep{table, numbered, slots, is_first}));
    // The sum before what is behind the last is that of all.
    FAIRLEAD_RETURN_IF_ERROR(
        executor_->Fill(is_first + count, 0, sizeof(int64_t)));
    FAIRLEAD_RETURN_IF_ERROR(executor_->PrefixSum(is_first, ranks, count + 1));
    int64_t fresh = 0;
    FAIRLEAD_RETURN_IF_ERROR(
        executor_->Read(&fresh, ranks + count, sizeof(fresh)));
    FAIRLEAD_RETURN_IF_ERROR(ids_.Resize(size() + fresh));
    FAIRLEAD_RETURN_IF_ERROR(
        executor_->Launch(count, NumberStep{table, numbered, ids, slots, ranks,
                                            ids_.data() + numbered}));
    return executor_->Launch(count, LookUpStep{table, slots, locals});
  }

 private:
  // The table of all nodes, with room for so many ids.
  absl::StatusOr<NodeTable> TableFor(int64_t ids) {
    const auto slots =
        static_cast<int64_t>(std::bit_ceil(static_cast<uint64_t>(2 * ids)));
    const bool grows = slots > table_ids_.size();
    if (grows) {
      FAIRLEAD_RETURN_IF_ERROR(table_ids_.Renew(slots));
      FAIRLEAD_RETURN_IF_ERROR(table_values_.Renew(slots));
      const auto size = static_cast<size_t>(slots);
      FAIRLEAD_RETURN_IF_ERROR(
          executor_->Fill(table_ids_.data(), 0xFF, size * sizeof(uint64_t)));
      FAIRLEAD_RETURN_IF_ERROR(
          executor_->Fill(table_values_.data(), 0xFF, size * sizeof(uint32_t)));
    }
    const NodeTable table{.ids = table_ids_.data(),
                          .values = table_values_.data(),
                          .mask = static_cast<uint32_t>(table_ids_.size() - 1)};
    if (grows && size() > 0) {
      FAIRLEAD_RETURN_IF_ERROR(
          executor_->Launch(size(), RememberStep{table, ids_.data()}));
    }
    return table;
  }

  Executor* executor_;
  GrowingArray<int64_t, Executor> ids_;
  GrowingArray<uint64_t, Executor> table_ids_;
  GrowingArray<uint32_t, Executor> table_values_;
};

}  // namespace fairlead::cuda

#endif  // FAIRLEAD_LIBS_CUDA_NODE_NUMBERING_H_
