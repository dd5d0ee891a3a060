#include "libs/sampling/ablp_labels.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "libs/sampling/node_index.h"

namespace fairlead {
namespace {

// How far ahead of its use a cache line is asked for.
constexpr size_t kAhead = 16;

}  // namespace

PaddedLabels PadLabels(absl::Span<const int32_t> counts,
                       absl::Span<const int64_t> neighbors, int64_t cap) {
  PaddedLabels labels;
  const auto kept = [cap](int32_t count) {
    return cap == 0 ? int64_t{count} : std::min(int64_t{count}, cap);
  };
  for (const int32_t count : counts) {
    labels.columns = std::max(labels.columns, kept(count));
  }
  const auto columns = static_cast<size_t>(labels.columns);
  labels.values.assign(counts.size() * columns, kNoLabel);
  auto from = neighbors.begin();
  auto row = labels.values.begin();
  for (const int32_t count : counts) {
    std::copy_n(from, kept(count), row);
    from += count;
    row += labels.columns;
  }
  return labels;
}

absl::StatusOr<std::vector<int64_t>> RemapLabels(
    absl::Span<const int64_t> labels, int64_t columns,
    absl::Span<const int64_t> node_ids) {
  const auto size = static_cast<int64_t>(labels.size());
  const int64_t rows = columns > 0 ? size / columns : 0;
  if (columns < 0 || rows * columns != size) {
    return absl::InvalidArgumentError(
        absl::StrCat(size, " labels are no rows of ", columns, " columns"));
  }
  NodeIndex index;
  index.Reserve(node_ids.size() + 1);
  const auto num_nodes = static_cast<uint32_t>(node_ids.size());
  for (uint32_t i = 0; i < num_nodes; ++i) {
    if (i + kAhead < num_nodes) index.Prefetch(node_ids[i + kAhead]);
    const uint32_t first = index.FindOrInsert(node_ids[i], i);
    if (first == i) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("node id ", node_ids[i], " is there twice, at ", first,
                     " and ", i, "; a label must have one place"));
  }
  std::vector<int64_t> anchors;
  std::vector<int64_t> locals;
  for (int64_t anchor = 0; anchor < rows; ++anchor) {
    for (const int64_t label :
         labels.subspan(static_cast<size_t>(anchor * columns),
                        static_cast<size_t>(columns))) {
      if (label == kNoLabel) continue;
      const uint32_t local = index.FindOrInsert(label, num_nodes);
      if (local == num_nodes) {
        return absl::InvalidArgumentError(absl::StrCat(
            "label ", label, " of anchor ", anchor, " is not among the ",
            num_nodes, " nodes of its type in the batch"));
      }
      anchors.push_back(anchor);
      locals.push_back(int64_t{local});
    }
  }
  anchors.insert(anchors.end(), locals.begin(), locals.end());
  return anchors;
}

}  // namespace fairlead
