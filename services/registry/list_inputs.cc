#include "services/registry/list_inputs.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/blocking_counter.h"
#include "grpcpp/grpcpp.h"
#include "protos/fairlead/v1/registry.pb.h"
#include "protos/fairlead/v1/sampler_pool.pb.h"

namespace fairlead {
namespace {

// Somebody looks at a screen meanwhile.
constexpr std::chrono::seconds kLongest(2);

struct ListCall {
  grpc::ClientContext context;
  v1::ListInputsRequest request;
  v1::ListInputsResponse response;
  grpc::Status status;
};

}  // namespace

PoolAnswers ListInputsOf(const std::vector<PoolToList>& pools,
                         std::chrono::system_clock::time_point deadline) {
  deadline = std::min(deadline, std::chrono::system_clock::now() + kLongest);
  std::vector<std::unique_ptr<ListCall>> calls;
  absl::BlockingCounter open(static_cast<int>(pools.size()));
  for (const PoolToList& pool : pools) {
    ListCall& call = *calls.emplace_back(std::make_unique<ListCall>());
    call.context.set_deadline(deadline);
    pool.stub->async()->ListInputs(&call.context, &call.request, &call.response,
                                   [&call, &open](grpc::Status status) {
                                     call.status = std::move(status);
                                     open.DecrementCount();
                                   });
  }
  open.Wait();
  PoolAnswers answers;
  for (size_t i = 0; i < pools.size(); ++i) {
    if (!calls[i]->status.ok()) continue;
    answers[pools[i].name] = std::move(calls[i]->response);
  }
  return answers;
}

void AddFromPool(v1::ChannelDescription from_pool,
                 v1::ChannelDescription& channel) {
  from_pool.set_server_rank(channel.server_rank());
  from_pool.set_trainer_name(channel.trainer_name());
  from_pool.set_pool_name(channel.pool_name());
  channel = std::move(from_pool);
}

void AddFromPools(PoolAnswers answers,
                  std::vector<v1::ChannelDescription>& channels) {
  // While a channel moves, two pools may know it.
  using PoolAndId = std::pair<std::string, uint64_t>;
  absl::flat_hash_map<PoolAndId, v1::ChannelDescription*> known;
  for (auto& [name, answer] : answers) {
    for (v1::ChannelDescription& channel : *answer.mutable_channels()) {
      known[{name, channel.channel_id()}] = &channel;
    }
  }
  for (v1::ChannelDescription& channel : channels) {
    if (!answers.contains(channel.pool_name())) continue;
    const auto found =
        known.find(PoolAndId(channel.pool_name(), channel.channel_id()));
    if (found == known.end()) {
      channel.set_state(v1::CHANNEL_STATE_INITIALISING);
    } else {
      AddFromPool(std::move(*found->second), channel);
    }
  }
}

}  // namespace fairlead
