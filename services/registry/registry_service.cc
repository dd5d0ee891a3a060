#include "services/registry/registry_service.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/container/btree_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "grpcpp/grpcpp.h"
#include "libs/rpc/security.h"
#include "libs/rpc/status_conversion.h"
#include "libs/status/status_macros.h"
#include "protos/fairlead/v1/registry.pb.h"
#include "services/registry/channel_pools.h"
#include "services/registry/gather_calls.h"
#include "services/registry/heartbeats.h"
#include "services/registry/member_watch.h"
#include "services/registry/registry_core.h"
#include "services/registry/registry_state.h"
#include "services/registry/tenancy.h"

namespace fairlead {
absl::StatusOr<std::unique_ptr<RegistryService>> RegistryService::Create(
    const RegistryLimits& limits, RegistryStore& store, const Clock& clock,
    RegistryMetrics& metrics, rpc::Readiness& readiness,
    std::shared_ptr<rpc::Security> security, rpc::Clients& clients) {
  // The constructor is private, so std::make_unique cannot call it.
  std::unique_ptr<RegistryService> service(
      new RegistryService(limits, metrics, clients));
  RegistryCore::Listener& listener = *service;
  FAIRLEAD_ASSIGN_OR_RETURN(
      service->core_,
      RegistryCore::Create(limits, store, clock, metrics, readiness, listener));
  service->pools_ = std::make_unique<ChannelPools>(*service->core_, clock,
                                                   std::move(security));
  service->heartbeats_ = std::make_unique<Heartbeats>(*service->core_);
  service->member_watch_ = std::make_unique<MemberWatch>(*service->core_);
  service->gather_calls_ = std::make_unique<GatherCalls>(*service->core_);
  service->balancer_ = std::make_unique<ChannelBalancer>(
      *service->core_, *service->pools_, metrics);
  service->core_->Run();
  return service;
}

Caller RegistryService::CallerOf(const grpc::ServerContextBase* context) const {
  return context == nullptr ? std::nullopt : clients_.CallerOf(*context);
}

grpc::Status RegistryService::ToStatus(const absl::Status& status) {
  clients_.refusals().Count(status);
  return rpc::ToGrpcStatus(status);
}

RegistryService::~RegistryService() {
  if (core_ != nullptr) core_->Stop();
  // Its last change may have us tell it of the change.
  if (balancer_ != nullptr) balancer_->Stop();
}

void RegistryService::Drain() {
  heartbeats_->Drain();
  member_watch_->Drain();
  gather_calls_->Drain();
}

void RegistryService::OnChanged() {
  const absl::btree_set<uint64_t> members = core_->TakeChangedMembers();
  if (!members.empty()) {
    member_watch_->OnChanged(members);
    balancer_->Notify();
  }
  gather_calls_->OnChanged();
}

bool RegistryService::OnEnded(std::vector<RegistryState::Ended> ended) {
  return pools_->UnregisterUntold(std::move(ended));
}

RegistryCounts RegistryService::Count() {
  RegistryCounts counts = core_->Count();
  counts.reconcile_lag = std::max(counts.reconcile_lag, pools_->UntoldFor());
  return counts;
}

grpc::Status RegistryService::Join(grpc::ServerContext* context,
                                   const v1::JoinRequest* request,
                                   v1::JoinResponse* response) {
  using Planned = RegistryState::Planned<v1::JoinResponse>;
  const Caller caller = CallerOf(context);
  absl::StatusOr<v1::JoinResponse> joined = core_->Change<v1::JoinResponse>(
      [request,
       &caller](const RegistryState& state) -> absl::StatusOr<Planned> {
        FAIRLEAD_RETURN_IF_ERROR(MayJoin(state, caller, *request));
        return state.PlanJoin(*request, JobOf(caller));
      });
  if (joined.ok()) metrics_.joins.Increment();
  return Respond(std::move(joined), response);
}

grpc::ServerBidiReactor<v1::HeartbeatRequest, v1::HeartbeatResponse>*
RegistryService::Heartbeat(grpc::CallbackServerContext* context) {
  return heartbeats_->Open(CallerOf(context), clients_.OpenStream(*context));
}

grpc::Status RegistryService::Leave(grpc::ServerContext* context,
                                    const v1::LeaveRequest* request,
                                    v1::LeaveResponse* /*response*/) {
  using Planned = RegistryState::Planned<std::vector<RegistryState::Ended>>;
  const Caller caller = CallerOf(context);
  absl::StatusOr<std::vector<RegistryState::Ended>> ended =
      core_->Change<std::vector<RegistryState::Ended>>(
          [request,
           &caller](const RegistryState& state) -> absl::StatusOr<Planned> {
            FAIRLEAD_RETURN_IF_ERROR(
                MayActFor(state, caller, request->member_id()));
            return state.IsReplaced(request->member_id(),
                                    request->incarnation())
                       ? Planned()
                       : state.PlanLeave(request->member_id());
          });
  if (ended.ok()) pools_->Unregister(*ended);
  return ToStatus(ended.status());
}

grpc::Status RegistryService::ListMembers(grpc::ServerContext* /*context*/,
                                          const v1::ListMembersRequest* request,
                                          v1::ListMembersResponse* response) {
  *response = core_->Read([request](const RegistryState& state) {
    return state.ListMembers(request->role());
  });
  return grpc::Status::OK;
}

grpc::ServerWriteReactor<v1::WatchMembersResponse>*
RegistryService::WatchMembers(grpc::CallbackServerContext* context,
                              const v1::WatchMembersRequest* request) {
  return member_watch_->Watch(*request, clients_.OpenStream(*context));
}

grpc::ServerUnaryReactor* RegistryService::AllGather(
    grpc::CallbackServerContext* context, const v1::AllGatherRequest* request,
    v1::AllGatherResponse* response) {
  return gather_calls_->AllGather(CallerOf(context), *request, *response,
                                  clients_.OpenStream(*context));
}

grpc::Status RegistryService::InitSamplingBackend(
    grpc::ServerContext* context, const v1::InitSamplingBackendRequest* request,
    v1::InitSamplingBackendResponse* response) {
  using Planned = RegistryState::Planned<v1::InitSamplingBackendResponse>;
  const Caller caller = CallerOf(context);
  v1::InitSamplingBackendRequest own = *request;
  own.set_backend_key(OwnName(caller, request->backend_key()));
  absl::StatusOr<v1::InitSamplingBackendResponse> backend =
      core_->Change<v1::InitSamplingBackendResponse>(
          [&own,
           &caller](const RegistryState& state) -> absl::StatusOr<Planned> {
            FAIRLEAD_RETURN_IF_ERROR(MayActFor(state, caller, own.member_id()));
            return state.PlanInitBackend(own);
          });
  return Respond(std::move(backend), response);
}

grpc::Status RegistryService::ListBackends(
    grpc::ServerContext* /*context*/,
    const v1::ListBackendsRequest* /*request*/,
    v1::ListBackendsResponse* response) {
  *response = core_->Read(
      [](const RegistryState& state) { return state.ListBackends(); });
  return grpc::Status::OK;
}

grpc::Status RegistryService::DrainMember(grpc::ServerContext* /*context*/,
                                          const v1::DrainMemberRequest* request,
                                          v1::DrainMemberResponse* response) {
  absl::StatusOr<v1::DrainMemberResponse> drained =
      core_->Change<v1::DrainMemberResponse>(
          [request](const RegistryState& state) {
            return state.PlanDrain(*request);
          });
  return Respond(std::move(drained), response);
}

grpc::Status RegistryService::ListAssignments(
    grpc::ServerContext* /*context*/, const v1::ListAssignmentsRequest* request,
    v1::ListAssignmentsResponse* response) {
  absl::StatusOr<v1::ListAssignmentsResponse> assignments =
      core_->ReadLatest([request](const RegistryState& state)
                            -> absl::StatusOr<v1::ListAssignmentsResponse> {
        const v1::Member* const pool = state.FindMember(request->member_id());
        if (pool != nullptr && pool->role() == v1::ROLE_SAMPLER_POOL) {
          return state.Assignments(pool->rank());
        }
        return absl::NotFoundError(absl::StrCat(
            "member ", request->member_id(),
            ": is no sampler pool, or its lease ran out; join first"));
      });
  if (assignments.ok()) core_->NoteAsked(request->member_id());
  return Respond(std::move(assignments), response);
}

}  // namespace fairlead
