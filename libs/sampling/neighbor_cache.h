#ifndef FAIRLEAD_LIBS_SAMPLING_NEIGHBOR_CACHE_H_
#define FAIRLEAD_LIBS_SAMPLING_NEIGHBOR_CACHE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/types/span.h"

namespace fairlead {

// Neighbour lists that were fetched, by (edge type, node id), kept from batch
// to batch within a budget of bytes (W-39: the originals throw them away after
// each batch, and fetch the hubs again and again).
//
//   NeighborCache cache(/*num_edge_types=*/2, /*byte_budget=*/1 << 30);
//   const uint64_t batch = cache.BeginBatch();
//   cache.Insert(0, 17, neighbors);
//   cache.Find(0, 17);     // found at least until EndBatch(batch)
//   cache.EndBatch(batch);
//
// What is evicted never changes a result, it only makes another fetch
// necessary, provided that a list is the same whenever it is fetched: one that
// is capped by drawing must be drawn by (edge type, node) alone, not by batch.
//
// Lists that a batch has inserted or found stay until the batch ends, whatever
// the budget. So the budget is kept whenever no batch is under way; and a batch
// needs as much memory as it needs. When a batch ends with more bytes than the
// budget, lists go in the order of (batch of last use, edge type, node id)
// until three quarters of it are left: evicting by quarters makes the search
// for the oldest cheap.
//
// Thread-compatible. Find() and Contains() may run concurrently with each
// other, which is what pushing seeds in parallel needs.
class NeighborCache {
 public:
  // REQUIRES byte_budget >= 0; with 0 nothing outlives its batch.
  NeighborCache(size_t num_edge_types, int64_t byte_budget)
      : lists_(num_edge_types), byte_budget_(byte_budget) {}
  NeighborCache(const NeighborCache&) = delete;
  NeighborCache& operator=(const NeighborCache&) = delete;

  // Several batches may be under way. The number names this one.
  uint64_t BeginBatch();
  // REQUIRES `batch` from BeginBatch, and not ended.
  void EndBatch(uint64_t batch);

  // Keeps a copy of `neighbors`, unless there is a list for the node already.
  // REQUIRES 0 <= edge_type < num_edge_types.
  void Insert(int edge_type, int64_t id, absl::Span<const int64_t> neighbors);

  // The list of a node, which may be empty; nullopt if it is not here. Valid
  // until the end of the batches that are under way.
  std::optional<absl::Span<const int64_t>> Find(int edge_type,
                                                int64_t id) const;
  bool Contains(int edge_type, int64_t id) const;

  // Brings the place of a list's entry into the CPU's cache.
  void Prefetch(int edge_type, int64_t id) const {
    lists_[static_cast<size_t>(edge_type)].prefetch(id);
  }

  size_t num_edge_types() const { return lists_.size(); }
  size_t size() const;
  // Of all lists, with an allowance for what keeping one costs.
  int64_t bytes() const { return bytes_; }

 private:
  struct List {
    std::unique_ptr<int64_t[]> neighbors;
    size_t count = 0;
    // Newest batch at the time of the last use. Written by Find(), which may
    // run on several threads: only through std::atomic_ref.
    mutable uint64_t last_used = 0;
  };

  // What a list of so many neighbours counts for.
  static int64_t BytesOf(size_t count);
  void Evict();

  std::vector<absl::flat_hash_map<int64_t, List>> lists_;  // by edge type
  const int64_t byte_budget_;
  int64_t bytes_ = 0;
  uint64_t newest_batch_ = 0;
  std::set<uint64_t> batches_under_way_;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_SAMPLING_NEIGHBOR_CACHE_H_
