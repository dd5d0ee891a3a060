#include "tools/fairleadctl/snapshot.h"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/clock/clock.h"
#include "libs/status/status_macros.h"
#include "protos/fairlead/v1/registry.grpc.pb.h"
#include "protos/fairlead/v1/registry.pb.h"
#include "tools/fairleadctl/ask.h"
#include "tools/fairleadctl/command_context.h"
#include "tools/fairleadctl/prometheus_text.h"
#include "tools/fairleadctl/scrape.h"

namespace fairlead {
namespace {

// Services that are asked at a time.
constexpr size_t kScrapers = 16;

bool HasLabels(const MetricSample& sample, const MetricLabels& labels) {
  return std::all_of(labels.begin(), labels.end(), [&](const auto& label) {
    const auto found = sample.labels.find(label.first);
    return found != sample.labels.end() && found->second == label.second;
  });
}

}  // namespace

std::optional<double> MemberSnapshot::Sum(const std::string& name,
                                          const MetricLabels& labels) const {
  std::optional<double> sum;
  const auto named = samples.find(name);
  if (named == samples.end()) return sum;
  for (const MetricSample& sample : named->second) {
    if (HasLabels(sample, labels)) sum = sum.value_or(0) + sample.value;
  }
  return sum;
}

absl::StatusOr<ClusterSnapshot> TakeSnapshot(const CommandContext& context) {
  using Stub = v1::RegistryService::Stub;
  const RealClock clock;
  FAIRLEAD_ASSIGN_OR_RETURN(
      const v1::ListMembersResponse members,
      AskRegistry(context, &Stub::ListMembers, v1::ListMembersRequest()));
  ClusterSnapshot snapshot;
  for (const v1::Member& member : members.members()) {
    if (member.role() == v1::ROLE_TRAINER) continue;
    MemberSnapshot& entry = snapshot.members.emplace_back();
    entry.member = member;
  }
  std::atomic<size_t> next = 0;
  std::vector<std::thread> scrapers;
  for (size_t i = 0; i < std::min(kScrapers, snapshot.members.size()); ++i) {
    scrapers.emplace_back([&context, &clock, &snapshot, &next] {
      for (size_t at = next++; at < snapshot.members.size(); at = next++) {
        MemberSnapshot& entry = snapshot.members[at];
        entry.at = clock.MonotonicNow();
        if (entry.member.metrics_address().empty()) {
          entry.status = absl::UnavailableError("has no --metrics_listen");
          continue;
        }
        auto samples =
            ScrapeMetrics(entry.member.metrics_address(), context.timeout);
        entry.status = samples.status();
        if (!samples.ok()) continue;
        for (MetricSample& sample : *samples) {
          std::vector<MetricSample>& named = entry.samples[sample.name];
          named.push_back(std::move(sample));
        }
      }
    });
  }
  for (std::thread& scraper : scrapers) scraper.join();
  snapshot.at = clock.MonotonicNow();
  FAIRLEAD_ASSIGN_OR_RETURN(
      v1::ListChannelsResponse channels,
      AskRegistry(context, &Stub::ListChannels, v1::ListChannelsRequest()));
  for (v1::ChannelDescription& channel : *channels.mutable_channels()) {
    snapshot.channels.push_back(std::move(channel));
  }
  return snapshot;
}

}  // namespace fairlead
