#ifndef FAIRLEAD_LIBS_LOADER_SAMPLING_INPUT_H_
#define FAIRLEAD_LIBS_LOADER_SAMPLING_INPUT_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "libs/loader/registry_session.h"
#include "libs/sync/mutex.h"
#include "protos/fairlead/v1/messages.pb.h"
#include "protos/fairlead/v1/registry.pb.h"
#include "protos/fairlead/v1/sampling.pb.h"

namespace fairlead {

// One trainer's channel on one storage host.
struct SamplingChannel {
  uint32_t server_rank = 0;
  uint64_t channel_id = 0;
  std::string gateway_address;
  uint64_t seeds = 0;
  uint64_t batches = 0;  // in every epoch
};

// A trainer's seeds, registered on one or more servers: a channel on each, from
// construction to destruction. All or none: if a server refuses, the channels
// made on the others are destroyed again (parity DS-68). Thread-safe.
class SamplingInput {
 public:
  struct Options {
    std::string backend_key = {};
    v1::BackendOptions backend = {};
    std::string worker_key = {};  // unique in the backend

    // Empty means a sampler pool of every partition that the registry knows.
    std::vector<uint32_t> server_ranks = {};

    // One: a split is sampled by each server from the nodes that it holds; a
    // list of ids is dealt out, so that each is sampled by one server. Or one
    // for each server.
    std::vector<v1::SeedNodes> seeds = {};
    v1::SamplingConfig config = {};
    v1::ChannelControl control = {};
    v1::FailurePolicy failure_policy = v1::FAILURE_POLICY_UNSPECIFIED;

    // How long to wait for a pool or gateway that is not there (yet).
    absl::Duration connect_timeout = absl::Seconds(60);
  };

  // Registers with all servers. A channel that an earlier run of this trainer
  // left under the same worker_key is replaced: this one starts from nothing.
  // INVALID_ARGUMENT for a server named twice; otherwise as
  // RegistryService.RegisterSamplingInput. `session` must outlive the input.
  static absl::StatusOr<std::unique_ptr<SamplingInput>> Register(
      RegistrySession* session, Options options);

  // A dry run: what registering would take of each server, and whether it has
  // that (`refusal`). Changes nothing. Errors as Register's.
  struct ServerPlan {
    uint32_t server_rank = 0;
    v1::PlanSamplingInputResponse plan;
  };
  static absl::StatusOr<std::vector<ServerPlan>> Plan(RegistrySession* session,
                                                      Options options);

  // Destroys the channels, if the registry can be reached.
  ~SamplingInput();

  size_t num_servers() const { return requests_.size(); }
  SamplingChannel channel(size_t server) const ABSL_LOCKS_EXCLUDED(mutex_);

  // Starts an epoch, or with attempt > 0 what is missing of it, and returns
  // where to receive it. A retry registers once more, since a service that was
  // restarted may answer elsewhere, and the lease may have run out, and the
  // channel with it: then another is made. FAILED_PRECONDITION if the channel
  // is in a later epoch or attempt: another trainer uses this worker_key, or
  // epochs were started out of order. NOT_FOUND if the channel is gone and the
  // lease is not, ABORTED if a process of the same member name has taken over:
  // another trainer is not fought for its place.
  absl::StatusOr<SamplingChannel> StartEpoch(
      size_t server, uint64_t epoch, uint32_t attempt,
      absl::Span<const v1::BatchRange> held) ABSL_LOCKS_EXCLUDED(mutex_);

  const RegistrySession& session() const { return *session_; }

 private:
  SamplingInput(RegistrySession* session, Options options);

  // Finds the servers, and what each is to be asked.
  absl::Status MakeRequests(absl::Time deadline);
  absl::Status RegisterAll();
  // `existed`, if not null: whether an earlier process left the channel.
  absl::StatusOr<SamplingChannel> RegisterOn(size_t server,
                                             bool* existed = nullptr);
  absl::Status RegisterAgain(size_t server) ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<SamplingChannel> StartRegistered(
      size_t server, uint64_t epoch, uint32_t attempt,
      absl::Span<const v1::BatchRange> held) ABSL_LOCKS_EXCLUDED(mutex_);

  RegistrySession* const session_;
  const Options options_;
  std::vector<v1::RegisterSamplingInputRequest> requests_;  // const once made

  mutable Mutex mutex_;
  std::vector<SamplingChannel> channels_ ABSL_GUARDED_BY(mutex_);
  // ConfirmLease() when each was last registered; 0 at first.
  std::vector<uint64_t> leases_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_LOADER_SAMPLING_INPUT_H_
