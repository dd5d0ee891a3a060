#ifndef FAIRLEAD_SERVICES_SAMPLER_POOL_CHANNEL_PLAN_H_
#define FAIRLEAD_SERVICES_SAMPLER_POOL_CHANNEL_PLAN_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "libs/graph/dataset.h"
#include "libs/sampling/neighbor_sampler.h"
#include "protos/fairlead/v1/sampling.pb.h"

namespace fairlead {

// What a channel samples, checked against the dataset and resolved to its
// indices: all that the makers of its batches need to know. Immutable, so
// shared by workers without a lock. The dataset must outlive it.
class ChannelPlan {
 public:
  // INVALID_ARGUMENT, naming the field, for a config that makes no sense;
  // NOT_FOUND for a node type, edge type or split that the dataset lacks;
  // OUT_OF_RANGE, naming it, for a seed id that is no node.
  static absl::StatusOr<ChannelPlan> Create(const Dataset& dataset,
                                            const v1::SeedNodes& input,
                                            const v1::SamplingConfig& config);

  // Moves only: seeds_ may point into own_seeds_.
  ChannelPlan(ChannelPlan&&) = default;
  ChannelPlan& operator=(ChannelPlan&&) = default;

  const Dataset& dataset() const { return *dataset_; }
  int seed_type() const { return seed_type_; }
  absl::Span<const int64_t> seeds() const { return seeds_; }
  uint64_t batch_size() const { return batch_size_; }
  bool shuffle() const { return shuffle_; }
  bool drop_last() const { return drop_last_; }
  bool collect_features() const { return collect_features_; }
  const NeighborSamplerOptions& sampler_options() const {
    return sampler_options_;
  }
  uint64_t batches_per_epoch() const { return batches_per_epoch_; }

  // How many of the epoch's seeds are in a batch: all, but for drop_last.
  uint64_t seeds_per_epoch() const;

 private:
  ChannelPlan() = default;

  const Dataset* dataset_ = nullptr;
  int seed_type_ = 0;
  std::vector<int64_t> own_seeds_;   // where the input is not a whole split
  absl::Span<const int64_t> seeds_;  // into own_seeds_ or the dataset
  uint64_t batch_size_ = 0;
  bool shuffle_ = false;
  bool drop_last_ = false;
  bool collect_features_ = false;
  NeighborSamplerOptions sampler_options_;
  uint64_t batches_per_epoch_ = 0;
};

}  // namespace fairlead

#endif  // FAIRLEAD_SERVICES_SAMPLER_POOL_CHANNEL_PLAN_H_
