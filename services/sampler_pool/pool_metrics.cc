#include "services/sampler_pool/pool_metrics.h"

#include <algorithm>
#include <cstddef>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "libs/telemetry/metric_names.h"
#include "libs/telemetry/telemetry.h"
#include "protos/fairlead/v1/registry.pb.h"

namespace fairlead {
namespace {

// "parked" of CHANNEL_STATE_PARKED.
std::string NameOf(v1::ChannelState state) {
  constexpr size_t kPrefix = sizeof("CHANNEL_STATE_") - 1;
  return absl::AsciiStrToLower(v1::ChannelState_Name(state).substr(kPrefix));
}

void Add(const v1::ChannelDescription& channel, v1::ChannelDescription* sum) {
  sum->set_batches(sum->batches() + channel.batches());
  sum->set_submitted_batches(sum->submitted_batches() +
                             channel.submitted_batches());
  sum->set_completed_batches(sum->completed_batches() +
                             channel.completed_batches());
  sum->set_failed_batches(sum->failed_batches() + channel.failed_batches());
  sum->set_in_flight_batches(sum->in_flight_batches() +
                             channel.in_flight_batches());
  sum->set_credit_batches(sum->credit_batches() + channel.credit_batches());
  sum->set_worker_seconds(sum->worker_seconds() + channel.worker_seconds());
  sum->set_buffer_messages(sum->buffer_messages() + channel.buffer_messages());
  sum->set_buffer_used_bytes(sum->buffer_used_bytes() +
                             channel.buffer_used_bytes());
  sum->set_buffer_high_water_bytes(std::max(sum->buffer_high_water_bytes(),
                                            channel.buffer_high_water_bytes()));
  sum->set_buffer_reclaimed_messages(sum->buffer_reclaimed_messages() +
                                     channel.buffer_reclaimed_messages());
  sum->set_buffer_producer_wait_seconds(sum->buffer_producer_wait_seconds() +
                                        channel.buffer_producer_wait_seconds());
  sum->set_buffer_consumer_wait_seconds(sum->buffer_consumer_wait_seconds() +
                                        channel.buffer_consumer_wait_seconds());
}

void Sample(const v1::ChannelDescription& channel,
            const MetricSamples::Labels& labels, MetricSamples& samples) {
  const auto gauge = [&](const MetricName& metric, auto value) {
    samples.Gauge(metric, labels, static_cast<double>(value));
  };
  const std::pair<const char*, uint64_t> of_epoch[] = {
      {"total", channel.batches()},
      {"submitted", channel.submitted_batches()},
      {"completed", channel.completed_batches()},
      {"failed", channel.failed_batches()}};
  for (const auto& [phase, batches] : of_epoch) {
    MetricSamples::Labels with_phase = labels;
    with_phase["phase"] = phase;
    samples.Gauge(metrics::kPoolChannelBatches, with_phase,
                  static_cast<double>(batches));
  }
  gauge(metrics::kPoolChannelInFlight, channel.in_flight_batches());
  gauge(metrics::kPoolChannelCredit, channel.credit_batches());
  samples.Counter(metrics::kPoolChannelWorkerSeconds, labels,
                  channel.worker_seconds());
  gauge(metrics::kShmMessages, channel.buffer_messages());
  gauge(metrics::kShmUsedBytes, channel.buffer_used_bytes());
  gauge(metrics::kShmHighWaterBytes, channel.buffer_high_water_bytes());
  samples.Counter(metrics::kShmReclaimedMessages, labels,
                  static_cast<double>(channel.buffer_reclaimed_messages()));
  const std::pair<const char*, double> waits[] = {
      {"producer", channel.buffer_producer_wait_seconds()},
      {"consumer", channel.buffer_consumer_wait_seconds()}};
  for (const auto& [end, seconds] : waits) {
    MetricSamples::Labels with_end = labels;
    with_end["end"] = end;
    samples.Counter(metrics::kShmWaitSeconds, with_end, seconds);
  }
}

}  // namespace

void SampleChannels(const std::vector<v1::ChannelDescription>& channels,
                    MetricSamples& samples, size_t most) {
  std::map<std::string, int> by_state;
  for (const v1::ChannelState state :
       {v1::CHANNEL_STATE_IDLE, v1::CHANNEL_STATE_RUNNABLE,
        v1::CHANNEL_STATE_PARKED, v1::CHANNEL_STATE_PAUSED,
        v1::CHANNEL_STATE_INITIALISING, v1::CHANNEL_STATE_TEARING_DOWN,
        v1::CHANNEL_STATE_FAILED}) {
    by_state[NameOf(state)] = 0;
  }
  v1::ChannelDescription others;
  for (size_t i = 0; i < channels.size(); ++i) {
    const v1::ChannelDescription& channel = channels[i];
    ++by_state[NameOf(channel.state())];
    if (i < most) {
      Sample(channel,
             {{"channel_id", absl::StrCat(channel.channel_id())},
              {"worker_key", channel.worker_key()}},
             samples);
    } else {
      Add(channel, &others);
    }
  }
  if (channels.size() > most) {
    Sample(others, {{"channel_id", ""}, {"worker_key", "others"}}, samples);
  }
  for (const auto& [state, count] : by_state) {
    samples.Gauge(metrics::kPoolChannels, {{"state", state}}, count);
  }
}

void SamplePeers(uint64_t put_aside, const PartitionClient::Counts& calls,
                 const RowCache::Counts& cache, MetricSamples& samples) {
  const auto count = [&samples](const MetricName& metric, const char* label,
                                const char* value, uint64_t total) {
    samples.Counter(metric, {{label, value}}, static_cast<double>(total));
  };
  samples.Gauge(metrics::kPoolPutAside, {}, static_cast<double>(put_aside));
  count(metrics::kPoolPeerCalls, "result", "ok", calls.ok_calls);
  count(metrics::kPoolPeerCalls, "result", "failed", calls.failed_calls);
  count(metrics::kPoolPeerCalls, "result", "given_up", calls.given_up);
  count(metrics::kPoolPeerBytes, "direction", "sent", calls.request_bytes);
  count(metrics::kPoolPeerBytes, "direction", "received", calls.response_bytes);
  count(metrics::kPoolFeatureCacheLookups, "result", "hit", cache.hits);
  count(metrics::kPoolFeatureCacheLookups, "result", "miss", cache.misses);
  samples.Gauge(metrics::kPoolFeatureCacheBytes, {},
                static_cast<double>(cache.bytes));
}

}  // namespace fairlead
