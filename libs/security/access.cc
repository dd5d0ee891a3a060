#include "libs/security/access.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "libs/security/identity.h"

namespace fairlead::security {
namespace {

// A set of roles.
using Roles = unsigned;
constexpr Roles kRegistry = static_cast<Roles>(Role::kRegistry);
constexpr Roles kPool = static_cast<Roles>(Role::kPool);
constexpr Roles kGateway = static_cast<Roles>(Role::kGateway);
constexpr Roles kTrainer = static_cast<Roles>(Role::kTrainer);
constexpr Roles kOperator = static_cast<Roles>(Role::kOperator);
constexpr Roles kMembers = kPool | kGateway | kTrainer;
constexpr Roles kAnyone = kRegistry | kMembers | kOperator;

struct Row {
  absl::string_view method;
  Roles roles;
  bool for_nobody = false;  // and for those without certificate and token
};

constexpr Row kRows[] = {
    {"/fairlead.v1.RegistryService/Join", kMembers},
    {"/fairlead.v1.RegistryService/Heartbeat", kMembers},
    {"/fairlead.v1.RegistryService/Leave", kMembers},
    {"/fairlead.v1.RegistryService/ListMembers", kMembers | kOperator},
    {"/fairlead.v1.RegistryService/WatchMembers", kMembers | kOperator},
    {"/fairlead.v1.RegistryService/AllGather", kTrainer},
    {"/fairlead.v1.RegistryService/InitSamplingBackend", kTrainer},
    {"/fairlead.v1.RegistryService/RegisterSamplingInput", kTrainer},
    {"/fairlead.v1.RegistryService/PlanSamplingInput", kTrainer | kOperator},
    {"/fairlead.v1.RegistryService/StartEpoch", kTrainer},
    {"/fairlead.v1.RegistryService/UpdateChannel", kTrainer | kOperator},
    {"/fairlead.v1.RegistryService/CancelEpoch", kTrainer | kOperator},
    {"/fairlead.v1.RegistryService/DestroySamplingInput", kTrainer | kOperator},
    {"/fairlead.v1.RegistryService/DescribeChannel", kTrainer | kOperator},
    {"/fairlead.v1.RegistryService/ListChannels", kOperator},
    {"/fairlead.v1.RegistryService/ListBackends", kOperator},
    {"/fairlead.v1.RegistryService/DrainMember", kOperator},
    {"/fairlead.v1.RegistryService/ResolveChannel", kGateway | kOperator},
    {"/fairlead.v1.RegistryService/ListAssignments", kPool},

    {"/fairlead.v1.SamplerPoolService/RegisterInput", kRegistry},
    {"/fairlead.v1.SamplerPoolService/PlanInput", kRegistry},
    {"/fairlead.v1.SamplerPoolService/StartEpoch", kRegistry},
    {"/fairlead.v1.SamplerPoolService/UpdateInput", kRegistry},
    {"/fairlead.v1.SamplerPoolService/CancelEpoch", kRegistry},
    {"/fairlead.v1.SamplerPoolService/UnregisterInput", kRegistry},
    {"/fairlead.v1.SamplerPoolService/DescribeInput", kRegistry | kOperator},
    {"/fairlead.v1.SamplerPoolService/ListInputs", kRegistry | kOperator},
    {"/fairlead.v1.SamplerPoolService/AttachConsumer", kGateway},

    {"/fairlead.v1.GraphStoreService/GetDatasetMeta",
     kPool | kTrainer | kOperator},
    {"/fairlead.v1.GraphStoreService/GetPartitionIds", kTrainer | kOperator},
    {"/fairlead.v1.GraphStoreService/GetPartitionBook", kTrainer | kOperator},
    {"/fairlead.v1.GraphStoreService/GetRows", kTrainer | kOperator},
    {"/fairlead.v1.GraphStoreService/GetEdgeIndex", kTrainer | kOperator},
    {"/fairlead.v1.GraphStoreService/GetNodeIds", kTrainer | kOperator},
    {"/fairlead.v1.GraphStoreService/GetAblpInput", kTrainer | kOperator},
    {"/fairlead.v1.GraphStoreService/PeerFetch", kPool},

    {"/fairlead.v1.ChannelGatewayService/Receive", kTrainer},
    {"/fairlead.v1.ChannelGatewayService/Fetch", kTrainer},
    {"/fairlead.v1.ChannelGatewayService/ListTimelines", kOperator},

    // Of processes that trainers run.
    {"/fairlead.v1.CalleeService/Call", 0},

    {"/grpc.health.v1.Health/Check", kAnyone, /*for_nobody=*/true},
    {"/grpc.health.v1.Health/Watch", kAnyone},
    {"/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", kAnyone},
};

constexpr std::pair<Role, absl::string_view> kRoleNames[] = {
    {Role::kRegistry, "registries"}, {Role::kPool, "pools"},
    {Role::kGateway, "gateways"},    {Role::kTrainer, "trainers"},
    {Role::kOperator, "operators"},
};

std::string NamesOf(Roles roles) {
  std::vector<absl::string_view> names;
  for (const auto& [role, name] : kRoleNames) {
    if ((roles & static_cast<Roles>(role)) != 0) names.push_back(name);
  }
  return names.empty() ? "trainers of the job that serves it"
                       : absl::StrJoin(names, " and ");
}

}  // namespace

absl::Status CheckAccess(absl::string_view method, const Identity& caller,
                         const Identity& self) {
  const Row* const row =
      std::find_if(std::begin(kRows), std::end(kRows),
                   [method](const Row& row) { return row.method == method; });
  if (row == std::end(kRows)) {
    return absl::UnimplementedError(
        absl::StrCat(method, ": is not offered to anyone"));
  }
  if (row->for_nobody) return absl::OkStatus();
  if (caller.role == Role::kNobody) {
    return absl::UnauthenticatedError(absl::StrCat(
        method, ": the caller has shown neither certificate nor token"));
  }
  if (self.role == Role::kTrainer) {
    if (caller == self) return absl::OkStatus();
    return absl::PermissionDeniedError(absl::StrCat(
        method, ": this process is of job ", self.job,
        " and serves nobody else; the caller is ", ToString(caller)));
  }
  if ((row->roles & static_cast<Roles>(caller.role)) != 0) {
    return absl::OkStatus();
  }
  return absl::PermissionDeniedError(
      absl::StrCat(method, ": is for ", NamesOf(row->roles), "; the caller is ",
                   ToString(caller)));
}

absl::Status CheckSameJob(const Identity& caller, absl::string_view job,
                          absl::string_view what) {
  if (caller.role != Role::kTrainer || caller.job == job) {
    return absl::OkStatus();
  }
  // Whose it is, is not the caller's to know.
  return absl::PermissionDeniedError(
      absl::StrCat(what, ": is not of job ", caller.job));
}

std::vector<std::string> MethodsWithAccess() {
  std::vector<std::string> methods;
  for (const Row& row : kRows) methods.emplace_back(row.method);
  return methods;
}

}  // namespace fairlead::security
