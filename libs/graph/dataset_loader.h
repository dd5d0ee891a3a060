#ifndef FAIRLEAD_LIBS_GRAPH_DATASET_LOADER_H_
#define FAIRLEAD_LIBS_GRAPH_DATASET_LOADER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "libs/graph/dataset.h"
#include "libs/graph/dataset_manifest.h"
#include "libs/graph/npy.h"

namespace fairlead {

// Makes a Dataset of the files of a folder, and checks them. A part of
// dataset; used once.
class DatasetLoader {
 public:
  DatasetLoader(std::string directory, const Dataset::LoadOptions& options);

  absl::StatusOr<std::unique_ptr<const Dataset>> Load();

 private:
  // The manifest of the partition; sets folder_ to where its files are.
  absl::StatusOr<DatasetManifest> ReadManifests();

  // Maps a file of the partition and keeps it mapped.
  absl::StatusOr<const NpyFile*> Map(const std::string& file);
  absl::StatusOr<const NpyFile*> MapVector(const std::string& file,
                                           absl::string_view dtype,
                                           int64_t size,
                                           const std::string& what);
  // Ids or counts: int64, or 32 bits wide.
  absl::StatusOr<IdArray> MapIds(const std::string& file);
  absl::StatusOr<IdSpace> LoadIds(const IdsManifest& manifest, int64_t size,
                                  const std::string& what);

  absl::Status LoadNodeType(const NodeTypeManifest& manifest);
  absl::Status LoadLabels(const NodeTypeManifest& manifest, NodeType* type);
  absl::Status LoadSplits(const NodeTypeManifest& manifest, NodeType* type);
  absl::Status LoadEdgeType(const EdgeTypeManifest& manifest);
  absl::StatusOr<Topology> LoadTopology(const TopologyManifest& manifest,
                                        const NodeType& rows,
                                        const NodeType& neighbors);
  absl::Status CheckTopology(const TopologyManifest& manifest,
                             const Topology& topology,
                             const NodeType& neighbors) const;
  absl::StatusOr<RowStore> LoadFeatures(const FeaturesManifest& manifest,
                                        const IdSpace& by_default,
                                        const std::string& of);
  absl::StatusOr<Table> LoadFeatureTable(
      const std::string& file, std::optional<ElementType> element_type);

  absl::Status AttachBooks();
  absl::StatusOr<std::shared_ptr<const PartitionBook>> OpenBook(
      PartitionBookManifest manifest) const;
  absl::Status CheckOwned(const IdSpace& ids, const PartitionBook& book,
                          const std::string& what) const;

  const std::string directory_;
  const Dataset::LoadOptions options_;
  std::string folder_;  // of the partition
  std::optional<PartitionsManifest> partitions_;
  std::unique_ptr<Dataset> dataset_;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_GRAPH_DATASET_LOADER_H_
