#ifndef FAIRLEAD_LIBS_DIST_GRAPH_DIST_FEATURE_H_
#define FAIRLEAD_LIBS_DIST_GRAPH_DIST_FEATURE_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "libs/dist_graph/row_gather.h"
#include "libs/graph/dataset.h"
#include "libs/graph/element_type.h"
#include "libs/partition_client/remote_partitions.h"
#include "libs/type_names/type_names.h"

namespace fairlead {

// Rows [ids, columns], dense, in the order they were asked for.
struct FeatureRows {
  ElementType element_type = ElementType::kFloat32;
  int64_t rows = 0;
  int64_t columns = 0;
  std::vector<uint8_t> data;
  std::vector<float> scale;  // as RowStore::scale

  // REQUIRES element_type to be T's.
  template <typename T>
  absl::Span<const T> As() const {
    return {reinterpret_cast<const T*>(data.data()), data.size() / sizeof(T)};
  }
};

// The features of a partitioned graph, by ids of the whole (parity GL-031 to
// GL-035). Making one asks nobody: there is no collective. What GLT calls
// get_all2all is not here: it makes every rank call in lock step, for no more
// than AsyncGet does point to point (GL-034, W-43). Thread-safe.
class DistFeature {
 public:
  enum class Of { kNodes, kEdges };

  // `dataset` must outlive it, and so must `remote` and `caches`, which may be
  // null: without `remote` it is local only.
  DistFeature(const Dataset& dataset, Of of, RemotePartitions* remote,
              const RowCaches* caches)
      : dataset_(dataset),
        of_edges_(of == Of::kEdges),
        remote_(remote),
        caches_(caches) {}

  // Rows of ids that this partition has; repeats allowed, no ids give [0,
  // columns]. NOT_FOUND for a type without features, or, by name, for ids of
  // others. `type` is a node type or the text of an edge type, and may be
  // empty where there is one.
  absl::StatusOr<FeatureRows> LocalGet(absl::Span<const int64_t> ids,
                                       absl::string_view type = "") const;

  // Rows of any ids: one question to each partition that has some of them, in
  // the order of `ids` whatever order answers come in. Calls `done`, once, on
  // any thread, maybe before it returns. An id that nobody owns is NOT_FOUND,
  // not zeros (W-31); FAILED_PRECONDITION if some are elsewhere and this is
  // local only. This object must outlive the call.
  void AsyncGet(absl::Span<const int64_t> ids, absl::string_view type,
                std::function<void(absl::StatusOr<FeatureRows>)> done) const;

  // AsyncGet, waited for.
  absl::StatusOr<FeatureRows> Get(absl::Span<const int64_t> ids,
                                  absl::string_view type = "") const;

 private:
  absl::StatusOr<RowSet> Find(absl::string_view type) const;

  const Dataset& dataset_;
  const bool of_edges_;
  RemotePartitions* const remote_;
  const RowCaches* const caches_;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_DIST_GRAPH_DIST_FEATURE_H_
