#include "libs/sampling/edge_lookup.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <tuple>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "libs/graph/dataset.h"
#include "libs/sampling/neighbor_draw.h"
#include "libs/sampling/neighbor_gather.h"
#include "libs/status/status_macros.h"

namespace fairlead {

EdgeLookup::EdgeLookup(const Dataset& dataset, int edge_type)
    : dataset_(dataset),
      edge_type_(edge_type),
      direction_(
          dataset.edge_types()[static_cast<size_t>(edge_type)].out.has_value()
              ? EdgeDir::kOut
              : EdgeDir::kIn) {}

absl::Status EdgeLookup::Begin(absl::Span<const int64_t> src,
                               absl::Span<const int64_t> dst,
                               std::vector<NeighborFetch>* fetches) {
  const bool by_src = direction_ == EdgeDir::kOut;
  sought_.clear();
  for (size_t i = 0; i < src.size(); ++i) {
    sought_.push_back({.row = by_src ? src[i] : dst[i],
                       .neighbor = by_src ? dst[i] : src[i],
                       .pair = i});
  }
  std::sort(sought_.begin(), sought_.end(),
            [](const Sought& a, const Sought& b) {
              return std::tie(a.row, a.neighbor) < std::tie(b.row, b.neighbor);
            });
  rows_.clear();
  for (const Sought& sought : sought_) {
    if (rows_.empty() || rows_.back() != sought.row) {
      rows_.push_back(sought.row);
    }
  }
  return gather_.Begin(dataset_, edge_type_, direction_, rows_, {},
                       {.fanout = -1}, fetches);
}

absl::Status EdgeLookup::Finish(absl::Span<const NeighborFetch> fetches,
                                absl::Span<bool> exists) {
  FAIRLEAD_ASSIGN_OR_RETURN(const DrawnNeighbors* lists,
                            gather_.Finish(fetches, &stitched_));
  std::fill(exists.begin(), exists.end(), false);
  const auto before = [](const Sought& sought, int64_t neighbor) {
    return sought.neighbor < neighbor;
  };
  auto begin = sought_.begin();
  size_t at = 0;
  for (size_t row = 0; row < rows_.size(); ++row) {
    const auto end = std::find_if(begin, sought_.end(), [&](const Sought& s) {
      return s.row != rows_[row];
    });
    // Of many neighbours few are sought: each is looked for among these.
    const size_t list_end = at + static_cast<size_t>(lists->counts[row]);
    for (; at < list_end; ++at) {
      const int64_t neighbor = lists->neighbors[at];
      for (auto found = std::lower_bound(begin, end, neighbor, before);
           found != end && found->neighbor == neighbor; ++found) {
        exists[found->pair] = true;
      }
    }
    begin = end;
  }
  return absl::OkStatus();
}

}  // namespace fairlead
