#include "tools/dataset/edit/add_labels.h"

#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "libs/graph/dataset_manifest.h"
#include "libs/sampling/ablp_label_types.h"
#include "libs/status/status_macros.h"
#include "libs/type_names/type_names.h"
#include "tools/dataset/edit/folder_edit.h"

namespace fairlead {

absl::Status AddLabels(const std::string& directory, const EdgeTypeName& type) {
  FAIRLEAD_ASSIGN_OR_RETURN(const auto folders, PartitionFolders(directory));
  if (folders.size() != 1 || folders[0] != directory) {
    return absl::FailedPreconditionError(
        absl::StrCat("dataset ", directory,
                     ": is in partitions; add labels to the whole one, and "
                     "partition that"));
  }
  FAIRLEAD_ASSIGN_OR_RETURN(DatasetManifest manifest, ReadManifest(directory));
  const EdgeTypeName label_name = {
      type.src, absl::StrCat(type.relation, kPositiveLabelSuffix), type.dst};
  std::optional<EdgeTypeManifest> labels;
  std::string known;
  for (const EdgeTypeManifest& edges : manifest.edge_types) {
    absl::StrAppend(&known, known.empty() ? "" : ", ", edges.name.ToString());
    if (edges.name == type) labels = edges;
    if (edges.name == label_name) {
      return absl::AlreadyExistsError(
          absl::StrCat("dataset ", directory,
                       ": has labels already, the edges "
                       "of type ",
                       label_name.ToString()));
    }
  }
  if (!labels.has_value()) {
    return absl::NotFoundError(
        absl::StrCat("--edge_type=", type.ToString(), ": dataset ", directory,
                     " has no such edge type, but ", known));
  }
  labels->name = label_name;
  labels->features.reset();
  manifest.edge_types.push_back(*std::move(labels));
  return ReplaceManifest(directory, manifest);
}

}  // namespace fairlead
