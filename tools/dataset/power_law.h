#ifndef FAIRLEAD_TOOLS_DATASET_POWER_LAW_H_
#define FAIRLEAD_TOOLS_DATASET_POWER_LAW_H_

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "tools/dataset/synthetic_nodes.h"

namespace fairlead {

// A synthetic graph that is written as it is made, row by row, so that its
// edges need no memory. Expected degrees as Chung and Lu's model has them
// ("Connected components in random graphs with given expected degree
// sequences", 2002): the node of rank r, from 0, leaves and is reached by edges
// in proportion to sqrt(r + 1) - sqrt(r), so that degrees follow a power law
// with exponent 3, and who leaves much is reached much. Ranks are shuffled over
// the ids. Each edge is a function of the seed, its source and its number
// there.
struct PowerLawOptions {
  int64_t num_nodes = 1 << 16;
  // Edges per node, all in all exactly; repeats and self-loops included.
  int64_t edge_factor = 16;
  SyntheticNodes node_data;
};

// Writes it into a folder. `on_progress(done, total)` is called now and then.
// INVALID_ARGUMENT for options out of range.
absl::Status WritePowerLaw(
    const PowerLawOptions& options, const std::string& directory,
    const std::function<void(uint64_t done, uint64_t total)>& on_progress);

}  // namespace fairlead

#endif  // FAIRLEAD_TOOLS_DATASET_POWER_LAW_H_
