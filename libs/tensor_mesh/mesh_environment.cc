#include "libs/tensor_mesh/mesh_environment.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

#include <cstdint>
#include <memory>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "libs/status/status_macros.h"
#include "libs/tensor_mesh/mesh_routes.h"

namespace fairlead {
namespace {

class Environment {
 public:
  explicit Environment(absl::FunctionRef<const char*(const char*)> getenv)
      : getenv_(getenv) {}

  std::string Text(const char* name) const {
    const char* value = getenv_(name);
    return value == nullptr ? "" : value;
  }

  absl::StatusOr<uint32_t> Number(const char* name, uint32_t unset) const {
    const std::string text = Text(name);
    uint32_t number = unset;
    if (!text.empty() && !absl::SimpleAtoi(text, &number)) {
      return absl::InvalidArgumentError(
          absl::StrCat(name, "=", text, ": is no number"));
    }
    return number;
  }

 private:
  absl::FunctionRef<const char*(const char*)> getenv_;
};

absl::StatusOr<std::string> AddressOfInterface(const std::string& name) {
  ifaddrs* all = nullptr;
  getifaddrs(&all);
  const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> owner(all,
                                                               &freeifaddrs);
  for (const ifaddrs* each = all; each != nullptr; each = each->ifa_next) {
    if (each->ifa_addr == nullptr || name != each->ifa_name ||
        each->ifa_addr->sa_family != AF_INET) {
      continue;
    }
    char text[INET_ADDRSTRLEN] = {};
    inet_ntop(AF_INET,
              &reinterpret_cast<const sockaddr_in*>(each->ifa_addr)->sin_addr,
              text, sizeof(text));
    return std::string(text);
  }
  return absl::InvalidArgumentError(
      absl::StrCat("DMLC_INTERFACE=", name,
                   ": is no interface with an IPv4 address; see `ip address`"));
}

absl::Status CheckWhatIsNotHere(const Environment& environment) {
  const std::string rdma = environment.Text("DMLC_ENABLE_RDMA");
  if (!rdma.empty() && rdma != "0") {
    return absl::UnimplementedError(
        absl::StrCat("DMLC_ENABLE_RDMA=", rdma,
                     ": there is no RDMA here; unset it to use shared memory "
                     "and TCP"));
  }
  for (const char* name : {"STEPMESH_BAKCEND", "STEPMESH_BACKEND"}) {
    const std::string backend = environment.Text(name);
    if (backend.empty() || backend == "CPU") continue;
    if (backend == "GPU") {
      return absl::UnimplementedError(absl::StrCat(
          name, "=GPU: tensors must be on the CPU here; set it to CPU"));
    }
    return absl::InvalidArgumentError(
        absl::StrCat(name, "=", backend, ": is none; set it to CPU"));
  }
  for (const char* name :
       {"STEPMESH_SPLIT_QP_LAG", "STEPMESH_MEM_SYNC", "STEPMESH_BIND_CPU_CORE",
        "STEPMESH_CPU_CORES_PER_SOCKET", "STEPMESH_CPU_CORES_PER_GPU",
        "STEPMESH_CPU_START_OFFSET"}) {
    FAIRLEAD_RETURN_IF_ERROR(environment.Number(name, 0).status());
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<MeshEnvironment> MeshEnvironmentOf(
    absl::FunctionRef<const char*(const char*)> getenv) {
  const Environment environment(getenv);
  FAIRLEAD_RETURN_IF_ERROR(CheckWhatIsNotHere(environment));
  MeshEnvironment found;
  MeshConfig& config = found.config;
  const std::string role = environment.Text("DMLC_ROLE");
  if (role != "worker" && role != "server") {
    return absl::InvalidArgumentError(absl::StrCat(
        "DMLC_ROLE=", role, ": is neither worker nor server",
        role == "scheduler" ? "; start a registry, which does its work" : ""));
  }
  config.role = role == "worker" ? MeshRole::kWorker : MeshRole::kServer;
  FAIRLEAD_ASSIGN_OR_RETURN(const uint32_t workers,
                            environment.Number("DMLC_NUM_WORKER", 1));
  FAIRLEAD_ASSIGN_OR_RETURN(const uint32_t servers,
                            environment.Number("DMLC_NUM_SERVER", 1));
  FAIRLEAD_ASSIGN_OR_RETURN(config.group_size,
                            environment.Number("DMLC_GROUP_SIZE", 1));
  FAIRLEAD_ASSIGN_OR_RETURN(const uint32_t node,
                            environment.Number("DMLC_NODE_RANK", 0));
  FAIRLEAD_ASSIGN_OR_RETURN(const uint32_t gpu,
                            environment.Number("STEPMESH_GPU", 0));
  FAIRLEAD_ASSIGN_OR_RETURN(const uint32_t offset,
                            environment.Number("DMLC_RANK_OFFSET", 0));
  FAIRLEAD_ASSIGN_OR_RETURN(
      const uint32_t instance,
      environment.Number("DMLC_INSTANCE_ID", gpu + offset));
  constexpr uint32_t kMost = 1 << 15;  // so that no product overflows
  if (config.group_size == 0 || config.group_size > kMost || workers > kMost ||
      servers > kMost || node > kMost || instance > kMost) {
    return absl::InvalidArgumentError(
        absl::StrCat("DMLC_GROUP_SIZE, DMLC_NUM_WORKER, DMLC_NUM_SERVER, "
                     "DMLC_NODE_RANK, DMLC_INSTANCE_ID: one is more than ",
                     kMost, ", or the first is 0"));
  }
  config.num_workers = workers * config.group_size;
  config.num_servers = servers * config.group_size;
  config.rank = node * config.group_size + instance;
  if (config.group_size > 1) {
    config.routes = MeshRoutes::Paired(workers, servers, config.group_size);
  }
  const std::string local = environment.Text("DMLC_LOCAL");
  if (!local.empty() && local != "0") {
    config.transports = MeshConfig::Transports::kShmOnly;
  }
  const std::string interface = environment.Text("DMLC_INTERFACE");
  if (!interface.empty()) {
    FAIRLEAD_ASSIGN_OR_RETURN(const std::string address,
                              AddressOfInterface(interface));
    config.listen_address = absl::StrCat(address, ":0");
  }
  const std::string host = environment.Text("DMLC_PS_ROOT_URI");
  if (!host.empty()) {
    FAIRLEAD_ASSIGN_OR_RETURN(const uint32_t port,
                              environment.Number("DMLC_PS_ROOT_PORT", 0));
    found.registry = absl::StrCat(host, ":", port);
  }
  FAIRLEAD_RETURN_IF_ERROR(CheckMeshConfig(config));
  return found;
}

}  // namespace fairlead
