#include "libs/sampling/neighbor_cache.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <tuple>
#include <vector>

#include "absl/types/span.h"

namespace fairlead {

int64_t NeighborCache::BytesOf(size_t count) {
  // A slot of the hash table, at its usual load, and what the allocator adds.
  constexpr size_t kPerList = 64;
  return static_cast<int64_t>(kPerList + count * sizeof(int64_t));
}

uint64_t NeighborCache::BeginBatch() {
  batches_under_way_.insert(++newest_batch_);
  return newest_batch_;
}

void NeighborCache::EndBatch(uint64_t batch) {
  batches_under_way_.erase(batch);
  if (bytes_ > byte_budget_) Evict();
}

void NeighborCache::Insert(int edge_type, int64_t id,
                           absl::Span<const int64_t> neighbors) {
  const auto [at, is_new] =
      lists_[static_cast<size_t>(edge_type)].try_emplace(id);
  List& list = at->second;
  list.last_used = newest_batch_;
  if (!is_new) return;
  list.count = neighbors.size();
  if (!neighbors.empty()) {
    list.neighbors = std::make_unique<int64_t[]>(neighbors.size());
    std::copy(neighbors.begin(), neighbors.end(), list.neighbors.get());
  }
  bytes_ += BytesOf(list.count);
}

std::optional<absl::Span<const int64_t>> NeighborCache::Find(int edge_type,
                                                             int64_t id) const {
  const auto& lists = lists_[static_cast<size_t>(edge_type)];
  const auto at = lists.find(id);
  if (at == lists.end()) return std::nullopt;
  const List& list = at->second;
  // Written once a batch: a store each time would have the cores pass the
  // lines of hubs around.
  std::atomic_ref<uint64_t> last_used(list.last_used);
  if (last_used.load(std::memory_order_relaxed) != newest_batch_) {
    last_used.store(newest_batch_, std::memory_order_relaxed);
  }
  return absl::MakeConstSpan(list.neighbors.get(), list.count);
}

bool NeighborCache::Contains(int edge_type, int64_t id) const {
  return lists_[static_cast<size_t>(edge_type)].contains(id);
}

size_t NeighborCache::size() const {
  size_t total = 0;
  for (const auto& lists : lists_) total += lists.size();
  return total;
}

void NeighborCache::Evict() {
  // A list in use bears the number of the batch that uses it, or a later one.
  const uint64_t oldest_under_way = batches_under_way_.empty()
                                        ? std::numeric_limits<uint64_t>::max()
                                        : *batches_under_way_.begin();
  std::vector<std::tuple<uint64_t, size_t, int64_t>> candidates;
  for (size_t type = 0; type < lists_.size(); ++type) {
    for (const auto& [id, list] : lists_[type]) {
      if (list.last_used >= oldest_under_way) continue;
      candidates.emplace_back(list.last_used, type, id);
    }
  }
  std::sort(candidates.begin(), candidates.end());
  const int64_t target = byte_budget_ - byte_budget_ / 4;
  for (const auto& [last_used, type, id] : candidates) {
    if (bytes_ <= target) break;
    const auto at = lists_[type].find(id);
    bytes_ -= BytesOf(at->second.count);
    lists_[type].erase(at);
  }
}

}  // namespace fairlead
