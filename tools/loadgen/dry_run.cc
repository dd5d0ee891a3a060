#include "tools/loadgen/dry_run.h"

#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "libs/loader/remote_sample_stream.h"
#include "libs/loader/sampling_input.h"
#include "libs/status/status_macros.h"
#include "nlohmann/json.hpp"
#include "protos/fairlead/v1/registry.pb.h"

namespace fairlead {
namespace {

constexpr double kMiB = 1 << 20;

nlohmann::json ToJsonObject(const v1::ResourceNeed& need, uint64_t clients) {
  return {{"needed", need.needed() * clients},
          {"used", need.used()},
          {"budget", need.budget()}};
}

// Whether `clients` of one kind fit beside what is there.
bool Fits(const v1::ResourceNeed& need, uint64_t clients) {
  return need.budget() == 0 ||
         need.used() + need.needed() * clients <= need.budget();
}

std::string InMiB(const v1::ResourceNeed& need, uint64_t clients) {
  const auto mib = [](uint64_t bytes) {
    return absl::StrFormat("%.1f", static_cast<double>(bytes) / kMiB);
  };
  return absl::StrCat(
      mib(need.needed() * clients), " + ", mib(need.used()), " of ",
      need.budget() == 0 ? std::string("any") : mib(need.budget()));
}

}  // namespace

absl::StatusOr<DryRun> PlanLoad(const LoadOptions& options) {
  DryRun dry_run;
  dry_run.clients = options.clients;
  FAIRLEAD_ASSIGN_OR_RETURN(dry_run.servers,
                            RemoteSampleStream::Plan(options.loader));
  for (const SamplingInput::ServerPlan& server : dry_run.servers) {
    const v1::PlanSamplingInputResponse& plan = server.plan;
    if (plan.refusal().empty() && Fits(plan.shm(), options.clients) &&
        Fits(plan.memory(), options.clients) &&
        Fits(plan.channels(), options.clients)) {
      continue;
    }
    dry_run.status.Update(absl::ResourceExhaustedError(absl::StrCat(
        "server_rank ", server.server_rank, ": has no room for ",
        options.clients, options.clients == 1 ? " client" : " clients",
        plan.refusal().empty() ? "" : ": ", plan.refusal(),
        "; raise --shm_budget, --memory_budget or --max_channels of its "
        "sampler pool, or ask for a smaller --buffer_bytes")));
  }
  return dry_run;
}

std::string DryRun::ToJson() const {
  nlohmann::json json = nlohmann::json::array();
  for (const SamplingInput::ServerPlan& server : servers) {
    json.push_back(
        {{"server_rank", server.server_rank},
         {"seeds", server.plan.seeds()},
         {"batches", server.plan.batches()},
         {"shm_bytes", ToJsonObject(server.plan.shm(), clients)},
         {"memory_bytes", ToJsonObject(server.plan.memory(), clients)},
         {"channels", ToJsonObject(server.plan.channels(), clients)},
         {"refusal", server.plan.refusal()}});
  }
  return nlohmann::json({{"clients", clients}, {"servers", json}}).dump();
}

std::string DryRun::ToText() const {
  std::string text = absl::StrFormat(
      "For %u clients, MiB needed + used of the budget:\n"
      "%-6s  %10s  %8s  %-28s  %s\n",
      clients, "server", "seeds", "batches", "shared memory", "memory");
  for (const SamplingInput::ServerPlan& server : servers) {
    absl::StrAppendFormat(&text, "%-6u  %10u  %8u  %-28s  %s\n",
                          server.server_rank, server.plan.seeds(),
                          server.plan.batches(),
                          InMiB(server.plan.shm(), clients),
                          InMiB(server.plan.memory(), clients));
  }
  return text;
}

}  // namespace fairlead
