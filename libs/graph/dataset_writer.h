#ifndef FAIRLEAD_LIBS_GRAPH_DATASET_WRITER_H_
#define FAIRLEAD_LIBS_GRAPH_DATASET_WRITER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "libs/graph/dataset_manifest.h"
#include "libs/graph/element_type.h"
#include "libs/type_names/type_names.h"

namespace fairlead {

// A dataset that fits in memory, on its way into a folder.
struct DatasetContents {
  // Rows of numbers; float32 in `values`, anything else as bytes.
  struct Features {
    ElementType element_type = ElementType::kFloat32;
    int64_t columns = 0;  // 0: no features
    std::vector<float> values = {};
    std::vector<uint8_t> bytes = {};
    std::vector<float> scale = {};  // of int8 and uint8: one for each column,
                                    // or one
  };
  struct Nodes {
    std::string name;
    int64_t num_nodes = 0;
    int64_t feature_dim = 0;           // 0: no features
    std::vector<float> features = {};  // num_nodes * feature_dim
    std::vector<int64_t> labels = {};  // num_nodes * K, or empty
    int64_t num_classes = 0;
    std::optional<std::vector<int64_t>> train = {};
    std::optional<std::vector<int64_t>> val = {};
    std::optional<std::vector<int64_t>> test = {};
    // In place of `features`, where they are not float32.
    Features other_features = {};
    std::vector<int64_t> ids = {};  // ascending; empty: 0 to num_nodes - 1
    std::vector<int64_t> timestamps = {};
  };
  // What there is one of for each edge is in the order of `edges`.
  struct Edges {
    EdgeTypeName name;
    std::vector<std::pair<int64_t, int64_t>> edges;  // (src, dst), any order
    // Empty: the place of an edge when all are in order of (src, dst).
    std::vector<int64_t> ids = {};
    std::vector<float> weights = {};
    std::vector<int64_t> timestamps = {};
    Features features = {};
    bool by_src = true;   // write CSR
    bool by_dst = false;  // write CSC
  };

  std::string name;
  std::vector<Nodes> nodes;
  std::vector<Edges> edges;
};

// Writes the files and dataset.json into `directory`, which must be there.
// Edges are put in order, by src and then dst; repeats stay. INVALID_ARGUMENT
// for edges between node types or nodes that are not there, or arrays of the
// wrong length.
absl::Status WriteDataset(const std::string& directory,
                          DatasetContents contents);

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_GRAPH_DATASET_WRITER_H_
