#ifndef FAIRLEAD_LIBS_DIST_CONTEXT_DIST_CONTEXT_H_
#define FAIRLEAD_LIBS_DIST_CONTEXT_DIST_CONTEXT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace fairlead {

// What a process of a job is (parity GL-010): either all are workers, which
// sample and train; or some are servers, which others ask, and the rest their
// clients, which train.
enum class DistRole { kWorker = 1, kServer = 2, kClient = 3 };

// "worker", "server", "client".
absl::string_view DistRoleName(DistRole role);

// A process's place in its job (parity GL-011 to GL-014): which group it is of,
// and where in that and in all. Among all, servers come before clients.
struct DistContext {
  DistRole role = DistRole::kWorker;
  std::string group_name = {};
  uint32_t world_size = 1;  // of the group, which has all of this role
  uint32_t rank = 0;
  uint32_t global_world_size = 1;
  uint32_t global_rank = 0;

  bool operator==(const DistContext&) const = default;

  bool is_worker() const { return role == DistRole::kWorker; }
  bool is_server() const { return role == DistRole::kServer; }
  bool is_client() const { return role == DistRole::kClient; }

  // 0 among workers.
  uint32_t num_servers() const;
  uint32_t num_clients() const;

  // "{group_name}_{rank}".
  std::string worker_name() const;
};

// INVALID_ARGUMENT, naming the field, unless the sizes are positive, the ranks
// below them and world_size at most global_world_size; 2^16 in all at most, as
// the registry has it; and the group's name is 1 to 32 of [A-Za-z0-9._:].
absl::Status Validate(const DistContext& context);

// Contexts, validated. An empty group name is the default one of its role,
// "_default_server" and so on; in others "_" takes the place of "-". Counts and
// ranks are named in errors as here.
absl::StatusOr<DistContext> MakeWorkerContext(uint32_t world_size,
                                              uint32_t rank,
                                              absl::string_view group_name);
absl::StatusOr<DistContext> MakeServerContext(uint32_t num_servers,
                                              uint32_t num_clients,
                                              uint32_t server_rank,
                                              absl::string_view group_name);
absl::StatusOr<DistContext> MakeClientContext(uint32_t num_servers,
                                              uint32_t num_clients,
                                              uint32_t client_rank,
                                              absl::string_view group_name);

// The servers that client `client_rank` should ask if nothing else says so
// (parity GL-017): of S servers and C clients, each has S / C in a row, the
// first S % C one more; where there are fewer servers than clients they take
// turns. INVALID_ARGUMENT as MakeClientContext.
absl::StatusOr<std::vector<uint32_t>> AssignServerByOrder(uint32_t num_servers,
                                                          uint32_t num_clients,
                                                          uint32_t client_rank);

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_DIST_CONTEXT_DIST_CONTEXT_H_
