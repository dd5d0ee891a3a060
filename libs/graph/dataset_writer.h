#ifndef FAIRLEAD_LIBS_GRAPH_DATASET_WRITER_H_
#define FAIRLEAD_LIBS_GRAPH_DATASET_WRITER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "libs/graph/dataset_manifest.h"

namespace fairlead {

// A dataset that fits in memory, on its way into a folder.
struct DatasetContents {
  struct Nodes {
    std::string name;
    int64_t num_nodes = 0;
    int64_t feature_dim = 0;      // 0: no features
    std::vector<float> features;  // num_nodes * feature_dim
    std::vector<int64_t> labels;  // num_nodes, or empty
    int64_t num_classes = 0;
    std::optional<std::vector<int64_t>> train;
    std::optional<std::vector<int64_t>> val;
    std::optional<std::vector<int64_t>> test;
  };
  struct Edges {
    EdgeTypeName name;
    std::vector<std::pair<int64_t, int64_t>> edges;  // (src, dst), any order
  };

  std::string name;
  std::vector<Nodes> nodes;
  std::vector<Edges> edges;
};

// Writes the files and dataset.json into `directory`, which must be there.
// Edges are put in order, by src and then dst; repeats stay. INVALID_ARGUMENT
// for edges between node types or nodes that are not there.
absl::Status WriteDataset(const std::string& directory,
                          DatasetContents contents);

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_GRAPH_DATASET_WRITER_H_
