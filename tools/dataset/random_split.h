#ifndef FAIRLEAD_TOOLS_DATASET_RANDOM_SPLIT_H_
#define FAIRLEAD_TOOLS_DATASET_RANDOM_SPLIT_H_

#include <algorithm>
#include <cstdint>
#include <vector>

#include "libs/graph/dataset_writer.h"
#include "libs/sampling/epoch_plan.h"

namespace fairlead {

// Splits all nodes 60/20/20 into train, val and test, at random but the same
// for the same seed; ids ascend within each.
inline void SplitAtRandom(uint64_t seed, DatasetContents::Nodes* nodes) {
  const auto n = static_cast<uint64_t>(nodes->num_nodes);
  const EpochOrder order(n, /*shuffle=*/true, seed, /*epoch=*/0);
  const auto take = [&order](uint64_t begin, uint64_t end) {
    std::vector<int64_t> ids;
    ids.reserve(end - begin);
    for (uint64_t i = begin; i < end; ++i) {
      ids.push_back(static_cast<int64_t>(order[i]));
    }
    std::sort(ids.begin(), ids.end());
    return ids;
  };
  nodes->train = take(0, n * 6 / 10);
  nodes->val = take(n * 6 / 10, n * 8 / 10);
  nodes->test = take(n * 8 / 10, n);
}

}  // namespace fairlead

#endif  // FAIRLEAD_TOOLS_DATASET_RANDOM_SPLIT_H_
