#ifndef FAIRLEAD_LIBS_SAMPLING_NODE_INDEX_H_
#define FAIRLEAD_LIBS_SAMPLING_NODE_INDEX_H_

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace fairlead {

// Gives node ids their local indices in one batch: a hash table that is emptied
// in no time and whose slots can be prefetched.
//
// Why not a library's: a look-up here is one cache miss on a table of a few
// megabytes, and it is most of what sampling costs. Prefetching the slot some
// look-ups ahead hides the miss, and needs the slot's address, which no hash
// map gives; nor can they forget a few hundred thousand entries at the cost of
// one increment. Open addressing, linear probing, at most half full.
// Thread-compatible.
class NodeIndex {
 public:
  // Forgets every id.
  void Clear() {
    size_ = 0;
    if (++generation_ != 0) return;
    // After 2^32 batches old entries would look new.
    for (Slot& slot : slots_) slot.generation = 0;
    generation_ = 1;
  }

  // Makes room for so many ids, so that taking them in does not grow it step by
  // step.
  void Reserve(size_t ids) {
    if (2 * ids > slots_.size()) Resize(std::bit_ceil(2 * ids));
  }

  // The index of `id`: the one it has, or else `next`, which it then has.
  uint32_t FindOrInsert(int64_t id, uint32_t next) {
    if (2 * (size_ + 1) > slots_.size()) Resize(2 * slots_.size());
    size_t at = Home(id);
    while (slots_[at].generation == generation_) {
      if (slots_[at].id == id) return slots_[at].index;
      at = (at + 1) & (slots_.size() - 1);
    }
    slots_[at] = {id, next, generation_};
    ++size_;
    return next;
  }

  // The index of `id`, or kNone.
  static constexpr uint32_t kNone = UINT32_MAX;
  uint32_t Find(int64_t id) const {
    size_t at = Home(id);
    while (slots_[at].generation == generation_) {
      if (slots_[at].id == id) return slots_[at].index;
      at = (at + 1) & (slots_.size() - 1);
    }
    return kNone;
  }

  // Brings the place of `id` into the cache, for a look-up that comes soon.
  void Prefetch(int64_t id) const {
    __builtin_prefetch(slots_.data() + Home(id), /*rw=*/1);
  }

 private:
  struct Slot {
    int64_t id = 0;
    uint32_t index = 0;
    uint32_t generation = 0;  // whose entry this is; others are free
  };

  size_t Home(int64_t id) const {
    // Fibonacci hashing: the top bits of the product are the best mixed.
    return static_cast<size_t>(
        (static_cast<uint64_t>(id) * 0x9E3779B97F4A7C15) >> shift_);
  }

  void Resize(size_t slots) {
    std::vector<Slot> old(slots);
    old.swap(slots_);
    shift_ = 64 - std::countr_zero(slots_.size());
    size_ = 0;
    for (const Slot& slot : old) {
      if (slot.generation == generation_) FindOrInsert(slot.id, slot.index);
    }
  }

  std::vector<Slot> slots_ = std::vector<Slot>(1024);
  int shift_ = 64 - 10;
  size_t size_ = 0;
  uint32_t generation_ = 1;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_SAMPLING_NODE_INDEX_H_
