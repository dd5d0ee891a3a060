#include "tools/fairleadctl/activity.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "libs/telemetry/metric_names.h"
#include "nlohmann/json.hpp"
#include "protos/fairlead/v1/registry.pb.h"
#include "tools/fairleadctl/describe_json.h"
#include "tools/fairleadctl/snapshot.h"

namespace fairlead {
namespace {

using Json = nlohmann::ordered_json;

// One member in both snapshots.
class Pair {
 public:
  Pair(const MemberSnapshot* before, const MemberSnapshot& after)
      : before_(before), after_(after) {
    if (before_ != nullptr && before_->status.ok()) {
      seconds_ = absl::ToDoubleSeconds(after.at - before->at);
    }
  }

  // How much a counter rose in a second.
  double Rate(const std::string& name, const MetricLabels& labels = {}) const {
    if (seconds_ <= 0) return 0;
    const double now = after_.Sum(name, labels).value_or(0);
    const double then = before_->Sum(name, labels).value_or(0);
    return (now >= then ? now - then : now) / seconds_;
  }
  double Rate(const MetricName& metric, const MetricLabels& labels = {}) const {
    return Rate(std::string(metric.name), labels);
  }
  double Now(const MetricName& metric, const MetricLabels& labels = {}) const {
    return after_.Sum(metric.name, labels).value_or(0);
  }

  const MemberSnapshot& after() const { return after_; }

 private:
  const MemberSnapshot* const before_;
  const MemberSnapshot& after_;
  double seconds_ = 0;
};

std::map<std::string, Pair> PairsOf(const ClusterSnapshot& before,
                                    const ClusterSnapshot& after) {
  std::map<std::string, Pair> pairs;
  for (const MemberSnapshot& entry : after.members) {
    const auto earlier = std::find_if(
        before.members.begin(), before.members.end(),
        [&entry](const MemberSnapshot& other) {
          return other.member.member_name() == entry.member.member_name();
        });
    pairs.emplace(
        entry.member.member_name(),
        Pair(earlier == before.members.end() ? nullptr : &*earlier, entry));
  }
  return pairs;
}

PoolActivity PoolOf(const Pair& pair) {
  PoolActivity pool;
  pool.name = pair.after().member.member_name();
  pool.status = pair.after().status;
  pool.workers = pair.Now(metrics::kPoolWorkers);
  pool.busy = pair.Rate(metrics::kPoolWorkerBusySeconds);
  pool.batches_per_second = pair.Rate(metrics::kPoolBatches);
  pool.bytes_per_second = pair.Rate(metrics::kPoolBatchBytes);
  pool.waits_for_room_per_second = pair.Rate(metrics::kPoolWaitsForRoom);
  pool.put_aside = pair.Now(metrics::kPoolPutAside);
  const std::string calls = metrics::kPoolPeerCallSeconds.name;
  const auto counts = pair.after().samples.find(calls + "_count");
  if (counts == pair.after().samples.end()) return pool;
  for (const MetricSample& sample : counts->second) {
    const auto label = sample.labels.find("partition");
    if (label == sample.labels.end()) continue;
    const MetricLabels labels = {{"partition", label->second}};
    PeerActivity& peer = pool.peers[label->second];
    peer.calls_per_second = pair.Rate(calls + "_count", labels);
    if (peer.calls_per_second > 0) {
      peer.mean_seconds =
          pair.Rate(calls + "_sum", labels) / peer.calls_per_second;
    }
  }
  return pool;
}

GatewayActivity GatewayOf(const Pair& pair) {
  GatewayActivity gateway;
  gateway.name = pair.after().member.member_name();
  gateway.status = pair.after().status;
  gateway.streams = pair.Now(metrics::kGatewaySubscriptions);
  gateway.messages_per_second = pair.Rate(metrics::kGatewayMessages);
  gateway.bytes_per_second = pair.Rate(metrics::kGatewayBytes);
  return gateway;
}

// Batches that came to an end, by the descriptions alone: for channels that
// have no series of their own.
double BatchesBetween(const v1::ChannelDescription* before,
                      const v1::ChannelDescription& after) {
  if (before == nullptr) return 0;
  const bool is_same = before->epoch() == after.epoch() &&
                       before->attempt() == after.attempt() &&
                       after.completed_batches() >= before->completed_batches();
  return static_cast<double>(after.completed_batches() -
                             (is_same ? before->completed_batches() : 0));
}

void AddPool(const Pair& pool, ChannelActivity& activity) {
  const MetricLabels labels = {
      {"channel", absl::StrCat(activity.channel.channel_id())}};
  const auto in_state = [&](const char* state) {
    MetricLabels with_state = labels;
    with_state["state"] = state;
    return std::min(1.0,
                    pool.Rate(metrics::kPoolChannelStateSeconds, with_state));
  };
  // Exact over the ends of epochs, where the pool counts it by itself.
  const double ended = pool.Rate(metrics::kPoolChannelEndedBatches, labels);
  if (ended > 0) activity.batches_per_second = ended;
  activity.runnable = in_state("runnable");
  activity.parked = in_state("parked");
}

void AddGateway(const Pair& gateway, ChannelActivity& activity) {
  const MetricLabels labels = {
      {"channel", absl::StrCat(activity.channel.channel_id())}};
  const auto waits_for = [&](const char* what) {
    MetricLabels with_what = labels;
    with_what["for"] = what;
    return gateway.Rate(metrics::kGatewayChannelWaitSeconds, with_what);
  };
  // It is at one gateway at a time, and nothing at all the others.
  activity.wait_data += waits_for("data");
  activity.wait_credit += waits_for("credit");
  activity.wait_transport += waits_for("transport");
  activity.bytes_per_second +=
      gateway.Rate(metrics::kGatewayChannelBytes, labels);
  const auto held_at = [&](const char* side) {
    MetricLabels with_side = labels;
    with_side["side"] = side;
    return gateway.Rate(metrics::kGatewayChannelCreditHeldSeconds, with_side);
  };
  const double network = held_at("network");
  const double trainer = held_at("trainer");
  if (network + trainer > 0) {
    activity.credit_in_network = network / (network + trainer);
    activity.credit_at_trainer = trainer / (network + trainer);
  }
}

}  // namespace

ClusterActivity Compare(const ClusterSnapshot& before,
                        const ClusterSnapshot& after) {
  ClusterActivity cluster;
  cluster.seconds = absl::ToDoubleSeconds(after.at - before.at);
  const double seconds = std::max(cluster.seconds, 1e-9);
  const std::map<std::string, Pair> pairs = PairsOf(before, after);
  for (const auto& [name, pair] : pairs) {
    if (pair.after().member.role() == v1::ROLE_SAMPLER_POOL) {
      cluster.pools[name] = PoolOf(pair);
    } else {
      cluster.gateways[name] = GatewayOf(pair);
    }
  }
  std::map<uint64_t, const v1::ChannelDescription*> earlier;
  for (const v1::ChannelDescription& channel : before.channels) {
    earlier[channel.channel_id()] = &channel;
  }
  std::map<std::string, double> pool_work;
  for (const v1::ChannelDescription& channel : after.channels) {
    ChannelActivity& activity = cluster.channels.emplace_back();
    activity.channel = channel;
    const v1::ChannelDescription* const then = earlier[channel.channel_id()];
    activity.batches_per_second = BatchesBetween(then, channel) / seconds;
    if (then != nullptr) {
      activity.workers =
          std::max(0.0, channel.worker_seconds() - then->worker_seconds()) /
          seconds;
    }
    if (channel.buffer_bytes() > 0) {
      activity.buffer_fill = static_cast<double>(channel.buffer_used_bytes()) /
                             static_cast<double>(channel.buffer_bytes());
    }
    pool_work[channel.pool_name()] += activity.workers;
    const auto pool = pairs.find(channel.pool_name());
    if (pool != pairs.end()) AddPool(pool->second, activity);
    for (const auto& [name, pair] : pairs) {
      if (pair.after().member.role() == v1::ROLE_CHANNEL_GATEWAY) {
        AddGateway(pair, activity);
      }
    }
  }
  for (ChannelActivity& activity : cluster.channels) {
    const double all = pool_work[activity.channel.pool_name()];
    if (all > 0) activity.worker_share = activity.workers / all;
  }
  return cluster;
}

Json ChannelActivity::ToJson() const {
  return {{"channel_id", channel.channel_id()},
          {"worker_key", channel.worker_key()},
          {"pool_name", channel.pool_name()},
          {"state", StateName(channel.state())},
          {"batches_per_second", batches_per_second},
          {"bytes_per_second", bytes_per_second},
          {"workers", workers},
          {"worker_share", worker_share},
          {"runnable", runnable},
          {"parked", parked},
          {"wait_data", wait_data},
          {"wait_credit", wait_credit},
          {"wait_transport", wait_transport},
          {"credit_in_network", credit_in_network},
          {"credit_at_trainer", credit_at_trainer},
          {"buffer_fill", buffer_fill}};
}

Json PoolActivity::ToJson() const {
  Json json = {{"member_name", name},
               {"error", std::string(status.message())},
               {"workers", workers},
               {"busy_workers", busy},
               {"batches_per_second", batches_per_second},
               {"bytes_per_second", bytes_per_second},
               {"waits_for_room_per_second", waits_for_room_per_second},
               {"put_aside_batches", put_aside},
               {"peers", Json::object()}};
  for (const auto& [partition, peer] : peers) {
    json["peers"][partition] = {{"calls_per_second", peer.calls_per_second},
                                {"mean_seconds", peer.mean_seconds}};
  }
  return json;
}

Json GatewayActivity::ToJson() const {
  return {{"member_name", name},
          {"error", std::string(status.message())},
          {"streams", streams},
          {"messages_per_second", messages_per_second},
          {"bytes_per_second", bytes_per_second}};
}

Json ClusterActivity::ToJson() const {
  Json json = {{"seconds", seconds},
               {"channels", Json::array()},
               {"pools", Json::array()},
               {"gateways", Json::array()}};
  for (const ChannelActivity& channel : channels) {
    json["channels"].push_back(channel.ToJson());
  }
  for (const auto& [name, pool] : pools) json["pools"].push_back(pool.ToJson());
  for (const auto& [name, gateway] : gateways) {
    json["gateways"].push_back(gateway.ToJson());
  }
  return json;
}

}  // namespace fairlead
