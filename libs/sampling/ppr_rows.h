#ifndef FAIRLEAD_LIBS_SAMPLING_PPR_ROWS_H_
#define FAIRLEAD_LIBS_SAMPLING_PPR_ROWS_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"

namespace fairlead {

// From what a push has left at the nodes to the rows that are kept: step 6 of
// parity 2.9, and the merge of channels of step 7. Pure functions.

// A node that a push has reached.
struct PprEntry {
  int64_t id = 0;
  double residual = 0;  // mass not yet pushed
  double score = 0;     // mass that has been; > 0 once pushed
  double requeue_at = 0;
  int32_t hop = 0;  // fewest edges on a way along which mass has come
  bool is_queued = false;
  bool is_known = false;  // its neighbours have been seen by this push
};

// A node that is kept, with what is said of it.
struct PprCandidate {
  int64_t id = 0;
  double value = 0;
  int32_t hop = 0;
};

// What is kept of one node type, for all seeds of a batch.
struct PprRows {
  std::vector<int64_t> counts;  // rows of each seed, in order of seeds
  std::vector<int64_t> ids;
  // Row-major, [ids.size(), width]. Without channels width is 2: [value,
  // proximity], proximity being 1 / (1 + hop). With C channels it is 2 + 3C:
  // [best value, best proximity], then for each channel [value, proximity,
  // presence (1)], or zeros where the channel has not kept the node.
  std::vector<double> attributes;
};

// The nodes of one seed, node type and channel that are kept, by (value
// descending, id). First the `max_nodes` of most score, ties by id. If those
// are fewer, and with `residual_top_up`, then nodes that were never pushed, of
// most residual. A value is score + residual, or without top-up the score. A
// node with residual only never takes the place of one with score, whatever
// their values.
std::vector<PprCandidate> SelectPprCandidates(
    absl::Span<const PprEntry> entries, int32_t max_nodes,
    bool residual_top_up);

// Appends the rows of one seed without channels.
void AppendPprRows(absl::Span<const PprCandidate> candidates, PprRows* rows);

// Appends the rows of one seed with channels, by (best value descending, id).
// A node belongs to the channel in which its value is highest, ties to the
// first; each channel fills its slots with its best nodes; slots that are
// left go to the best nodes that are left, of any channel.
// REQUIRES one list (as from SelectPprCandidates) and one slot count a channel.
void AppendMergedPprRows(absl::Span<const std::vector<PprCandidate>> by_channel,
                         absl::Span<const int32_t> slots, PprRows* rows);

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_SAMPLING_PPR_ROWS_H_
