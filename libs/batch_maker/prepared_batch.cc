#include "libs/batch_maker/prepared_batch.h"

#include <cstdint>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "libs/batch_maker/sampling_plan.h"
#include "libs/clock/clock.h"
#include "libs/cuda/accelerator.h"
#include "libs/sampling/neighbor_sampler.h"
#include "libs/status/status_macros.h"

namespace fairlead {

absl::Status PreparedBatch::Restart(
    const std::shared_ptr<const ChannelPlan>& plan, const EpochSeeds& seeds,
    v1::MessageHeader header, const RowCaches* caches) {
  if (!HasSamplerFor(*plan)) FAIRLEAD_RETURN_IF_ERROR(MakeSampler(*plan));
  plan_ = plan;
  header_ = std::move(header);
  caches_ = caches;
  stage_ = Stage::kBegin;
  writer_.reset();
  seeds.InputsOf(*plan_, header_.batch_index(), &inputs_);
  return absl::OkStatus();
}

bool PreparedBatch::HasSamplerFor(const ChannelPlan& plan) const {
  return sampler_ != nullptr && plan.accelerator() == plan_->accelerator() &&
         plan.sampling().SamplesAs(plan_->sampling());
}

absl::Status PreparedBatch::MakeSampler(const ChannelPlan& plan) {
  sampler_.reset();
  if (plan_ == nullptr || &plan.dataset() != &plan_->dataset()) {
    on_host_ = std::make_shared<NeighborSampler>(plan.dataset());
  }
  const SamplingPlan& sampling = plan.sampling();
  std::shared_ptr<NeighborhoodSampler> neighbors;
  if (plan.accelerator() != nullptr && sampling.has_neighborhoods()) {
    neighbors = plan.accelerator()->NewSampler(sampling.neighbors());
  }
  is_accelerated_ = neighbors != nullptr;
  if (!is_accelerated_) neighbors = on_host_;
  FAIRLEAD_ASSIGN_OR_RETURN(sampler_,
                            sampling.NewSampler(std::move(neighbors)));
  return absl::OkStatus();
}

absl::StatusOr<bool> PreparedBatch::Advance(const Clock& clock) {
  if (stage_ == Stage::kBegin || stage_ == Stage::kSampling) {
    const bool begins = stage_ == Stage::kBegin;
    stage_ = Stage::kSampling;
    FAIRLEAD_ASSIGN_OR_RETURN(
        const bool sampled,
        begins ? sampler_->Begin({.epoch = header_.epoch(),
                                  .batch_index = header_.batch_index(),
                                  .seeds = inputs_.seeds,
                                  .destinations = inputs_.destinations,
                                  .edge_labels = inputs_.edge_labels,
                                  .times = inputs_.times},
                                 &sampled_)
               : sampler_->Resume());
    if (!sampled) return false;
    trace.set_sampled_ns(
        static_cast<uint64_t>(absl::ToInt64Nanoseconds(clock.MonotonicNow())));
    stage_ = Stage::kRows;
  }
  if (stage_ == Stage::kRows) {
    row_fetches_.clear();
    FAIRLEAD_RETURN_IF_ERROR(
        rows_.Begin(*plan_, sampled_.subgraph, caches_, &row_fetches_));
    stage_ = Stage::kRowsAsked;
    if (!row_fetches_.empty()) return false;
  }
  FAIRLEAD_RETURN_IF_ERROR(rows_.End(row_fetches_));
  FAIRLEAD_ASSIGN_OR_RETURN(
      writer_,
      BatchWriter::Plan(*plan_, header_, inputs_.seeds, sampled_, rows_));
  return true;
}

RemoteFetches PreparedBatch::fetches() {
  if (stage_ == Stage::kSampling) return {.neighbors = &sampler_->fetches()};
  return {.rows = &row_fetches_};
}

}  // namespace fairlead
