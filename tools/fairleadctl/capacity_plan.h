#ifndef FAIRLEAD_TOOLS_FAIRLEADCTL_CAPACITY_PLAN_H_
#define FAIRLEAD_TOOLS_FAIRLEADCTL_CAPACITY_PLAN_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "libs/cost_model/batch_cost.h"
#include "libs/cost_model/degree_profile.h"
#include "nlohmann/json_fwd.hpp"

namespace fairlead {

// What a load will take of hosts that need not be there yet. (Of a cluster that
// is: `loadgen --dry_run`, which asks it.) Pure.

struct CapacityQuestion {
  DegreeProfile profile;
  RowWidths widths;
  double dataset_bytes = 0;  // of all its files
  SampledLoad load;
  MachineRates rates;
  double trainers = 1;
  double batches_per_s = 1;  // that each of them wants
  double hosts = 1;          // storage hosts, a partition each
  double prefetch = 4;       // batches under way for each trainer and host
};

struct CapacityPlan {
  BatchShape shape;
  BatchCost batch;
  CpuFloor floor;  // of a batch

  struct Host {
    double dataset_bytes = 0;
    double buffer_bytes = 0;  // of one channel: BackendOptions.buffer_bytes
    double shm_bytes = 0;     // of all: --shm_budget
    double memory_bytes = 0;  // of these two
    double sent_bytes_per_s = 0;
    // To pools of other partitions, where nodes lie anywhere. A partition by
    // METIS needs less.
    double peer_bytes_per_s = 0;
    double cores = 0;
  };
  Host host;  // each
  struct Trainer {
    double memory_bytes = 0;
    double received_bytes_per_s = 0;
    double cores = 0;  // besides its model
  };
  Trainer trainer;  // each

  nlohmann::ordered_json ToJson() const;
  std::string ToText() const;
};

// INVALID_ARGUMENT, naming it, for what makes no sense.
absl::StatusOr<CapacityPlan> PlanCapacity(const CapacityQuestion& question);

}  // namespace fairlead

#endif  // FAIRLEAD_TOOLS_FAIRLEADCTL_CAPACITY_PLAN_H_
