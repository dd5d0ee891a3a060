#ifndef FAIRLEAD_SERVICES_SAMPLER_POOL_PREPARED_BATCH_H_
#define FAIRLEAD_SERVICES_SAMPLER_POOL_PREPARED_BATCH_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "libs/sampling/neighbor_sampler.h"
#include "protos/fairlead/v1/messages.pb.h"
#include "services/sampler_pool/batch_writer.h"
#include "services/sampler_pool/channel_table.h"

namespace fairlead {

// A batch whose topology is sampled. It stays in one place in memory, since
// its writer points into it.
struct PreparedBatch final : MadeBatch {
  uint64_t bytes() const override { return writer->total_bytes(); }

  std::vector<int64_t> seeds;
  SampledSubgraph subgraph;
  std::optional<BatchWriter> writer;
  v1::TraceStamps trace;
};

}  // namespace fairlead

#endif  // FAIRLEAD_SERVICES_SAMPLER_POOL_PREPARED_BATCH_H_
