#ifndef FAIRLEAD_TOOLS_DATASET_SYNTHETIC_NODES_H_
#define FAIRLEAD_TOOLS_DATASET_SYNTHETIC_NODES_H_

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "libs/graph/dataset_manifest.h"

namespace fairlead {

// What nodes of a synthetic graph have beside their edges. Each value is a
// function of the seed and its node alone.
struct SyntheticNodes {
  int64_t feature_dim = 64;  // 0: no features
  // Features as int8 with one scale for all, a quarter of float32.
  bool int8_features = false;
  uint64_t seed = 0;
};

// Lanes of random streams: what a number of a synthetic graph is drawn for.
enum SyntheticLane : uint32_t {
  kEdgeLane,
  kFeatureLane,
  kLabelLane,
  kShuffleVerticesLane,
  kNeighborLane,
};

// INVALID_ARGUMENT for options out of range.
absl::Status CheckSyntheticNodes(const SyntheticNodes& options);

// Writes labels, features and splits of the manifest's `num_nodes` nodes, and
// says in it what it wrote. Labels are 10 classes at random; a node's class
// raises one of its features, so there is something to learn. Calls `step` for
// each node that has its features. Takes 8 bytes of memory a node, for the
// splits. As NpyWriter's errors.
absl::Status WriteSyntheticNodes(const SyntheticNodes& options,
                                 const std::string& directory,
                                 const std::function<void()>& step,
                                 NodeTypeManifest* manifest);

}  // namespace fairlead

#endif  // FAIRLEAD_TOOLS_DATASET_SYNTHETIC_NODES_H_
