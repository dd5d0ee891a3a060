#include "libs/loader/remote_dist_dataset.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "google/protobuf/util/message_differencer.h"
#include "grpcpp/grpcpp.h"
#include "libs/rpc/channel.h"
#include "libs/rpc/edge_type_proto.h"
#include "libs/rpc/registry_address.h"
#include "libs/rpc/status_conversion.h"
#include "libs/status/status_macros.h"
#include "protos/fairlead/v1/graph_store.grpc.pb.h"
#include "protos/fairlead/v1/registry.grpc.pb.h"

namespace fairlead {
namespace {

// What all servers of a dataset say alike.
v1::GetDatasetMetaResponse Common(v1::GetDatasetMetaResponse meta) {
  meta.clear_partition();
  for (v1::NodeTypeMeta& type : *meta.mutable_node_types()) {
    type.clear_nodes();
    type.clear_splits();
    type.mutable_features()->clear_rows();
    type.mutable_labels()->clear_rows();
  }
  for (v1::EdgeTypeMeta& type : *meta.mutable_edge_types()) {
    type.clear_edges();
    type.mutable_features()->clear_rows();
  }
  return meta;
}

}  // namespace

void RemoteDistDataset::SetDeadline(absl::Duration timeout,
                                    grpc::ClientContext& context) {
  context.set_deadline(absl::ToChronoTime(absl::Now() + timeout));
  context.set_wait_for_ready(true);
}

absl::StatusOr<std::unique_ptr<RemoteDistDataset>> RemoteDistDataset::Connect(
    Options options) {
  FAIRLEAD_ASSIGN_OR_RETURN(options.registry,
                            rpc::RegistryAddress(options.registry));
  const auto registry = v1::RegistryService::NewStub(
      rpc::MakeChannel(options.registry, options.security));
  grpc::ClientContext context;
  SetDeadline(options.timeout, context);
  v1::ListMembersRequest request;
  request.set_role(v1::ROLE_SAMPLER_POOL);
  v1::ListMembersResponse members;
  const absl::Status listed =
      rpc::ToAbslStatus(registry->ListMembers(&context, request, &members));
  if (absl::IsDeadlineExceeded(listed) || absl::IsUnavailable(listed)) {
    return absl::UnavailableError(absl::StrCat(
        "registry at ", options.registry, ": cannot be reached within ",
        absl::FormatDuration(options.timeout), "; is it running?"));
  }
  FAIRLEAD_RETURN_IF_ERROR(listed);
  std::set<std::string> names;
  for (const v1::Member& member : members.members()) {
    names.insert(member.dataset().name());
  }
  if (options.dataset_name.empty() && names.size() > 1) {
    return absl::FailedPreconditionError(
        absl::StrCat("dataset_name: the cluster has several datasets, ",
                     absl::StrJoin(names, ", "), "; name one"));
  }
  // The constructor is private, so std::make_unique cannot call it.
  std::unique_ptr<RemoteDistDataset> dataset(new RemoteDistDataset(options));
  // Of a partition's replicas the first: its nodes are there once.
  std::map<uint32_t, v1::Member> by_partition;
  for (const v1::Member& member : members.members()) {
    if (options.dataset_name.empty() ||
        member.dataset().name() == options.dataset_name) {
      by_partition.emplace(member.dataset().partition(), member);
    }
  }
  for (const auto& [partition, member] : by_partition) {
    Server& server = dataset->servers_.emplace_back();
    server.address = member.address();
    server.rank = member.rank();
    server.channel = rpc::MakeChannel(member.address(), options.security);
    v1::GraphStoreService::Stub stub(server.channel);
    grpc::ClientContext meta_context;
    SetDeadline(options.timeout, meta_context);
    FAIRLEAD_RETURN_IF_ERROR(dataset->Named(
        dataset->servers_.size() - 1,
        rpc::ToAbslStatus(stub.GetDatasetMeta(
            &meta_context, v1::GetDatasetMetaRequest(), &server.meta))));
  }
  FAIRLEAD_RETURN_IF_ERROR(dataset->CheckConsistent());
  return dataset;
}

absl::Status RemoteDistDataset::CheckConsistent() const {
  if (servers_.empty()) {
    return absl::UnavailableError(absl::StrCat(
        "the registry at ", options_.registry, " knows no sampler pool",
        options_.dataset_name.empty()
            ? std::string()
            : absl::StrCat(" of dataset ", options_.dataset_name)));
  }
  const v1::GetDatasetMetaResponse first = Common(Meta());
  std::set<uint32_t> served;
  for (const Server& server : servers_) {
    served.insert(server.meta.partition());
    if (google::protobuf::util::MessageDifferencer::Equals(
            first, Common(server.meta))) {
      continue;
    }
    return absl::FailedPreconditionError(absl::StrCat(
        "the sampler pools at ", servers_[0].address, " and ", server.address,
        " describe dataset ", Meta().dataset_name(),
        " differently; serve the same folder on both"));
  }
  for (uint32_t p = 0; p < num_partitions(); ++p) {
    if (served.contains(p)) continue;
    return absl::FailedPreconditionError(
        absl::StrCat("dataset ", Meta().dataset_name(),
                     ": no sampler pool "
                     "serves partition ",
                     p, " of ", num_partitions()));
  }
  return absl::OkStatus();
}

absl::Status RemoteDistDataset::CheckServer(size_t server) const {
  if (server < servers_.size()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("server_rank: there is no server ", server, "; there are ",
                   servers_.size(), ", counted from 0"));
}

absl::Status RemoteDistDataset::Named(size_t server,
                                      const absl::Status& status) const {
  if (status.ok()) return status;
  return {status.code(),
          absl::StrCat("server ", server, " (", servers_[server].address,
                       "): ", std::string(status.message()))};
}

std::vector<std::string> RemoteDistDataset::node_types() const {
  std::vector<std::string> names;
  for (const v1::NodeTypeMeta& type : Meta().node_types()) {
    names.push_back(type.name());
  }
  return names;
}

std::vector<EdgeTypeName> RemoteDistDataset::edge_types() const {
  std::vector<EdgeTypeName> names;
  for (const v1::EdgeTypeMeta& type : Meta().edge_types()) {
    names.push_back(FromProto(type.edge_type()));
  }
  return names;
}

std::map<std::string, v1::RowsMeta> RemoteDistDataset::node_feature_info()
    const {
  std::map<std::string, v1::RowsMeta> info;
  for (const v1::NodeTypeMeta& type : Meta().node_types()) {
    if (type.has_features()) info[type.name()] = type.features();
  }
  return info;
}

std::map<EdgeTypeName, v1::RowsMeta> RemoteDistDataset::edge_feature_info()
    const {
  std::map<EdgeTypeName, v1::RowsMeta> info;
  for (const v1::EdgeTypeMeta& type : Meta().edge_types()) {
    if (type.has_features())
      info[FromProto(type.edge_type())] = type.features();
  }
  return info;
}

bool RemoteDistDataset::edge_weights_registered() const {
  return std::any_of(
      Meta().edge_types().begin(), Meta().edge_types().end(),
      [](const v1::EdgeTypeMeta& type) { return type.has_weights(); });
}

}  // namespace fairlead
