#ifndef FAIRLEAD_LIBS_LOADER_REMOTE_DIST_DATASET_H_
#define FAIRLEAD_LIBS_LOADER_REMOTE_DIST_DATASET_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "libs/type_names/type_names.h"
#include "protos/fairlead/v1/graph_store.pb.h"
#include "protos/fairlead/v1/sampling.pb.h"

namespace grpc {
class Channel;
class ClientContext;
}  // namespace grpc

namespace fairlead::rpc {
class Security;
}

namespace fairlead {

// What a trainer asks of the dataset that its servers hold (parity DS-20 to
// DS-36, DS-63 to DS-65): a sampler pool for each partition of one dataset, in
// the order of partitions. These are the "servers" here.
//
//   FAIRLEAD_ASSIGN_OR_RETURN(const auto dataset,
//                             RemoteDistDataset::Connect({.registry = ...}));
//   FAIRLEAD_ASSIGN_OR_RETURN(const auto ids, dataset->FetchNodeIds(
//       {.rank = rank, .world_size = world_size, .split = v1::SPLIT_TRAIN}));
//
// Metadata was asked of every server when it was made, and is the same on all.
// Ids are the whole graph's. Errors are the servers', with the server in the
// text: INVALID_ARGUMENT, NOT_FOUND by name, UNAVAILABLE. Thread-safe.
class RemoteDistDataset {
 public:
  struct Options {
    std::string registry = "127.0.0.1:7100";  // as rpc::RegistryAddress
    std::shared_ptr<rpc::Security> security = nullptr;  // null: plain text
    // Which dataset, where the cluster has several; "" is the only one.
    std::string dataset_name = {};
    absl::Duration timeout = absl::Seconds(60);  // of each call
  };

  // UNAVAILABLE if the registry or a pool cannot be reached;
  // FAILED_PRECONDITION if the cluster has several datasets and none was
  // named, a partition that nobody serves, or servers that contradict each
  // other, both named.
  static absl::StatusOr<std::unique_ptr<RemoteDistDataset>> Connect(
      Options options);

  size_t num_servers() const { return servers_.size(); }
  uint32_t num_partitions() const { return Meta().num_partitions(); }
  // REQUIRES server < num_servers().
  uint32_t partition(size_t server) const {
    return servers_[server].meta.partition();
  }
  // What loaders call it.
  uint32_t server_rank(size_t server) const { return servers_[server].rank; }
  const v1::GetDatasetMetaResponse& meta(size_t server) const {
    return servers_[server].meta;
  }

  // --- the same on every server ----------------------------------------------
  v1::EdgeDir edge_dir() const { return Meta().edge_dir(); }
  std::vector<std::string> node_types() const;   // sorted
  std::vector<EdgeTypeName> edge_types() const;  // sorted
  // By type; only those that have features.
  std::map<std::string, v1::RowsMeta> node_feature_info() const;
  std::map<EdgeTypeName, v1::RowsMeta> edge_feature_info() const;
  bool edge_weights_registered() const;

  // The owners of ids. FAILED_PRECONDITION where there is one partition.
  absl::StatusOr<std::vector<uint32_t>> GetNodePartitionId(
      absl::Span<const int64_t> ids, const std::string& node_type = "") const;
  // A book as its first chunk says, with all owners if it is a table.
  absl::StatusOr<v1::PartitionBookChunk> GetNodePartitionBook(
      const std::string& node_type = "") const;
  absl::StatusOr<v1::PartitionBookChunk> GetEdgePartitionBook(
      const EdgeTypeName& edge_type = {}) const;

  // --- of one server's partition ---------------------------------------------
  absl::StatusOr<v1::GetRowsResponse> GetNodeFeature(
      size_t server, absl::Span<const int64_t> ids,
      const std::string& node_type = "") const;
  absl::StatusOr<v1::GetRowsResponse> GetNodeLabel(
      size_t server, absl::Span<const int64_t> ids,
      const std::string& node_type = "") const;
  // [rows, columns] of its features. NOT_FOUND where there are none.
  absl::StatusOr<std::pair<uint64_t, uint64_t>> GetTensorSize(
      size_t server, const std::string& node_type = "") const;
  // Calls `sink` with chunks, in order, until it is false or all are there.
  absl::Status GetEdgeIndex(
      size_t server, const EdgeTypeName& edge_type, const std::string& layout,
      const std::function<bool(const v1::EdgeIndexChunk&)>& sink) const;
  // How many sources and destinations there may be: ids are below these.
  absl::StatusOr<std::pair<uint64_t, uint64_t>> GetEdgeSize(
      size_t server, const EdgeTypeName& edge_type,
      const std::string& layout) const;

  // The nodes of its partition, or labelled anchors among them: all chunks in
  // one.
  absl::StatusOr<std::vector<int64_t>> GetNodeIds(
      size_t server, const v1::GetNodeIdsRequest& request) const;
  absl::StatusOr<v1::AblpInputChunk> GetAblpInput(
      size_t server, const v1::GetAblpInputRequest& request) const;

  // --- dealt out to compute ranks --------------------------------------------
  struct NodeQuery {
    // Both or neither: a rank's share of every server's, or all of it.
    std::optional<uint32_t> rank = std::nullopt;
    std::optional<uint32_t> world_size = std::nullopt;
    v1::Split split = v1::SPLIT_ALL;
    std::string node_type = {};
  };
  // Node ids by server; every server is there, if with none.
  absl::StatusOr<std::map<size_t, std::vector<int64_t>>> FetchNodeIds(
      const NodeQuery& query) const;

  struct AblpInput {
    std::vector<int64_t> anchors;  // [N]
    int64_t positive_columns = 0;
    std::vector<int64_t> positives;  // [N, positive_columns], padded with -1
    int64_t negative_columns = 0;
    std::optional<std::vector<int64_t>> negatives;  // nothing: no such edges
  };
  absl::StatusOr<std::map<size_t, AblpInput>> FetchAblpInput(
      const NodeQuery& anchors, const EdgeTypeName& supervision_edge_type,
      uint32_t max_labels_per_anchor_node = 0) const;

 private:
  struct Server {
    std::string address;
    uint32_t rank = 0;
    std::shared_ptr<grpc::Channel> channel;
    v1::GetDatasetMetaResponse meta;
  };

  explicit RemoteDistDataset(const Options& options) : options_(options) {}

  const v1::GetDatasetMetaResponse& Meta() const { return servers_[0].meta; }
  static void SetDeadline(absl::Duration timeout, grpc::ClientContext& context);
  absl::Status CheckConsistent() const;
  absl::Status CheckServer(size_t server) const;
  // An error of a server, with its name.
  absl::Status Named(size_t server, const absl::Status& status) const;
  absl::StatusOr<v1::GetRowsResponse> GetRows(size_t server,
                                              absl::Span<const int64_t> ids,
                                              const std::string& node_type,
                                              v1::RowKind kind) const;
  absl::StatusOr<v1::PartitionBookChunk> GetBook(const v1::TypeRef& type) const;
  // By server the slice that the query is for; servers without are absent.
  absl::StatusOr<std::map<size_t, v1::SeedSlice>> Slices(
      const NodeQuery& query) const;

  const Options options_;
  std::vector<Server> servers_;  // by partition
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_LOADER_REMOTE_DIST_DATASET_H_
