#ifndef FAIRLEAD_LIBS_DIST_GRAPH_ROW_GATHER_H_
#define FAIRLEAD_LIBS_DIST_GRAPH_ROW_GATHER_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "libs/graph/dataset.h"
#include "libs/graph/table.h"
#include "libs/partition_client/remote_partitions.h"
#include "libs/row_cache/row_cache.h"

namespace fairlead {

// Which rows: the features of a node or edge type, or a node type's labels.
struct RowSet {
  bool of_edges = false;
  int type = 0;  // index into the dataset's node or edge types
  RowKind kind = RowKind::kFeatures;

  auto operator<=>(const RowSet&) const = default;
};

// Null if there are no such rows. REQUIRES a type of the dataset.
const RowStore* FindRows(const Dataset& dataset, const RowSet& set);
// Who has which of them; null where this partition has all.
const PartitionBook* FindRowBook(const Dataset& dataset, const RowSet& set);

// A cache for each set of rows of which other partitions have some, which
// share one budget by how many bytes there are elsewhere. Thread-safe.
class RowCaches {
 public:
  RowCaches(const Dataset& dataset, uint64_t budget_bytes);

  // Null where nothing is cached.
  RowCache* Find(const RowSet& set) const;
  // Of all together.
  RowCache::Counts counts() const;

 private:
  std::map<RowSet, std::unique_ptr<RowCache>> caches_;
};

// The rows of some ids, in order, wherever they are: those of this partition
// are pointed to where they lie, hot ones copied from a cache, the rest fetched
// from their owners, each once however often it is asked for.
//
//   std::vector<RowFetch> fetches;
//   RowGather gather;
//   RETURN_IF_ERROR(gather.Begin(dataset, set, cache, ids, &fetches));
//   ... answer `fetches` ...
//   RETURN_IF_ERROR(gather.End(absl::MakeSpan(fetches)));
//   gather.CopyTo(out);
//
// Thread-compatible.
class RowGather {
 public:
  // Appends to `fetches` what has to be asked for; nothing, where all is here.
  // `cache` may be null. NOT_FOUND, naming them, for ids that nobody owns, or
  // that this partition should have and lacks. REQUIRES that FindRows finds
  // the set; the dataset and the cache must outlive this.
  absl::Status Begin(const Dataset& dataset, const RowSet& set, RowCache* cache,
                     absl::Span<const int64_t> ids,
                     std::vector<RowFetch>* fetches);

  // Takes the answers, which must outlive this, of the same fetches, whatever
  // else is among them; offers them to the cache.
  absl::Status End(absl::Span<const RowFetch> fetches);

  const RowStore& store() const { return *store_; }
  size_t size() const { return rows_.size(); }
  uint64_t bytes() const { return rows_.size() * row_bytes_; }

  // REQUIRES End, and room for bytes().
  void CopyTo(uint8_t* out) const { CopyRows(rows_, row_bytes_, out); }

 private:
  struct Wanted {
    size_t fetch = 0;  // of this gather's
    size_t row = 0;    // of its answer
    size_t position = 0;
  };

  const RowStore* store_ = nullptr;
  RowCache* cache_ = nullptr;
  size_t row_bytes_ = 0;
  std::vector<const uint8_t*> rows_;
  std::vector<uint8_t> from_cache_;
  size_t first_fetch_ = 0;  // in the list that Begin appended to
  size_t num_fetches_ = 0;
  std::vector<Wanted> wanted_;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_DIST_GRAPH_ROW_GATHER_H_
