#include "services/registry/registry_service.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "grpcpp/grpcpp.h"
#include "libs/rpc/channel.h"
#include "libs/rpc/status_conversion.h"
#include "libs/status/status_macros.h"
#include "protos/fairlead/v1/registry.pb.h"
#include "services/registry/registry_state.h"

namespace fairlead {
namespace {

// How long a pool may take to answer when the caller sets no earlier deadline.
// Registering may allocate gigabytes; an epoch's start orders all its seeds.
constexpr std::chrono::seconds kPoolDeadline(60);
constexpr std::chrono::seconds kUnregisterDeadline(2);
constexpr absl::Duration kRetry = absl::Seconds(1);
// A registry that slept for so much longer than it meant to stood still, or
// its host did: in that time nobody could renew a lease.
constexpr absl::Duration kStall = absl::Milliseconds(500);

void SetDuration(absl::Duration from, google::protobuf::Duration* to) {
  const int64_t nanos = absl::ToInt64Nanoseconds(from);
  to->set_seconds(nanos / 1'000'000'000);
  to->set_nanos(static_cast<int32_t>(nanos % 1'000'000'000));
}

absl::Duration GetDuration(const google::protobuf::Duration& from) {
  return absl::Seconds(from.seconds()) + absl::Nanoseconds(from.nanos());
}

// A call on behalf of `caller`: with its deadline and its cancellation.
std::unique_ptr<grpc::ClientContext> OnBehalfOf(
    const grpc::ServerContext* caller) {
  std::unique_ptr<grpc::ClientContext> context =
      caller != nullptr ? grpc::ClientContext::FromServerContext(*caller)
                        : std::make_unique<grpc::ClientContext>();
  const auto latest = std::chrono::system_clock::now() + kPoolDeadline;
  if (context->deadline() > latest) context->set_deadline(latest);
  return context;
}

// Says which pool an error came from.
grpc::Status FromPool(const v1::Member& pool, const grpc::Status& status) {
  if (status.ok()) return status;
  return {status.error_code(),
          absl::StrCat("sampler pool ", pool.member_name(), " (server_rank ",
                       pool.rank(), "): ", status.error_message())};
}

}  // namespace

absl::StatusOr<std::unique_ptr<RegistryService>> RegistryService::Create(
    const RegistryLimits& limits, RegistryStore& store, const Clock& clock,
    RegistryMetrics& metrics) {
  FAIRLEAD_ASSIGN_OR_RETURN(const StoreContents contents, store.Load());
  RegistryState::Writes writes;
  for (const auto& [key, value] : contents.records) {
    writes.push_back({key, value});
  }
  // The constructor is private, so std::make_unique cannot call it.
  std::unique_ptr<RegistryService> service(
      new RegistryService(limits, store, clock, metrics));
  {
    MutexLock lock(&service->mutex_);
    FAIRLEAD_RETURN_IF_ERROR(
        service->state_.Apply(writes, clock.MonotonicNow()));
    service->revision_ = contents.revision;
    service->UpdateMetrics();
  }
  service->lease_thread_ = std::thread([s = service.get()] { s->RunLeases(); });
  return service;
}

RegistryService::~RegistryService() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
  }
  if (lease_thread_.joinable()) lease_thread_.join();
}

absl::Status RegistryService::Commit(const RegistryState::Writes& writes) {
  if (writes.empty()) return absl::OkStatus();
  const absl::Duration start = clock_.MonotonicNow();
  FAIRLEAD_ASSIGN_OR_RETURN(revision_, store_.Commit(writes, revision_));
  const absl::Duration end = clock_.MonotonicNow();
  metrics_.store_commit_seconds.Observe(absl::ToDoubleSeconds(end - start));
  FAIRLEAD_RETURN_IF_ERROR(state_.Apply(writes, end));
  UpdateMetrics();
  return absl::OkStatus();
}

void RegistryService::UpdateMetrics() {
  metrics_.backends.Set(static_cast<double>(state_.backends()));
  metrics_.channels.Set(static_cast<double>(state_.channels()));
  const absl::Duration now = clock_.MonotonicNow();
  const std::pair<v1::Role, prometheus::Gauge*> roles[] = {
      {v1::ROLE_SAMPLER_POOL, &metrics_.sampler_pools},
      {v1::ROLE_CHANNEL_GATEWAY, &metrics_.channel_gateways},
      {v1::ROLE_TRAINER, &metrics_.trainers}};
  for (const auto& [role, gauge] : roles) {
    gauge->Set(
        static_cast<double>(state_.ListMembers(role, now).members_size()));
  }
}

grpc::Status RegistryService::Join(grpc::ServerContext* /*context*/,
                                   const v1::JoinRequest* request,
                                   v1::JoinResponse* response) {
  MutexLock lock(&mutex_);
  absl::StatusOr<RegistryState::Planned<v1::JoinResponse>> planned =
      state_.PlanJoin(*request);
  if (!planned.ok()) return rpc::ToGrpcStatus(planned.status());
  const absl::Status committed = Commit(planned->writes);
  if (!committed.ok()) return rpc::ToGrpcStatus(committed);
  *response = std::move(planned->answer);
  const absl::Duration now = clock_.MonotonicNow();
  state_.GrantLease(response->member_id(), GetDuration(request->lease()), now);
  const absl::StatusOr<absl::Duration> lease =
      state_.RenewLease(response->member_id(), request->member_name(),
                        request->incarnation(), now);
  if (!lease.ok()) return rpc::ToGrpcStatus(lease.status());
  SetDuration(*lease, response->mutable_lease());
  response->set_registry_incarnation(incarnation_);
  leases_changed_ = true;
  UpdateMetrics();
  return grpc::Status::OK;
}

grpc::Status RegistryService::RenewLease(grpc::ServerContext* /*context*/,
                                         const v1::RenewLeaseRequest* request,
                                         v1::RenewLeaseResponse* response) {
  MutexLock lock(&mutex_);
  const absl::StatusOr<absl::Duration> lease =
      state_.RenewLease(request->member_id(), request->member_name(),
                        request->incarnation(), clock_.MonotonicNow());
  if (!lease.ok()) return rpc::ToGrpcStatus(lease.status());
  SetDuration(*lease, response->mutable_lease());
  response->set_registry_incarnation(incarnation_);
  return grpc::Status::OK;
}

absl::Status RegistryService::CommitLeave(
    uint64_t member_id, std::vector<RegistryState::Ended>* ended) {
  RegistryState::Planned<std::vector<RegistryState::Ended>> planned =
      state_.PlanLeave(member_id);
  FAIRLEAD_RETURN_IF_ERROR(Commit(planned.writes));
  state_.EndLease(member_id, clock_.MonotonicNow());
  ended->insert(ended->end(), planned.answer.begin(), planned.answer.end());
  UpdateMetrics();
  return absl::OkStatus();
}

grpc::Status RegistryService::Leave(grpc::ServerContext* /*context*/,
                                    const v1::LeaveRequest* request,
                                    v1::LeaveResponse* /*response*/) {
  std::vector<RegistryState::Ended> ended;
  absl::Status status;
  {
    MutexLock lock(&mutex_);
    if (!state_.IsReplaced(request->member_id(), request->incarnation())) {
      status = CommitLeave(request->member_id(), &ended);
    }
  }
  Unregister(std::move(ended));
  return rpc::ToGrpcStatus(status);
}

grpc::Status RegistryService::ListMembers(grpc::ServerContext* /*context*/,
                                          const v1::ListMembersRequest* request,
                                          v1::ListMembersResponse* response) {
  MutexLock lock(&mutex_);
  *response = state_.ListMembers(request->role(), clock_.MonotonicNow());
  return grpc::Status::OK;
}

grpc::Status RegistryService::InitSamplingBackend(
    grpc::ServerContext* /*context*/,
    const v1::InitSamplingBackendRequest* request,
    v1::InitSamplingBackendResponse* response) {
  MutexLock lock(&mutex_);
  absl::StatusOr<RegistryState::Planned<v1::InitSamplingBackendResponse>>
      planned = state_.PlanInitBackend(*request);
  if (!planned.ok()) return rpc::ToGrpcStatus(planned.status());
  *response = std::move(planned->answer);
  return rpc::ToGrpcStatus(Commit(planned->writes));
}

grpc::Status RegistryService::RegisterSamplingInput(
    grpc::ServerContext* context,
    const v1::RegisterSamplingInputRequest* request,
    v1::RegisterSamplingInputResponse* response) {
  v1::Member pool;
  v1::Member gateway;
  std::shared_ptr<PoolStub> stub;
  RegistryState::Registration registration;
  // The record comes first and the pool second: a registry that dies in
  // between leaves a channel that its trainer's lease ends, and never one that
  // nobody knows of.
  const auto record = [&]() -> absl::Status {
    MutexLock lock(&mutex_);
    const absl::Duration now = clock_.MonotonicNow();
    FAIRLEAD_ASSIGN_OR_RETURN(pool,
                              state_.FindPool(request->server_rank(), now));
    FAIRLEAD_ASSIGN_OR_RETURN(gateway,
                              state_.FindGateway(pool.shm_domain(), now));
    FAIRLEAD_ASSIGN_OR_RETURN(auto planned, state_.PlanRegister(*request));
    FAIRLEAD_RETURN_IF_ERROR(Commit(planned.writes));
    registration = std::move(planned.answer);
    ++registering_[registration.record.spec().channel_id()].under_way;
    stub = StubOf(pool);
    return absl::OkStatus();
  };
  const absl::Status recorded = record();
  if (!recorded.ok()) return rpc::ToGrpcStatus(recorded);
  const uint64_t channel_id = registration.record.spec().channel_id();

  v1::RegisterInputRequest to_pool;
  *to_pool.mutable_spec() = registration.record.spec();
  v1::RegisterInputResponse from_pool;
  const grpc::Status status =
      stub->RegisterInput(OnBehalfOf(context).get(), to_pool, &from_pool);
  bool take_back = false;
  {
    MutexLock lock(&mutex_);
    Registering& calls = registering_[channel_id];
    calls.is_new = calls.is_new || registration.is_new;
    calls.succeeded = calls.succeeded || status.ok();
    if (--calls.under_way == 0) {
      // A channel that this or a call sent twice has made is taken back only
      // when no such call has got it.
      take_back = calls.is_new && !calls.succeeded;
      registering_.erase(channel_id);
      const auto planned = state_.PlanDestroy(channel_id);
      // If the store fails too, the trainer's lease ends the channel.
      if (take_back && planned.ok()) Commit(planned->writes).IgnoreError();
    }
  }
  // The pool may have made it although the answer was lost.
  if (take_back) Unregister({{channel_id, request->server_rank()}});
  if (!status.ok()) return FromPool(pool, status);
  response->set_channel_id(channel_id);
  response->set_gateway_address(gateway.address());
  response->set_seeds(from_pool.seeds());
  response->set_batches(from_pool.batches());
  return grpc::Status::OK;
}

absl::StatusOr<RegistryService::ChannelPool> RegistryService::FindChannelPool(
    uint64_t channel_id) {
  ChannelPool found;
  MutexLock lock(&mutex_);
  FAIRLEAD_ASSIGN_OR_RETURN(found.channel, state_.FindChannel(channel_id));
  FAIRLEAD_ASSIGN_OR_RETURN(
      found.pool,
      state_.FindPool(found.channel.server_rank(), clock_.MonotonicNow()));
  found.stub = StubOf(found.pool);
  return found;
}

std::shared_ptr<RegistryService::PoolStub> RegistryService::StubOf(
    const v1::Member& pool) {
  std::shared_ptr<PoolStub>& stub = stubs_[pool.address()];
  if (stub == nullptr) {
    stub = v1::SamplerPoolService::NewStub(rpc::MakeChannel(pool.address()));
  }
  return stub;
}

grpc::Status RegistryService::StartEpoch(grpc::ServerContext* context,
                                         const v1::StartEpochRequest* request,
                                         v1::StartEpochResponse* response) {
  const absl::StatusOr<ChannelPool> found =
      FindChannelPool(request->channel_id());
  if (!found.ok()) return rpc::ToGrpcStatus(found.status());
  return FromPool(
      found->pool,
      found->stub->StartEpoch(OnBehalfOf(context).get(), *request, response));
}

grpc::Status RegistryService::UpdateChannel(
    grpc::ServerContext* context, const v1::UpdateChannelRequest* request,
    v1::UpdateChannelResponse* response) {
  const absl::StatusOr<ChannelPool> found =
      FindChannelPool(request->channel_id());
  if (!found.ok()) return rpc::ToGrpcStatus(found.status());
  // The pool first: it knows what makes sense. If the store fails then, the
  // caller hears of it, and asks again.
  const grpc::Status status = FromPool(
      found->pool,
      found->stub->UpdateInput(OnBehalfOf(context).get(), *request, response));
  if (!status.ok()) return status;
  MutexLock lock(&mutex_);
  const absl::StatusOr<RegistryState::Writes> writes =
      state_.PlanUpdate(*request);
  if (!writes.ok()) return rpc::ToGrpcStatus(writes.status());
  return rpc::ToGrpcStatus(Commit(*writes));
}

grpc::Status RegistryService::CancelEpoch(grpc::ServerContext* context,
                                          const v1::CancelEpochRequest* request,
                                          v1::CancelEpochResponse* response) {
  const absl::StatusOr<ChannelPool> found =
      FindChannelPool(request->channel_id());
  if (!found.ok()) return rpc::ToGrpcStatus(found.status());
  return FromPool(
      found->pool,
      found->stub->CancelEpoch(OnBehalfOf(context).get(), *request, response));
}

grpc::Status RegistryService::DestroySamplingInput(
    grpc::ServerContext* /*context*/,
    const v1::DestroySamplingInputRequest* request,
    v1::DestroySamplingInputResponse* /*response*/) {
  std::vector<RegistryState::Ended> ended;
  {
    MutexLock lock(&mutex_);
    const auto planned = state_.PlanDestroy(request->channel_id());
    if (!planned.ok()) return rpc::ToGrpcStatus(planned.status());
    const absl::Status committed = Commit(planned->writes);
    if (!committed.ok()) return rpc::ToGrpcStatus(committed);
    if (planned->answer.has_value()) ended.push_back(*planned->answer);
  }
  Unregister(std::move(ended));
  return grpc::Status::OK;
}

void RegistryService::Unregister(std::vector<RegistryState::Ended> ended) {
  std::vector<RegistryState::Ended> untold;
  for (const RegistryState::Ended& channel : ended) {
    std::shared_ptr<PoolStub> stub;
    {
      MutexLock lock(&mutex_);
      const absl::StatusOr<v1::Member> pool =
          state_.FindPool(channel.server_rank, clock_.MonotonicNow());
      // A pool that is away asks for its assignments when it joins again, and
      // this channel is not among them.
      if (!pool.ok()) continue;
      stub = StubOf(*pool);
    }
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() +
                         kUnregisterDeadline);
    v1::UnregisterInputRequest request;
    request.set_channel_id(channel.channel_id);
    v1::UnregisterInputResponse response;
    if (!stub->UnregisterInput(&context, request, &response).ok()) {
      untold.push_back(channel);
    }
  }
  if (untold.empty()) return;
  MutexLock lock(&mutex_);
  to_unregister_.insert(to_unregister_.end(), untold.begin(), untold.end());
  // Its own thread knows, and waits a little before it tries again.
  if (std::this_thread::get_id() != lease_thread_.get_id()) {
    leases_changed_ = true;
  }
}

grpc::Status RegistryService::DescribeChannel(
    grpc::ServerContext* context, const v1::DescribeChannelRequest* request,
    v1::DescribeChannelResponse* response) {
  const absl::StatusOr<ChannelPool> found =
      FindChannelPool(request->channel_id());
  v1::ChannelDescription& channel = *response->mutable_channel();
  grpc::Status status = rpc::ToGrpcStatus(found.status());
  if (found.ok()) {
    v1::DescribeInputRequest to_pool;
    to_pool.set_channel_id(request->channel_id());
    v1::DescribeInputResponse from_pool;
    status = FromPool(found->pool,
                      found->stub->DescribeInput(OnBehalfOf(context).get(),
                                                 to_pool, &from_pool));
    if (status.ok()) {
      channel = std::move(*from_pool.mutable_channel());
      channel.set_server_rank(found->pool.rank());
    }
  }
  if (status.error_code() != grpc::StatusCode::UNAVAILABLE) return status;
  // Its pool is away, and the channel waits for it: an answer, not an error.
  MutexLock lock(&mutex_);
  const absl::StatusOr<v1::ChannelRecord> record =
      state_.FindChannel(request->channel_id());
  if (!record.ok()) return rpc::ToGrpcStatus(record.status());
  channel.set_channel_id(request->channel_id());
  channel.set_backend_id(record->spec().backend_id());
  channel.set_worker_key(record->spec().worker_key());
  channel.set_server_rank(record->server_rank());
  channel.set_state(v1::CHANNEL_STATE_LOST);
  return grpc::Status::OK;
}

grpc::Status RegistryService::ResolveChannel(
    grpc::ServerContext* /*context*/, const v1::ResolveChannelRequest* request,
    v1::ResolveChannelResponse* response) {
  const absl::StatusOr<ChannelPool> found =
      FindChannelPool(request->channel_id());
  if (!found.ok()) return rpc::ToGrpcStatus(found.status());
  response->set_pool_address(found->pool.address());
  response->set_shm_domain(found->pool.shm_domain());
  return grpc::Status::OK;
}

grpc::Status RegistryService::ListAssignments(
    grpc::ServerContext* /*context*/, const v1::ListAssignmentsRequest* request,
    v1::ListAssignmentsResponse* response) {
  MutexLock lock(&mutex_);
  const v1::ListMembersResponse pools =
      state_.ListMembers(v1::ROLE_SAMPLER_POOL, clock_.MonotonicNow());
  for (const v1::Member& pool : pools.members()) {
    if (pool.member_id() != request->member_id()) continue;
    *response = state_.Assignments(pool.rank());
    return grpc::Status::OK;
  }
  return rpc::ToGrpcStatus(absl::NotFoundError(
      absl::StrCat("member ", request->member_id(),
                   ": is no sampler pool, or its lease ran out; join first")));
}

bool RegistryService::ExpireLeases() {
  bool all_ended = true;
  std::vector<RegistryState::Ended> ended;
  {
    MutexLock lock(&mutex_);
    for (const uint64_t id : state_.Expired(clock_.MonotonicNow())) {
      // One that is away already is only looked at again: maybe nothing
      // points at it any more.
      const bool was_away = state_.IsAway(id);
      if (CommitLeave(id, &ended).ok()) {
        if (!was_away) metrics_.expired_leases.Increment();
      } else {
        all_ended = false;
      }
    }
    ended.insert(ended.end(), to_unregister_.begin(), to_unregister_.end());
    to_unregister_.clear();
  }
  Unregister(std::move(ended));
  return all_ended;
}

void RegistryService::RunLeases() {
  bool retry = false;
  while (true) {
    {
      MutexLock lock(&mutex_);
      absl::Duration wait = state_.NextExpiry() - clock_.MonotonicNow();
      if (!to_unregister_.empty()) wait = std::min(wait, kRetry);
      // A lease that could not be ended, since the store failed, is still due.
      if (retry) wait = std::max(wait, kRetry);
      const absl::Duration due = clock_.MonotonicNow() + wait;
      mutex_.AwaitWithTimeout(
          absl::Condition(this, &RegistryService::ShouldLookAtLeases), wait);
      if (stopping_) return;
      const absl::Duration now = clock_.MonotonicNow();
      if (now > due + kStall) state_.RenewAllLeases(now);
      leases_changed_ = false;
    }
    retry = !ExpireLeases();
  }
}

}  // namespace fairlead
