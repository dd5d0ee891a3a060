#ifndef FAIRLEAD_TOOLS_DATASET_CHECK_FEATURE_CHECK_H_
#define FAIRLEAD_TOOLS_DATASET_CHECK_FEATURE_CHECK_H_

#include <cstdint>
#include <optional>
#include <string>

#include "libs/graph/dataset_manifest.h"
#include "libs/graph/id_space.h"
#include "tools/dataset/check/checked_graph.h"
#include "tools/dataset/check/findings.h"

namespace fairlead {

// Checks the features of one node or edge type of a partition: kind and number
// of rows, whose they are, their scale, the cached ones, and whether their
// values are finite. `by_default` are whose rows they are where the manifest
// does not say; nothing if that is not known. `books` may be null. A part of
// check_dataset.
void CheckFeatures(const FeaturesManifest& manifest,
                   const std::optional<IdSpace>& by_default,
                   const CheckedBooks* books, const std::string& of,
                   CheckedPartition* partition, Findings* findings);

}  // namespace fairlead

#endif  // FAIRLEAD_TOOLS_DATASET_CHECK_FEATURE_CHECK_H_
