#ifndef FAIRLEAD_SERVICES_REGISTRY_REGISTRY_SERVICE_H_
#define FAIRLEAD_SERVICES_REGISTRY_REGISTRY_SERVICE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/random/random.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "grpcpp/grpcpp.h"
#include "libs/clock/clock.h"
#include "libs/sync/mutex.h"
#include "protos/fairlead/v1/registry.grpc.pb.h"
#include "protos/fairlead/v1/sampler_pool.grpc.pb.h"
#include "services/registry/registry_metrics.h"
#include "services/registry/registry_state.h"
#include "services/registry/registry_store.h"

namespace fairlead {

// The registry on the network: puts a lock and a store around RegistryState,
// hands the calls that concern a channel on to its sampler pool, and ends the
// leases that run out. Its lock is never held across a call to a pool.
class RegistryService final : public v1::RegistryService::Service {
 public:
  // Takes in what `store` holds. All three must outlive the service.
  static absl::StatusOr<std::unique_ptr<RegistryService>> Create(
      const RegistryLimits& limits, RegistryStore& store, const Clock& clock,
      RegistryMetrics& metrics);
  ~RegistryService() override;

  grpc::Status Join(grpc::ServerContext* context,
                    const v1::JoinRequest* request,
                    v1::JoinResponse* response) override;
  grpc::Status RenewLease(grpc::ServerContext* context,
                          const v1::RenewLeaseRequest* request,
                          v1::RenewLeaseResponse* response) override;
  grpc::Status Leave(grpc::ServerContext* context,
                     const v1::LeaveRequest* request,
                     v1::LeaveResponse* response) override;
  grpc::Status ListMembers(grpc::ServerContext* context,
                           const v1::ListMembersRequest* request,
                           v1::ListMembersResponse* response) override;
  grpc::Status InitSamplingBackend(
      grpc::ServerContext* context,
      const v1::InitSamplingBackendRequest* request,
      v1::InitSamplingBackendResponse* response) override;
  grpc::Status RegisterSamplingInput(
      grpc::ServerContext* context,
      const v1::RegisterSamplingInputRequest* request,
      v1::RegisterSamplingInputResponse* response) override;
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
  grpc::Status ResolveChannel(grpc::ServerContext* context,
                              const v1::ResolveChannelRequest* request,
                              v1::ResolveChannelResponse* response) override;
  grpc::Status ListAssignments(grpc::ServerContext* context,
                               const v1::ListAssignmentsRequest* request,
                               v1::ListAssignmentsResponse* response) override;

  // Ends the leases that have run out by now, and retries what pools could not
  // be told. False if the store failed to take it. The service's own thread
  // does this in time; a test with a clock of its own calls it.
  bool ExpireLeases() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  using PoolStub = v1::SamplerPoolService::Stub;

  RegistryService(const RegistryLimits& limits, RegistryStore& store,
                  const Clock& clock, RegistryMetrics& metrics)
      : store_(store), clock_(clock), metrics_(metrics), state_(limits) {}

  // Makes writes durable, then real.
  absl::Status Commit(const RegistryState::Writes& writes)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status CommitLeave(uint64_t member_id,
                           std::vector<RegistryState::Ended>* ended)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // The pool that serves a channel, and a stub for it.
  struct ChannelPool {
    v1::ChannelRecord channel;
    v1::Member pool;
    std::shared_ptr<PoolStub> stub;
  };
  absl::StatusOr<ChannelPool> FindChannelPool(uint64_t channel_id)
      ABSL_LOCKS_EXCLUDED(mutex_);
  std::shared_ptr<PoolStub> StubOf(const v1::Member& pool)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // Tells the pools; what cannot be told now is told later.
  void Unregister(std::vector<RegistryState::Ended> ended)
      ABSL_LOCKS_EXCLUDED(mutex_);

  void RunLeases() ABSL_LOCKS_EXCLUDED(mutex_);
  bool ShouldLookAtLeases() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return stopping_ || leases_changed_;
  }
  void UpdateMetrics() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // Tells members of one life of the registry from another.
  const uint64_t incarnation_ = absl::Uniform<uint64_t>(absl::BitGen());
  RegistryStore& store_;
  const Clock& clock_;
  RegistryMetrics& metrics_;

  Mutex mutex_;
  RegistryState state_ ABSL_GUARDED_BY(mutex_);
  int64_t revision_ ABSL_GUARDED_BY(mutex_) = 0;  // of the store: state_'s
  std::map<std::string, std::shared_ptr<PoolStub>> stubs_
      ABSL_GUARDED_BY(mutex_);  // by address
  std::vector<RegistryState::Ended> to_unregister_ ABSL_GUARDED_BY(mutex_);
  // Registrations that wait for a pool's answer, by channel: a call may be
  // sent twice, and the two may end differently.
  struct Registering {
    int under_way = 0;
    bool is_new = false;     // one of them made the channel
    bool succeeded = false;  // one of them has got it
  };
  std::map<uint64_t, Registering> registering_ ABSL_GUARDED_BY(mutex_);
  bool leases_changed_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;

  std::thread lease_thread_;
};

}  // namespace fairlead

#endif  // FAIRLEAD_SERVICES_REGISTRY_REGISTRY_SERVICE_H_
