#include "services/sampler_pool/sampler_pool_service.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "grpcpp/grpcpp.h"
#include "libs/graph/dataset.h"
#include "libs/rpc/status_conversion.h"
#include "protos/fairlead/v1/sampler_pool.pb.h"
#include "services/sampler_pool/element_dtype.h"
#include "services/sampler_pool/pool.h"

namespace fairlead {
namespace {

// Hands an answer over, or its error.
template <typename Response>
grpc::Status Answer(absl::StatusOr<Response> answer, Response* response) {
  if (!answer.ok()) return rpc::ToGrpcStatus(answer.status());
  *response = *std::move(answer);
  return grpc::Status::OK;
}

void DescribeSplit(v1::Split split,
                   const std::optional<absl::Span<const int64_t>>& ids,
                   v1::NodeTypeMeta* meta) {
  if (!ids.has_value()) return;
  v1::SplitMeta* split_meta = meta->add_splits();
  split_meta->set_split(split);
  split_meta->set_nodes(ids->size());
}

}  // namespace

grpc::Status SamplerPoolService::RegisterInput(
    grpc::ServerContext* /*context*/, const v1::RegisterInputRequest* request,
    v1::RegisterInputResponse* response) {
  return Answer(pool_.RegisterInput(request->spec()), response);
}

grpc::Status SamplerPoolService::StartEpoch(
    grpc::ServerContext* /*context*/, const v1::StartEpochRequest* request,
    v1::StartEpochResponse* response) {
  return Answer(pool_.StartEpoch(*request), response);
}

grpc::Status SamplerPoolService::UpdateInput(
    grpc::ServerContext* /*context*/, const v1::UpdateChannelRequest* request,
    v1::UpdateChannelResponse* /*response*/) {
  return rpc::ToGrpcStatus(
      pool_.UpdateInput(request->channel_id(), request->control()));
}

grpc::Status SamplerPoolService::CancelEpoch(
    grpc::ServerContext* /*context*/, const v1::CancelEpochRequest* request,
    v1::CancelEpochResponse* /*response*/) {
  return rpc::ToGrpcStatus(
      pool_.CancelEpoch(request->channel_id(), request->epoch()));
}

grpc::Status SamplerPoolService::UnregisterInput(
    grpc::ServerContext* /*context*/, const v1::UnregisterInputRequest* request,
    v1::UnregisterInputResponse* /*response*/) {
  pool_.UnregisterInput(request->channel_id());
  return grpc::Status::OK;
}

grpc::Status SamplerPoolService::DescribeInput(
    grpc::ServerContext* /*context*/, const v1::DescribeInputRequest* request,
    v1::DescribeInputResponse* response) {
  absl::StatusOr<v1::ChannelDescription> description =
      pool_.DescribeInput(request->channel_id());
  if (!description.ok()) return rpc::ToGrpcStatus(description.status());
  *response->mutable_channel() = *std::move(description);
  return grpc::Status::OK;
}

grpc::Status SamplerPoolService::AttachConsumer(
    grpc::ServerContext* /*context*/, const v1::AttachConsumerRequest* request,
    v1::AttachConsumerResponse* response) {
  return Answer(pool_.AttachConsumer(*request), response);
}

grpc::Status SamplerPoolService::GetDatasetMeta(
    grpc::ServerContext* /*context*/,
    const v1::GetDatasetMetaRequest* /*request*/,
    v1::GetDatasetMetaResponse* response) {
  response->set_dataset_name(dataset_.name());
  response->set_partitions(1);
  response->set_partition(0);
  for (const NodeType& type : dataset_.node_types()) {
    v1::NodeTypeMeta* meta = response->add_node_types();
    meta->set_name(type.name);
    meta->set_nodes(static_cast<uint64_t>(type.num_nodes));
    if (type.features.has_value()) {
      meta->set_feature_dim(
          static_cast<uint32_t>(type.features->table.columns));
      meta->set_feature_dtype(ToDType(type.features->table.element_type));
    }
    meta->set_has_labels(type.labels.has_value());
    meta->set_classes(static_cast<uint32_t>(type.num_classes));
    DescribeSplit(v1::SPLIT_TRAIN, type.train, meta);
    DescribeSplit(v1::SPLIT_VAL, type.val, meta);
    DescribeSplit(v1::SPLIT_TEST, type.test, meta);
  }
  for (const EdgeType& type : dataset_.edge_types()) {
    v1::EdgeTypeMeta* meta = response->add_edge_types();
    meta->mutable_edge_type()->set_src(type.name.src);
    meta->mutable_edge_type()->set_relation(type.name.relation);
    meta->mutable_edge_type()->set_dst(type.name.dst);
    meta->set_edges(static_cast<uint64_t>(type.num_edges()));
  }
  return grpc::Status::OK;
}

}  // namespace fairlead
