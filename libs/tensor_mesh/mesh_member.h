#ifndef FAIRLEAD_LIBS_TENSOR_MESH_MESH_MEMBER_H_
#define FAIRLEAD_LIBS_TENSOR_MESH_MESH_MEMBER_H_

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/sync/mutex.h"
#include "libs/tensor_mesh/mesh_config.h"
#include "libs/tensor_mesh/mesh_rendezvous.h"
#include "libs/tensor_mesh/mesh_routes.h"

namespace fairlead {

// Who takes part in a barrier (parity SM-09).
struct MeshBarrier {
  bool servers = true;
  bool workers = true;
  // Every process, or only the first of each node of group_size processes.
  bool every_process = true;
};

namespace internal {

// How a member can be reached: what it tells the others when they meet.
struct MeshOffer {
  std::string shm_domain;  // empty: no shared memory
  std::string segment;
  std::string address;  // of a server: host:port; empty: no TCP
  std::string token;    // what it asks of who connects there

  std::string Encode() const;
  static absl::StatusOr<MeshOffer> Parse(const std::string& text);
};

// A member among the others: what workers and servers have in common.
// Thread-safe.
class MeshMember {
 public:
  // REQUIRES a config that was checked.
  MeshMember(MeshConfig config, std::shared_ptr<MeshRendezvous> rendezvous);

  const MeshConfig& config() const { return config_; }
  const MeshRoutes& routes() const { return routes_; }
  MeshRendezvous& rendezvous() { return *rendezvous_; }

  uint32_t WorkerNumber(uint32_t worker) const { return worker; }
  uint32_t ServerNumber(uint32_t server) const {
    return config_.num_workers + server;
  }
  // "worker 3" or "server 1".
  std::string NameOf(uint32_t number) const;
  std::string name() const { return NameOf(number_); }

  // The offers of all members, by number, for this one's.
  absl::StatusOr<std::vector<MeshOffer>> Exchange(const MeshOffer& offer,
                                                  absl::Time deadline);

  // FAILED_PRECONDITION if this member is not among those who are to meet;
  // otherwise as MeshRendezvous::Barrier. One that failed may be repeated. One
  // at a time.
  absl::Status Barrier(const MeshBarrier& scope, absl::Duration timeout)
      ABSL_LOCKS_EXCLUDED(mutex_);

  // Of all members, once, under a name of its own.
  absl::Status BarrierOfAll(const std::string& name, absl::Time deadline);

 private:
  absl::Status Explain(const absl::Status& status) const;

  const MeshConfig config_;
  const MeshRoutes routes_;
  const std::shared_ptr<MeshRendezvous> rendezvous_;
  const uint32_t number_;
  std::vector<uint32_t> all_;

  Mutex mutex_;
  // By scope: barriers passed.
  std::array<uint64_t, 8> barriers_ ABSL_GUARDED_BY(mutex_){};
};

}  // namespace internal
}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_TENSOR_MESH_MESH_MEMBER_H_
