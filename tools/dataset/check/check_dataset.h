#ifndef FAIRLEAD_TOOLS_DATASET_CHECK_CHECK_DATASET_H_
#define FAIRLEAD_TOOLS_DATASET_CHECK_CHECK_DATASET_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "tools/dataset/check/findings.h"

namespace fairlead {

struct CheckOptions {
  size_t most_per_kind = 100;  // findings that are kept
  // Called now and then with the steps that are done, and all there are.
  std::function<void(uint64_t done, uint64_t total)> progress;
};

// Reads all of a dataset, whole or in partitions, and says what is wrong, what
// is odd and what it is like. Where there are no errors, Dataset::Load takes
// every partition. Memory: 16 bytes a node whose ids are listed and 8 an edge
// of the largest type, and 24 more an edge where `out` and `in` differ.
Findings CheckDataset(const std::string& directory,
                      const CheckOptions& options = {});

}  // namespace fairlead

#endif  // FAIRLEAD_TOOLS_DATASET_CHECK_CHECK_DATASET_H_
