#ifndef FAIRLEAD_LIBS_BATCH_MAKER_BATCH_ROWS_H_
#define FAIRLEAD_LIBS_BATCH_MAKER_BATCH_ROWS_H_

#include <map>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "libs/batch_maker/channel_plan.h"
#include "libs/dist_graph/row_gather.h"
#include "libs/graph/table.h"
#include "libs/sampling/neighbor_sampler.h"

namespace fairlead {

// The features and labels that a batch needs, in a graph of several partitions.
// Of a whole one there is nothing to do: they are gathered straight into the
// message. Keeps its memory for the next batch. Thread-compatible.
class BatchRows {
 public:
  // Appends to `fetches` what other partitions have to be asked for.
  absl::Status Begin(const ChannelPlan& plan, const SampledSubgraph& subgraph,
                     const RowCaches* caches, std::vector<RowFetch>* fetches);
  // Takes the answers, which must outlive what Find() gives.
  absl::Status End(absl::Span<const RowFetch> fetches);

  // Null if those rows are all this partition's.
  const RowGather* Find(const RowSet& set) const;

 private:
  std::map<RowSet, RowGather> gathers_;
};

// The rows that a batch of this plan carries for its nodes and edges: their
// features, if it collects them, and the labels of the seeds' type. Each is
// there, and of a type that the batch has something of.
std::vector<RowSet> WantedRows(const ChannelPlan& plan,
                               const SampledSubgraph& subgraph);

// The ids that rows are wanted for.
absl::Span<const int64_t> IdsOf(const SampledSubgraph& subgraph,
                                const RowSet& set);

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_BATCH_MAKER_BATCH_ROWS_H_
