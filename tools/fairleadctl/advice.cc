#include "tools/fairleadctl/advice.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "nlohmann/json.hpp"
#include "protos/fairlead/v1/registry.pb.h"
#include "tools/fairleadctl/activity.h"
#include "tools/fairleadctl/units.h"

namespace fairlead {
namespace {

// Of the time; what takes less holds nobody back.
constexpr double kNotable = 0.25;
// Of the workers: the rest is what hand-overs take.
constexpr double kBusy = 0.7;
// Of the time; what takes this much is at fault whatever else there is.
constexpr double kMostOfIt = 0.75;
// A buffer that holds so many is large enough to work ahead.
constexpr double kAmpleMessages = 3;
// A partition is slow if its calls take so many times those of the others; of
// the only other one, if they take so long.
constexpr double kSlowRatio = 3;
constexpr double kSlowCallSeconds = 0.02;

struct SlowPartition {
  std::string partition;
  double seconds = 0;
  double others = 0;  // 0 if there are none
};

std::optional<SlowPartition> FindSlowPartition(const PoolActivity& pool) {
  std::vector<std::pair<double, std::string>> means;
  for (const auto& [partition, peer] : pool.peers) {
    if (peer.calls_per_second > 0) {
      means.emplace_back(peer.mean_seconds, partition);
    }
  }
  if (means.empty()) return std::nullopt;
  std::sort(means.begin(), means.end());
  const auto& [slowest, partition] = means.back();
  SlowPartition slow = {.partition = partition, .seconds = slowest};
  means.pop_back();
  if (means.empty()) {
    if (slowest < kSlowCallSeconds) return std::nullopt;
    return slow;
  }
  slow.others = means[means.size() / 2].first;
  if (slowest < kSlowRatio * slow.others) return std::nullopt;
  return slow;
}

std::string Waits(const ChannelActivity& channel) {
  return absl::StrCat("of the time its stream waited ",
                      Percent(channel.wait_data), " for the pool, ",
                      Percent(channel.wait_credit), " for the trainer, ",
                      Percent(channel.wait_transport), " for the network");
}

// Why the trainer gave no credit.
std::string CreditHeld(const ChannelActivity& channel) {
  if (channel.credit_in_network + channel.credit_at_trainer <= 0) {
    return "no sampled batch tells whether batches were with the trainer or "
           "still on their way (--timeline_every of the gateway)";
  }
  return absl::StrCat("a batch that was sent was on its way for ",
                      Percent(channel.credit_in_network), ", and with the ",
                      "trainer for ", Percent(channel.credit_at_trainer),
                      " of the time until the next was asked for");
}

std::string Busy(const PoolActivity& pool) {
  return absl::StrFormat("%.1f of %.0f workers of %s were busy", pool.busy,
                         pool.workers, pool.name);
}

// A buffer that holds hardly more than the message that is being sent: pool and
// gateway wait for each other in turn, though both could go on.
std::optional<Finding> JudgeRing(const ChannelActivity& activity,
                                 const PoolActivity* pool) {
  const double message = activity.bytes_per_second > 0
                             ? activity.bytes_per_second /
                                   std::max(activity.batches_per_second, 1e-9)
                             : 0;
  const auto size = static_cast<double>(activity.channel.buffer_bytes());
  if (message <= 0 || size >= kAmpleMessages * message) return std::nullopt;
  // A batch is begun only when there is room for it, so workers are idle if the
  // buffer is what keeps them from it.
  const bool has_idle_workers =
      pool != nullptr && pool->busy < kBusy * pool->workers;
  if ((activity.parked < kNotable && !has_idle_workers) ||
      std::max(activity.wait_data, activity.wait_transport) < kNotable ||
      activity.wait_transport > kMostOfIt ||
      activity.wait_credit >
          std::max(activity.wait_data, activity.wait_transport)) {
    return std::nullopt;
  }
  Finding finding;
  finding.bottleneck = Bottleneck::kRing;
  finding.evidence = absl::StrCat(
      Waits(activity), ", while the pool waited ", Percent(activity.parked),
      " for room", pool == nullptr ? "" : absl::StrCat(" and ", Busy(*pool)),
      "; its buffer of ", Bytes(size), " holds ",
      absl::StrFormat("%.1f", size / message), " messages of ", Bytes(message),
      ", and ",
      Bytes(static_cast<double>(activity.channel.buffer_high_water_bytes())),
      " of it were in use");
  if (pool != nullptr && pool->waits_for_room_per_second > 0) {
    absl::StrAppend(
        &finding.evidence,
        absl::StrFormat("; of the pool's batches %.1f a second were "
                        "made and found no room",
                        pool->waits_for_room_per_second));
  }
  finding.advice =
      absl::StrCat("raise BackendOptions.buffer_bytes to ", Bytes(8 * message),
                   " or more (loadgen: --buffer_bytes)");
  return finding;
}

// The pool is slower than the trainer: why?
Finding JudgePool(const ChannelActivity& activity, const PoolActivity& pool) {
  const v1::ChannelDescription& channel = activity.channel;
  Finding finding;
  const double limit = channel.control().max_batches_per_second();
  if (limit > 0 && activity.batches_per_second >= 0.8 * limit) {
    finding.bottleneck = Bottleneck::kRateLimit;
    finding.evidence = absl::StrFormat("%.1f batches a second were made",
                                       activity.batches_per_second);
    finding.advice = absl::StrCat(
        "its rate is limited to ", RateOf(channel.control()),
        "; `fairleadctl rate ", channel.channel_id(), " 0` lifts that");
    return finding;
  }
  const std::optional<SlowPartition> slow = FindSlowPartition(pool);
  if (slow.has_value() && pool.busy < kBusy * pool.workers) {
    finding.bottleneck = Bottleneck::kSlowPartition;
    finding.evidence = absl::StrCat(
        Waits(activity), "; calls to partition ", slow->partition, " took ",
        Seconds(slow->seconds), " on average",
        slow->others > 0
            ? absl::StrCat(", to the others ", Seconds(slow->others))
            : "",
        "; ", absl::StrFormat("%.0f", pool.put_aside),
        " batches are put aside for answers, and ", Busy(pool));
    finding.advice = absl::StrCat(
        "look at the hosts of partition ", slow->partition,
        "'s sampler pools and at the road there; a second pool of it would "
        "share the calls");
    return finding;
  }
  finding.evidence = absl::StrCat(Waits(activity), "; ", Busy(pool));
  if (pool.busy >= kBusy * pool.workers) {
    finding.bottleneck = Bottleneck::kSampler;
    absl::StrAppend(&finding.evidence, ", ", Percent(activity.worker_share),
                    " of that for this channel");
    finding.advice = absl::StrCat(
        "give the pool more --workers or run another, lower the fanout",
        activity.worker_share < 0.9
            ? absl::StrCat(", or `fairleadctl weight ", channel.channel_id(),
                           "` for a larger share")
            : "");
    return finding;
  }
  finding.bottleneck = Bottleneck::kUnknown;
  finding.advice =
      "the pool's workers have time: raise "
      "BackendOptions.worker_concurrency, or see whether its host is short of "
      "CPU; `fairleadctl trace` shows where batches' time goes";
  return finding;
}

std::optional<Finding> JudgeChannel(const ChannelActivity& activity,
                                    const PoolActivity* pool) {
  Finding finding;
  const v1::ChannelDescription& channel = activity.channel;
  if (channel.state() == v1::CHANNEL_STATE_LOST) {
    finding.bottleneck = Bottleneck::kAway;
    finding.evidence =
        absl::StrCat("sampler pool ", channel.pool_name(), " does not answer");
    finding.advice = "start it again: it makes its channels anew";
    return finding;
  }
  if (channel.control().paused()) {
    finding.bottleneck = Bottleneck::kPaused;
    finding.evidence =
        absl::StrCat(channel.batches() - channel.submitted_batches(),
                     " batches are to be made");
    finding.advice =
        absl::StrCat("`fairleadctl resume ", channel.channel_id(), "`");
    return finding;
  }
  std::optional<Finding> ring = JudgeRing(activity, pool);
  if (ring.has_value()) return ring;
  const double slowest = std::max(
      {activity.wait_data, activity.wait_credit, activity.wait_transport});
  if (slowest < kNotable) return std::nullopt;
  if (slowest == activity.wait_data) {
    if (pool == nullptr || !pool->status.ok()) return std::nullopt;
    return JudgePool(activity, *pool);
  }
  finding.evidence = absl::StrCat(Waits(activity), "; the pool waited ",
                                  Percent(activity.parked), " for room");
  if (slowest == activity.wait_credit) {
    absl::StrAppend(&finding.evidence, "; ", CreditHeld(activity));
  }
  const std::string over_the_link =
      absl::StrCat(Bytes(activity.bytes_per_second), "/s went over the link: ");
  constexpr char kLessOrFaster[] =
      "a faster link, a trainer nearer to the storage host, or smaller batches "
      "(no features that are not used, a lower fanout)";
  if (slowest == activity.wait_transport) {
    finding.bottleneck = Bottleneck::kNetwork;
    finding.advice = absl::StrCat(over_the_link, kLessOrFaster);
  } else if (activity.credit_in_network > activity.credit_at_trainer) {
    finding.bottleneck = Bottleneck::kNetwork;
    finding.advice = absl::StrCat(
        over_the_link,
        "if it could carry more, it is long and not narrow: let the loader "
        "find "
        "its prefetch_size (kAutoPrefetch; loadgen: --prefetch_size=auto); "
        "else ",
        kLessOrFaster);
  } else {
    finding.bottleneck = Bottleneck::kTrainer;
    finding.advice =
        "batches are made faster than the trainer takes them: make its step "
        "shorter";
  }
  return finding;
}

}  // namespace

std::string BottleneckName(Bottleneck bottleneck) {
  switch (bottleneck) {
    case Bottleneck::kTrainer:
      return "trainer";
    case Bottleneck::kSampler:
      return "sampler";
    case Bottleneck::kNetwork:
      return "network";
    case Bottleneck::kRing:
      return "ring_too_small";
    case Bottleneck::kSlowPartition:
      return "slow_partition";
    case Bottleneck::kRateLimit:
      return "rate_limit";
    case Bottleneck::kPaused:
      return "paused";
    case Bottleneck::kAway:
      return "pool_away";
    case Bottleneck::kUnknown:
      break;
  }
  return "unknown";
}

std::vector<Finding> Judge(const ClusterActivity& activity) {
  std::vector<Finding> findings;
  for (const ChannelActivity& channel : activity.channels) {
    const auto pool = activity.pools.find(channel.channel.pool_name());
    std::optional<Finding> finding = JudgeChannel(
        channel, pool == activity.pools.end() ? nullptr : &pool->second);
    if (!finding.has_value()) continue;
    finding->channel_id = channel.channel.channel_id();
    finding->worker_key = channel.channel.worker_key();
    findings.push_back(*std::move(finding));
  }
  return findings;
}

nlohmann::ordered_json Finding::ToJson() const {
  return {{"channel_id", channel_id},
          {"worker_key", worker_key},
          {"bottleneck", BottleneckName(bottleneck)},
          {"evidence", evidence},
          {"advice", advice}};
}

}  // namespace fairlead
