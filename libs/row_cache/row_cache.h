#ifndef FAIRLEAD_LIBS_ROW_CACHE_ROW_CACHE_H_
#define FAIRLEAD_LIBS_ROW_CACHE_ROW_CACHE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "libs/sync/mutex.h"

namespace fairlead {

// Keeps rows that were fetched from elsewhere, so that those that are asked
// for again and again travel once (parity W-40). A row that comes in when there
// is no room takes the place of another only if it has been asked for more
// often (TinyLFU: Einziger, Friedman, Manes, "TinyLFU: a highly efficient cache
// admission policy", TOS 2017), so a pass over cold rows drives nothing out.
// What it holds is a matter of speed alone: rows do not change.
//
// In shards with a lock each, so workers seldom meet. Thread-safe.
class RowCache {
 public:
  struct Options {
    uint64_t row_bytes = 0;
    uint64_t budget_bytes = 0;  // rows, and what it takes to find them
  };

  struct Counts {
    uint64_t hits = 0;
    uint64_t misses = 0;
    uint64_t admitted = 0;
    uint64_t rejected = 0;  // came in, and were less wanted than what is here
    uint64_t rows = 0;      // now
    uint64_t bytes = 0;     // now, as the budget counts
  };

  // REQUIRES row_bytes >= 1. A budget of less than a row holds nothing.
  explicit RowCache(const Options& options);

  // Copies the row of `id` to `out` and is true, or notes that it was asked
  // for. REQUIRES room for row_bytes.
  bool Get(int64_t id, uint8_t* out);

  // Offers a row. REQUIRES row_bytes of it.
  void Offer(int64_t id, const uint8_t* row);

  Counts counts() const;
  uint64_t row_bytes() const { return row_bytes_; }

 private:
  static constexpr size_t kShards = 16;

  // How often ids were asked for, roughly: a count-min sketch of 4 rows of
  // small counters, which are halved now and then, so that it forgets.
  class Sketch {
   public:
    explicit Sketch(size_t counters);
    void Add(uint64_t hash);
    uint32_t Estimate(uint64_t hash) const;

   private:
    size_t Index(uint64_t hash, size_t row) const;

    std::array<std::vector<uint8_t>, 4> counters_;
    uint64_t added_ = 0;
    uint64_t halve_after_;
  };

  struct Shard {
    mutable Mutex mutex;
    std::unique_ptr<Sketch> sketch ABSL_GUARDED_BY(mutex);
    absl::flat_hash_map<int64_t, uint32_t> slots ABSL_GUARDED_BY(mutex);
    std::vector<int64_t> ids ABSL_GUARDED_BY(mutex);   // by slot
    std::vector<uint8_t> used ABSL_GUARDED_BY(mutex);  // since the hand passed
    std::vector<uint8_t> rows ABSL_GUARDED_BY(mutex);
    size_t hand ABSL_GUARDED_BY(mutex) = 0;
    Counts counts ABSL_GUARDED_BY(mutex);
  };

  Shard& ShardOf(uint64_t hash) { return shards_[hash >> 60]; }
  // The slot whose row was not used of late.
  size_t Victim(Shard& shard) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mutex);

  const uint64_t row_bytes_;
  const size_t slots_per_shard_;
  std::array<Shard, kShards> shards_;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_ROW_CACHE_ROW_CACHE_H_
