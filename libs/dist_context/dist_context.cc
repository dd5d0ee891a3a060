#include "libs/dist_context/dist_context.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "libs/status/status_macros.h"

namespace fairlead {
namespace {

constexpr uint32_t kMostMembers = 65536;
constexpr size_t kMostLetters = 32;

absl::Status CheckSize(absl::string_view what, uint32_t size) {
  if (size >= 1 && size <= kMostMembers) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(what, ": must be 1 to ", kMostMembers, ", got ", size));
}

absl::Status CheckRank(absl::string_view what, uint32_t rank,
                       absl::string_view size_name, uint32_t size) {
  if (rank < size) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(what, ": ", rank, " of ",
                                                 size_name, " ", size,
                                                 "; ranks are counted from 0"));
}

std::string GroupName(DistRole role, absl::string_view name) {
  if (name.empty()) return absl::StrCat("_default_", DistRoleName(role));
  return absl::StrReplaceAll(name, {{"-", "_"}});
}

absl::StatusOr<DistContext> Checked(DistContext context) {
  FAIRLEAD_RETURN_IF_ERROR(Validate(context));
  return context;
}

}  // namespace

absl::string_view DistRoleName(DistRole role) {
  switch (role) {
    case DistRole::kWorker:
      return "worker";
    case DistRole::kServer:
      return "server";
    case DistRole::kClient:
      return "client";
  }
  return "unknown";
}

uint32_t DistContext::num_servers() const {
  if (is_worker()) return 0;
  return is_server() ? world_size : global_world_size - world_size;
}

uint32_t DistContext::num_clients() const {
  if (is_worker()) return 0;
  return is_client() ? world_size : global_world_size - world_size;
}

std::string DistContext::worker_name() const {
  return absl::StrCat(group_name, "_", rank);
}

absl::Status Validate(const DistContext& context) {
  const std::string& name = context.group_name;
  const bool is_name =
      !name.empty() && name.size() <= kMostLetters &&
      std::all_of(name.begin(), name.end(), [](unsigned char c) {
        return absl::ascii_isalnum(c) || c == '_' || c == '.' || c == ':';
      });
  if (!is_name) {
    return absl::InvalidArgumentError(
        absl::StrCat("group_name: \"", name, "\" must be 1 to ", kMostLetters,
                     " characters of [A-Za-z0-9._:-]"));
  }
  FAIRLEAD_RETURN_IF_ERROR(CheckSize("world_size", context.world_size));
  FAIRLEAD_RETURN_IF_ERROR(
      CheckSize("global_world_size", context.global_world_size));
  FAIRLEAD_RETURN_IF_ERROR(
      CheckRank("rank", context.rank, "world_size", context.world_size));
  FAIRLEAD_RETURN_IF_ERROR(CheckRank("global_rank", context.global_rank,
                                     "global_world_size",
                                     context.global_world_size));
  if (context.world_size > context.global_world_size) {
    return absl::InvalidArgumentError(absl::StrCat(
        "world_size: ", context.world_size, " is more than global_world_size ",
        context.global_world_size));
  }
  return absl::OkStatus();
}

absl::StatusOr<DistContext> MakeWorkerContext(uint32_t world_size,
                                              uint32_t rank,
                                              absl::string_view group_name) {
  return Checked({.role = DistRole::kWorker,
                  .group_name = GroupName(DistRole::kWorker, group_name),
                  .world_size = world_size,
                  .rank = rank,
                  .global_world_size = world_size,
                  .global_rank = rank});
}

absl::StatusOr<DistContext> MakeServerContext(uint32_t num_servers,
                                              uint32_t num_clients,
                                              uint32_t server_rank,
                                              absl::string_view group_name) {
  FAIRLEAD_RETURN_IF_ERROR(CheckSize("num_servers", num_servers));
  // A job may have servers before it has clients.
  if (num_clients > 0) {
    FAIRLEAD_RETURN_IF_ERROR(CheckSize("num_clients", num_clients));
  }
  FAIRLEAD_RETURN_IF_ERROR(
      CheckRank("server_rank", server_rank, "num_servers", num_servers));
  return Checked({.role = DistRole::kServer,
                  .group_name = GroupName(DistRole::kServer, group_name),
                  .world_size = num_servers,
                  .rank = server_rank,
                  .global_world_size = num_servers + num_clients,
                  .global_rank = server_rank});
}

absl::StatusOr<DistContext> MakeClientContext(uint32_t num_servers,
                                              uint32_t num_clients,
                                              uint32_t client_rank,
                                              absl::string_view group_name) {
  FAIRLEAD_RETURN_IF_ERROR(CheckSize("num_servers", num_servers));
  FAIRLEAD_RETURN_IF_ERROR(CheckSize("num_clients", num_clients));
  FAIRLEAD_RETURN_IF_ERROR(
      CheckRank("client_rank", client_rank, "num_clients", num_clients));
  return Checked({.role = DistRole::kClient,
                  .group_name = GroupName(DistRole::kClient, group_name),
                  .world_size = num_clients,
                  .rank = client_rank,
                  .global_world_size = num_servers + num_clients,
                  .global_rank = num_servers + client_rank});
}

absl::StatusOr<std::vector<uint32_t>> AssignServerByOrder(
    uint32_t num_servers, uint32_t num_clients, uint32_t client_rank) {
  FAIRLEAD_RETURN_IF_ERROR(
      MakeClientContext(num_servers, num_clients, client_rank, "").status());
  if (num_servers < num_clients) return std::vector{client_rank % num_servers};
  const uint32_t each = num_servers / num_clients;
  const uint32_t more = num_servers % num_clients;
  const uint32_t first = client_rank * each + std::min(client_rank, more);
  std::vector<uint32_t> servers;
  for (uint32_t i = 0; i < each + (client_rank < more ? 1 : 0); ++i) {
    servers.push_back(first + i);
  }
  return servers;
}

}  // namespace fairlead
