// What is asked of servers that fit together.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/types/span.h"
#include "grpcpp/grpcpp.h"
#include "libs/loader/remote_dist_dataset.h"
#include "libs/loader/server_assignment.h"
#include "libs/rpc/edge_type_proto.h"
#include "libs/rpc/status_conversion.h"
#include "libs/status/status_macros.h"
#include "protos/fairlead/v1/graph_store.grpc.pb.h"

namespace fairlead {
namespace {

using Stub = v1::GraphStoreService::Stub;

}  // namespace

absl::StatusOr<std::vector<uint32_t>> RemoteDistDataset::GetNodePartitionId(
    absl::Span<const int64_t> ids, const std::string& node_type) const {
  grpc::ClientContext context;
  SetDeadline(options_.timeout, context);
  v1::GetPartitionIdsRequest request;
  request.mutable_type()->set_node_type(node_type);
  request.mutable_ids()->Add(ids.begin(), ids.end());
  v1::GetPartitionIdsResponse response;
  FAIRLEAD_RETURN_IF_ERROR(Named(
      0,
      rpc::ToAbslStatus(Stub(servers_[0].channel)
                            .GetPartitionIds(&context, request, &response))));
  return std::vector<uint32_t>(response.partitions().begin(),
                               response.partitions().end());
}

absl::StatusOr<v1::PartitionBookChunk> RemoteDistDataset::GetBook(
    const v1::TypeRef& type) const {
  grpc::ClientContext context;
  SetDeadline(options_.timeout, context);
  v1::GetPartitionBookRequest request;
  *request.mutable_type() = type;
  const auto reader =
      Stub(servers_[0].channel).GetPartitionBook(&context, request);
  v1::PartitionBookChunk book;
  v1::PartitionBookChunk chunk;
  while (reader->Read(&chunk)) book.MergeFrom(chunk);
  FAIRLEAD_RETURN_IF_ERROR(Named(0, rpc::ToAbslStatus(reader->Finish())));
  return book;
}

absl::StatusOr<v1::PartitionBookChunk> RemoteDistDataset::GetNodePartitionBook(
    const std::string& node_type) const {
  v1::TypeRef type;
  type.set_node_type(node_type);
  return GetBook(type);
}

absl::StatusOr<v1::PartitionBookChunk> RemoteDistDataset::GetEdgePartitionBook(
    const EdgeTypeName& edge_type) const {
  v1::TypeRef type;
  *type.mutable_edge_type() = ToProto(edge_type);
  return GetBook(type);
}

absl::StatusOr<v1::GetRowsResponse> RemoteDistDataset::GetRows(
    size_t server, absl::Span<const int64_t> ids, const std::string& node_type,
    v1::RowKind kind) const {
  FAIRLEAD_RETURN_IF_ERROR(CheckServer(server));
  grpc::ClientContext context;
  SetDeadline(options_.timeout, context);
  v1::GetRowsRequest request;
  request.mutable_type()->set_node_type(node_type);
  request.set_kind(kind);
  request.mutable_ids()->Add(ids.begin(), ids.end());
  v1::GetRowsResponse response;
  FAIRLEAD_RETURN_IF_ERROR(Named(
      server, rpc::ToAbslStatus(Stub(servers_[server].channel)
                                    .GetRows(&context, request, &response))));
  return response;
}

absl::StatusOr<v1::GetRowsResponse> RemoteDistDataset::GetNodeFeature(
    size_t server, absl::Span<const int64_t> ids,
    const std::string& node_type) const {
  return GetRows(server, ids, node_type, v1::ROW_KIND_FEATURES);
}

absl::StatusOr<v1::GetRowsResponse> RemoteDistDataset::GetNodeLabel(
    size_t server, absl::Span<const int64_t> ids,
    const std::string& node_type) const {
  return GetRows(server, ids, node_type, v1::ROW_KIND_LABELS);
}

absl::StatusOr<std::pair<uint64_t, uint64_t>> RemoteDistDataset::GetTensorSize(
    size_t server, const std::string& node_type) const {
  FAIRLEAD_RETURN_IF_ERROR(CheckServer(server));
  const v1::GetDatasetMetaResponse& meta = servers_[server].meta;
  for (const v1::NodeTypeMeta& type : meta.node_types()) {
    const bool is_it = node_type.empty() ? meta.node_types_size() == 1
                                         : type.name() == node_type;
    if (!is_it || !type.has_features()) continue;
    return std::pair(type.features().rows(), type.features().columns());
  }
  return absl::NotFoundError(absl::StrCat(
      "dataset ", meta.dataset_name(), " has no features of node type \"",
      node_type, "\"; its types are ", absl::StrJoin(node_types(), ", ")));
}

absl::Status RemoteDistDataset::GetEdgeIndex(
    size_t server, const EdgeTypeName& edge_type, const std::string& layout,
    const std::function<bool(const v1::EdgeIndexChunk&)>& sink) const {
  FAIRLEAD_RETURN_IF_ERROR(CheckServer(server));
  grpc::ClientContext context;
  SetDeadline(options_.timeout, context);
  v1::GetEdgeIndexRequest request;
  *request.mutable_edge_type() = ToProto(edge_type);
  request.set_layout(layout);
  const auto reader =
      Stub(servers_[server].channel).GetEdgeIndex(&context, request);
  v1::EdgeIndexChunk chunk;
  while (reader->Read(&chunk)) {
    if (sink(chunk)) continue;
    context.TryCancel();
    reader->Finish();
    return absl::OkStatus();
  }
  return Named(server, rpc::ToAbslStatus(reader->Finish()));
}

absl::StatusOr<std::pair<uint64_t, uint64_t>> RemoteDistDataset::GetEdgeSize(
    size_t server, const EdgeTypeName& edge_type,
    const std::string& layout) const {
  std::pair<uint64_t, uint64_t> size;
  FAIRLEAD_RETURN_IF_ERROR(GetEdgeIndex(
      server, edge_type, layout, [&size](const v1::EdgeIndexChunk& first) {
        size = {first.row_count(), first.col_count()};
        return false;
      }));
  return size;
}

absl::StatusOr<std::map<size_t, v1::SeedSlice>> RemoteDistDataset::Slices(
    const NodeQuery& query) const {
  if (query.rank.has_value() != query.world_size.has_value()) {
    return absl::InvalidArgumentError(
        "rank, world_size: give both, for a share, or neither, for all");
  }
  std::map<uint32_t, ServerSlice> slices;
  const auto servers = static_cast<uint32_t>(servers_.size());
  if (query.rank.has_value()) {
    FAIRLEAD_ASSIGN_OR_RETURN(
        slices,
        ComputeServerAssignments(servers, *query.world_size, *query.rank));
  } else {
    for (uint32_t server = 0; server < servers; ++server) {
      slices[server] = ServerSlice();
    }
  }
  std::map<size_t, v1::SeedSlice> result;
  for (const auto& [server, slice] : slices) {
    v1::SeedSlice& proto = result[server];
    proto.set_start_numerator(slice.start_numerator);
    proto.set_end_numerator(slice.end_numerator);
    proto.set_denominator(slice.denominator);
  }
  return result;
}

absl::StatusOr<std::vector<int64_t>> RemoteDistDataset::GetNodeIds(
    size_t server, const v1::GetNodeIdsRequest& request) const {
  FAIRLEAD_RETURN_IF_ERROR(CheckServer(server));
  grpc::ClientContext context;
  SetDeadline(options_.timeout, context);
  const auto reader =
      Stub(servers_[server].channel).GetNodeIds(&context, request);
  std::vector<int64_t> ids;
  v1::NodeIdsChunk chunk;
  while (reader->Read(&chunk)) {
    ids.insert(ids.end(), chunk.ids().begin(), chunk.ids().end());
  }
  FAIRLEAD_RETURN_IF_ERROR(Named(server, rpc::ToAbslStatus(reader->Finish())));
  return ids;
}

absl::StatusOr<v1::AblpInputChunk> RemoteDistDataset::GetAblpInput(
    size_t server, const v1::GetAblpInputRequest& request) const {
  FAIRLEAD_RETURN_IF_ERROR(CheckServer(server));
  grpc::ClientContext context;
  SetDeadline(options_.timeout, context);
  const auto reader =
      Stub(servers_[server].channel).GetAblpInput(&context, request);
  v1::AblpInputChunk input;
  v1::AblpInputChunk chunk;
  while (reader->Read(&chunk)) input.MergeFrom(chunk);
  FAIRLEAD_RETURN_IF_ERROR(Named(server, rpc::ToAbslStatus(reader->Finish())));
  return input;
}

absl::StatusOr<std::map<size_t, std::vector<int64_t>>>
RemoteDistDataset::FetchNodeIds(const NodeQuery& query) const {
  std::map<size_t, std::vector<int64_t>> ids;
  for (size_t server = 0; server < servers_.size(); ++server) ids[server];
  FAIRLEAD_ASSIGN_OR_RETURN(const auto slices, Slices(query));
  for (const auto& [server, slice] : slices) {
    v1::GetNodeIdsRequest request;
    request.set_node_type(query.node_type);
    request.set_split(query.split);
    *request.mutable_slice() = slice;
    FAIRLEAD_ASSIGN_OR_RETURN(ids[server], GetNodeIds(server, request));
  }
  return ids;
}

absl::StatusOr<std::map<size_t, RemoteDistDataset::AblpInput>>
RemoteDistDataset::FetchAblpInput(const NodeQuery& anchors,
                                  const EdgeTypeName& supervision_edge_type,
                                  uint32_t max_labels_per_anchor_node) const {
  std::map<size_t, AblpInput> inputs;
  for (size_t server = 0; server < servers_.size(); ++server) inputs[server];
  FAIRLEAD_ASSIGN_OR_RETURN(const auto slices, Slices(anchors));
  for (const auto& [server, slice] : slices) {
    v1::GetAblpInputRequest request;
    request.set_node_type(anchors.node_type);
    request.set_split(anchors.split);
    *request.mutable_slice() = slice;
    *request.mutable_supervision_edge_type() = ToProto(supervision_edge_type);
    request.set_max_labels_per_anchor_node(max_labels_per_anchor_node);
    FAIRLEAD_ASSIGN_OR_RETURN(const v1::AblpInputChunk all,
                              GetAblpInput(server, request));
    AblpInput& input = inputs[server];
    input.positive_columns = all.positive_columns();
    input.negative_columns = all.negative_columns();
    input.anchors.assign(all.anchors().begin(), all.anchors().end());
    input.positives.assign(all.positives().begin(), all.positives().end());
    if (!all.has_negatives()) continue;
    input.negatives.emplace(all.negatives().begin(), all.negatives().end());
  }
  return inputs;
}

}  // namespace fairlead
