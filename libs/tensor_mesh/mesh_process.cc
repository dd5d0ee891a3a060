// One member of a mesh as a process, for tests: exchanges sums until it has
// done its rounds or a peer is lost, or, if it is elastic, until SIGTERM; says
// what became of it, and stops.

#include <signal.h>

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/command_line/command_line.h"
#include "libs/membership/membership.h"
#include "libs/status/status_macros.h"
#include "libs/tensor_mesh/elastic_member.h"
#include "libs/tensor_mesh/folder_rendezvous.h"
#include "libs/tensor_mesh/mesh_config.h"
#include "libs/tensor_mesh/mesh_rendezvous.h"
#include "libs/tensor_mesh/mesh_server.h"
#include "libs/tensor_mesh/mesh_tensor.h"
#include "libs/tensor_mesh/mesh_worker.h"
#include "libs/tensor_mesh/registry_rendezvous.h"
#include "protos/fairlead/v1/registry.pb.h"

ABSL_FLAG(std::string, registry, "", "host:port: where the members meet.");
ABSL_FLAG(std::string, folder, "", "Where they meet without a registry.");
ABSL_FLAG(bool, elastic, false, "Goes on without those lost, until SIGTERM.");
ABSL_FLAG(std::string, shm_dir, "", "A folder on a tmpfs.");
ABSL_FLAG(bool, server, false, "A server, not a worker.");
ABSL_FLAG(bool, tcp, false, "Over TCP, not shared memory.");
ABSL_FLAG(uint32_t, rank, 0, "Among its role.");
ABSL_FLAG(uint32_t, workers, 1, "How many.");
ABSL_FLAG(uint32_t, servers, 1, "How many.");
ABSL_FLAG(uint32_t, founding_servers, 0, "Of them, at the start; 0: all.");
ABSL_FLAG(uint32_t, floats, 1000, "Of a push.");
ABSL_FLAG(uint64_t, rounds, 0, "0: until a peer is lost.");
ABSL_FLAG(absl::Duration, stop_timeout, absl::Seconds(5), "Of Stop.");

namespace fairlead {
namespace {

constexpr absl::Duration kPlenty = absl::Seconds(60);
constexpr char kJob[] = "mesh";

// SIGTERM is blocked, so that it stays to be seen.
sigset_t Terminating() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  return signals;
}
bool IsAskedToEnd() {
  sigset_t pending;
  sigpending(&pending);
  return sigismember(&pending, SIGTERM) == 1;
}

MeshTensorView View(const std::vector<float>& values) {
  return {.dtype = v1::DTYPE_FLOAT32,
          .shape = {static_cast<int64_t>(values.size())},
          .bytes = {reinterpret_cast<const uint8_t*>(values.data()),
                    values.size() * sizeof(float)}};
}

void Say(const std::string& line) {
  printf("%s\n", line.c_str());
  fflush(stdout);
}

// Pushes a number, and gets that number times (server + 1) back.
absl::Status Work(MeshWorker& worker) {
  if (absl::GetFlag(FLAGS_elastic)) {
    return testing::WorkUntil(worker, absl::GetFlag(FLAGS_floats), IsAskedToEnd,
                              Say);
  }
  const uint64_t rounds = absl::GetFlag(FLAGS_rounds);
  const size_t servers = absl::GetFlag(FLAGS_servers);
  std::vector<float> push(absl::GetFlag(FLAGS_floats));
  std::vector<std::vector<float>> replies(servers, push);
  for (uint64_t round = 0; rounds == 0 || round < rounds; ++round) {
    const auto value = static_cast<float>(round % 1000);
    push.assign(push.size(), value);
    std::vector<MeshPull> pulls;
    for (size_t i = 0; i < servers; ++i) {
      pulls.push_back({i,
                       {.dtype = v1::DTYPE_FLOAT32,
                        .shape = {static_cast<int64_t>(push.size())},
                        .bytes = {reinterpret_cast<uint8_t*>(replies[i].data()),
                                  push.size() * sizeof(float)}}});
    }
    FAIRLEAD_ASSIGN_OR_RETURN(
        const MeshHandler handler,
        worker.PushPull({{0, View(push)}}, std::move(pulls)));
    FAIRLEAD_RETURN_IF_ERROR(worker.Wait(handler, kPlenty));
    for (size_t i = 0; i < servers; ++i) {
      for (const float reply : replies[i]) {
        if (reply != value * static_cast<float>(i + 1)) {
          return absl::DataLossError("a reply is wrong");
        }
      }
    }
    if (round == 0) Say("busy");
  }
  return absl::OkStatus();
}

absl::Status Serve(MeshServer& server) {
  const auto factor = static_cast<float>(absl::GetFlag(FLAGS_rank) + 1);
  if (absl::GetFlag(FLAGS_elastic)) {
    return testing::ServeUntil(server, factor, IsAskedToEnd);
  }
  const uint64_t rounds = absl::GetFlag(FLAGS_rounds);
  std::vector<std::shared_ptr<std::vector<float>>> replies(
      absl::GetFlag(FLAGS_workers));
  for (uint64_t round = 0; rounds == 0 || round < rounds; ++round) {
    FAIRLEAD_ASSIGN_OR_RETURN(const MeshServer::Batch batch,
                              server.GetBatch({.timeout = kPlenty}));
    for (const MeshServerRequest& request : batch.requests) {
      const MeshTensorView& push = request.pushes.at(0).tensor;
      const auto* values = reinterpret_cast<const float*>(push.bytes.data());
      // Its own for each worker: over TCP it may be under way for a while.
      auto reply = std::make_shared<std::vector<float>>(
          values, values + push.bytes.size() / sizeof(float));
      for (float& value : *reply) value *= factor;
      MeshTensorView answer = View(*reply);
      answer.owner = reply;
      FAIRLEAD_RETURN_IF_ERROR(server.Respond({answer}, request.handler));
    }
    if (round == 0) Say("busy");
  }
  return absl::OkStatus();
}

template <typename Member, typename Run>
int RunMember(const MeshConfig& config,
              const std::shared_ptr<MeshRendezvous>& rendezvous,
              const Run& run) {
  auto member = Member::Create(config, rendezvous);
  if (!member.ok()) {
    Say("start: " + member.status().ToString());
    return 1;
  }
  Say("run: " + run(**member).ToString());
  Say("stop: " + (*member)->Stop(absl::GetFlag(FLAGS_stop_timeout)).ToString());
  return 0;
}

// Where the members meet. A member of the registry is kept by `membership`.
absl::StatusOr<std::shared_ptr<MeshRendezvous>> Meet(
    uint32_t member, std::unique_ptr<Membership>& membership) {
  std::shared_ptr<MeshRendezvous> rendezvous;
  if (absl::GetFlag(FLAGS_registry).empty()) {
    FAIRLEAD_ASSIGN_OR_RETURN(
        rendezvous,
        FolderRendezvous::Join(absl::GetFlag(FLAGS_folder), member));
    return rendezvous;
  }
  Membership::Options options;
  options.registry = absl::GetFlag(FLAGS_registry);
  options.member.set_member_name(RegistryRendezvous::NameOf(kJob, member));
  options.member.set_role(v1::ROLE_TRAINER);
  FAIRLEAD_ASSIGN_OR_RETURN(membership, Membership::Start(std::move(options)));
  FAIRLEAD_ASSIGN_OR_RETURN(
      rendezvous, RegistryRendezvous::Join(membership.get(), kJob, member));
  return rendezvous;
}

int Main() {
  MeshConfig config{.num_workers = absl::GetFlag(FLAGS_workers),
                    .num_servers = absl::GetFlag(FLAGS_servers),
                    .rank = absl::GetFlag(FLAGS_rank),
                    .founding_servers = absl::GetFlag(FLAGS_founding_servers),
                    .shm_dir = absl::GetFlag(FLAGS_shm_dir),
                    .arena_bytes = 1 << 20};
  config.transports = absl::GetFlag(FLAGS_tcp)
                          ? MeshConfig::Transports::kTcpOnly
                          : MeshConfig::Transports::kShmOnly;
  const bool is_server = absl::GetFlag(FLAGS_server);
  const uint32_t member =
      is_server ? config.num_workers + config.rank : config.rank;
  std::unique_ptr<Membership> membership;
  const auto joined = Meet(member, membership);
  if (!joined.ok()) {
    Say("start: " + joined.status().ToString());
    return 1;
  }
  if (!is_server) return RunMember<MeshWorker>(config, *joined, Work);
  config.role = MeshRole::kServer;
  return RunMember<MeshServer>(config, *joined, Serve);
}

}  // namespace
}  // namespace fairlead

int main(int argc, char** argv) {
  fairlead::ParseFlagsOnly(argc, argv,
                           "One member of a tensor mesh, for tests.", __FILE__);
  const sigset_t terminating = fairlead::Terminating();
  pthread_sigmask(SIG_BLOCK, &terminating, nullptr);
  return fairlead::Main();
}
