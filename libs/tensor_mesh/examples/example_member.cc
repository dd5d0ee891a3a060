#include "libs/tensor_mesh/examples/example_member.h"

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>

#include "absl/flags/flag.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "libs/status/status_macros.h"
#include "libs/tensor_mesh/folder_rendezvous.h"
#include "libs/tensor_mesh/mesh_environment.h"

ABSL_FLAG(std::string, role, "local",
          "worker, server, or local: everything in this process.");
ABSL_FLAG(uint32_t, rank, 0, "Among those of this role.");
ABSL_FLAG(uint32_t, workers, 2, "How many.");
ABSL_FLAG(uint32_t, servers, 2, "How many.");
ABSL_FLAG(std::string, shm_dir, "/dev/shm/fairlead",
          "A folder on a tmpfs. Made if it is missing.");
ABSL_FLAG(std::string, folder, "",
          "Where the processes of this run meet: an empty folder.");
ABSL_FLAG(bool, from_environment, false,
          "Take role, rank and numbers from DMLC_ROLE and its like.");

namespace fairlead {

absl::StatusOr<ExampleMember> ExampleMemberFromFlags() {
  ExampleMember member;
  if (absl::GetFlag(FLAGS_from_environment)) {
    FAIRLEAD_ASSIGN_OR_RETURN(
        const MeshEnvironment environment,
        MeshEnvironmentOf([](const char* name) { return getenv(name); }));
    member.config = environment.config;
  } else {
    const std::string role = absl::GetFlag(FLAGS_role);
    if (role != "worker" && role != "server") {
      return absl::InvalidArgumentError(absl::StrCat(
          "--role=", role, ": is none; give worker, server or local"));
    }
    member.config.role =
        role == "worker" ? MeshRole::kWorker : MeshRole::kServer;
    member.config.rank = absl::GetFlag(FLAGS_rank);
    member.config.num_workers = absl::GetFlag(FLAGS_workers);
    member.config.num_servers = absl::GetFlag(FLAGS_servers);
  }
  member.config.shm_dir = absl::GetFlag(FLAGS_shm_dir);
  member.config.arena_bytes = 16 << 20;
  FAIRLEAD_RETURN_IF_ERROR(CheckMeshConfig(member.config));
  const uint32_t number = member.config.role == MeshRole::kWorker
                              ? member.config.rank
                              : member.config.num_workers + member.config.rank;
  FAIRLEAD_ASSIGN_OR_RETURN(
      member.rendezvous,
      FolderRendezvous::Join(absl::GetFlag(FLAGS_folder), number));
  return member;
}

bool IsLocalExample() {
  return absl::GetFlag(FLAGS_role) == "local" &&
         !absl::GetFlag(FLAGS_from_environment);
}

uint32_t ExampleWorkers() { return absl::GetFlag(FLAGS_workers); }
uint32_t ExampleServers() { return absl::GetFlag(FLAGS_servers); }

}  // namespace fairlead
