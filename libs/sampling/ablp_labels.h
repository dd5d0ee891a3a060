#ifndef FAIRLEAD_LIBS_SAMPLING_ABLP_LABELS_H_
#define FAIRLEAD_LIBS_SAMPLING_ABLP_LABELS_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace fairlead {

// Labels of anchors (parity 2.8) on their way: lists of neighbours become a
// matrix that fits in a message, and that becomes pairs of local indices where
// a model reads it. Pure functions, without a graph: servers that answer
// queries, samplers and loaders share them.

// In place of a label, where an anchor has fewer than others.
inline constexpr int64_t kNoLabel = -1;

// The labels of some anchors, aligned to them: [anchors, columns], row-major.
struct PaddedLabels {
  int64_t columns = 0;
  std::vector<int64_t> values;  // global ids; kNoLabel at the end of rows
};

// Of anchor i the next counts[i] of `neighbors`, in order, but at most `cap`
// (0: all), and as many columns as the anchor with most has then: none for no
// anchors, or anchors of which none has labels (W-38). Takes anchors * columns
// * 8 bytes, so a hub wants a cap. REQUIRES cap >= 0, counts >= 0, whose sum is
// neighbors.size().
PaddedLabels PadLabels(absl::Span<const int32_t> counts,
                       absl::Span<const int64_t> neighbors, int64_t cap);

// The pairs (anchor, label) of a padded matrix [B, columns] of global ids, as
// [2, E], row-major: first the rows of anchors, ascending, then for each the
// local index of its label among `node_ids`, in the matrix's order (G6).
// Entries that are kNoLabel are passed over wherever they are; a label that is
// twice in a row gives two pairs. INVALID_ARGUMENT, naming the id, for a label
// that is not among the nodes, or a node that is there twice; and for labels
// that are no whole number of rows. REQUIRES fewer than 2^32 nodes.
absl::StatusOr<std::vector<int64_t>> RemapLabels(
    absl::Span<const int64_t> labels, int64_t columns,
    absl::Span<const int64_t> node_ids);

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_SAMPLING_ABLP_LABELS_H_
