// The calls that are about a channel, most of which go on to its pool.

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "grpcpp/grpcpp.h"
#include "libs/status/status_macros.h"
#include "protos/fairlead/v1/registry.pb.h"
#include "services/registry/channel_pools.h"
#include "services/registry/list_inputs.h"
#include "services/registry/registry_core.h"
#include "services/registry/registry_service.h"
#include "services/registry/registry_state.h"
#include "services/registry/tenancy.h"

namespace fairlead {

grpc::Status RegistryService::RegisterSamplingInput(
    grpc::ServerContext* context,
    const v1::RegisterSamplingInputRequest* request,
    v1::RegisterSamplingInputResponse* response) {
  absl::StatusOr<ChannelPools::Host> host = pools_->FindHost(*request);
  if (!host.ok()) return ToStatus(host.status());
  using Planned = RegistryState::Planned<RegistryState::Registration>;
  const Caller caller = CallerOf(context);
  // The record comes first and the pool second: a registry that dies in
  // between leaves a channel that its trainer's lease ends, and never one that
  // nobody knows of.
  const absl::StatusOr<RegistryState::Registration> registration =
      core_->Change<RegistryState::Registration>(
          [request,
           &caller](const RegistryState& state) -> absl::StatusOr<Planned> {
            FAIRLEAD_RETURN_IF_ERROR(
                MayActFor(state, caller, request->member_id()));
            FAIRLEAD_RETURN_IF_ERROR(
                MayUseBackend(state, caller, request->backend_id()));
            return state.PlanRegister(*request);
          });
  if (!registration.ok()) return ToStatus(registration.status());
  const uint64_t channel_id = registration->record.spec().channel_id();
  const uint32_t pool_rank = RegistryState::PoolRank(registration->record);
  if (pool_rank != host->pool.rank()) {  // others came in between
    host = pools_->FindHost(*request);
    if (!host.ok()) return ToStatus(host.status());
  }
  if (!registrations_.Begin(channel_id, registration->is_new)) {
    return {grpc::StatusCode::UNAVAILABLE,
            absl::StrCat("worker_key ", request->worker_key(),
                         ": an earlier call for it has just failed; try "
                         "again")};
  }
  v1::RegisterInputRequest to_pool;
  *to_pool.mutable_spec() = registration->record.spec();
  v1::RegisterInputResponse from_pool;
  const grpc::Status status =
      pools_->StubOf(host->pool)
          ->RegisterInput(OnBehalfOf(context).get(), to_pool, &from_pool);
  if (registrations_.End(channel_id, status.ok())) {
    TakeBack(channel_id, pool_rank);
    registrations_.NoteTakenBack(channel_id);
  }
  if (!status.ok()) return FromPool(host->pool, status);
  response->set_channel_id(channel_id);
  response->set_gateway_address(host->gateway.address());
  response->set_seeds(from_pool.seeds());
  response->set_batches(from_pool.batches());
  response->set_existed(!registration->is_new);
  return grpc::Status::OK;
}

void RegistryService::TakeBack(uint64_t channel_id, uint32_t pool_rank) {
  // If the store fails too, the trainer's lease ends the channel.
  core_
      ->Commit([channel_id](const RegistryState& state)
                   -> absl::StatusOr<RegistryState::Writes> {
        FAIRLEAD_ASSIGN_OR_RETURN(auto planned, state.PlanDestroy(channel_id));
        return std::move(planned.writes);
      })
      .IgnoreError();
  // The pool may have made it although the answer was lost.
  pools_->Unregister({{channel_id, pool_rank}});
}

grpc::Status RegistryService::PlanSamplingInput(
    grpc::ServerContext* context, const v1::PlanSamplingInputRequest* request,
    v1::PlanSamplingInputResponse* response) {
  const absl::StatusOr<ChannelPools::Host> host =
      pools_->FindHost(request->input());
  if (!host.ok()) return ToStatus(host.status());
  if (host->pool.draining()) {
    return ToStatus(DrainingError(host->pool));
  }
  v1::RegisterInputRequest to_pool;
  v1::ChannelSpec& spec = *to_pool.mutable_spec();
  *spec.mutable_input() = request->input().input();
  *spec.mutable_config() = request->input().config();
  *spec.mutable_control() = request->input().control();
  spec.set_failure_policy(request->input().failure_policy());
  *spec.mutable_options() = request->options();
  return FromPool(host->pool, pools_->StubOf(host->pool)
                                  ->PlanInput(OnBehalfOf(context).get(),
                                              to_pool, response));
}

grpc::Status RegistryService::StartEpoch(grpc::ServerContext* context,
                                         const v1::StartEpochRequest* request,
                                         v1::StartEpochResponse* response) {
  const absl::StatusOr<ChannelPools::ChannelPool> found =
      pools_->FindChannelPool(CallerOf(context), request->channel_id());
  if (!found.ok()) return ToStatus(found.status());
  grpc::Status status = FromPool(
      found->pool,
      found->stub->StartEpoch(OnBehalfOf(context).get(), *request, response));
  // A channel that has just moved may be yet to be made there. Whoever asks for
  // a first attempt registers again, and for a later one has done so already.
  if (status.error_code() == grpc::StatusCode::NOT_FOUND &&
      request->attempt() > 0) {
    return {grpc::StatusCode::UNAVAILABLE, status.error_message()};
  }
  // (To a call that is late the answer is which epoch runs.)
  if (status.ok() && response->epoch() == request->epoch() &&
      response->attempt() == request->attempt() &&
      begun_epochs_.Add(request->channel_id(), request->epoch(),
                        request->attempt())) {
    (request->attempt() == 0 ? metrics_.epochs : metrics_.resumed_epochs)
        .Increment();
  }
  return status;
}

grpc::Status RegistryService::UpdateChannel(
    grpc::ServerContext* context, const v1::UpdateChannelRequest* request,
    v1::UpdateChannelResponse* response) {
  const absl::StatusOr<ChannelPools::ChannelPool> found =
      pools_->FindChannelPool(CallerOf(context), request->channel_id());
  if (!found.ok()) return ToStatus(found.status());
  const auto plan = [request](const RegistryState& state) {
    return state.PlanUpdate(*request);
  };
  const absl::StatusOr<RegistryState::Writes> writes = core_->Read(plan);
  if (!writes.ok()) return ToStatus(writes.status());
  if (writes->empty()) return grpc::Status::OK;  // a copy of an earlier call
  // The pool first: it knows what makes sense. If the store fails then, the
  // caller hears of it, and asks again.
  grpc::Status status = FromPool(
      found->pool,
      found->stub->UpdateInput(OnBehalfOf(context).get(), *request, response));
  if (!status.ok()) return status;
  return ToStatus(core_->Commit(plan));
}

grpc::Status RegistryService::CancelEpoch(grpc::ServerContext* context,
                                          const v1::CancelEpochRequest* request,
                                          v1::CancelEpochResponse* response) {
  const absl::StatusOr<ChannelPools::ChannelPool> found =
      pools_->FindChannelPool(CallerOf(context), request->channel_id());
  if (!found.ok()) return ToStatus(found.status());
  return FromPool(
      found->pool,
      found->stub->CancelEpoch(OnBehalfOf(context).get(), *request, response));
}

grpc::Status RegistryService::DestroySamplingInput(
    grpc::ServerContext* context,
    const v1::DestroySamplingInputRequest* request,
    v1::DestroySamplingInputResponse* /*response*/) {
  using Planned = RegistryState::Planned<std::optional<RegistryState::Ended>>;
  const Caller caller = CallerOf(context);
  const absl::StatusOr<std::optional<RegistryState::Ended>> ended =
      core_->Change<std::optional<RegistryState::Ended>>(
          [request,
           &caller](const RegistryState& state) -> absl::StatusOr<Planned> {
            FAIRLEAD_RETURN_IF_ERROR(
                MayUseChannel(state, caller, request->channel_id()));
            return state.PlanDestroy(request->channel_id());
          });
  if (ended.ok() && ended->has_value()) pools_->Unregister({**ended});
  return ToStatus(ended.status());
}

grpc::Status RegistryService::DescribeChannel(
    grpc::ServerContext* context, const v1::DescribeChannelRequest* request,
    v1::DescribeChannelResponse* response) {
  const absl::StatusOr<ChannelPools::ChannelPool> found =
      pools_->FindChannelPool(CallerOf(context), request->channel_id());
  grpc::Status status = ToStatus(found.status());
  v1::DescribeInputResponse from_pool;
  if (found.ok()) {
    v1::DescribeInputRequest to_pool;
    to_pool.set_channel_id(request->channel_id());
    status = FromPool(found->pool,
                      found->stub->DescribeInput(OnBehalfOf(context).get(),
                                                 to_pool, &from_pool));
  }
  const bool answered = status.ok();
  if (!answered && status.error_code() != grpc::StatusCode::UNAVAILABLE) {
    return status;
  }
  const auto known = core_->Read([request](const RegistryState& state) {
    return state.DescribeChannel(request->channel_id());
  });
  if (!known.ok()) return ToStatus(known.status());
  v1::ChannelDescription& channel = *response->mutable_channel();
  channel = *known;
  // If its pool is away, the channel waits for it: an answer, not an error.
  if (answered) AddFromPool(std::move(*from_pool.mutable_channel()), channel);
  if (!request->with_spec()) return grpc::Status::OK;
  absl::StatusOr<v1::ChannelRecord> record =
      core_->Read([request](const RegistryState& state) {
        return state.FindChannel(request->channel_id());
      });
  if (!record.ok()) return ToStatus(record.status());
  *response->mutable_spec() = std::move(*record->mutable_spec());
  return grpc::Status::OK;
}

grpc::Status RegistryService::ListChannels(
    grpc::ServerContext* context, const v1::ListChannelsRequest* /*request*/,
    v1::ListChannelsResponse* response) {
  struct Known {
    std::vector<v1::ChannelDescription> channels;
    v1::ListMembersResponse pools;
  };
  Known known = core_->Read([](const RegistryState& state) {
    return Known{state.DescribeChannels(),
                 state.ListMembers(v1::ROLE_SAMPLER_POOL)};
  });
  std::vector<PoolToList> pools;
  for (const v1::Member& pool : known.pools.members()) {
    pools.push_back({pool.member_name(), pools_->StubOf(pool)});
  }
  AddFromPools(ListInputsOf(pools, OnBehalfOf(context)->deadline()),
               known.channels);
  for (v1::ChannelDescription& channel : known.channels) {
    *response->add_channels() = std::move(channel);
  }
  return grpc::Status::OK;
}

grpc::Status RegistryService::ResolveChannel(
    grpc::ServerContext* context, const v1::ResolveChannelRequest* request,
    v1::ResolveChannelResponse* response) {
  const absl::StatusOr<ChannelPools::ChannelPool> found =
      pools_->FindChannelPool(CallerOf(context), request->channel_id());
  if (!found.ok()) return ToStatus(found.status());
  response->set_pool_address(found->pool.address());
  response->set_shm_domain(found->pool.shm_domain());
  response->set_job(found->job);
  return grpc::Status::OK;
}

}  // namespace fairlead
