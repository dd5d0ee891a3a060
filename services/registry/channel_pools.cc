#include "services/registry/channel_pools.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "grpcpp/grpcpp.h"
#include "libs/rpc/channel.h"
#include "libs/status/status_macros.h"
#include "protos/fairlead/v1/registry.pb.h"
#include "services/registry/registry_core.h"
#include "services/registry/registry_state.h"
#include "services/registry/tenancy.h"

namespace fairlead {
namespace {

// How long a pool may take to answer when the caller sets no earlier deadline.
// Registering may allocate gigabytes; an epoch's start orders all its seeds.
constexpr std::chrono::seconds kPoolDeadline(60);
constexpr std::chrono::seconds kUnregisterDeadline(2);

}  // namespace

std::unique_ptr<grpc::ClientContext> OnBehalfOf(
    const grpc::ServerContext* caller) {
  std::unique_ptr<grpc::ClientContext> context =
      caller != nullptr ? grpc::ClientContext::FromServerContext(*caller)
                        : std::make_unique<grpc::ClientContext>();
  const auto latest = std::chrono::system_clock::now() + kPoolDeadline;
  if (context->deadline() > latest) context->set_deadline(latest);
  return context;
}

grpc::Status FromPool(const v1::Member& pool, const grpc::Status& status) {
  if (status.ok()) return status;
  return {status.error_code(),
          absl::StrCat("sampler pool ", pool.member_name(), " (server_rank ",
                       pool.rank(), "): ", status.error_message())};
}

absl::StatusOr<ChannelPools::ChannelPool> ChannelPools::FindChannelPool(
    const Caller& caller, uint64_t channel_id) {
  FAIRLEAD_ASSIGN_OR_RETURN(
      ChannelPool found,
      core_.ReadLatest([channel_id, &caller](const RegistryState& state)
                           -> absl::StatusOr<ChannelPool> {
        ChannelPool found;
        FAIRLEAD_ASSIGN_OR_RETURN(found.channel, state.FindChannel(channel_id));
        FAIRLEAD_RETURN_IF_ERROR(MayUseChannel(state, caller, channel_id));
        found.job = JobOfChannel(state, found.channel);
        FAIRLEAD_ASSIGN_OR_RETURN(
            found.pool, state.FindPool(RegistryState::PoolRank(found.channel)));
        return found;
      }));
  found.stub = StubOf(found.pool);
  return found;
}

absl::StatusOr<ChannelPools::Host> ChannelPools::FindHost(
    const v1::RegisterSamplingInputRequest& request) {
  return core_.ReadLatest(
      [&request](const RegistryState& state) -> absl::StatusOr<Host> {
        Host host;
        FAIRLEAD_ASSIGN_OR_RETURN(host.pool,
                                  state.FindPool(state.PlaceOf(request)));
        FAIRLEAD_ASSIGN_OR_RETURN(host.gateway,
                                  state.FindGateway(host.pool.shm_domain()));
        return host;
      });
}

std::shared_ptr<ChannelPools::Stub> ChannelPools::StubOf(
    const v1::Member& pool) {
  MutexLock lock(&mutex_);
  std::shared_ptr<Stub>& stub = stubs_[pool.address()];
  if (stub == nullptr) {
    stub = v1::SamplerPoolService::NewStub(
        rpc::MakeChannel(pool.address(), security_));
  }
  return stub;
}

void ChannelPools::Unregister(const std::vector<RegistryState::Ended>& ended) {
  std::vector<RegistryState::Ended> untold;
  for (const RegistryState::Ended& channel : ended) {
    const absl::StatusOr<v1::Member> pool =
        core_.Read([&channel](const RegistryState& state) {
          return state.FindPool(channel.pool_rank);
        });
    // A pool that is away asks for its assignments when it joins again, and
    // this channel is not among them.
    if (!pool.ok()) continue;
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() +
                         kUnregisterDeadline);
    v1::UnregisterInputRequest request;
    request.set_channel_id(channel.channel_id);
    v1::UnregisterInputResponse response;
    if (!StubOf(*pool)->UnregisterInput(&context, request, &response).ok()) {
      untold.push_back(channel);
    }
  }
  if (untold.empty()) return;
  {
    MutexLock lock(&mutex_);
    untold_.insert(untold_.end(), untold.begin(), untold.end());
    if (!untold_since_.has_value()) untold_since_ = clock_.MonotonicNow();
  }
  core_.Retry();
}

bool ChannelPools::UnregisterUntold(std::vector<RegistryState::Ended> ended) {
  {
    MutexLock lock(&mutex_);
    ended.insert(ended.end(), untold_.begin(), untold_.end());
    untold_.clear();
  }
  Unregister(ended);
  MutexLock lock(&mutex_);
  if (untold_.empty()) untold_since_ = std::nullopt;
  return untold_.empty();
}

absl::Duration ChannelPools::UntoldFor() {
  MutexLock lock(&mutex_);
  return untold_since_.has_value() ? clock_.MonotonicNow() - *untold_since_
                                   : absl::ZeroDuration();
}

}  // namespace fairlead
