#include "integration_tests/harness/slow_link.h"

#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "grpcpp/grpcpp.h"
#include "integration_tests/harness/health.grpc.pb.h"
#include "integration_tests/harness/health.pb.h"
#include "integration_tests/harness/slow_proxy.h"
#include "integration_tests/harness/test_cluster.h"
#include "libs/child_process/child_process.h"
#include "libs/membership/membership.h"
#include "libs/rpc/channel.h"
#include "libs/status/status_macros.h"
#include "nlohmann/json.hpp"
#include "protos/fairlead/v1/registry.pb.h"

namespace fairlead::testing {
namespace {

namespace health = grpc::health::v1;

// Until a server says that it is not ready. An error if it does not in time.
absl::Status AwaitNotReady(const std::string& address) {
  const auto stub = health::Health::NewStub(rpc::MakeChannel(address));
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + kPatience));
  health::HealthCheckRequest request;
  request.set_service("readiness");
  const auto watch = stub->Watch(&context, request);
  health::HealthCheckResponse now;
  while (watch->Read(&now)) {
    if (now.status() == health::HealthCheckResponse::NOT_SERVING) {
      return absl::OkStatus();
    }
  }
  return absl::DeadlineExceededError(absl::StrCat(address, ": is still ready"));
}

}  // namespace

absl::StatusOr<std::unique_ptr<SlowLink>> SlowLink::Start(
    TestCluster& cluster, const SlowProxy::Link& link) {
  FAIRLEAD_ASSIGN_OR_RETURN(
      std::unique_ptr<SlowProxy> proxy,
      SlowProxy::Start(cluster.gateway().address(), link));
  const std::string registry =
      absl::StrCat("--registry=", cluster.registry_addresses());
  // Trainers are sent to a gateway that is not draining: to the proxy.
  Membership::Options member;
  member.registry = cluster.registry_addresses();
  member.member.set_member_name("proxy");
  member.member.set_role(v1::ROLE_CHANNEL_GATEWAY);
  member.member.set_address(proxy->address());
  FAIRLEAD_ASSIGN_OR_RETURN(
      const Outcome members,
      RunProgram("tools/fairleadctl", {"members", "--json", registry}));
  for (const auto& other : nlohmann::json::parse(members.out)) {
    if (other["member_name"] == "gateway-0") {
      member.member.set_shm_domain(other["shm_domain"].get<std::string>());
    }
  }
  FAIRLEAD_ASSIGN_OR_RETURN(std::unique_ptr<Membership> membership,
                            Membership::Start(member));
  FAIRLEAD_ASSIGN_OR_RETURN(
      const Outcome drained,
      RunProgram("tools/fairleadctl", {"drain", "gateway-0", registry}));
  if (drained.exit_code != 0) return absl::InternalError(drained.err);
  // It hands on whom it serves when it hears of that: nobody yet.
  FAIRLEAD_RETURN_IF_ERROR(AwaitNotReady(cluster.gateway().address()));
  // The constructor is private, so std::make_unique cannot call it.
  return std::unique_ptr<SlowLink>(
      new SlowLink(std::move(proxy), std::move(membership)));
}

}  // namespace fairlead::testing
