#ifndef FAIRLEAD_SERVICES_SAMPLER_POOL_OUTGOING_H_
#define FAIRLEAD_SERVICES_SAMPLER_POOL_OUTGOING_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "libs/sampling/neighbor_sampler.h"
#include "libs/shm_channel/shm_channel.h"
#include "protos/fairlead/v1/messages.pb.h"
#include "services/sampler_pool/batch_writer.h"

namespace fairlead {

// A batch whose topology is sampled. It stays in one place in memory, since
// its writer points into it.
struct PreparedBatch {
  std::vector<int64_t> seeds;
  SampledSubgraph subgraph;
  std::optional<BatchWriter> writer;
  v1::TraceStamps trace;
};

// Something made for a channel that has no room for it yet: a batch, or a
// small message (a batch error, the end of an epoch) encoded already.
struct Outgoing {
  MessageTag tag;
  std::unique_ptr<PreparedBatch> batch;
  std::string small;

  uint64_t bytes() const {
    return batch != nullptr ? batch->writer->total_bytes() : small.size();
  }
};

}  // namespace fairlead

#endif  // FAIRLEAD_SERVICES_SAMPLER_POOL_OUTGOING_H_
