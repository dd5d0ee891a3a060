#include "libs/graph/dataset.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "libs/graph/dataset_loader.h"

namespace fairlead {

absl::StatusOr<std::unique_ptr<const Dataset>> Dataset::Load(
    const std::string& directory, const LoadOptions& options) {
  return DatasetLoader(directory, options).Load();
}

bool Dataset::Has(EdgeDir direction) const {
  return std::all_of(edge_types_.begin(), edge_types_.end(),
                     [direction](const EdgeType& type) {
                       return type.topology(direction).has_value();
                     });
}

absl::StatusOr<int> Dataset::FindNodeType(absl::string_view name) const {
  const auto names = [this] {
    return absl::StrJoin(node_types_, ", ",
                         [](std::string* out, const NodeType& type) {
                           absl::StrAppend(out, type.name);
                         });
  };
  if (name.empty()) {
    if (node_types_.size() == 1) return 0;
    return absl::InvalidArgumentError(absl::StrCat(
        "node type: must be given where there are several; one of ", names()));
  }
  for (size_t i = 0; i < node_types_.size(); ++i) {
    if (node_types_[i].name == name) return static_cast<int>(i);
  }
  return absl::NotFoundError(absl::StrCat(
      "no node type \"", name, "\" in dataset ", name_, "; it has ", names()));
}

absl::StatusOr<int> Dataset::FindEdgeType(const EdgeTypeName& name) const {
  const auto names = [this] {
    return absl::StrJoin(edge_types_, ", ",
                         [](std::string* out, const EdgeType& type) {
                           absl::StrAppend(out, type.name.ToString());
                         });
  };
  if (name == EdgeTypeName()) {
    if (edge_types_.size() == 1) return 0;
    return absl::InvalidArgumentError(
        absl::StrCat("edge type: must be given unless there is just one; the "
                     "types are ",
                     names()));
  }
  for (size_t i = 0; i < edge_types_.size(); ++i) {
    if (edge_types_[i].name == name) return static_cast<int>(i);
  }
  return absl::NotFoundError(absl::StrCat("no edge type ", name.ToString(),
                                          " in dataset ", name_, "; it has ",
                                          names()));
}

}  // namespace fairlead
