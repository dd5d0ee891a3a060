#ifndef FAIRLEAD_LIBS_LOADER_WORKER_OPTIONS_H_
#define FAIRLEAD_LIBS_LOADER_WORKER_OPTIONS_H_

#include <cstdint>
#include <string>
#include <variant>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "libs/loader/one_or_many.h"

namespace fairlead {

// Batches of one worker in the making at a time (GL-085).
inline constexpr uint32_t kMaxWorkerConcurrency = 32;

// Who samples for a loader (parity GL-058, GL-080 to GL-088). The batches are
// the same, and nothing goes wrong where members of a job choose otherwise than
// others; a loader that is given its session finds other num_workers, as GLT
// would have it (GL-083, check_session.h). There is no num_rpc_threads: what is
// asked of other partitions takes no threads (GL-087). In place of master_addr
// and master_port is the registry; where that is left empty, it is found by
// them (GL-086, rpc::RegistryAddress).

// Sampler pools of a cluster: DeliveryOptions say how batches travel. No ports
// to hand out, as DS-66 has them.
struct RemoteWorkerOptions {};

// The trainer's own process; there need be no server.
struct CollocatedWorkerOptions {
  // Batches that are made ahead, on a thread of their own. 0 makes each when it
  // is asked for, by whoever asks.
  uint64_t prefetch_size = 0;

  // For rows of other partitions that are asked for often.
  uint64_t feature_cache_bytes = 256 << 20;
};

// A sampler pool that the trainer starts on its host, and which ends with it:
// batches come straight out of shared memory.
struct MpWorkerOptions {
  uint32_t num_workers = 1;         // sampling threads
  uint32_t worker_concurrency = 4;  // batches in the making for each: 1 to 32

  // Where they sample, once for all or once for each (GL-084); none chooses.
  // "cpu" is all there is: the dataset says which GPU samples it, if one does
  // (DistDataset::Load), and to_device where batches go.
  OneOrMany<std::string> worker_devices = {};

  // Bytes of shared memory for batches; 0 means 64 MiB for each worker. At most
  // num_workers * worker_concurrency batches wait in it, and two more, which
  // the trainer may keep there while they take up no more than a quarter; what
  // it keeps beyond is copied.
  uint64_t channel_size = 0;
  std::string shm_dir = "/dev/shm/fairlead";  // on a tmpfs; made if missing

  // The program; empty: $FAIRLEAD_SAMPLER_POOL, or the one that lies next to
  // the trainer's program, or in its runfiles.
  std::string sampler_pool_program = {};
  std::string log_dir = {};  // of what it says; empty: $TMPDIR or /tmp

  // host:port of a registry whose sampler pools are asked for what other
  // partitions have, where the dataset has several; empty for the
  // environment's (rpc::RegistryAddress).
  std::string peers_from = {};
  uint64_t feature_cache_bytes = 256 << 20;  // as above

  absl::Duration start_timeout = absl::Minutes(5);  // until it has its dataset

  // Of a call to it, and of what it asks of another partition, with all tries:
  // a batch that needs that has failed then (GL-088).
  absl::Duration rpc_timeout = absl::Seconds(180);

  // A pool that makes no batch, and does not answer either for so long, is
  // ended and another started: it hangs, or was stopped (SIGSTOP).
  absl::Duration stall_timeout = absl::Seconds(30);
};

using WorkerOptions =
    std::variant<RemoteWorkerOptions, CollocatedWorkerOptions, MpWorkerOptions>;

// INVALID_ARGUMENT, naming the option and what it may be; FAILED_PRECONDITION
// for workers on a GPU.
absl::Status Validate(const WorkerOptions& options);

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_LOADER_WORKER_OPTIONS_H_
