#ifndef FAIRLEAD_INTEGRATION_TESTS_HARNESS_TEST_DATASET_H_
#define FAIRLEAD_INTEGRATION_TESTS_HARNESS_TEST_DATASET_H_

#include <string>

#include "absl/status/statusor.h"
#include "integration_tests/harness/test_cluster.h"

namespace fairlead::testing {

// Small datasets; each returns its folder, which is new.

// One node type, "node", and one edge type: 1024 nodes, of which 614 are the
// training split. Made by tools/dataset, as a user would.
absl::StatusOr<std::string> MakeKronecker();

// Two node types, "paper" and "author", and three edge types between them;
// papers have features, labels and splits: 600 papers, 360 to train on.
absl::StatusOr<std::string> MakeLibrary();

// `dataset` in so many partitions, each a range of the node ids.
absl::StatusOr<std::string> Partition(const std::string& dataset,
                                      int partitions);

// Of a cluster whose two storage hosts have half of MakeKronecker's each.
absl::StatusOr<TestCluster::Options> TwoHosts();

}  // namespace fairlead::testing

#endif  // FAIRLEAD_INTEGRATION_TESTS_HARNESS_TEST_DATASET_H_
