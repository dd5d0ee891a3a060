#ifndef FAIRLEAD_TOOLS_DATASET_KRONECKER_H_
#define FAIRLEAD_TOOLS_DATASET_KRONECKER_H_

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "tools/dataset/synthetic_nodes.h"

namespace fairlead {

// A synthetic graph by the Graph500 specification: a stochastic Kronecker graph
// (A=0.57, B=0.19, C=0.19, D=0.05) with its vertices shuffled. Each edge, each
// feature and each label is a function of the seed and its own number alone.
struct KroneckerOptions {
  int scale = 16;            // log2 of the nodes
  int64_t edge_factor = 16;  // edges per node
  SyntheticNodes node_data;
};

// Writes it into a folder. `on_progress(done, total)` is called now and then.
// INVALID_ARGUMENT for options out of range,
// RESOURCE_EXHAUSTED if the graph does not fit the machine's memory.
absl::Status WriteKronecker(
    const KroneckerOptions& options, const std::string& directory,
    const std::function<void(uint64_t done, uint64_t total)>& on_progress);

}  // namespace fairlead

#endif  // FAIRLEAD_TOOLS_DATASET_KRONECKER_H_
