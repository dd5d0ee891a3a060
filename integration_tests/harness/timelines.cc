#include "integration_tests/harness/timelines.h"

#include <cstdint>
#include <memory>
#include <vector>

#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "libs/child_process/service_process.h"
#include "libs/rpc/channel.h"
#include "libs/rpc/status_conversion.h"
#include "libs/status/status_matchers.h"
#include "protos/fairlead/v1/channel_gateway.grpc.pb.h"

namespace fairlead::testing {

std::unique_ptr<v1::ChannelGatewayService::Stub> GatewayOf(
    ServiceProcess& process) {
  return v1::ChannelGatewayService::NewStub(
      rpc::MakeChannel(process.address()));
}

std::vector<v1::BatchTimeline> ListTimelines(
    v1::ChannelGatewayService::Stub& gateway, uint64_t channel) {
  grpc::ClientContext context;
  context.set_wait_for_ready(true);
  v1::ListTimelinesRequest request;
  request.set_channel_id(channel);
  v1::ListTimelinesResponse response;
  EXPECT_THAT(
      rpc::ToAbslStatus(gateway.ListTimelines(&context, request, &response)),
      IsOk());
  return {response.timelines().begin(), response.timelines().end()};
}

}  // namespace fairlead::testing
