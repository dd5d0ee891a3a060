#ifndef FAIRLEAD_LIBS_SAMPLING_PPR_TABLE_H_
#define FAIRLEAD_LIBS_SAMPLING_PPR_TABLE_H_

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "libs/sampling/ppr_rows.h"

namespace fairlead {

// The nodes of one type that a push has reached: entries one after the other,
// in order of first touch, and a hash table from ids to their places.
//
// Made to be used again, for push after push; these differ in size by orders of
// magnitude. So it is emptied in no time, as NodeIndex is; and unlike that it
// is small again then: it has the memory of the largest push, but begins with
// as many of the slots as stay in a core's own cache, and uses more as it
// fills. (15 % of a seed's time. Still smaller beginnings lose more by growing
// than they win.) Open addressing, linear probing, at most half full.
// Thread-compatible.
class PprTable {
 public:
  void Clear() {
    entries_.clear();
    UseSlots(kFewestSlots);
  }

  // Replaces what is there. REQUIRES distinct ids.
  void Assign(absl::Span<const PprEntry> entries) {
    entries_.assign(entries.begin(), entries.end());
    UseSlots(std::bit_ceil(std::max(4 * entries.size(), kFewestSlots)));
    FillSlots();
  }

  // The place of the entry of `id`; if it has none, a new one is appended.
  uint32_t FindOrAppend(int64_t id) {
    size_t at = Home(id);
    while (slots_[at].generation == generation_) {
      if (slots_[at].id == id) return slots_[at].place;
      at = (at + 1) & mask_;
    }
    const auto place = static_cast<uint32_t>(entries_.size());
    slots_[at] = {id, place, generation_};
    entries_.push_back({.id = id});
    if (2 * entries_.size() > mask_) {
      UseSlots(4 * (mask_ + 1));
      FillSlots();
    }
    return place;
  }

  // Readies the CPU's cache for FindOrAppend(id) soon.
  void Prefetch(int64_t id) const {
    __builtin_prefetch(slots_.data() + Home(id), /*rw=*/1);
  }

  // Valid until an entry is appended.
  absl::Span<const PprEntry> entries() const { return entries_; }
  absl::Span<PprEntry> entries() { return absl::MakeSpan(entries_); }

 private:
  struct Slot {
    int64_t id = 0;
    uint32_t place = 0;
    uint32_t generation = 0;  // whose entry this is; others are free
  };

  static constexpr size_t kFewestSlots = 16384;

  size_t Home(int64_t id) const {
    // Fibonacci hashing: the top bits of the product are the best mixed.
    return static_cast<size_t>(
        (static_cast<uint64_t>(id) * 0x9E3779B97F4A7C15) >> shift_);
  }

  // Frees all slots, and uses so many from here on. REQUIRES a power of two.
  void UseSlots(size_t count) {
    if (slots_.size() < count) slots_.resize(count);
    mask_ = count - 1;
    shift_ = 64 - std::countr_zero(count);
    if (++generation_ != 0) return;
    // After 2^32 times old slots would look taken.
    for (Slot& slot : slots_) slot.generation = 0;
    generation_ = 1;
  }

  // REQUIRES that all slots are free, and twice as many as entries.
  void FillSlots() {
    for (size_t i = 0; i < entries_.size(); ++i) {
      size_t at = Home(entries_[i].id);
      while (slots_[at].generation == generation_) at = (at + 1) & mask_;
      slots_[at] = {entries_[i].id, static_cast<uint32_t>(i), generation_};
    }
  }

  std::vector<PprEntry> entries_;
  std::vector<Slot> slots_ = std::vector<Slot>(kFewestSlots);
  size_t mask_ = kFewestSlots - 1;
  int shift_ = 64 - std::countr_zero(kFewestSlots);
  uint32_t generation_ = 1;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_SAMPLING_PPR_TABLE_H_
