#ifndef FAIRLEAD_LIBS_DIST_GRAPH_DIST_DATASET_H_
#define FAIRLEAD_LIBS_DIST_GRAPH_DIST_DATASET_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "libs/cuda/accelerator.h"
#include "libs/cuda/device_options.h"
#include "libs/dist_graph/dist_feature.h"
#include "libs/dist_graph/dist_graph.h"
#include "libs/graph/dataset.h"
#include "libs/graph/dataset_writer.h"
#include "libs/sampling/node_split.h"

namespace fairlead {

// One partition of a graph as GLT's users know it (parity GL-020 to GL-029):
// topology, features, labels, splits, and the partition books.
//
// Where GLT moves its tensors into shared memory to hand them to another
// process, here they are files that are mapped, so every process of a host
// shares their pages from the start; a descriptor of a few bytes is all that
// is handed over. Where a GPU is asked for (GLT's graph modes ZERO_COPY and
// CUDA, and features with it), each process places its own copy when it first
// samples. Thread-safe but for RandomNodeSplit.
class DistDataset {
 public:
  // A folder as tools/dataset writes it (which reads GLT's label files, too:
  // GL-024). Errors as Dataset::Load and cuda::CheckAccelerator.
  static absl::StatusOr<DistDataset> Load(const std::string& root_dir,
                                          uint32_t partition_idx,
                                          cuda::DeviceOptions device = {});

  // A whole graph that the caller has in memory, written to a folder of its
  // own on `shm_dir`, a tmpfs, which goes with the last copy of this object;
  // whoever has mapped it keeps it. Folders that dead processes left there are
  // removed. Errors as WriteDataset, and UNAVAILABLE if `shm_dir` is no folder
  // that can be written to.
  static absl::StatusOr<DistDataset> Create(DatasetContents contents,
                                            const std::string& shm_dir);

  // A descriptor that another process of this host maps the same by, without a
  // copy. Valid as long as the files are there.
  std::string ShareIpc() const;
  // INVALID_ARGUMENT for what is no descriptor; FAILED_PRECONDITION if the
  // files are others than those it was made of.
  static absl::StatusOr<DistDataset> FromIpcHandle(absl::string_view handle);

  const Dataset& dataset() const { return *dataset_; }
  uint32_t num_partitions() const { return dataset_->num_partitions(); }
  uint32_t partition_idx() const { return dataset_->partition(); }
  EdgeDir edge_dir() const {
    return dataset_->Has(EdgeDir::kOut) ? EdgeDir::kOut : EdgeDir::kIn;
  }

  // What Load was told, and what is where that says, which is placed by the
  // first who asks, and shared. Null for the CPU alone. Goes with the last copy
  // of this object. Errors as cuda::OpenAccelerator.
  const cuda::DeviceOptions& device_options() const;
  absl::StatusOr<cuda::Accelerator*> accelerator() const;

  DistGraph graph() const { return DistGraph(*dataset_); }
  // Local only where `remote` is null.
  DistFeature node_features(RemotePartitions* remote = nullptr,
                            const RowCaches* caches = nullptr) const {
    return {*dataset_, DistFeature::Of::kNodes, remote, caches};
  }
  DistFeature edge_features(RemotePartitions* remote = nullptr,
                            const RowCaches* caches = nullptr) const {
    return {*dataset_, DistFeature::Of::kEdges, remote, caches};
  }

  // The books of a type; null where there is one partition. Those of features
  // are those of ids unless they were partitioned apart (GL-027).
  absl::StatusOr<const PartitionBook*> node_pb(
      absl::string_view type = "") const;
  absl::StatusOr<const PartitionBook*> edge_pb(
      absl::string_view type = "") const;
  absl::StatusOr<const PartitionBook*> node_feat_pb(
      absl::string_view type = "") const;
  absl::StatusOr<const PartitionBook*> edge_feat_pb(
      absl::string_view type = "") const;

  // Labels of ids of this partition. Errors as DistFeature::LocalGet.
  absl::StatusOr<FeatureRows> GetNodeLabels(absl::Span<const int64_t> ids,
                                            absl::string_view type = "") const;

  // "train", "val" or "test": ids of nodes of this partition. NOT_FOUND if the
  // type has no such split.
  absl::StatusOr<absl::Span<const int64_t>> Split(
      absl::string_view split, absl::string_view type = "") const;

  // Splits the nodes of this partition anew, as RandomNodeSplit in
  // libs/sampling/node_split.h has it (GL-029).
  absl::Status RandomNodeSplit(SplitSize num_val, SplitSize num_test,
                               uint64_t seed, absl::string_view type = "");
  // Whether it was: then Split() says other than dataset().
  bool has_new_splits() const { return !new_splits_.empty(); }

 private:
  class OnDevice;
  class OwnFolder;
  struct NewSplit {
    SplitSize num_val;
    SplitSize num_test;
    uint64_t seed = 0;
    std::map<std::string, std::vector<int64_t>> ids;  // by name of the split
  };

  DistDataset(std::shared_ptr<const Dataset> dataset,
              std::shared_ptr<OnDevice> on_device)
      : dataset_(std::move(dataset)), on_device_(std::move(on_device)) {}

  std::shared_ptr<const Dataset> dataset_;
  std::shared_ptr<OnDevice> on_device_;          // of dataset_
  std::shared_ptr<const OwnFolder> own_folder_;  // of Create
  std::map<int, NewSplit> new_splits_;           // by node type
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_DIST_GRAPH_DIST_DATASET_H_
