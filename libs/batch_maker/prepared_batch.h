#ifndef FAIRLEAD_LIBS_BATCH_MAKER_PREPARED_BATCH_H_
#define FAIRLEAD_LIBS_BATCH_MAKER_PREPARED_BATCH_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/batch_maker/batch_rows.h"
#include "libs/batch_maker/batch_writer.h"
#include "libs/batch_maker/channel_plan.h"
#include "libs/batch_maker/epoch_seeds.h"
#include "libs/clock/clock.h"
#include "libs/dist_graph/row_gather.h"
#include "libs/partition_client/remote_partitions.h"
#include "libs/sampling/batch_sampler.h"
#include "protos/fairlead/v1/messages.pb.h"

namespace fairlead {

// A batch on its way from its seeds to a plan of its message, with all the
// memory that takes; used again for the next. It goes as far as it can with
// what this partition has, and further once others have answered:
//
//   batch.Restart(plan, seeds, header, caches)
//   Advance() ── true ──► writer() ...
//       └─ false: answer fetches(), and Advance() again
//
// It stays in one place in memory, since its writer points into it.
// Thread-compatible.
class PreparedBatch {
 public:
  // Begins anew, with whatever was left of another. `header` says which
  // epoch and batch. `plan` and `caches` (which may be null) must outlive the
  // batch.
  absl::Status Restart(const std::shared_ptr<const ChannelPlan>& plan,
                       const EpochSeeds& seeds, v1::MessageHeader header,
                       const RowCaches* caches);

  // True once the message can be written.
  absl::StatusOr<bool> Advance(const Clock& clock);

  // What it waits for after Advance() was false.
  RemoteFetches fetches();

  uint64_t bytes() const { return writer_->total_bytes(); }
  const BatchWriter& writer() const { return *writer_; }
  const SampledSubgraph& subgraph() const { return sampled_.subgraph; }
  // Whether Restart() with this plan would go on with the sampler of the last.
  bool HasSamplerFor(const ChannelPlan& plan) const;
  // Whether the plan's accelerator samples its neighbourhoods.
  bool is_accelerated() const { return is_accelerated_; }

  v1::TraceStamps trace;

 private:
  enum class Stage { kBegin, kSampling, kRows, kRowsAsked };

  absl::Status MakeSampler(const ChannelPlan& plan);

  std::shared_ptr<const ChannelPlan> plan_;
  // Of plan_'s dataset, whatever the plan: its tables are some megabytes, which
  // stay in the cache if batches of all channels are made in them.
  std::shared_ptr<NeighborhoodSampler> on_host_;
  std::unique_ptr<BatchSampler> sampler_;  // as plan_ samples
  bool is_accelerated_ = false;
  v1::MessageHeader header_;
  const RowCaches* caches_ = nullptr;
  Stage stage_ = Stage::kBegin;
  BatchInputs inputs_;
  SampledBatch sampled_;
  BatchRows rows_;
  std::vector<RowFetch> row_fetches_;
  std::optional<BatchWriter> writer_;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_BATCH_MAKER_PREPARED_BATCH_H_
