#ifndef FAIRLEAD_TOOLS_DATASET_EDIT_ADD_LABELS_H_
#define FAIRLEAD_TOOLS_DATASET_EDIT_ADD_LABELS_H_

#include <string>

#include "absl/status/status.h"
#include "libs/type_names/type_names.h"

namespace fairlead {

// Makes the edges of a type also the positive labels of link prediction with
// anchors (parity 2.8): edges of a type of their own, whose relation ends in
// "_gigl_positive", in the same files. Their features are left behind. The
// manifest changes at once (folder_edit.h).
//
// NOT_FOUND, listing the types, if there is none of that name; ALREADY_EXISTS
// if it has labels; FAILED_PRECONDITION for a graph in partitions, whose books
// would have to follow: it is partitioned afterwards.
absl::Status AddLabels(const std::string& directory, const EdgeTypeName& type);

}  // namespace fairlead

#endif  // FAIRLEAD_TOOLS_DATASET_EDIT_ADD_LABELS_H_
