#ifndef FAIRLEAD_INTEGRATION_TESTS_HARNESS_TIMELINES_H_
#define FAIRLEAD_INTEGRATION_TESTS_HARNESS_TIMELINES_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "libs/child_process/service_process.h"
#include "protos/fairlead/v1/channel_gateway.grpc.pb.h"

namespace fairlead::testing {

std::unique_ptr<v1::ChannelGatewayService::Stub> GatewayOf(
    ServiceProcess& process);

// What it keeps of the ways of sampled batches, of one channel or of all. A
// failure of the test if it cannot be had.
std::vector<v1::BatchTimeline> ListTimelines(
    v1::ChannelGatewayService::Stub& gateway, uint64_t channel = 0);

}  // namespace fairlead::testing

#endif  // FAIRLEAD_INTEGRATION_TESTS_HARNESS_TIMELINES_H_
