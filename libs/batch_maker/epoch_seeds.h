#ifndef FAIRLEAD_LIBS_BATCH_MAKER_EPOCH_SEEDS_H_
#define FAIRLEAD_LIBS_BATCH_MAKER_EPOCH_SEEDS_H_

#include <cstdint>
#include <vector>

#include "libs/batch_maker/channel_plan.h"
#include "libs/sampling/epoch_plan.h"

namespace fairlead {

// What a batch starts from: as BatchRequest.
struct BatchInputs {
  std::vector<int64_t> seeds;
  std::vector<int64_t> destinations;
  std::vector<int64_t> edge_labels;
  std::vector<int64_t> times;
};

// Which seeds each batch of an epoch starts from. Immutable, so shared by
// workers without a lock.
class EpochSeeds {
 public:
  EpochSeeds(const ChannelPlan& plan, uint64_t epoch);

  uint64_t digest() const { return digest_; }  // EpochEnd.seed_digest

  // What a batch starts from, into `out`. REQUIRES the same plan, and a batch
  // of its epochs.
  void InputsOf(const ChannelPlan& plan, uint64_t batch_index,
                BatchInputs* out) const;

 private:
  const EpochOrder order_;
  uint64_t digest_;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_BATCH_MAKER_EPOCH_SEEDS_H_
