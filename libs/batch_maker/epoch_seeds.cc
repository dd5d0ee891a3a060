#include "libs/batch_maker/epoch_seeds.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "libs/batch_maker/channel_plan.h"
#include "libs/random/philox.h"
#include "libs/sampling/recovery.h"

namespace fairlead {

EpochSeeds::EpochSeeds(const ChannelPlan& plan, uint64_t epoch)
    : order_(plan.seeds().size(), plan.shuffle(),
             plan.sampling().neighbors().seed, epoch) {
  for (uint64_t i = 0; kRecovers && i < plan.seeds_per_epoch(); ++i) {
    digest_ += SplitMix64(static_cast<uint64_t>(plan.seeds()[order_[i]]));
  }
}

void EpochSeeds::InputsOf(const ChannelPlan& plan, uint64_t batch_index,
                          BatchInputs* out) const {
  const uint64_t begin = batch_index * plan.batch_size();
  const uint64_t end =
      std::min<uint64_t>(begin + plan.batch_size(), plan.seeds().size());
  const auto take = [&](const auto& values, uint64_t size,
                        std::vector<int64_t>* to) {
    to->resize(size == 0 ? 0 : end - begin);
    for (uint64_t i = 0; i < to->size(); ++i) {
      (*to)[i] = values[order_[begin + i]];
    }
  };
  take(plan.seeds(), plan.seeds().size(), &out->seeds);
  take(plan.destinations(), plan.destinations().size(), &out->destinations);
  take(plan.edge_labels(), plan.edge_labels().size(), &out->edge_labels);
  take(plan.times(), plan.times().size(), &out->times);
}

}  // namespace fairlead
