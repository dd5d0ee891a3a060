#include "services/channel_gateway/gateway_metrics.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "libs/telemetry/channel_samples.h"
#include "libs/telemetry/metric_names.h"
#include "libs/telemetry/telemetry.h"

namespace fairlead {

void SampleGateway(GatewaySnapshot gateway, ChannelSamples& channels,
                   MetricSamples& samples) {
  std::sort(gateway.channels.begin(), gateway.channels.end(),
            [](const auto& a, const auto& b) { return a.id < b.id; });
  std::vector<uint64_t> ids;
  ids.reserve(gateway.channels.size());
  int readers = 0;
  for (const GatewaySnapshot::Channel& channel : gateway.channels) {
    ids.push_back(channel.id);
    readers += channel.has_reader ? 1 : 0;
  }
  channels.Sample(ids, samples, [&gateway](size_t i, ChannelSamples::One& one) {
    const GatewaySnapshot::Channel& channel = gateway.channels[i];
    for (const auto& [name, wait] :
         {std::pair("data", StreamWait::kData),
          std::pair("credit", StreamWait::kCredit),
          std::pair("transport", StreamWait::kTransport)}) {
      one.Counter(metrics::kGatewayChannelWaitSeconds,
                  absl::ToDoubleSeconds(channel.waits.In(wait, gateway.now)),
                  {"for", name});
    }
    one.Counter(metrics::kGatewayChannelMessages,
                static_cast<double>(channel.sent_messages));
    one.Counter(metrics::kGatewayChannelBytes,
                static_cast<double>(channel.sent_bytes));
    for (const auto& [name, held] :
         {std::pair("network", channel.credit_held.by_network),
          std::pair("trainer", channel.credit_held.by_trainer)}) {
      one.Counter(metrics::kGatewayChannelCreditHeldSeconds,
                  absl::ToDoubleSeconds(held), {"side", name});
    }
    one.Gauge(metrics::kGatewayCredit,
              static_cast<double>(channel.credit_messages));
  });
  samples.Gauge(metrics::kGatewaySubscriptions, {}, readers);
  samples.Gauge(metrics::kGatewayChannels, {},
                static_cast<double>(gateway.channels.size()));
  samples.Gauge(metrics::kGatewayMappedBytes, {},
                static_cast<double>(gateway.mapped_bytes));
}

}  // namespace fairlead
