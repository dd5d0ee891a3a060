#ifndef FAIRLEAD_LIBS_LOADER_DIST_SERVER_H_
#define FAIRLEAD_LIBS_LOADER_DIST_SERVER_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "libs/loader/registry_session.h"
#include "libs/loader/remote_dist_dataset.h"
#include "libs/sync/mutex.h"
#include "libs/type_names/type_names.h"
#include "protos/fairlead/v1/channel_gateway.grpc.pb.h"
#include "protos/fairlead/v1/graph_store.grpc.pb.h"
#include "protos/fairlead/v1/registry.pb.h"
#include "protos/fairlead/v1/sampling.pb.h"

namespace fairlead {

// What a channel has to say when it is asked for a batch.
struct FetchedMessage {
  enum class Answer {
    kMessage,    // a batch
    kDone,       // the epoch is over, whole
    kCancelled,  // the epoch is over, and what has not come will not
    kGone,       // there is no such channel (any more)
    kNotYet,     // no batch was ready in time: ask again
    kFailed,     // a batch could not be made, or the asking failed
  };

  Answer answer = Answer::kFailed;
  std::optional<v1::SampleMessage> message;  // of kMessage
  std::optional<v1::EpochEnd> epoch_end;     // of kDone, kCancelled
  // OK for kMessage and kDone; CANCELLED, NOT_FOUND, DEADLINE_EXCEEDED, or why.
  absl::Status status;
};

// One storage server as GLT's and GiGL's clients know it (parity DS-10 to
// DS-44, GL-100 to GL-104): what they send to DistServer by request_server has
// a method of the same name here. A view: the dataset is the sampler pool's,
// channels are the registry's, and batches come from the gateway.
//
//   DistServer server(session.get(), dataset.get(), /*server=*/0);
//   FAIRLEAD_ASSIGN_OR_RETURN(const uint64_t channel,
//                             server.CreateSamplingProducer(input, {}));
//   FAIRLEAD_RETURN_IF_ERROR(server.StartNewEpochSampling(channel, 0));
//   FAIRLEAD_ASSIGN_OR_RETURN(const auto next, server.FetchOneSampledMessage(
//       channel, absl::Seconds(30)));  // {message, end}
//
// For tools, tests and what is ported: a trainer has its batches sooner from a
// loader, which asks for many at a time and survives a server's restart. There
// is no get_server and no call-through: who wants a server makes one, and
// functions of a job's own are libs/dist_rpc's. Errors of queries are
// RemoteDistDataset's; of control, RegistryService's. Thread-safe.
class DistServer {
 public:
  // Server `server` of `dataset`. Both must outlive it; REQUIRES server <
  // dataset->num_servers().
  DistServer(RegistrySession* session, const RemoteDistDataset* dataset,
             size_t server)
      : session_(*session), dataset_(*dataset), server_(server) {}

  // --- the dataset (DS-20 to DS-36) ------------------------------------------
  // num_partitions, partition, and sorted types, in one.
  const v1::GetDatasetMetaResponse& GetDatasetMeta() const {
    return dataset_.meta(server_);
  }
  absl::StatusOr<std::vector<uint32_t>> GetNodePartitionId(
      const std::string& node_type, absl::Span<const int64_t> index) const {
    return dataset_.GetNodePartitionId(index, node_type);
  }
  absl::StatusOr<v1::PartitionBookChunk> GetNodePartitionBook(
      const std::string& node_type) const {
    return dataset_.GetNodePartitionBook(node_type);
  }
  absl::StatusOr<v1::PartitionBookChunk> GetEdgePartitionBook(
      const EdgeTypeName& edge_type) const {
    return dataset_.GetEdgePartitionBook(edge_type);
  }
  absl::StatusOr<v1::GetRowsResponse> GetNodeFeature(
      const std::string& node_type, absl::Span<const int64_t> index) const {
    return dataset_.GetNodeFeature(server_, index, node_type);
  }
  absl::StatusOr<std::pair<uint64_t, uint64_t>> GetTensorSize(
      const std::string& node_type) const {
    return dataset_.GetTensorSize(server_, node_type);
  }
  absl::StatusOr<v1::GetRowsResponse> GetNodeLabel(
      const std::string& node_type, absl::Span<const int64_t> index) const {
    return dataset_.GetNodeLabel(server_, index, node_type);
  }
  absl::Status GetEdgeIndex(
      const EdgeTypeName& edge_type, const std::string& layout,
      const std::function<bool(const v1::EdgeIndexChunk&)>& sink) const {
    return dataset_.GetEdgeIndex(server_, edge_type, layout, sink);
  }
  absl::StatusOr<std::pair<uint64_t, uint64_t>> GetEdgeSize(
      const EdgeTypeName& edge_type, const std::string& layout) const {
    return dataset_.GetEdgeSize(server_, edge_type, layout);
  }
  std::map<std::string, v1::RowsMeta> GetNodeFeatureInfo() const {
    return dataset_.node_feature_info();
  }
  std::map<EdgeTypeName, v1::RowsMeta> GetEdgeFeatureInfo() const {
    return dataset_.edge_feature_info();
  }
  v1::EdgeDir GetEdgeDir() const { return dataset_.edge_dir(); }
  bool GetEdgeWeightsRegistered() const {
    return dataset_.edge_weights_registered();
  }
  // The scales of features that are quantised, by type.
  std::map<std::string, std::vector<float>> GetNodeQuantizationMetadata() const;
  std::map<EdgeTypeName, std::vector<float>> GetEdgeQuantizationMetadata()
      const;
  std::vector<std::string> GetNodeTypes() const {
    return dataset_.node_types();
  }
  std::vector<EdgeTypeName> GetEdgeTypes() const {
    return dataset_.edge_types();
  }
  // FetchNodesRequest and FetchABLPInputRequest are the wire's own; all chunks
  // of the answer in one.
  absl::StatusOr<std::vector<int64_t>> GetNodeIds(
      const v1::GetNodeIdsRequest& request) const {
    return dataset_.GetNodeIds(server_, request);
  }
  absl::StatusOr<v1::AblpInputChunk> GetAblpInput(
      const v1::GetAblpInputRequest& request) const {
    return dataset_.GetAblpInput(server_, request);
  }

  // --- sampling (DS-40 to DS-44) ---------------------------------------------
  // The backend_id.
  absl::StatusOr<uint64_t> InitSamplingBackend(
      const std::string& backend_key, const v1::BackendOptions& options);
  // The channel_id. server_rank and member_id of `request` are filled in.
  absl::StatusOr<uint64_t> RegisterSamplingInput(
      v1::RegisterSamplingInputRequest request) ABSL_LOCKS_EXCLUDED(mutex_);
  // OK also if it is gone already.
  absl::Status DestroySamplingInput(uint64_t channel_id)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // Idempotent: an epoch that is not later than the channel's changes nothing
  // (parity C-10).
  absl::Status StartNewEpochSampling(uint64_t channel_id, uint64_t epoch)
      ABSL_LOCKS_EXCLUDED(mutex_);

  // The next of a channel that was registered here, waiting for it at most so
  // long. The end of an epoch is the answer until the next one is started.
  FetchedMessage Fetch(uint64_t channel_id, absl::Duration wait)
      ABSL_LOCKS_EXCLUDED(mutex_);

  // The same as S2 has it: (message, false), or (nothing, true) for an epoch
  // that is over, cancelled or not, and for a channel that is gone (parity
  // C-17). kNotYet and kFailed are errors there, too.
  absl::StatusOr<std::pair<std::optional<v1::SampleMessage>, bool>>
  FetchOneSampledMessage(uint64_t channel_id, absl::Duration wait);

  // GLT's names, for a backend and a channel of it in one. `input.worker_key`
  // may be empty: then it is another producer each time, unlike GLT's (GL-101).
  absl::StatusOr<uint64_t> CreateSamplingProducer(
      v1::RegisterSamplingInputRequest input,
      const v1::BackendOptions& options);
  absl::Status DestroySamplingProducer(uint64_t producer_id) {
    return DestroySamplingInput(producer_id);
  }

  // --- its end (DS-11 to DS-13) ----------------------------------------------
  // Idempotent; any thread.
  bool Exit() ABSL_LOCKS_EXCLUDED(mutex_);
  // Returns at once when Exit() is called; false at the deadline.
  bool WaitForExit(absl::Time deadline) const ABSL_LOCKS_EXCLUDED(mutex_);

  struct Leaked {
    uint64_t channel_id = 0;
    std::string worker_key;
  };
  // Destroys the channels that were registered here and not destroyed, and says
  // which (parity C-01). If it is to be `strict`, some are FAILED_PRECONDITION
  // with their names, and destroyed nevertheless.
  absl::StatusOr<std::vector<Leaked>> Shutdown(bool strict)
      ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  using GatewayStub = v1::ChannelGatewayService::Stub;

  struct Channel {
    std::string worker_key;
    std::shared_ptr<GatewayStub> gateway;
    uint64_t epoch = 0;
    uint32_t attempt = 0;
    std::optional<v1::EpochEnd> end;  // of this epoch, once it has come
  };

  RegistrySession& session_;
  const RemoteDistDataset& dataset_;
  const size_t server_;

  mutable Mutex mutex_;
  std::map<uint64_t, Channel> channels_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, std::shared_ptr<GatewayStub>> gateways_
      ABSL_GUARDED_BY(mutex_);  // by address
  uint64_t producers_ ABSL_GUARDED_BY(mutex_) = 0;
  bool was_told_to_exit_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_LOADER_DIST_SERVER_H_
