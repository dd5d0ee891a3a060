#include "services/channel_gateway/channel_gateway_service.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "grpcpp/grpcpp.h"
#include "libs/rpc/open_streams.h"
#include "libs/security/identity.h"
#include "protos/fairlead/v1/channel_gateway.pb.h"
#include "services/channel_gateway/fetch_call.h"
#include "services/channel_gateway/receive_stream.h"

namespace fairlead {

std::optional<std::string> ChannelGatewayService::JobOf(
    const grpc::ServerContextBase& context) const {
  std::optional<security::Identity> caller = clients_.CallerOf(context);
  if (!caller.has_value()) return std::nullopt;
  return std::move(caller->job);
}

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>*
ChannelGatewayService::Receive(grpc::CallbackServerContext* context) {
  auto stream = std::make_shared<ReceiveStream>(
      JobOf(*context), delivery_, clock_, metrics_, timelines_,
      streams_.fetch_add(1), subscriptions_);
  ReceiveStream* reactor = stream.get();
  absl::StatusOr<rpc::OpenStreams::Place> place = clients_.OpenStream(*context);
  if (subscriptions_.fetch_add(1) >= max_subscriptions_) {
    const absl::Status full = absl::ResourceExhaustedError(absl::StrCat(
        "this channel gateway has --max_subscriptions=", max_subscriptions_,
        " streams already"));
    clients_.refusals().Count(full);
    reactor->Refuse(std::move(stream), full);
  } else if (!place.ok()) {
    reactor->Refuse(std::move(stream), place.status());
  } else {
    reactor->Start(std::move(stream), *std::move(place));
  }
  return reactor;
}

grpc::ServerUnaryReactor* ChannelGatewayService::Fetch(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
    grpc::ByteBuffer* response) {
  auto call = std::make_shared<FetchCall>(JobOf(*context), delivery_, clock_,
                                          metrics_, response);
  FetchCall* reactor = call.get();
  reactor->Start(std::move(call), *request, clients_.OpenStream(*context));
  return reactor;
}

grpc::ServerUnaryReactor* ChannelGatewayService::ListTimelines(
    grpc::CallbackServerContext* context,
    const v1::ListTimelinesRequest* request,
    v1::ListTimelinesResponse* response) {
  for (v1::BatchTimeline& timeline :
       timelines_.List(request->channel_id(), request->limit())) {
    *response->add_timelines() = std::move(timeline);
  }
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  reactor->Finish(grpc::Status::OK);
  return reactor;
}

}  // namespace fairlead
