#ifndef FAIRLEAD_LIBS_GRAPH_DATASET_MANIFEST_H_
#define FAIRLEAD_LIBS_GRAPH_DATASET_MANIFEST_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "libs/graph/element_type.h"
#include "libs/graph/partition_book.h"
#include "libs/type_names/type_names.h"

namespace fairlead {

// dataset.json: which files of a dataset folder are what. The README of this
// folder has every key, for whoever writes such folders.

// Files are relative to the folder; empty where there is none.

// Which ids the rows of arrays are: those of a file, in its order, or from
// `first_id` on.
struct IdsManifest {
  std::string file;
  int64_t first_id = 0;

  bool operator==(const IdsManifest&) const = default;
};

struct FeaturesManifest {
  std::string file;
  // Where the file's own dtype does not say it: bfloat16 in u2.
  std::optional<ElementType> element_type;
  std::string scale;               // value = scale[column] * element
  std::optional<IdsManifest> ids;  // absent: as the nodes', or edges' from
                                   // first_edge_id on
  std::string cached;              // rows of other partitions ...
  std::string cached_ids;          // ... and whose they are

  bool operator==(const FeaturesManifest&) const = default;
};

struct NodeTypeManifest {
  std::string name;
  int64_t num_nodes = 0;
  int64_t num_classes = 0;  // 0 where unknown
  IdsManifest ids;
  std::optional<FeaturesManifest> features;
  std::string labels;
  std::string timestamps;
  std::string train;
  std::string val;
  std::string test;

  bool operator==(const NodeTypeManifest&) const = default;
};

// Edges by the node that they leave, or by the one that they reach.
struct TopologyManifest {
  std::string indptr;
  std::string indices;
  std::string edge_ids;
  int64_t first_edge_id = 0;  // where there are no edge_ids
  std::string weights;
  std::string timestamps;

  bool operator==(const TopologyManifest&) const = default;
};

struct EdgeTypeManifest {
  EdgeTypeName name;
  std::optional<TopologyManifest> out;  // at least one of the two
  std::optional<TopologyManifest> in;
  std::optional<FeaturesManifest> features;

  bool operator==(const EdgeTypeManifest&) const = default;
};

struct DatasetManifest {
  std::string name;
  std::vector<NodeTypeManifest> node_types;
  std::vector<EdgeTypeManifest> edge_types;

  bool operator==(const DatasetManifest&) const = default;
};

// The dataset.json of a graph in several partitions: where they are, and whose
// is what. Each partition is a folder with a DatasetManifest.
struct PartitionsManifest {
  struct Books {
    PartitionBookManifest ids;
    // Where features lie apart from what they belong to.
    std::optional<PartitionBookManifest> features;

    bool operator==(const Books&) const = default;
  };
  struct NodeBooks {
    std::string name;
    Books books;

    bool operator==(const NodeBooks&) const = default;
  };
  struct EdgeBooks {
    EdgeTypeName name;
    Books books;

    bool operator==(const EdgeBooks&) const = default;
  };

  std::string name;
  std::vector<std::string> partitions;  // folders
  std::vector<NodeBooks> node_types;
  std::vector<EdgeBooks> edge_types;

  bool operator==(const PartitionsManifest&) const = default;
};

// What a folder is: one of the two.
struct DatasetFolder {
  std::optional<DatasetManifest> whole;
  std::optional<PartitionsManifest> partitions;
};

// NOT_FOUND if the folder or its dataset.json is not there; INVALID_ARGUMENT,
// naming the key, for what is missing, of the wrong kind, unknown, or leads out
// of the folder.
absl::StatusOr<DatasetFolder> ReadDatasetFolder(const std::string& directory);

// A folder that is one whole dataset, or a partition. INVALID_ARGUMENT, beside
// the above, if it is in partitions.
absl::StatusOr<DatasetManifest> ReadManifest(const std::string& directory);

// As ReadDatasetFolder for the text of a dataset.json; `path` is for messages.
absl::StatusOr<DatasetFolder> ParseDatasetFolder(absl::string_view text,
                                                 const std::string& path);

// UNAVAILABLE if it cannot be written.
absl::Status WriteManifest(const std::string& directory,
                           const DatasetManifest& manifest);
absl::Status WriteManifest(const std::string& directory,
                           const PartitionsManifest& manifest);

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_GRAPH_DATASET_MANIFEST_H_
