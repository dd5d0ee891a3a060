#include "libs/tensor_mesh/mesh_config.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace fairlead {
namespace {

// Replies to so many requests fit into a ring (see shm_segment.h).
constexpr uint32_t kMaxInFlight = 512;
constexpr uint32_t kMaxMembers = 1 << 16;

}  // namespace

absl::Status CheckMeshConfig(const MeshConfig& config) {
  const auto bad = [](auto... what) {
    return absl::InvalidArgumentError(absl::StrCat(what...));
  };
  if (config.mesh.empty()) return bad("mesh: is empty; give it a name");
  const bool is_worker = config.role == MeshRole::kWorker;
  if (config.num_workers == 0 || config.num_workers > kMaxMembers) {
    return bad("num_workers: ", config.num_workers, " is not within 1 to ",
               kMaxMembers);
  }
  if (config.num_servers == 0 || config.num_servers > kMaxMembers) {
    return bad("num_servers: ", config.num_servers, " is not within 1 to ",
               kMaxMembers);
  }
  const uint32_t peers = is_worker ? config.num_workers : config.num_servers;
  if (config.rank >= peers) {
    return bad("rank: ", config.rank, " is none of ", peers,
               is_worker ? " workers" : " servers", "; the first is 0");
  }
  if (config.founding_workers > config.num_workers ||
      config.founding_servers > config.num_servers) {
    return bad("founding_workers, founding_servers: ", config.founding_workers,
               " and ", config.founding_servers, " are more than the ",
               config.num_workers, " and ", config.num_servers, " in all");
  }
  if (config.group_size == 0 || config.num_workers % config.group_size != 0 ||
      config.num_servers % config.group_size != 0) {
    return bad("group_size: ", config.group_size, " does not divide ",
               config.num_workers, " workers and ", config.num_servers,
               " servers");
  }
  if (config.routes.has_value() &&
      (config.routes->num_workers() != config.num_workers ||
       config.routes->num_servers() != config.num_servers)) {
    return bad("routes: are for ", config.routes->num_workers(),
               " workers and ", config.routes->num_servers(), " servers, of ",
               config.num_workers, " and ", config.num_servers);
  }
  if (config.max_in_flight == 0 || config.max_in_flight > kMaxInFlight) {
    return bad("max_in_flight: ", config.max_in_flight, " is not within 1 to ",
               kMaxInFlight);
  }
  if (config.max_keys == 0) return bad("max_keys: give at least 1");
  if (config.spin < absl::ZeroDuration() || config.spin > absl::Seconds(1)) {
    return bad("spin: ", absl::FormatDuration(config.spin),
               " is not within 0 to 1s");
  }
  if (config.init_timeout <= absl::ZeroDuration() ||
      config.peer_timeout < absl::Milliseconds(100)) {
    return bad(
        "init_timeout, peer_timeout: give more than 0, and at least 100ms");
  }
  return absl::OkStatus();
}

}  // namespace fairlead
