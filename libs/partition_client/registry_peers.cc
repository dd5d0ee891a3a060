#include "libs/partition_client/registry_peers.h"

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "grpcpp/grpcpp.h"
#include "libs/rpc/channel.h"
#include "libs/rpc/status_conversion.h"
#include "protos/fairlead/v1/registry.grpc.pb.h"
#include "protos/fairlead/v1/registry.pb.h"

namespace fairlead {
namespace {

constexpr auto kDeadline = std::chrono::seconds(5);

struct Call {
  explicit Call(const std::shared_ptr<grpc::Channel>& channel)
      : registry(channel) {}

  v1::RegistryService::Stub registry;
  grpc::ClientContext context;
  v1::ListMembersRequest request;
  v1::ListMembersResponse response;
};

}  // namespace

RegistryPeers::RegistryPeers(const std::string& registry,
                             const std::shared_ptr<rpc::Security>& security,
                             std::string dataset_name)
    : dataset_name_(std::move(dataset_name)),
      registry_(rpc::MakeChannel(registry, security)) {}

void RegistryPeers::List(
    std::function<void(absl::StatusOr<std::vector<Peer>>)> done) {
  auto call = std::make_shared<Call>(registry_);
  call->context.set_deadline(std::chrono::system_clock::now() + kDeadline);
  call->request.set_role(v1::ROLE_SAMPLER_POOL);
  call->registry.async()->ListMembers(
      &call->context, &call->request, &call->response,
      [call, done = std::move(done),
       name = dataset_name_](const grpc::Status& status) {
        if (!status.ok()) {
          const absl::Status error = rpc::ToAbslStatus(status);
          done(absl::Status(
              error.code(),
              absl::StrCat("the registry did not say who serves "
                           "dataset ",
                           name, ": ", std::string(error.message()))));
          return;
        }
        std::vector<Peer> peers;
        for (const v1::Member& member : call->response.members()) {
          if (member.dataset().name() != name) continue;
          peers.push_back({.partition = member.dataset().partition(),
                           .address = member.address()});
        }
        done(std::move(peers));
      });
}

}  // namespace fairlead
