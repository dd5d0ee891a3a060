#ifndef FAIRLEAD_SERVICES_CHANNEL_GATEWAY_GATEWAY_METRICS_H_
#define FAIRLEAD_SERVICES_CHANNEL_GATEWAY_GATEWAY_METRICS_H_

#include <cstdint>
#include <vector>

#include "absl/time/time.h"
#include "libs/telemetry/channel_samples.h"
#include "libs/telemetry/metric_names.h"
#include "libs/telemetry/state_times.h"
#include "libs/telemetry/telemetry.h"
#include "libs/tensor_message/message_tag.h"

namespace fairlead {

// The gateway's metrics, looked up once. Thread-safe.
struct GatewayMetrics {
  explicit GatewayMetrics(Telemetry& telemetry)
      : batches(
            telemetry.Counter(metrics::kGatewayMessages, {{"kind", "batch"}})),
        batch_errors(telemetry.Counter(metrics::kGatewayMessages,
                                       {{"kind", "batch_error"}})),
        epoch_ends(telemetry.Counter(metrics::kGatewayMessages,
                                     {{"kind", "epoch_end"}})),
        bytes(telemetry.Counter(metrics::kGatewayBytes)),
        resent_messages(telemetry.Counter(metrics::kGatewayResentMessages)),
        fetched_messages(telemetry.Counter(metrics::kGatewayFetches,
                                           {{"result", "message"}})),
        fetch_timeouts(telemetry.Counter(metrics::kGatewayFetches,
                                         {{"result", "timeout"}})),
        fetch_errors(
            telemetry.Counter(metrics::kGatewayFetches, {{"result", "error"}})),
        slow_fetches(telemetry.Counter(metrics::kGatewaySlowFetches)),
        stale_messages(telemetry.Counter(metrics::kGatewayStaleMessages)),
        attach_failures(telemetry.Counter(metrics::kGatewayAttachFailures)),
        data_wait_seconds(telemetry.Histogram(metrics::kGatewayDataWaitSeconds,
                                              DurationBuckets())),
        encode_seconds(telemetry.Histogram(metrics::kGatewayEncodeSeconds,
                                           ShortDurationBuckets())),
        send_seconds(telemetry.Histogram(metrics::kGatewaySendSeconds,
                                         DurationBuckets())) {}

  void CountMessage(const ChannelMessageTag& tag, uint64_t message_bytes) {
    if (tag.attempt > 0 && tag.kind != ChannelMessageTag::Kind::kEpochEnd) {
      resent_messages.Increment();
    }
    switch (tag.kind) {
      case ChannelMessageTag::Kind::kBatch:
        batches.Increment();
        break;
      case ChannelMessageTag::Kind::kBatchError:
        batch_errors.Increment();
        break;
      case ChannelMessageTag::Kind::kEpochEnd:
        epoch_ends.Increment();
        break;
    }
    bytes.Increment(static_cast<double>(message_bytes));
  }

  prometheus::Counter& batches;
  prometheus::Counter& batch_errors;
  prometheus::Counter& epoch_ends;
  prometheus::Counter& bytes;
  prometheus::Counter& resent_messages;
  prometheus::Counter& fetched_messages;
  prometheus::Counter& fetch_timeouts;
  prometheus::Counter& fetch_errors;
  prometheus::Counter& slow_fetches;
  prometheus::Counter& stale_messages;
  prometheus::Counter& attach_failures;
  prometheus::Histogram& data_wait_seconds;
  prometheus::Histogram& encode_seconds;
  prometheus::Histogram& send_seconds;
};

// What a trainer's stream is waiting for while it is not told anything.
enum class StreamWait : uint8_t {
  kData,       // the pool: there is no message
  kCredit,     // the trainer: it has not asked for more
  kTransport,  // the network: it has not taken the last message yet
};
using StreamWaits = StateTimes<StreamWait, 3>;

// Who had the credit for a batch, for how long, from its sending until its
// trainer gave it back.
struct CreditHeld {
  absl::Duration by_network;  // there and back
  absl::Duration by_trainer;

  CreditHeld& operator+=(const CreditHeld& more) {
    by_network += more.by_network;
    by_trainer += more.by_trainer;
    return *this;
  }
};

// What a gateway is at, for a scrape.
struct GatewaySnapshot {
  struct Channel {
    uint64_t id = 0;
    bool has_reader = false;
    StreamWaits waits;
    uint64_t sent_messages = 0;
    uint64_t sent_bytes = 0;
    CreditHeld credit_held;  // of sampled batches
    uint64_t credit_messages = 0;
  };
  std::vector<Channel> channels;
  absl::Duration now;  // when it was taken
  uint64_t mapped_bytes = 0;
};
void SampleGateway(GatewaySnapshot gateway, ChannelSamples& channels,
                   MetricSamples& samples);

}  // namespace fairlead

#endif  // FAIRLEAD_SERVICES_CHANNEL_GATEWAY_GATEWAY_METRICS_H_
