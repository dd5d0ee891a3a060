#ifndef FAIRLEAD_SERVICES_REGISTRY_CHANNEL_POOLS_H_
#define FAIRLEAD_SERVICES_REGISTRY_CHANNEL_POOLS_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "grpcpp/grpcpp.h"
#include "libs/clock/clock.h"
#include "libs/rpc/security.h"
#include "libs/sync/mutex.h"
#include "protos/fairlead/v1/registry.pb.h"
#include "protos/fairlead/v1/registry_state.pb.h"
#include "protos/fairlead/v1/sampler_pool.grpc.pb.h"
#include "services/registry/registry_core.h"
#include "services/registry/registry_state.h"
#include "services/registry/tenancy.h"

namespace fairlead {

// A call to a pool on behalf of `caller`: with its deadline, which is a minute
// away at most, and its cancellation.
std::unique_ptr<grpc::ClientContext> OnBehalfOf(
    const grpc::ServerContext* caller);

// Says which pool an error came from.
grpc::Status FromPool(const v1::Member& pool, const grpc::Status& status);

// The sampler pools behind the channels: which of them serves one, how to call
// it, and that it hears of channels that have come to their end. Thread-safe;
// no lock is held across a call.
class ChannelPools {
 public:
  using Stub = v1::SamplerPoolService::Stub;

  // Both must outlive it. Null `security` is plain text.
  ChannelPools(RegistryCore& core, const Clock& clock,
               std::shared_ptr<rpc::Security> security)
      : core_(core), clock_(clock), security_(std::move(security)) {}

  // The pool that serves a channel, and a stub for it. PERMISSION_DENIED if
  // the caller may not use the channel.
  struct ChannelPool {
    v1::ChannelRecord channel;
    std::string job;  // see JobOfChannel
    v1::Member pool;
    std::shared_ptr<Stub> stub;
  };
  absl::StatusOr<ChannelPool> FindChannelPool(const Caller& caller,
                                              uint64_t channel_id)
      ABSL_LOCKS_EXCLUDED(mutex_);

  // The pool that has, or is to have, a channel, and a gateway that shares its
  // memory.
  struct Host {
    v1::Member pool;
    v1::Member gateway;
  };
  absl::StatusOr<Host> FindHost(
      const v1::RegisterSamplingInputRequest& request);

  std::shared_ptr<Stub> StubOf(const v1::Member& pool)
      ABSL_LOCKS_EXCLUDED(mutex_);

  // Tells the pools that they have these channels no more. Whom it cannot tell
  // now it tells with a later UnregisterUntold(), for which it has the core
  // retry.
  void Unregister(const std::vector<RegistryState::Ended>& ended)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // The same of these and of all that are yet to be told. False if some still
  // are.
  bool UnregisterUntold(std::vector<RegistryState::Ended> ended)
      ABSL_LOCKS_EXCLUDED(mutex_);

  // For how long there has been one that is yet to be told.
  absl::Duration UntoldFor() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  RegistryCore& core_;
  const Clock& clock_;
  const std::shared_ptr<rpc::Security> security_;

  Mutex mutex_;
  std::map<std::string, std::shared_ptr<Stub>> stubs_
      ABSL_GUARDED_BY(mutex_);  // by address
  std::vector<RegistryState::Ended> untold_ ABSL_GUARDED_BY(mutex_);
  // Since when there is any.
  std::optional<absl::Duration> untold_since_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace fairlead

#endif  // FAIRLEAD_SERVICES_REGISTRY_CHANNEL_POOLS_H_
