// A process of a job: meets the others, goes through an epoch of a loader if it
// is told to, and stays until SIGTERM, or, as a server, until all clients have
// gone.
//
// Prints "joined NAME" when it has met the others, of a loader "had N batches",
// and ends with 1 and why where something failed.

#include <cstdint>
#include <iostream>
#include <memory>
#include <optional>
#include <string>

#include "absl/flags/flag.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/command_line/command_line.h"
#include "libs/dist_context/dist_session.h"
#include "libs/dist_graph/dist_dataset.h"
#include "libs/loader/loader_options.h"
#include "libs/loader/received_batch.h"
#include "libs/loader/remote_dist_dataset.h"
#include "libs/loader/sample_stream.h"
#include "libs/loader/worker_options.h"
#include "libs/rpc/termination.h"
#include "libs/status/status_macros.h"

ABSL_FLAG(std::string, registry, "", "host:port; empty: the environment's.");
ABSL_FLAG(std::string, role, "worker", "worker, server or client.");
ABSL_FLAG(uint32_t, rank, 0, "Which of its role this is.");
ABSL_FLAG(uint32_t, servers, 1, "How many servers the job has.");
ABSL_FLAG(uint32_t, others, 1, "How many workers, or clients, it has.");
ABSL_FLAG(absl::Duration, lease, absl::ZeroDuration(), "0: the registry's.");
ABSL_FLAG(std::string, load, "",
          "An epoch by workers of its \"own\", or by the cluster's \"remote\" "
          "ones; empty for none.");
ABSL_FLAG(std::string, dataset, "", "For workers of its own: folder.");
ABSL_FLAG(uint32_t, partition, 0, "For workers of its own: part of that.");
ABSL_FLAG(uint32_t, num_workers, 1, "For workers of its own.");
ABSL_FLAG(std::string, shm_dir, "", "For workers of its own.");
ABSL_FLAG(std::string, sampler_pool, "", "For workers of its own: program.");

namespace fairlead {
namespace {

absl::StatusOr<std::unique_ptr<DistSession>> Join() {
  const std::string role = absl::GetFlag(FLAGS_role);
  const uint32_t rank = absl::GetFlag(FLAGS_rank);
  const uint32_t servers = absl::GetFlag(FLAGS_servers);
  const uint32_t others = absl::GetFlag(FLAGS_others);
  const JobOptions job = {.registry = absl::GetFlag(FLAGS_registry),
                          .lease = absl::GetFlag(FLAGS_lease)};
  if (role == "server") {
    return InitServer({.num_servers = servers,
                       .server_rank = rank,
                       .num_clients = others,
                       .job = job});
  }
  if (role == "client") {
    return InitClient({.num_servers = servers,
                       .num_clients = others,
                       .client_rank = rank,
                       .job = job});
  }
  return InitWorkerGroup({.world_size = others, .rank = rank, .job = job});
}

absl::Status Load(DistSession* session) {
  NeighborLoaderOptions options;
  options.registry = absl::GetFlag(FLAGS_registry);
  options.session = session;
  options.fanout = {3};
  options.batch_size = 64;
  std::optional<DistDataset> dataset;
  if (absl::GetFlag(FLAGS_load) == "own") {
    FAIRLEAD_ASSIGN_OR_RETURN(
        dataset, DistDataset::Load(absl::GetFlag(FLAGS_dataset),
                                   absl::GetFlag(FLAGS_partition)));
    options.worker_options = MpWorkerOptions{
        .num_workers = absl::GetFlag(FLAGS_num_workers),
        .channel_size = 4 << 20,
        .shm_dir = absl::GetFlag(FLAGS_shm_dir),
        .sampler_pool_program = absl::GetFlag(FLAGS_sampler_pool),
        .peers_from = options.registry};
  } else {
    FAIRLEAD_ASSIGN_OR_RETURN(
        const std::unique_ptr<RemoteDistDataset> served,
        RemoteDistDataset::Connect({.registry = options.registry}));
    std::cout << "asked " << served->num_servers() << " servers" << std::endl;
  }
  FAIRLEAD_ASSIGN_OR_RETURN(
      const std::unique_ptr<SampleStream> stream,
      SampleStream::Create(dataset.has_value() ? &*dataset : nullptr, options));
  FAIRLEAD_RETURN_IF_ERROR(stream->StartEpoch());
  uint64_t batches = 0;
  while (true) {
    FAIRLEAD_ASSIGN_OR_RETURN(const std::optional<ReceivedBatch> batch,
                              stream->Next());
    if (!batch.has_value()) break;
    ++batches;
  }
  std::cout << "had " << batches << " batches" << std::endl;
  return absl::OkStatus();
}

absl::Status Run(const rpc::TerminationSignal& termination) {
  FAIRLEAD_ASSIGN_OR_RETURN(const std::unique_ptr<DistSession> session, Join());
  std::cout << "joined " << session->context().worker_name() << std::endl;
  if (!absl::GetFlag(FLAGS_load).empty()) {
    FAIRLEAD_RETURN_IF_ERROR(Load(session.get()));
  }
  if (session->context().is_server()) {
    return WaitAndShutdownServer(*session, {});
  }
  termination.Wait();
  return session->Shutdown(absl::Minutes(2));
}

}  // namespace
}  // namespace fairlead

int main(int argc, char** argv) {
  fairlead::ParseFlagsOnly(
      argc, argv,
      "A process of a job, for tests of how jobs meet, work and part.\n"
      "Example: job_member --registry=127.0.0.1:7100 --role=worker --rank=0",
      __FILE__);
  const fairlead::rpc::TerminationSignal termination;
  return fairlead::ExitCode("job_member", fairlead::Run(termination));
}
