#ifndef FAIRLEAD_SERVICES_REGISTRY_CHANNEL_BALANCER_H_
#define FAIRLEAD_SERVICES_REGISTRY_CHANNEL_BALANCER_H_

#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "libs/sync/mutex.h"
#include "protos/fairlead/v1/registry.pb.h"
#include "services/registry/channel_pools.h"
#include "services/registry/registry_core.h"
#include "services/registry/registry_metrics.h"
#include "services/registry/registry_state.h"

namespace fairlead {

// Moves channels between the pools of a partition when one of these comes,
// goes or drains, as RegistryState::PlanMoves says. A move is: ask the other
// pool whether it has room; write it down; make the channel there; end it here.
// Its trainer sees its stream end, asks where the channel is now, and gets
// there what it has not had: each batch once, the same bytes.
//
// A pool that refuses a channel, or does not answer, is not given it. One
// thread of its own, so that nobody waits for a pool. Thread-safe.
class ChannelBalancer {
 public:
  // All three must outlive it.
  ChannelBalancer(RegistryCore& core, ChannelPools& pools,
                  RegistryMetrics& metrics);
  ~ChannelBalancer() { Stop(); }

  // Members came, changed or went.
  void Notify() ABSL_LOCKS_EXCLUDED(mutex_);

  // Ends the thread, once the call to a pool that is under way has ended.
  // Idempotent.
  void Stop() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  void Run() ABSL_LOCKS_EXCLUDED(mutex_);
  // False if something is to be tried again.
  bool Balance();
  // An error if `to` could not be asked.
  absl::Status Carry(const RegistryState::Move& move, const v1::Member& to);
  bool HasNews() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return stopping_ || news_;
  }

  RegistryCore& core_;
  ChannelPools& pools_;
  RegistryMetrics& metrics_;

  Mutex mutex_;
  bool news_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;

  std::thread thread_;  // last: it uses all of the above
};

}  // namespace fairlead

#endif  // FAIRLEAD_SERVICES_REGISTRY_CHANNEL_BALANCER_H_
