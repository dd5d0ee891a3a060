#ifndef FAIRLEAD_SERVICES_REGISTRY_REGISTRY_SERVICE_H_
#define FAIRLEAD_SERVICES_REGISTRY_REGISTRY_SERVICE_H_

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "grpcpp/grpcpp.h"
#include "libs/clock/clock.h"
#include "libs/rpc/clients.h"
#include "libs/rpc/readiness.h"
#include "libs/rpc/security.h"
#include "protos/fairlead/v1/registry.grpc.pb.h"
#include "services/registry/begun_epochs.h"
#include "services/registry/channel_balancer.h"
#include "services/registry/channel_pools.h"
#include "services/registry/gather_calls.h"
#include "services/registry/heartbeats.h"
#include "services/registry/member_watch.h"
#include "services/registry/registrations.h"
#include "services/registry/registry_core.h"
#include "services/registry/registry_metrics.h"
#include "services/registry/registry_state.h"
#include "services/registry/registry_store.h"
#include "services/registry/tenancy.h"

namespace fairlead {

// The registry on the network: RegistryCore's state as calls; hands those that
// concern a channel on to its sampler pool. No lock is held across a call to a
// pool. Calls that wait (WatchMembers, AllGather, Heartbeat) cost no thread.
class RegistryService final
    : public v1::RegistryService::WithCallbackMethod_Heartbeat<
          v1::RegistryService::WithCallbackMethod_WatchMembers<
              v1::RegistryService::WithCallbackMethod_AllGather<
                  v1::RegistryService::Service>>>,
      private RegistryCore::Listener {
 public:
  // Takes in what `store` holds. All of these must outlive the service; of
  // `readiness`, see RegistryCore. `security` is for calls to pools.
  static absl::StatusOr<std::unique_ptr<RegistryService>> Create(
      const RegistryLimits& limits, RegistryStore& store, const Clock& clock,
      RegistryMetrics& metrics, rpc::Readiness& readiness,
      std::shared_ptr<rpc::Security> security, rpc::Clients& clients);
  ~RegistryService() override;

  // What there is now, for metrics.
  RegistryCounts Count();

  // Ends the calls that wait, so that their callers turn to another registry,
  // or wait for the next one.
  void Drain();

  grpc::Status Join(grpc::ServerContext* context,
                    const v1::JoinRequest* request,
                    v1::JoinResponse* response) override;
  grpc::ServerBidiReactor<v1::HeartbeatRequest, v1::HeartbeatResponse>*
  Heartbeat(grpc::CallbackServerContext* context) override;
  grpc::Status Leave(grpc::ServerContext* context,
                     const v1::LeaveRequest* request,
                     v1::LeaveResponse* response) override;
  grpc::Status ListMembers(grpc::ServerContext* context,
                           const v1::ListMembersRequest* request,
                           v1::ListMembersResponse* response) override;
  grpc::ServerWriteReactor<v1::WatchMembersResponse>* WatchMembers(
      grpc::CallbackServerContext* context,
      const v1::WatchMembersRequest* request) override;
  grpc::ServerUnaryReactor* AllGather(grpc::CallbackServerContext* context,
                                      const v1::AllGatherRequest* request,
                                      v1::AllGatherResponse* response) override;
  grpc::Status InitSamplingBackend(
      grpc::ServerContext* context,
      const v1::InitSamplingBackendRequest* request,
      v1::InitSamplingBackendResponse* response) override;
  grpc::Status RegisterSamplingInput(
      grpc::ServerContext* context,
      const v1::RegisterSamplingInputRequest* request,
      v1::RegisterSamplingInputResponse* response) override;
  grpc::Status PlanSamplingInput(
      grpc::ServerContext* context, const v1::PlanSamplingInputRequest* request,
      v1::PlanSamplingInputResponse* response) override;
  grpc::Status StartEpoch(grpc::ServerContext* context,
                          const v1::StartEpochRequest* request,
                          v1::StartEpochResponse* response) override;
  grpc::Status UpdateChannel(grpc::ServerContext* context,
                             const v1::UpdateChannelRequest* request,
                             v1::UpdateChannelResponse* response) override;
  grpc::Status CancelEpoch(grpc::ServerContext* context,
                           const v1::CancelEpochRequest* request,
                           v1::CancelEpochResponse* response) override;
  grpc::Status DestroySamplingInput(
      grpc::ServerContext* context,
      const v1::DestroySamplingInputRequest* request,
      v1::DestroySamplingInputResponse* response) override;
  grpc::Status DescribeChannel(grpc::ServerContext* context,
                               const v1::DescribeChannelRequest* request,
                               v1::DescribeChannelResponse* response) override;
  grpc::Status ListChannels(grpc::ServerContext* context,
                            const v1::ListChannelsRequest* request,
                            v1::ListChannelsResponse* response) override;
  grpc::Status ListBackends(grpc::ServerContext* context,
                            const v1::ListBackendsRequest* request,
                            v1::ListBackendsResponse* response) override;
  grpc::Status DrainMember(grpc::ServerContext* context,
                           const v1::DrainMemberRequest* request,
                           v1::DrainMemberResponse* response) override;
  grpc::Status ResolveChannel(grpc::ServerContext* context,
                              const v1::ResolveChannelRequest* request,
                              v1::ResolveChannelResponse* response) override;
  grpc::Status ListAssignments(grpc::ServerContext* context,
                               const v1::ListAssignmentsRequest* request,
                               v1::ListAssignmentsResponse* response) override;

 private:
  RegistryService(const RegistryLimits& limits, RegistryMetrics& metrics,
                  rpc::Clients& clients)
      : metrics_(metrics),
        clients_(clients),
        begun_epochs_(limits.max_channels) {}

  void OnChanged() override;
  bool OnEnded(std::vector<RegistryState::Ended> ended) override;

  // Takes a channel back for which no pool could be told.
  void TakeBack(uint64_t channel_id, uint32_t pool_rank);

  // Who calls; null in a call that no network is under.
  Caller CallerOf(const grpc::ServerContextBase* context) const;
  // As a call ends. Counts what is refused.
  grpc::Status ToStatus(const absl::Status& status);
  template <typename Answer>
  grpc::Status Respond(absl::StatusOr<Answer> answer, Answer* response) {
    if (!answer.ok()) return ToStatus(answer.status());
    *response = *std::move(answer);
    return grpc::Status::OK;
  }
  RegistryMetrics& metrics_;
  rpc::Clients& clients_;
  std::unique_ptr<RegistryCore> core_;
  std::unique_ptr<ChannelPools> pools_;
  Registrations registrations_;
  BegunEpochs begun_epochs_;
  std::unique_ptr<Heartbeats> heartbeats_;
  std::unique_ptr<MemberWatch> member_watch_;
  std::unique_ptr<GatherCalls> gather_calls_;
  std::unique_ptr<ChannelBalancer> balancer_;
};

}  // namespace fairlead

#endif  // FAIRLEAD_SERVICES_REGISTRY_REGISTRY_SERVICE_H_
