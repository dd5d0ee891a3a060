#ifndef FAIRLEAD_LIBS_PARTITION_CLIENT_REPLICA_DIRECTORY_H_
#define FAIRLEAD_LIBS_PARTITION_CLIENT_REPLICA_DIRECTORY_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "libs/partition_client/peer_source.h"
#include "libs/rpc/security.h"
#include "libs/sync/mutex.h"
#include "protos/fairlead/v1/graph_store.grpc.pb.h"

namespace fairlead {

// The replicas of each partition, and whose turn it is. Connects to nobody by
// itself: a replica's connection is made when it is first used. Thread-safe.
class ReplicaDirectory {
 public:
  struct Replica {
    std::string address;
    std::unique_ptr<v1::GraphStoreService::StubInterface> stub;
    // Until when others are asked first; the directory's.
    absl::Time avoid_until = absl::InfinitePast();
  };
  using ReplicaPtr = std::shared_ptr<Replica>;

  // Null `security` is plain text.
  explicit ReplicaDirectory(std::shared_ptr<rpc::Security> security = nullptr)
      : security_(std::move(security)) {}

  // Takes over who there is. Those that are still there stay connected; a
  // partition that nobody is named for keeps those that it had: whoever named
  // them may have forgotten them, and if they are gone, that shows.
  void Set(const std::vector<Peer>& peers) ABSL_LOCKS_EXCLUDED(mutex_);

  // Whom to ask next, one after another, of those who were not tried; one that
  // is to be avoided only if there is nobody else. Null if all were tried.
  ReplicaPtr Next(uint32_t partition, const std::vector<ReplicaPtr>& tried,
                  absl::Time now) ABSL_LOCKS_EXCLUDED(mutex_);

  // It has not answered.
  void Avoid(Replica& replica, absl::Time until) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct Partition {
    std::vector<ReplicaPtr> replicas;
    size_t next = 0;
  };

  const std::shared_ptr<rpc::Security> security_;

  Mutex mutex_;
  absl::flat_hash_map<uint32_t, Partition> partitions_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_PARTITION_CLIENT_REPLICA_DIRECTORY_H_
