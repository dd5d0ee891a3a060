// The sampler_pool binary: flags in, dependencies wired, serve until told to
// stop. What decides is in the libraries.

#include <signal.h>
#include <sys/prctl.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "grpcpp/grpcpp.h"
#include "libs/clock/clock.h"
#include "libs/command_line/byte_size.h"
#include "libs/command_line/command_line.h"
#include "libs/cuda/accelerator.h"
#include "libs/cuda/device_options.h"
#include "libs/cuda/open_accelerator.h"
#include "libs/fair_scheduler/fair_scheduler.h"
#include "libs/graph/dataset.h"
#include "libs/membership/membership.h"
#include "libs/partition_client/partition_client.h"
#include "libs/partition_client/registry_peers.h"
#include "libs/rpc/readiness.h"
#include "libs/rpc/ready_line.h"
#include "libs/rpc/refusals.h"
#include "libs/rpc/security.h"
#include "libs/rpc/server.h"
#include "libs/rpc/server_flags.h"
#include "libs/rpc/status_conversion.h"
#include "libs/rpc/termination.h"
#include "libs/security/identity.h"
#include "libs/shm_channel/shm_domain.h"
#include "libs/status/status_macros.h"
#include "libs/telemetry/channel_samples.h"
#include "libs/telemetry/metric_names.h"
#include "libs/telemetry/refusal_samples.h"
#include "libs/telemetry/telemetry.h"
#include "protos/fairlead/v1/registry.grpc.pb.h"
#include "services/sampler_pool/available_cores.h"
#include "services/sampler_pool/graph_store_service.h"
#include "services/sampler_pool/pool.h"
#include "services/sampler_pool/pool_metrics.h"
#include "services/sampler_pool/sampler_pool_service.h"

ABSL_FLAG(std::string, listen, "127.0.0.1:7200",
          "host:port of the gRPC service; port 0 takes a free one.");
ABSL_FLAG(
    std::string, metrics_listen, "127.0.0.1:7201",
    "host:port where Prometheus finds /metrics; port 0 takes a free one, and "
    "empty serves none.");
ABSL_FLAG(std::string, registry, "127.0.0.1:7100",
          "host:port of the registry to join; empty joins none: then whoever "
          "knows the address registers inputs here.");
ABSL_FLAG(std::string, peers_from, "",
          "host:port of the registry that knows the sampler pools of other "
          "partitions; by default --registry.");
ABSL_FLAG(bool, end_with_parent, false,
          "End, as on SIGTERM, when the process that started this one does.");
ABSL_FLAG(std::string, dataset, "",
          "Folder of the dataset, as tools/dataset writes it. Required.");
ABSL_FLAG(uint32_t, partition, 0, "Which partition of the dataset to serve.");
ABSL_FLAG(bool, verify_dataset, true,
          "Read and check all of the topology at the start.");
ABSL_FLAG(fairlead::ByteSize, feature_cache, fairlead::ByteSize(256ULL << 20),
          "Memory for features of other partitions that are asked for often.");
ABSL_FLAG(absl::Duration, peer_deadline, absl::Seconds(10),
          "How long a sampler pool of another partition may take to answer.");
ABSL_FLAG(absl::Duration, peer_give_up, absl::Seconds(60),
          "After which batches fail that need a partition that nobody answers "
          "for.");
ABSL_FLAG(std::string, graph_mode, "cpu",
          "Who samples: cpu, or a GPU that reads the graph in page-locked "
          "memory (zero_copy) or in its own (cuda). Batches are the same; what "
          "the GPU does not sample, the CPU does: libs/cuda/README.md.");
ABSL_FLAG(bool, feature_with_gpu, false,
          "Gather features with the GPU: hot rows are kept in its memory, the "
          "rest in page-locked memory.");
ABSL_FLAG(std::string, device, "", "Which GPU: cuda:1, say; empty, the first.");
ABSL_FLAG(
    fairlead::ByteSize, device_memory_budget,
    fairlead::ByteSize(fairlead::cuda::DeviceOptions::kDefaultMemoryBudget),
    "Most memory of the GPU for the graph and hot rows; what batches in "
    "the making take comes on top.");
ABSL_FLAG(int, workers, 0,
          "Sampling threads; 0 for one on each core that this process may keep "
          "busy.");
ABSL_FLAG(
    uint32_t, poison_attempts, 3,
    "How many times in a row a batch may kill the process while it alone is "
    "sampled, before it fails untried; 0 for any number.");
ABSL_FLAG(
    std::string, shm_dir, "/dev/shm/fairlead",
    "Folder on a tmpfs for the channels' buffers; shared with the channel "
    "gateway of this host. Made if it is missing.");
ABSL_FLAG(fairlead::ByteSize, shm_budget, fairlead::ByteSize(1ULL << 30),
          "Most that all buffers may take together, such as 512MB or 4GB.");
ABSL_FLAG(fairlead::ByteSize, memory_budget, fairlead::ByteSize(4ULL << 30),
          "Most memory that the trainers' lists of seeds may take together; 0 "
          "for any. (Splits take none.)");
ABSL_FLAG(std::string, scheduling, "deficit",
          "How trainers share the workers: deficit (equal worker time, by "
          "weight) or round_robin (one batch each, in turn).");
ABSL_FLAG(uint64_t, metrics_max_channels, 128,
          "Most channels with metrics of their own; the rest are summed as "
          "channel=\"other\".");
ABSL_FLAG(uint64_t, max_channels, 1024, "Most channels at a time.");
ABSL_FLAG(std::string, member_name, "",
          "Name in the cluster, the same after a restart; by default made from "
          "the host name and --partition.");
ABSL_FLAG(absl::Duration, connect_timeout, absl::Seconds(60),
          "How long to try to reach the registry at the start.");
ABSL_FLAG(absl::Duration, drain, absl::Seconds(5),
          "On SIGTERM, how long open calls may take to finish.");

namespace fairlead {
namespace {

constexpr std::chrono::seconds kRegistryDeadline(10);

// A list of seeds may be long.
constexpr uint64_t kMaxRequest = 1ULL << 30;

// Makes the channels that the registry says should be here, and ends others:
// this pool, or its registry, may have been restarted.
absl::Status Reconcile(Pool& pool, uint64_t member_id,
                       const std::shared_ptr<grpc::Channel>& registry) {
  // Before the question: one that is registered meanwhile is not to go.
  const std::vector<uint64_t> held_before = pool.channel_ids();
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kRegistryDeadline);
  v1::ListAssignmentsRequest request;
  request.set_member_id(member_id);
  v1::ListAssignmentsResponse assignments;
  FAIRLEAD_RETURN_IF_ERROR(
      rpc::ToAbslStatus(v1::RegistryService::Stub(registry).ListAssignments(
          &context, request, &assignments)));
  for (const absl::Status& error : pool.Reconcile(
           held_before,
           {assignments.channels().begin(), assignments.channels().end()})) {
    std::cerr << "sampler_pool: " << error << "\n";
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Membership>> Join(
    std::shared_ptr<rpc::Security> security, Pool& pool, const Dataset& dataset,
    const std::string& address, const std::string& metrics,
    const std::string& domain, rpc::Readiness& readiness,
    std::function<void()> replaced) {
  Membership::Options join;
  join.registry = absl::GetFlag(FLAGS_registry);
  join.security = std::move(security);
  join.connect_timeout = absl::GetFlag(FLAGS_connect_timeout);
  std::string name = absl::GetFlag(FLAGS_member_name);
  if (name.empty()) {
    name = DefaultMemberName(
        absl::StrCat("pool-", absl::GetFlag(FLAGS_partition)));
  }
  join.member.set_member_name(name);
  join.member.set_role(v1::ROLE_SAMPLER_POOL);
  join.member.set_address(address);
  join.member.set_metrics_address(metrics);
  join.member.set_shm_domain(domain);
  v1::DatasetPartition* served = join.member.mutable_dataset();
  served->set_name(dataset.name());
  served->set_partition(dataset.partition());
  served->set_num_partitions(dataset.num_partitions());
  join.on_joined = [&pool](const v1::JoinResponse& joined,
                           const std::shared_ptr<grpc::Channel>& registry) {
    return Reconcile(pool, joined.member_id(), registry);
  };
  join.readiness = &readiness;
  join.on_replaced = std::move(replaced);
  return Membership::Start(std::move(join));
}

absl::Status Serve() {
  const rpc::TerminationSignal termination;  // before any thread exists
  if (absl::GetFlag(FLAGS_end_with_parent)) prctl(PR_SET_PDEATHSIG, SIGTERM);
  const RealClock clock;
  // A pool of a trainer's own runs under the trainer's certificate.
  std::optional<security::Role> role = security::Role::kPool;
  if (absl::GetFlag(FLAGS_registry).empty()) role = std::nullopt;
  FAIRLEAD_ASSIGN_OR_RETURN(const std::shared_ptr<rpc::Security> security,
                            rpc::ServerSecurityFromFlags(role));
  rpc::Refusals refusals;
  rpc::Readiness readiness;
  FAIRLEAD_ASSIGN_OR_RETURN(
      const SchedulingPolicy scheduling,
      ParseSchedulingPolicy(absl::GetFlag(FLAGS_scheduling)));
  const std::string shm_dir = absl::GetFlag(FLAGS_shm_dir);
  FAIRLEAD_ASSIGN_OR_RETURN(const std::string shm_domain,
                            PrepareShmDomain(shm_dir));
  FAIRLEAD_ASSIGN_OR_RETURN(
      const std::unique_ptr<const Dataset> dataset,
      Dataset::Load(absl::GetFlag(FLAGS_dataset),
                    {.partition = absl::GetFlag(FLAGS_partition),
                     .verify = absl::GetFlag(FLAGS_verify_dataset)}));
  FAIRLEAD_ASSIGN_OR_RETURN(
      const std::unique_ptr<cuda::Accelerator> accelerator,
      cuda::OpenAccelerator(
          *dataset, {.graph_mode = absl::GetFlag(FLAGS_graph_mode),
                     .feature_with_gpu = absl::GetFlag(FLAGS_feature_with_gpu),
                     .device = absl::GetFlag(FLAGS_device),
                     .memory_budget_bytes =
                         absl::GetFlag(FLAGS_device_memory_budget).bytes}));
  // Before the pool, which asks through it until its end.
  const std::string registry = absl::GetFlag(FLAGS_registry);
  const std::string peers_from = absl::GetFlag(FLAGS_peers_from);
  RegistryPeers peers(peers_from.empty() ? registry : peers_from, security,
                      dataset->name());
  const std::string metrics_listen = absl::GetFlag(FLAGS_metrics_listen);
  auto telemetry = std::make_unique<Telemetry>();
  if (!metrics_listen.empty()) {
    FAIRLEAD_ASSIGN_OR_RETURN(telemetry, Telemetry::Serve(metrics_listen));
  }
  telemetry->ExposeReadiness(readiness);
  PoolMetrics metrics(*telemetry);
  std::unique_ptr<PartitionClient> partition_client;
  if (dataset->num_partitions() > 1) {
    if (registry.empty() && peers_from.empty()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "--peers_from: must be given where --registry is empty and the "
          "dataset has ",
          dataset->num_partitions(), " partitions"));
    }
    partition_client = std::make_unique<PartitionClient>(
        PartitionClient::Options{
            .dataset_name = dataset->name(),
            .security = security,
            .num_partitions = dataset->num_partitions(),
            .call_deadline = absl::GetFlag(FLAGS_peer_deadline),
            .give_up_after = absl::GetFlag(FLAGS_peer_give_up),
            .on_call_ended =
                metrics.PeerCallObserver(dataset->num_partitions())},
        peers);
  }
  // The client is the pool's, and lives as long.
  const auto peer_counts = [client = partition_client.get()] {
    return client == nullptr ? PartitionClient::Counts() : client->counts();
  };
  const int workers = absl::GetFlag(FLAGS_workers);
  FAIRLEAD_ASSIGN_OR_RETURN(
      const std::unique_ptr<Pool> pool,
      Pool::Start(
          *dataset,
          {.shm_dir = shm_dir,
           .shm_budget_bytes = absl::GetFlag(FLAGS_shm_budget).bytes,
           .memory_budget_bytes = absl::GetFlag(FLAGS_memory_budget).bytes,
           .workers = workers == 0 ? AvailableCores() : workers,
           .max_channels = absl::GetFlag(FLAGS_max_channels),
           .scheduler = {.policy = scheduling},
           .awaits_assignments = !registry.empty(),
           .poison_attempts = absl::GetFlag(FLAGS_poison_attempts),
           .feature_cache_bytes = absl::GetFlag(FLAGS_feature_cache).bytes,
           .accelerator = accelerator.get()},
          clock, metrics, std::move(partition_client)));
  ChannelSamples channels(absl::GetFlag(FLAGS_metrics_max_channels));
  const auto sampled = telemetry->OnScrape(
      [&pool, &channels, &refusals, peer_counts](MetricSamples& samples) {
        SamplePool(pool->TakeSnapshot(), channels, samples);
        SamplePeers(peer_counts(), pool->cache_counts(), samples);
        SampleRefusals(refusals, samples);
      });
  SamplerPoolService service(*pool);
  GraphStoreService graph_store(*dataset);
  FAIRLEAD_ASSIGN_OR_RETURN(rpc::ServerOptions serve,
                            rpc::ServerOptionsFromFlags(kMaxRequest));
  serve.listen = absl::GetFlag(FLAGS_listen);
  serve.security = security;
  serve.refusals = &refusals;
  serve.readiness = &readiness;
  FAIRLEAD_ASSIGN_OR_RETURN(
      const std::unique_ptr<rpc::Server> server,
      rpc::Server::Start(serve, {&service, &graph_store}));
  const auto waiting = telemetry->OnScrape([&server](MetricSamples& samples) {
    samples.Gauge(metrics::kWaitingCalls, {},
                  static_cast<double>(server->waiting_calls()));
  });

  std::unique_ptr<Membership> membership;
  if (!registry.empty()) {
    FAIRLEAD_ASSIGN_OR_RETURN(
        membership,
        Join(security, *pool, *dataset, server->address(), telemetry->address(),
             shm_domain, readiness, [&termination] { termination.Request(); }));
  }
  rpc::PrintReadyLine({"sampler_pool", server->address(),
                       metrics_listen.empty() ? "none" : telemetry->address()});
  std::cerr << "sampler_pool: serves partition " << dataset->partition()
            << " of " << dataset->num_partitions() << " of " << dataset->name();
  if (membership != nullptr) {
    std::cerr << " as server_rank " << membership->rank();
  }
  if (!metrics_listen.empty()) {
    std::cerr << "; metrics at http://" << telemetry->address() << "/metrics";
  }
  std::cerr << "\n";

  termination.Wait();
  readiness.Hold("stopping");
  const absl::Status membership_status =
      membership == nullptr ? absl::OkStatus() : membership->status();
  membership.reset();  // leaves the cluster first: nobody is sent here now
  server->Drain(absl::GetFlag(FLAGS_drain));
  return membership_status;
}

}  // namespace
}  // namespace fairlead

int main(int argc, char** argv) {
  fairlead::ParseFlagsOnly(
      argc, argv,
      "Serves one partition of a graph: samples for many trainers at once.\n"
      "Example: bazel run --config=opt //services/sampler_pool -- "
      "--dataset=/data/wordnet --registry=127.0.0.1:7100",
      __FILE__);
  return fairlead::ExitCode("sampler_pool", fairlead::Serve());
}
