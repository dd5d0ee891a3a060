#ifndef FAIRLEAD_LIBS_GRAPH_DATASET_MANIFEST_H_
#define FAIRLEAD_LIBS_GRAPH_DATASET_MANIFEST_H_

#include <compare>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace fairlead {

// dataset.json: which files of a dataset folder are what.
//
//   {"format": "fairlead.dataset.v1",
//    "name": "tiny",
//    "node_types": [
//      {"name": "paper", "num_nodes": 3, "num_classes": 2,
//       "features": "paper.features.npy",      float32 [num_nodes, dim]
//       "labels": "paper.labels.npy",          int64 [num_nodes] or [.., K]
//       "train": "paper.train.npy",            int64, ids of nodes; so are
//       "val": "...", "test": "..."}],         "val" and "test"
//    "edge_types": [
//      {"src": "paper", "relation": "cites", "dst": "paper",
//       "indptr": "cites.indptr.npy",          int64 [num_nodes of src + 1]
//       "indices": "cites.indices.npy",        int64 [edges], ids of dst nodes
//       "edge_ids": "cites.edge_ids.npy"}]}    int64 [edges]
//
// "features", "labels", "num_classes", the splits and "edge_ids" may be absent.

// A kind of edge. Ordered by (src, relation, dst).
struct EdgeTypeName {
  std::string src;
  std::string relation;
  std::string dst;

  auto operator<=>(const EdgeTypeName&) const = default;

  // "src__rel__dst": the key of messages (parity 6.4).
  std::string ToString() const;
};

struct NodeTypeManifest {
  std::string name;
  int64_t num_nodes = 0;
  int64_t num_classes = 0;  // 0 where unknown
  // Files, relative to the folder; empty where there is none.
  std::string features;
  std::string labels;
  std::string train;
  std::string val;
  std::string test;
};

struct EdgeTypeManifest {
  EdgeTypeName name;
  std::string indptr;
  std::string indices;
  std::string edge_ids;  // empty where there is none
};

struct DatasetManifest {
  std::string name;
  std::vector<NodeTypeManifest> node_types;
  std::vector<EdgeTypeManifest> edge_types;
};

// NOT_FOUND if the folder or its dataset.json is not there; INVALID_ARGUMENT,
// naming the key, for what is missing, of the wrong kind, unknown, or leads out
// of the folder.
absl::StatusOr<DatasetManifest> ReadManifest(const std::string& directory);

absl::Status WriteManifest(const std::string& directory,
                           const DatasetManifest& manifest);

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_GRAPH_DATASET_MANIFEST_H_
