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
  if (columns < 0 || (columns == 0 && !labels.empty()) ||
      (columns > 0 && labels.size() % static_cast<size_t>(columns) != 0)) {
    return absl::InvalidArgumentError(absl::StrCat(
        labels.size(), " labels are no rows of ", columns, " columns"));
  }
  NodeIndex index;
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
  for (size_t i = 0; i < labels.size(); ++i) {
    if (labels[i] == kNoLabel) continue;
    const auto anchor = static_cast<int64_t>(i) / columns;
    const uint32_t local = index.FindOrInsert(labels[i], num_nodes);
    if (local == num_nodes) {
      return absl::InvalidArgumentError(absl::StrCat(
          "label ", labels[i], " of anchor ", anchor, " is not among the ",
          node_ids.size(), " nodes of its type in the batch"));
    }
    anchors.push_back(anchor);
    locals.push_back(int64_t{local});
  }
  anchors.insert(anchors.end(), locals.begin(), locals.end());
  return anchors;
}

}  // namespace fairlead
