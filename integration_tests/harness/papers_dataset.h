#ifndef FAIRLEAD_INTEGRATION_TESTS_HARNESS_PAPERS_DATASET_H_
#define FAIRLEAD_INTEGRATION_TESTS_HARNESS_PAPERS_DATASET_H_

#include <cstdint>

#include "libs/graph/dataset_writer.h"

namespace fairlead::testing {

inline constexpr int64_t kPapers = 400;
inline constexpr int64_t kAuthors = 150;

// Papers and authors with all that a dataset may have: features of several
// dtypes, labels, timestamps, weights, edges listed both ways, and those that
// label papers with authors (paper__by__author).
DatasetContents PapersDataset();

}  // namespace fairlead::testing

#endif  // FAIRLEAD_INTEGRATION_TESTS_HARNESS_PAPERS_DATASET_H_
