#ifndef FAIRLEAD_SERVICES_CHANNEL_GATEWAY_CHANNEL_GATEWAY_SERVICE_H_
#define FAIRLEAD_SERVICES_CHANNEL_GATEWAY_CHANNEL_GATEWAY_SERVICE_H_

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>

#include "grpcpp/grpcpp.h"
#include "libs/clock/clock.h"
#include "libs/rpc/clients.h"
#include "protos/fairlead/v1/channel_gateway.grpc.pb.h"
#include "services/channel_gateway/delivery.h"
#include "services/channel_gateway/gateway_metrics.h"
#include "services/channel_gateway/timeline_log.h"

namespace fairlead {

// Delivery on the network. Its methods take and give raw bytes, so that a
// message goes from shared memory to the transport as it is; to the other side
// they are ordinary protobuf. A waiting stream, or fetch, holds no thread.
class ChannelGatewayService final
    : public v1::ChannelGatewayService::WithRawCallbackMethod_Receive<
          v1::ChannelGatewayService::WithRawCallbackMethod_Fetch<
              v1::ChannelGatewayService::WithCallbackMethod_ListTimelines<
                  v1::ChannelGatewayService::Service>>> {
 public:
  // All must outlive the service and its calls.
  ChannelGatewayService(Delivery& delivery, const Clock& clock,
                        GatewayMetrics& metrics, TimelineLog& timelines,
                        rpc::Clients& clients, int64_t max_subscriptions)
      : delivery_(delivery),
        clock_(clock),
        metrics_(metrics),
        timelines_(timelines),
        clients_(clients),
        max_subscriptions_(max_subscriptions) {}

  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* Receive(
      grpc::CallbackServerContext* context) override;
  grpc::ServerUnaryReactor* Fetch(grpc::CallbackServerContext* context,
                                  const grpc::ByteBuffer* request,
                                  grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* ListTimelines(
      grpc::CallbackServerContext* context,
      const v1::ListTimelinesRequest* request,
      v1::ListTimelinesResponse* response) override;

 private:
  // The job that calls; null where that cannot be known.
  std::optional<std::string> JobOf(
      const grpc::ServerContextBase& context) const;

  Delivery& delivery_;
  const Clock& clock_;
  GatewayMetrics& metrics_;
  TimelineLog& timelines_;
  rpc::Clients& clients_;
  const int64_t max_subscriptions_;
  std::atomic<int64_t> subscriptions_{0};
  std::atomic<uint64_t> streams_{0};  // that there ever were
};

}  // namespace fairlead

#endif  // FAIRLEAD_SERVICES_CHANNEL_GATEWAY_CHANNEL_GATEWAY_SERVICE_H_
