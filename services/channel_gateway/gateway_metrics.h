#ifndef FAIRLEAD_SERVICES_CHANNEL_GATEWAY_GATEWAY_METRICS_H_
#define FAIRLEAD_SERVICES_CHANNEL_GATEWAY_GATEWAY_METRICS_H_

#include "libs/telemetry/metric_names.h"
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
        fetched_messages(telemetry.Counter(metrics::kGatewayFetches,
                                           {{"result", "message"}})),
        fetch_timeouts(telemetry.Counter(metrics::kGatewayFetches,
                                         {{"result", "timeout"}})),
        fetch_errors(
            telemetry.Counter(metrics::kGatewayFetches, {{"result", "error"}})),
        stale_messages(telemetry.Counter(metrics::kGatewayStaleMessages)),
        attach_failures(telemetry.Counter(metrics::kGatewayAttachFailures)),
        subscriptions(telemetry.Gauge(metrics::kGatewaySubscriptions)),
        channels(telemetry.Gauge(metrics::kGatewayChannels)),
        mapped_bytes(telemetry.Gauge(metrics::kGatewayMappedBytes)),
        data_wait_seconds(telemetry.Histogram(metrics::kGatewayDataWaitSeconds,
                                              DurationBuckets())),
        send_seconds(telemetry.Histogram(metrics::kGatewaySendSeconds,
                                         DurationBuckets())) {}

  void CountMessage(ChannelMessageTag::Kind kind, double message_bytes) {
    switch (kind) {
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
    bytes.Increment(message_bytes);
  }

  prometheus::Counter& batches;
  prometheus::Counter& batch_errors;
  prometheus::Counter& epoch_ends;
  prometheus::Counter& bytes;
  prometheus::Counter& fetched_messages;
  prometheus::Counter& fetch_timeouts;
  prometheus::Counter& fetch_errors;
  prometheus::Counter& stale_messages;
  prometheus::Counter& attach_failures;
  prometheus::Gauge& subscriptions;
  prometheus::Gauge& channels;
  prometheus::Gauge& mapped_bytes;
  prometheus::Histogram& data_wait_seconds;
  prometheus::Histogram& send_seconds;
};

}  // namespace fairlead

#endif  // FAIRLEAD_SERVICES_CHANNEL_GATEWAY_GATEWAY_METRICS_H_
