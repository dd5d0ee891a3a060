#include "services/sampler_pool/sampler_pool_service.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "grpcpp/grpcpp.h"
#include "libs/rpc/status_conversion.h"
#include "protos/fairlead/v1/sampler_pool.pb.h"
#include "services/sampler_pool/pool.h"

namespace fairlead {
namespace {

// Hands an answer over, or its error.
template <typename Response>
grpc::Status Answer(absl::StatusOr<Response> answer, Response* response) {
  if (!answer.ok()) return rpc::ToGrpcStatus(answer.status());
  *response = *std::move(answer);
  return grpc::Status::OK;
}

}  // namespace

grpc::Status SamplerPoolService::RegisterInput(
    grpc::ServerContext* /*context*/, const v1::RegisterInputRequest* request,
    v1::RegisterInputResponse* response) {
  return Answer(pool_.RegisterInput(request->spec()), response);
}

grpc::Status SamplerPoolService::PlanInput(
    grpc::ServerContext* /*context*/, const v1::RegisterInputRequest* request,
    v1::PlanSamplingInputResponse* response) {
  return Answer(pool_.PlanInput(request->spec()), response);
}

grpc::Status SamplerPoolService::StartEpoch(
    grpc::ServerContext* /*context*/, const v1::StartEpochRequest* request,
    v1::StartEpochResponse* response) {
  return Answer(pool_.StartEpoch(*request), response);
}

grpc::Status SamplerPoolService::UpdateInput(
    grpc::ServerContext* /*context*/, const v1::UpdateChannelRequest* request,
    v1::UpdateChannelResponse* /*response*/) {
  return rpc::ToGrpcStatus(
      pool_.UpdateInput(request->channel_id(), request->control()));
}

grpc::Status SamplerPoolService::CancelEpoch(
    grpc::ServerContext* /*context*/, const v1::CancelEpochRequest* request,
    v1::CancelEpochResponse* /*response*/) {
  return rpc::ToGrpcStatus(
      pool_.CancelEpoch(request->channel_id(), request->epoch()));
}

grpc::Status SamplerPoolService::UnregisterInput(
    grpc::ServerContext* /*context*/, const v1::UnregisterInputRequest* request,
    v1::UnregisterInputResponse* /*response*/) {
  pool_.UnregisterInput(request->channel_id());
  return grpc::Status::OK;
}

grpc::Status SamplerPoolService::DescribeInput(
    grpc::ServerContext* /*context*/, const v1::DescribeInputRequest* request,
    v1::DescribeInputResponse* response) {
  absl::StatusOr<v1::ChannelDescription> description =
      pool_.DescribeInput(request->channel_id());
  if (!description.ok()) return rpc::ToGrpcStatus(description.status());
  *response->mutable_channel() = *std::move(description);
  return grpc::Status::OK;
}

grpc::Status SamplerPoolService::ListInputs(
    grpc::ServerContext* /*context*/, const v1::ListInputsRequest* /*request*/,
    v1::ListInputsResponse* response) {
  for (v1::ChannelDescription& channel : pool_.DescribeAll()) {
    *response->add_channels() = std::move(channel);
  }
  return grpc::Status::OK;
}

grpc::Status SamplerPoolService::AttachConsumer(
    grpc::ServerContext* /*context*/, const v1::AttachConsumerRequest* request,
    v1::AttachConsumerResponse* response) {
  return Answer(pool_.AttachConsumer(*request), response);
}

}  // namespace fairlead
