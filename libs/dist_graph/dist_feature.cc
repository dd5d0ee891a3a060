#include "libs/dist_graph/dist_feature.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "libs/dist_graph/row_gather.h"
#include "libs/graph/table.h"
#include "libs/status/status_macros.h"
#include "libs/sync/mutex.h"
#include "libs/type_names/type_names.h"

namespace fairlead {
namespace {

FeatureRows NewRows(const RowStore& store, size_t count) {
  FeatureRows rows;
  rows.element_type = store.table.element_type;
  rows.rows = static_cast<int64_t>(count);
  rows.columns = store.table.columns;
  rows.data.resize(count * static_cast<size_t>(store.table.row_bytes()));
  rows.scale.assign(store.scale.begin(), store.scale.end());
  return rows;
}

// An AsyncGet under way.
struct Pending {
  RowGather gather;
  std::vector<RowFetch> fetches;
  std::function<void(absl::StatusOr<FeatureRows>)> done;

  void End(absl::Status status) {
    if (status.ok()) status = gather.End(fetches);
    if (!status.ok()) {
      done(status);
      return;
    }
    FeatureRows rows = NewRows(gather.store(), gather.size());
    gather.CopyTo(rows.data.data());
    done(std::move(rows));
  }
};

}  // namespace

absl::StatusOr<RowSet> DistFeature::Find(absl::string_view type) const {
  RowSet set{.of_edges = of_edges_};
  if (!of_edges_) {
    FAIRLEAD_ASSIGN_OR_RETURN(set.type, dataset_.FindNodeType(type));
  } else {
    EdgeTypeName name;
    if (!type.empty()) {
      FAIRLEAD_ASSIGN_OR_RETURN(name, ParseEdgeTypeName(type));
    }
    FAIRLEAD_ASSIGN_OR_RETURN(set.type, dataset_.FindEdgeType(name));
  }
  if (FindRows(dataset_, set) != nullptr) return set;
  const auto index = static_cast<size_t>(set.type);
  return absl::NotFoundError(absl::StrCat(
      of_edges_ ? "edge type " + dataset_.edge_types()[index].name.ToString()
                : "node type " + dataset_.node_types()[index].name,
      " of dataset ", dataset_.name(), " has no features"));
}

absl::StatusOr<FeatureRows> DistFeature::LocalGet(
    absl::Span<const int64_t> ids, absl::string_view type) const {
  FAIRLEAD_ASSIGN_OR_RETURN(const RowSet set, Find(type));
  const RowStore& store = *FindRows(dataset_, set);
  FeatureRows rows = NewRows(store, ids.size());
  FAIRLEAD_RETURN_IF_ERROR(store.Gather(ids, absl::MakeSpan(rows.data)));
  return rows;
}

void DistFeature::AsyncGet(
    absl::Span<const int64_t> ids, absl::string_view type,
    std::function<void(absl::StatusOr<FeatureRows>)> done) const {
  const absl::StatusOr<RowSet> set = Find(type);
  if (!set.ok()) {
    done(set.status());
    return;
  }
  auto pending = std::make_shared<Pending>();
  pending->done = std::move(done);
  const absl::Status begun = pending->gather.Begin(
      dataset_, *set, caches_ == nullptr ? nullptr : caches_->Find(*set), ids,
      &pending->fetches);
  if (!begun.ok() || pending->fetches.empty()) {
    pending->End(begun);
    return;
  }
  if (remote_ == nullptr) {
    pending->End(absl::FailedPreconditionError(absl::StrCat(
        "features of ids of partition ", pending->fetches[0].partition,
        " are asked for where only those of partition ", dataset_.partition(),
        " are to be had")));
    return;
  }
  remote_->Fetch({.rows = &pending->fetches},
                 [pending](absl::Status status) { pending->End(status); });
}

absl::StatusOr<FeatureRows> DistFeature::Get(absl::Span<const int64_t> ids,
                                             absl::string_view type) const {
  // Shared: the answer may still be letting go of it when this returns.
  struct Answer {
    Mutex mutex;
    std::optional<absl::StatusOr<FeatureRows>> rows ABSL_GUARDED_BY(mutex);
  };
  const auto answer = std::make_shared<Answer>();
  AsyncGet(ids, type, [answer](absl::StatusOr<FeatureRows> rows) {
    MutexLock lock(&answer->mutex);
    answer->rows = std::move(rows);
  });
  MutexLock lock(&answer->mutex);
  const auto is_there = [&answer]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    return answer->rows.has_value();
  };
  answer->mutex.Await(absl::Condition(&is_there));
  return *std::move(answer->rows);
}

}  // namespace fairlead
