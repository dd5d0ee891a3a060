#ifndef FAIRLEAD_SERVICES_SAMPLER_POOL_GRAPH_STORE_SERVICE_H_
#define FAIRLEAD_SERVICES_SAMPLER_POOL_GRAPH_STORE_SERVICE_H_

#include "grpcpp/grpcpp.h"
#include "libs/graph/dataset.h"
#include "protos/fairlead/v1/graph_store.grpc.pb.h"
#include "services/sampler_pool/graph_store.h"

namespace fairlead {

// Puts a GraphStore on the network: maps calls and codes, nothing else. No call
// waits for another process.
class GraphStoreService final : public v1::GraphStoreService::Service {
 public:
  // `dataset` must outlive the service.
  explicit GraphStoreService(const Dataset& dataset) : store_(dataset) {}

  grpc::Status GetDatasetMeta(grpc::ServerContext* context,
                              const v1::GetDatasetMetaRequest* request,
                              v1::GetDatasetMetaResponse* response) override;
  grpc::Status GetPartitionIds(grpc::ServerContext* context,
                               const v1::GetPartitionIdsRequest* request,
                               v1::GetPartitionIdsResponse* response) override;
  grpc::Status GetPartitionBook(
      grpc::ServerContext* context, const v1::GetPartitionBookRequest* request,
      grpc::ServerWriter<v1::PartitionBookChunk>* writer) override;
  grpc::Status GetRows(grpc::ServerContext* context,
                       const v1::GetRowsRequest* request,
                       v1::GetRowsResponse* response) override;
  grpc::Status GetEdgeIndex(
      grpc::ServerContext* context, const v1::GetEdgeIndexRequest* request,
      grpc::ServerWriter<v1::EdgeIndexChunk>* writer) override;
  grpc::Status GetNodeIds(
      grpc::ServerContext* context, const v1::GetNodeIdsRequest* request,
      grpc::ServerWriter<v1::NodeIdsChunk>* writer) override;
  grpc::Status GetAblpInput(
      grpc::ServerContext* context, const v1::GetAblpInputRequest* request,
      grpc::ServerWriter<v1::AblpInputChunk>* writer) override;
  grpc::Status PeerFetch(grpc::ServerContext* context,
                         const v1::PeerFetchRequest* request,
                         v1::PeerFetchResponse* response) override;

 private:
  const GraphStore store_;
};

}  // namespace fairlead

#endif  // FAIRLEAD_SERVICES_SAMPLER_POOL_GRAPH_STORE_SERVICE_H_
