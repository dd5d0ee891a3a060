#ifndef FAIRLEAD_LIBS_GRAPH_DATASET_TYPES_H_
#define FAIRLEAD_LIBS_GRAPH_DATASET_TYPES_H_

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "libs/type_names/type_names.h"

// Types and files of a dataset as its errors name them. A part of dataset.
namespace fairlead {

inline absl::Status BadDataset(const std::string& file,
                               const std::string& why) {
  return absl::InvalidArgumentError(absl::StrCat(file, ": ", why));
}

inline std::string NodeTypeText(const std::string& name) {
  return absl::StrCat("node type ", name);
}

inline std::string EdgeTypeText(const EdgeTypeName& name) {
  return absl::StrCat("edge type ", name.ToString());
}

// By name; two of one name are refused.
template <typename Manifest, typename Name>
absl::Status SortByName(std::vector<Manifest>* types, const Name& name_of,
                        const std::string& where) {
  std::sort(types->begin(), types->end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  for (size_t i = 1; i < types->size(); ++i) {
    if ((*types)[i].name != (*types)[i - 1].name) continue;
    return BadDataset(
        where, absl::StrCat(name_of((*types)[i].name), " is there twice"));
  }
  return absl::OkStatus();
}

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_GRAPH_DATASET_TYPES_H_
