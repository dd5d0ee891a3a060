#ifndef FAIRLEAD_LIBS_LOADER_SAMPLE_STREAM_OPTIONS_H_
#define FAIRLEAD_LIBS_LOADER_SAMPLE_STREAM_OPTIONS_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "libs/loader/landing.h"
#include "libs/loader/worker_options.h"
#include "protos/fairlead/v1/registry.pb.h"
#include "protos/fairlead/v1/sampling.pb.h"

namespace fairlead::rpc {
class Security;
}

namespace fairlead {

class DistSession;

// Who makes a loader's batches and how they come here, whatever is in them. The
// defaults are a registry on this host, and all its sampler pools.
struct DeliveryOptions {
  // host:port; empty for the environment's (rpc::RegistryAddress).
  std::string registry = "127.0.0.1:7100";

  // Towards the registry and all that it names, and of a pool of this process's
  // own: rpc::Security::Create(...). Null speaks plain text.
  std::shared_ptr<rpc::Security> security = nullptr;

  // --- who samples -----------------------------------------------------------
  WorkerOptions worker_options = RemoteWorkerOptions();
  v1::FailurePolicy failure_policy = v1::FAILURE_POLICY_UNSPECIFIED;
  // This process's part in a job, where GLT's rules for its members are to hold
  // (check_session.h). Looked at when the loader is made, and not after.
  DistSession* session = nullptr;

  // --- how batches travel from remote workers --------------------------------
  std::vector<uint32_t> server_ranks = {};  // empty: one of every partition
  uint64_t prefetch_size = 4;               // batches under way per server
  uint64_t credit_bytes = 256 << 20;        // and bytes
  // For what is not there (yet), and for what has gone; 0 to try once.
  absl::Duration connect_timeout = absl::Seconds(60);
  absl::Duration recovery_timeout = absl::Seconds(120);

  // --- under which names it is remote workers' -------------------------------
  // Loaders that share a backend_key share its options. The member name and the
  // worker_key must differ between trainers; empty ones are made up.
  std::string backend_key = "dist_neighbor_loader";
  v1::BackendOptions backend = {};
  v1::ChannelControl control = {};  // how it stands against others, at first
  std::string member_name = {};
  std::string worker_key = {};

  // host:port where this process serves its metrics, for what scrapes the
  // members of the cluster (tools/dashboards); empty if it does not.
  std::string metrics_address = {};
};

// What a stream of batches of any kind is of, as the contracts put it. Made
// from a loader's options (loader_options.h), or by hand.
struct SampleStreamOptions : DeliveryOptions {
  // One: every server samples of it what is its own, and a list is dealt out.
  // Or one for each server.
  std::vector<v1::SeedNodes> seeds = {};
  v1::SamplingConfig config = {};

  // Where batches are put as they come. Loaders set it: see Placement.
  Landing landing = {};
};

// INVALID_ARGUMENT, naming the option and what it may be, for what no server
// need be asked about.
absl::Status Validate(const SampleStreamOptions& options);

// Tells inputs apart that make other batches: of seeds and sampling config.
uint64_t InputFingerprint(const SampleStreamOptions& options);

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_LOADER_SAMPLE_STREAM_OPTIONS_H_
