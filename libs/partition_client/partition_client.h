#ifndef FAIRLEAD_LIBS_PARTITION_CLIENT_PARTITION_CLIENT_H_
#define FAIRLEAD_LIBS_PARTITION_CLIENT_PARTITION_CLIENT_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "libs/partition_client/peer_source.h"
#include "libs/partition_client/remote_partitions.h"
#include "libs/rpc/retry_budget.h"
#include "libs/sync/mutex.h"

namespace fairlead::rpc {
class Security;
}

namespace fairlead {

class ReplicaDirectory;

// Asks the sampler pools of other partitions over gRPC: one call a partition
// and round, however much is asked, none of which a thread waits for. Calls go
// round the replicas of a partition (parity 2.7); one that does not answer is
// passed over, then and for a while, and who there is is asked for anew. No
// collective: building it asks nobody (W-43). Thread-safe.
class PartitionClient final : public RemotePartitions {
 public:
  struct Options {
    std::string dataset_name;
    std::shared_ptr<rpc::Security> security = nullptr;  // null: plain text
    uint32_t num_partitions = 1;
    // Of one call to one replica.
    absl::Duration call_deadline = absl::Seconds(10);
    // After which a partition that nobody answers for is given up.
    absl::Duration give_up_after = absl::Seconds(60);
    // How old a list of who there is may become before it is asked for anew,
    // even if all is well: there may be more by now.
    absl::Duration list_again_after = absl::Seconds(30);
    // Told of the time of each call to one replica, however it ended, from any
    // thread. May be empty.
    std::function<void(uint32_t partition, absl::Duration took)> on_call_ended =
        nullptr;
  };

  struct Counts {
    uint64_t calls = 0;
    uint64_t ok_calls = 0;      // of these
    uint64_t failed_calls = 0;  // likewise; most were made again elsewhere
    uint64_t given_up = 0;
    uint64_t request_bytes = 0;
    uint64_t response_bytes = 0;
    uint64_t in_flight = 0;
  };

  // `peers` must outlive it.
  PartitionClient(Options options, PeerSource& peers);

  // Cancels what is under way, and waits for its `done` calls, which get
  // CANCELLED, and for `peers` to say whom it was asked for.
  ~PartitionClient() override;

  void Fetch(const RemoteFetches& fetches,
             std::function<void(absl::Status)> done) override;

  Counts counts() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  class Round;
  class Call;

  // Asks who there is, beside what is under way, once it is time.
  void ListAgainIfDue() ABSL_LOCKS_EXCLUDED(mutex_);

  // False if the client is going: then nothing may be begun.
  bool Begin(Call* call) ABSL_LOCKS_EXCLUDED(mutex_);
  void End(Call* call) ABSL_LOCKS_EXCLUDED(mutex_);

  const Options options_;
  PeerSource& peers_;
  const std::unique_ptr<ReplicaDirectory> directory_;

  mutable Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  absl::flat_hash_set<Call*> calls_ ABSL_GUARDED_BY(mutex_);
  int calls_going_ ABSL_GUARDED_BY(mutex_) = 0;  // ended, not yet deleted
  bool is_listing_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Time list_again_at_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  Counts counts_ ABSL_GUARDED_BY(mutex_);
  // As many calls as there are batches under way may miss one partition, and
  // each asks the registry about it.
  rpc::RetryBudget retries_ ABSL_GUARDED_BY(mutex_){/*per_second=*/200,
                                                    /*at_once=*/100};
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_PARTITION_CLIENT_PARTITION_CLIENT_H_
