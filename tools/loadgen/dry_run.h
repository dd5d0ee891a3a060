#ifndef FAIRLEAD_TOOLS_LOADGEN_DRY_RUN_H_
#define FAIRLEAD_TOOLS_LOADGEN_DRY_RUN_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/loader/sampling_input.h"
#include "tools/loadgen/load.h"

namespace fairlead {

// What a load would take of each storage host.
struct DryRun {
  uint64_t clients = 1;
  std::vector<SamplingInput::ServerPlan> servers;  // as for one client

  // RESOURCE_EXHAUSTED, naming the server, if not all clients would fit.
  absl::Status status;

  std::string ToJson() const;  // one object in one line
  std::string ToText() const;  // a table for people
};

// Asks the cluster, and changes nothing there. The error of a cluster that
// cannot be asked, or of options that make no sense.
absl::StatusOr<DryRun> PlanLoad(const LoadOptions& options);

}  // namespace fairlead

#endif  // FAIRLEAD_TOOLS_LOADGEN_DRY_RUN_H_
