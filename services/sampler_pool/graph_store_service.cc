#include "services/sampler_pool/graph_store_service.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "grpcpp/grpcpp.h"
#include "libs/rpc/status_conversion.h"
#include "protos/fairlead/v1/graph_store.pb.h"

namespace fairlead {
namespace {

// Hands an answer over, or its error.
template <typename Response>
grpc::Status Answer(absl::StatusOr<Response> answer, Response* response) {
  if (!answer.ok()) return rpc::ToGrpcStatus(answer.status());
  *response = *std::move(answer);
  return grpc::Status::OK;
}

// Where the chunks of a streamed answer go.
template <typename Chunk>
ChunkSink<Chunk> To(grpc::ServerWriter<Chunk>* writer) {
  return [writer](const Chunk& chunk) { return writer->Write(chunk); };
}

}  // namespace

grpc::Status GraphStoreService::GetDatasetMeta(
    grpc::ServerContext* /*context*/,
    const v1::GetDatasetMetaRequest* /*request*/,
    v1::GetDatasetMetaResponse* response) {
  *response = store_.Meta();
  return grpc::Status::OK;
}

grpc::Status GraphStoreService::GetPartitionIds(
    grpc::ServerContext* /*context*/, const v1::GetPartitionIdsRequest* request,
    v1::GetPartitionIdsResponse* response) {
  return Answer(store_.PartitionIds(*request), response);
}

grpc::Status GraphStoreService::GetPartitionBook(
    grpc::ServerContext* /*context*/,
    const v1::GetPartitionBookRequest* request,
    grpc::ServerWriter<v1::PartitionBookChunk>* writer) {
  return rpc::ToGrpcStatus(store_.Book(*request, To(writer)));
}

grpc::Status GraphStoreService::GetRows(grpc::ServerContext* /*context*/,
                                        const v1::GetRowsRequest* request,
                                        v1::GetRowsResponse* response) {
  return Answer(store_.Rows(*request), response);
}

grpc::Status GraphStoreService::GetEdgeIndex(
    grpc::ServerContext* /*context*/, const v1::GetEdgeIndexRequest* request,
    grpc::ServerWriter<v1::EdgeIndexChunk>* writer) {
  return rpc::ToGrpcStatus(store_.EdgeIndex(*request, To(writer)));
}

grpc::Status GraphStoreService::GetNodeIds(
    grpc::ServerContext* /*context*/, const v1::GetNodeIdsRequest* request,
    grpc::ServerWriter<v1::NodeIdsChunk>* writer) {
  return rpc::ToGrpcStatus(store_.NodeIds(*request, To(writer)));
}

grpc::Status GraphStoreService::GetAblpInput(
    grpc::ServerContext* /*context*/, const v1::GetAblpInputRequest* request,
    grpc::ServerWriter<v1::AblpInputChunk>* writer) {
  return rpc::ToGrpcStatus(store_.AblpInput(*request, To(writer)));
}

grpc::Status GraphStoreService::PeerFetch(grpc::ServerContext* /*context*/,
                                          const v1::PeerFetchRequest* request,
                                          v1::PeerFetchResponse* response) {
  return Answer(store_.Fetch(*request), response);
}

}  // namespace fairlead
