#include "tools/dataset/edit/split_dataset.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "libs/graph/dataset.h"
#include "libs/graph/dataset_manifest.h"
#include "libs/graph/id_space.h"
#include "libs/graph/npy.h"
#include "libs/sampling/node_split.h"
#include "libs/status/status_macros.h"
#include "libs/type_names/type_names.h"
#include "tools/dataset/arrays/graph_writer.h"
#include "tools/dataset/edit/folder_edit.h"

namespace fairlead {
namespace {

// Writes the ids among `ids` that a partition has, in their order, and says
// under which name.
absl::StatusOr<std::string> WritePart(const std::string& folder,
                                      const std::string& type,
                                      const char* split,
                                      const std::vector<int64_t>& ids,
                                      const IdSpace& nodes) {
  std::vector<int64_t> own;
  for (const int64_t id : ids) {
    if (nodes.Row(id) >= 0) own.push_back(id);
  }
  const std::string file = FileOf(FreeStem(folder, type, split), split);
  FAIRLEAD_RETURN_IF_ERROR(
      WriteNpy<int64_t>(absl::StrCat(folder, "/", file), "i8",
                        {static_cast<int64_t>(own.size())}, own));
  return file;
}

absl::Status SplitPartition(const std::string& folder, const std::string& type,
                            const NodeSplit& split, const IdSpace& nodes) {
  FAIRLEAD_ASSIGN_OR_RETURN(DatasetManifest manifest, ReadManifest(folder));
  NodeTypeManifest* of_type = nullptr;
  for (NodeTypeManifest& known : manifest.node_types) {
    if (known.name == type) of_type = &known;
  }
  if (of_type == nullptr) {
    return absl::NotFoundError(
        absl::StrCat(folder, ": has no node type ", type));
  }
  const std::string stem = EscapeTypeName(type);
  std::set<std::string> replaced;
  const auto write = [&](const char* name, const std::vector<int64_t>& ids,
                         std::string* file) -> absl::Status {
    replaced.insert(*file);
    FAIRLEAD_ASSIGN_OR_RETURN(*file, WritePart(folder, stem, name, ids, nodes));
    return absl::OkStatus();
  };
  FAIRLEAD_RETURN_IF_ERROR(write("train", split.train, &of_type->train));
  FAIRLEAD_RETURN_IF_ERROR(write("val", split.val, &of_type->val));
  FAIRLEAD_RETURN_IF_ERROR(write("test", split.test, &of_type->test));
  FAIRLEAD_RETURN_IF_ERROR(ReplaceManifest(folder, manifest));
  // A file that another type has as its split, too, stays.
  for (const NodeTypeManifest& known : manifest.node_types) {
    for (const std::string& kept : {known.train, known.val, known.test}) {
      replaced.erase(kept);
    }
  }
  replaced.erase("");
  std::error_code ignored;
  for (const std::string& file : replaced) {
    std::filesystem::remove(absl::StrCat(folder, "/", file), ignored);
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status SplitDataset(const std::string& directory,
                          const SplitOptions& options) {
  FAIRLEAD_ASSIGN_OR_RETURN(const std::vector<std::string> folders,
                            PartitionFolders(directory));
  std::vector<std::unique_ptr<const Dataset>> partitions;
  std::vector<int64_t> ids;
  int type = 0;
  for (size_t i = 0; i < folders.size(); ++i) {
    Dataset::LoadOptions load;
    load.partition = static_cast<uint32_t>(i);
    FAIRLEAD_ASSIGN_OR_RETURN(partitions.emplace_back(),
                              Dataset::Load(directory, load));
    FAIRLEAD_ASSIGN_OR_RETURN(
        type, partitions.back()->FindNodeType(options.node_type));
    const IdSpace& nodes =
        partitions.back()->node_types()[static_cast<size_t>(type)].ids;
    for (int64_t row = 0; row < nodes.size(); ++row) {
      ids.push_back(nodes.Id(row));
    }
  }
  std::sort(ids.begin(), ids.end());
  FAIRLEAD_ASSIGN_OR_RETURN(
      NodeSplit split,
      RandomNodeSplit(static_cast<int64_t>(ids.size()), options.val,
                      options.test, options.seed));
  for (std::vector<int64_t>* part : {&split.train, &split.val, &split.test}) {
    for (int64_t& place : *part) place = ids[static_cast<size_t>(place)];
  }
  for (size_t i = 0; i < folders.size(); ++i) {
    const NodeType& of_partition =
        partitions[i]->node_types()[static_cast<size_t>(type)];
    FAIRLEAD_RETURN_IF_ERROR(
        SplitPartition(folders[i], of_partition.name, split, of_partition.ids));
  }
  return absl::OkStatus();
}

}  // namespace fairlead
