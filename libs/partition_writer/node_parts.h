#ifndef FAIRLEAD_LIBS_PARTITION_WRITER_NODE_PARTS_H_
#define FAIRLEAD_LIBS_PARTITION_WRITER_NODE_PARTS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "libs/graph/dataset.h"
#include "libs/graph/dataset_manifest.h"
#include "libs/graph/partition_book.h"
#include "libs/graph/table.h"
#include "libs/partition_writer/part_files.h"

namespace fairlead {

// The feature rows of one type in partitions: of nodes, or of edges.
class FeatureParts {
 public:
  // Files begin with `prefix`. Borrows all three. `is_aligned`: rows are those
  // of the nodes, so that no ids need be said.
  FeatureParts(const PartFolders& folders, const RowStore& store,
               const FeaturesManifest& source, const PartitionBook& book,
               std::string prefix, bool is_aligned);

  void AddSteps(std::vector<Step>* steps) const;
  FeaturesManifest Manifest(uint32_t part) const;

  std::string CachedFile() const { return prefix_ + ".cached.npy"; }
  std::string CachedIdsFile() const { return prefix_ + ".cached_ids.npy"; }

 private:
  std::string File() const { return prefix_ + ".features.npy"; }
  std::string IdsFile() const { return prefix_ + ".features.ids.npy"; }
  std::string ScaleFile() const { return prefix_ + ".scale.npy"; }

  const PartFolders& folders_;
  const RowStore& store_;
  const FeaturesManifest& source_;
  const std::string prefix_;
  const bool is_aligned_;
  const RowPlacement rows_;
};

// The nodes of one type in partitions. Neither copied nor moved: its steps
// borrow it.
class NodeParts {
 public:
  // Borrows all. `source` is the type's in the manifest of `type`'s dataset.
  NodeParts(const PartFolders& folders, const std::string& source_directory,
            const NodeType& type, const NodeTypeManifest& source,
            const PartitionBook& book);
  NodeParts(const NodeParts&) = delete;
  NodeParts& operator=(const NodeParts&) = delete;

  const NodeType& type() const { return type_; }
  const RowPlacement& placement() const { return nodes_; }

  // What writes the files. INVALID_ARGUMENT or NOT_FOUND if a file of the
  // source is not what it was when it was loaded.
  absl::Status AddSteps(std::vector<Step>* steps) const;

  // Writes copies of other partitions' feature rows. REQUIRES features.
  absl::Status WriteCacheOf(uint32_t part, absl::Span<const int64_t> rows);

  NodeTypeManifest Manifest(uint32_t part) const;

 private:
  std::string File(const char* what) const;

  const PartFolders& folders_;
  const std::string& source_directory_;
  const NodeType& type_;
  const NodeTypeManifest& source_;
  const std::string prefix_;
  const RowPlacement nodes_;
  const bool is_ranges_;
  std::optional<FeatureParts> features_;
  std::vector<bool> has_cache_;  // by partition; or empty
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_PARTITION_WRITER_NODE_PARTS_H_
