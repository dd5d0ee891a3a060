#ifndef FAIRLEAD_SERVICES_SAMPLER_POOL_SAMPLING_PLAN_H_
#define FAIRLEAD_SERVICES_SAMPLER_POOL_SAMPLING_PLAN_H_

#include <memory>

#include "absl/status/statusor.h"
#include "libs/graph/dataset.h"
#include "libs/sampling/batch_sampler.h"
#include "libs/sampling/neighbor_sampler.h"
#include "protos/fairlead/v1/sampling.pb.h"

namespace fairlead {

// How a channel's batches are sampled: its config, checked against the dataset
// and resolved to its indices. Immutable, so shared by workers without a lock.
// The dataset must outlive it.
class SamplingPlan {
 public:
  // INVALID_ARGUMENT, naming the field, for a config that makes no sense, or
  // asks for what the dataset lacks; NOT_FOUND for a node type or edge type
  // that it lacks. `seed_type` is where batches start from; of links the type
  // of their sources.
  static absl::StatusOr<SamplingPlan> Create(const Dataset& dataset,
                                             int seed_type, int link_edge_type,
                                             const v1::SamplingConfig& config);

  v1::SamplingType type() const { return type_; }
  const NeighborSamplerOptions& neighbors() const { return neighbors_; }
  bool is_temporal() const {
    return neighbors_.temporal != TemporalStrategy::kNone;
  }

  // One for each batch that is in the making.
  absl::StatusOr<std::unique_ptr<BatchSampler>> NewSampler() const;

 private:
  SamplingPlan() = default;

  const Dataset* dataset_ = nullptr;
  v1::SamplingType type_ = v1::SAMPLING_TYPE_UNSPECIFIED;
  NeighborSamplerOptions neighbors_;
  int seed_type_ = 0;
  int link_edge_type_ = 0;
};

}  // namespace fairlead

#endif  // FAIRLEAD_SERVICES_SAMPLER_POOL_SAMPLING_PLAN_H_
