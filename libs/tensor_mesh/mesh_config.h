#ifndef FAIRLEAD_LIBS_TENSOR_MESH_MESH_CONFIG_H_
#define FAIRLEAD_LIBS_TENSOR_MESH_MESH_CONFIG_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/tensor_mesh/mesh_routes.h"

namespace fairlead {

enum class MeshRole {
  kWorker,  // pushes and pulls
  kServer,  // answers
};

// A member of a mesh, and what it may use. All members of one mesh have equal
// `mesh`, `num_workers`, `num_servers`, `founding_...`, `group_size` and
// `routes`.
//
// Each role and rank is a place, which one process at a time has. When it is
// gone, another may take its place: it is created as the first was, finds the
// others, and they find it; README.md says what becomes of what.
struct MeshConfig {
  std::string mesh = "mesh";  // its name: several may share a rendezvous
  MeshRole role = MeshRole::kWorker;
  uint32_t num_workers = 1;
  uint32_t num_servers = 1;
  uint32_t rank = 0;  // among those of its role

  // How many of them the start waits for, the first ranks; the others may join
  // at any time, or never. 0: all.
  uint32_t founding_workers = 0;
  uint32_t founding_servers = 0;

  // Processes a node, for barriers between nodes; divides both numbers.
  uint32_t group_size = 1;

  // Who exchanges with whom; unset: every worker with every server.
  std::optional<MeshRoutes> routes;

  enum class Transports {
    kAuto,     // shared memory where both share `shm_dir`, otherwise TCP
    kShmOnly,  // a peer that does not share it is an error of Create
    kTcpOnly,
  };
  Transports transports = Transports::kAuto;

  // A folder on a tmpfs, made if it is missing.
  std::string shm_dir = "/dev/shm/fairlead";
  // Of mesh memory (AllocateBuffer, and places of keys), taken at once.
  uint64_t arena_bytes = uint64_t{64} << 20;
  // A server's address that its workers can reach; port 0 takes a free one.
  std::string listen_address = "127.0.0.1:0";
  // What a server receives into, over TCP, beside what it registered.
  uint64_t receive_bytes = uint64_t{1} << 30;

  uint32_t max_in_flight =
      256;  // requests of a worker, not done or not waited for
  uint32_t max_keys = 65536;      // that a worker may push to a server, ever
  uint32_t trace_history = 1024;  // finished requests that are remembered

  // Keys say who pushes them (see MeshKey), and both ends check that.
  bool keys_name_their_worker = false;

  // How long a wait may spin before it sleeps, at most: it learns how long is
  // worth it. A core is busy meanwhile.
  absl::Duration spin = absl::Microseconds(20);
  // How long Create waits for the founders. One that joins a mesh that runs
  // waits for those who are there, no longer than `peer_timeout`.
  absl::Duration init_timeout = absl::Seconds(60);
  // A TCP peer whose host fell silent is lost after this.
  absl::Duration peer_timeout = absl::Seconds(10);
};

// INVALID_ARGUMENT, naming the field.
absl::Status CheckMeshConfig(const MeshConfig& config);

// StepMesh's key: an id (below 256), a micro-batch (below 256) and the rank of
// the worker whose it is (parity 3.3).
constexpr uint64_t MeshKey(uint32_t id, uint32_t micro_batch, uint32_t worker) {
  return (id & 0xFF) | (micro_batch & 0xFF) << 8 | uint64_t{worker} << 16;
}
constexpr uint32_t WorkerOfMeshKey(uint64_t key) {
  return static_cast<uint32_t>(key >> 16 & 0xFFFFFFFF);
}

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_TENSOR_MESH_MESH_CONFIG_H_
