#ifndef FAIRLEAD_LIBS_SAMPLING_BATCH_SAMPLER_H_
#define FAIRLEAD_LIBS_SAMPLING_BATCH_SAMPLER_H_

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "libs/sampling/neighbor_sampler.h"

namespace fairlead {

// What every kind of sampling has in common, for whoever runs batches of any
// kind: a batch goes on until it needs something of other partitions, and goes
// on again once that is there.

// What a batch is made of. Spans are the caller's, and outlive the batch.
struct BatchRequest {
  uint64_t epoch = 0;
  uint64_t batch_index = 0;
  // Node sampling, ABLP, PPR, subgraphs: ids of nodes of the channel's type.
  // Links: the sources of edges.
  absl::Span<const int64_t> seeds;
  // Links: the destinations, as many as seeds.
  absl::Span<const int64_t> destinations = {};
  // Links: a label of each edge; may be empty.
  absl::Span<const int64_t> edge_labels = {};
  // Temporal sampling: the time of each seed.
  absl::Span<const int64_t> times = {};
};

// A tensor that a kind of sampling adds to its batches (parity 6.4: "#META.x").
struct MetaTensor {
  std::string name;  // the whole key
  std::vector<int64_t> shape;
  std::variant<std::vector<int64_t>, std::vector<float>, std::vector<double>>
      values;
};

struct SampledBatch {
  SampledSubgraph subgraph;
  std::vector<MetaTensor> meta;
};

// Samples one batch at a time and keeps its memory for the next.
// Thread-compatible. A batch is a pure function of the whole graph, the
// options, and the request.
class BatchSampler {
 public:
  virtual ~BatchSampler() = default;

  // Starts on a batch, and forgets another that was not ended. True if it is
  // complete. `out` must live until it is. Errors: OUT_OF_RANGE or NOT_FOUND
  // for ids that are none; INVALID_ARGUMENT for spans of lengths that do not
  // fit each other.
  virtual absl::StatusOr<bool> Begin(const BatchRequest& request,
                                     SampledBatch* out) = 0;

  // What it waits for, of other partitions. Valid until Resume.
  virtual std::vector<NeighborFetch>& fetches() = 0;

  // Goes on, as Begin. REQUIRES every fetch to be answered.
  virtual absl::StatusOr<bool> Resume() = 0;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_SAMPLING_BATCH_SAMPLER_H_
