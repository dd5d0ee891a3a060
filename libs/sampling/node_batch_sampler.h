#ifndef FAIRLEAD_LIBS_SAMPLING_NODE_BATCH_SAMPLER_H_
#define FAIRLEAD_LIBS_SAMPLING_NODE_BATCH_SAMPLER_H_

#include <memory>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/graph/dataset.h"
#include "libs/sampling/batch_sampler.h"
#include "libs/sampling/neighbor_sampler.h"

namespace fairlead {

// k-hop neighbourhoods of seed nodes, as a kind of sampling among others.
class NodeBatchSampler final : public BatchSampler {
 public:
  // Samples with `sampler`, which does so for these options, or, if that is
  // null, with one of its own. Others may use it between two batches: its
  // memory is worth sharing. `dataset` must outlive it. REQUIRES options that
  // ValidateNeighborSamplerOptions has found good, and a type of the dataset.
  NodeBatchSampler(const Dataset& dataset, NeighborSamplerOptions options,
                   int seed_type,
                   std::shared_ptr<NeighborhoodSampler> sampler = nullptr)
      : options_(std::move(options)),
        seed_type_(seed_type),
        sampler_(sampler != nullptr
                     ? std::move(sampler)
                     : std::make_shared<NeighborSampler>(dataset)) {}

  absl::StatusOr<bool> Begin(const BatchRequest& request,
                             SampledBatch* out) override {
    out->meta.clear();
    return sampler_->Begin(options_,
                           {.seeds = request.seeds,
                            .seed_type = seed_type_,
                            .epoch = request.epoch,
                            .batch_index = request.batch_index,
                            .times = request.times},
                           &out->subgraph);
  }
  std::vector<NeighborFetch>& fetches() override { return sampler_->fetches(); }
  absl::StatusOr<bool> Resume() override { return sampler_->Resume(); }

 private:
  const NeighborSamplerOptions options_;
  const int seed_type_;
  const std::shared_ptr<NeighborhoodSampler> sampler_;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_SAMPLING_NODE_BATCH_SAMPLER_H_
