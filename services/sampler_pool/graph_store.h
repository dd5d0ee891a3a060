#ifndef FAIRLEAD_SERVICES_SAMPLER_POOL_GRAPH_STORE_H_
#define FAIRLEAD_SERVICES_SAMPLER_POOL_GRAPH_STORE_H_

#include <cstdint>
#include <functional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/graph/dataset.h"
#include "libs/graph/partition_book.h"
#include "protos/fairlead/v1/graph_store.pb.h"
#include "protos/fairlead/v1/sampling.pb.h"

namespace fairlead {

// Answers of protos/fairlead/v1/graph_store.proto, with its codes, from one
// partition. Read-only, so thread-safe. Knows no gRPC.

// Takes a chunk of a streamed answer; false if nobody wants more.
template <typename Chunk>
using ChunkSink = std::function<bool(const Chunk&)>;

class GraphStore {
 public:
  // `dataset` must outlive it.
  explicit GraphStore(const Dataset& dataset) : dataset_(dataset) {}

  v1::GetDatasetMetaResponse Meta() const;
  absl::StatusOr<v1::GetPartitionIdsResponse> PartitionIds(
      const v1::GetPartitionIdsRequest& request) const;
  absl::Status Book(const v1::GetPartitionBookRequest& request,
                    const ChunkSink<v1::PartitionBookChunk>& sink) const;
  absl::StatusOr<v1::GetRowsResponse> Rows(
      const v1::GetRowsRequest& request) const;
  absl::Status EdgeIndex(const v1::GetEdgeIndexRequest& request,
                         const ChunkSink<v1::EdgeIndexChunk>& sink) const;
  absl::Status NodeIds(const v1::GetNodeIdsRequest& request,
                       const ChunkSink<v1::NodeIdsChunk>& sink) const;
  absl::Status AblpInput(const v1::GetAblpInputRequest& request,
                         const ChunkSink<v1::AblpInputChunk>& sink) const;
  absl::StatusOr<v1::PeerFetchResponse> Fetch(
      const v1::PeerFetchRequest& request) const;

 private:
  absl::StatusOr<const PartitionBook*> FindBook(const v1::TypeRef& type,
                                                bool of_features) const;

  const Dataset& dataset_;
};

}  // namespace fairlead

#endif  // FAIRLEAD_SERVICES_SAMPLER_POOL_GRAPH_STORE_H_
