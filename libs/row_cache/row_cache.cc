#include "libs/row_cache/row_cache.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include "libs/random/philox.h"
#include "libs/sync/mutex.h"

namespace fairlead {
namespace {

// What a row takes beside itself: its slot in the map, its id, its counters.
constexpr uint64_t kOverheadBytes = 64;
constexpr uint8_t kMostCounted = 15;
constexpr size_t kLeastCounters = 1024;

uint64_t HashOf(int64_t id) { return SplitMix64(static_cast<uint64_t>(id)); }

}  // namespace

RowCache::Sketch::Sketch(size_t counters)
    : halve_after_(10 * std::bit_ceil(std::max(counters, kLeastCounters))) {
  for (std::vector<uint8_t>& row : counters_) {
    row.assign(std::bit_ceil(std::max(counters, kLeastCounters)), 0);
  }
}

size_t RowCache::Sketch::Index(uint64_t hash, size_t row) const {
  return static_cast<size_t>(SplitMix64(hash + row)) &
         (counters_[row].size() - 1);
}

void RowCache::Sketch::Add(uint64_t hash) {
  // Only the smallest of its counters rise: others are others' too.
  const uint32_t least = Estimate(hash);
  if (least < kMostCounted) {
    for (size_t row = 0; row < counters_.size(); ++row) {
      uint8_t& counter = counters_[row][Index(hash, row)];
      if (counter == least) ++counter;
    }
  }
  if (++added_ < halve_after_) return;
  added_ /= 2;
  for (std::vector<uint8_t>& row : counters_) {
    for (uint8_t& counter : row) counter /= 2;
  }
}

uint32_t RowCache::Sketch::Estimate(uint64_t hash) const {
  uint32_t least = kMostCounted;
  for (size_t row = 0; row < counters_.size(); ++row) {
    least = std::min<uint32_t>(least, counters_[row][Index(hash, row)]);
  }
  return least;
}

RowCache::RowCache(const Options& options)
    : row_bytes_(options.row_bytes),
      slots_per_shard_(
          static_cast<size_t>(options.budget_bytes /
                              (options.row_bytes + kOverheadBytes) / kShards)) {
  for (Shard& shard : shards_) {
    MutexLock lock(&shard.mutex);
    shard.sketch = std::make_unique<Sketch>(slots_per_shard_);
  }
}

bool RowCache::Get(int64_t id, uint8_t* out) {
  const uint64_t hash = HashOf(id);
  Shard& shard = ShardOf(hash);
  MutexLock lock(&shard.mutex);
  if (slots_per_shard_ == 0) {
    ++shard.counts.misses;
    return false;
  }
  shard.sketch->Add(hash);
  const auto found = shard.slots.find(id);
  if (found == shard.slots.end()) {
    ++shard.counts.misses;
    return false;
  }
  ++shard.counts.hits;
  shard.used[found->second] = 1;
  std::memcpy(out, shard.rows.data() + found->second * row_bytes_, row_bytes_);
  return true;
}

size_t RowCache::Victim(Shard& shard) const {
  while (shard.used[shard.hand] != 0) {
    shard.used[shard.hand] = 0;
    shard.hand = (shard.hand + 1) % slots_per_shard_;
  }
  return shard.hand;
}

void RowCache::Offer(int64_t id, const uint8_t* row) {
  if (slots_per_shard_ == 0) return;
  const uint64_t hash = HashOf(id);
  Shard& shard = ShardOf(hash);
  MutexLock lock(&shard.mutex);
  if (shard.slots.contains(id)) return;
  size_t slot = shard.ids.size();
  if (slot < slots_per_shard_) {
    shard.ids.push_back(id);
    shard.used.push_back(0);
    shard.rows.resize(shard.rows.size() + row_bytes_);
  } else {
    slot = Victim(shard);
    const int64_t other = shard.ids[slot];
    // Whatever comes of it, another is looked at the next time.
    shard.hand = (slot + 1) % slots_per_shard_;
    if (shard.sketch->Estimate(hash) <= shard.sketch->Estimate(HashOf(other))) {
      ++shard.counts.rejected;
      return;
    }
    shard.slots.erase(other);
    shard.ids[slot] = id;
    shard.used[slot] = 0;
  }
  shard.slots[id] = static_cast<uint32_t>(slot);
  std::memcpy(shard.rows.data() + slot * row_bytes_, row, row_bytes_);
  ++shard.counts.admitted;
}

RowCache::Counts RowCache::counts() const {
  Counts sum;
  for (const Shard& shard : shards_) {
    MutexLock lock(&shard.mutex);
    sum.hits += shard.counts.hits;
    sum.misses += shard.counts.misses;
    sum.admitted += shard.counts.admitted;
    sum.rejected += shard.counts.rejected;
    sum.rows += shard.ids.size();
    sum.bytes += shard.ids.size() * (row_bytes_ + kOverheadBytes);
  }
  return sum;
}

}  // namespace fairlead
