#include "libs/batch_maker/epoch_seeds.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "libs/batch_maker/channel_plan.h"
#include "libs/random/philox.h"
#include "libs/sampling/recovery.h"

namespace fairlead {

EpochSeeds::EpochSeeds(const ChannelPlan& plan, uint64_t epoch)
    : order_(plan.seeds().size(), plan.shuffle(),
             plan.sampling().neighbors().seed, epoch),
      digest_(kRecovers ? plan.seed_digest() : 0) {
  if (!kRecovers) return;
  for (uint64_t i = plan.seeds_per_epoch(); i < plan.seeds().size(); ++i) {
    digest_ -= SplitMix64(static_cast<uint64_t>(plan.seeds()[order_[i]]));
  }
}

void EpochSeeds::InputsOf(const ChannelPlan& plan, uint64_t batch_index,
                          BatchInputs* out) const {
  const uint64_t begin = batch_index * plan.batch_size();
  const uint64_t end =
      std::min<uint64_t>(begin + plan.batch_size(), plan.seeds().size());
  const auto make_room = [&](absl::Span<const int64_t> values,
                             std::vector<int64_t>* to) {
    to->resize(values.empty() ? 0 : end - begin);
  };
  out->seeds.resize(end - begin);
  make_room(plan.destinations(), &out->destinations);
  make_room(plan.edge_labels(), &out->edge_labels);
  make_room(plan.times(), &out->times);
  for (uint64_t i = 0; i < end - begin; ++i) {
    const uint64_t at = order_[begin + i];
    out->seeds[i] = plan.seeds()[at];
    if (!out->destinations.empty()) {
      out->destinations[i] = plan.destinations()[at];
    }
    if (!out->edge_labels.empty()) out->edge_labels[i] = plan.edge_labels()[at];
    if (!out->times.empty()) out->times[i] = plan.times()[at];
  }
}

}  // namespace fairlead
