#include "libs/graph/dataset_writer.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "libs/graph/dataset_manifest.h"
#include "libs/graph/npy.h"
#include "libs/status/status_macros.h"

namespace fairlead {
namespace {

absl::Status WriteIds(const std::string& directory, const std::string& file,
                      const std::vector<int64_t>& ids) {
  return WriteNpy<int64_t>(absl::StrCat(directory, "/", file), "i8",
                           {static_cast<int64_t>(ids.size())}, ids);
}

absl::Status WriteNodes(const std::string& directory,
                        const DatasetContents::Nodes& nodes,
                        NodeTypeManifest* manifest) {
  manifest->name = nodes.name;
  manifest->num_nodes = nodes.num_nodes;
  manifest->num_classes = nodes.num_classes;
  const auto file = [&nodes](const char* what) {
    return absl::StrCat(nodes.name, ".", what, ".npy");
  };
  if (nodes.feature_dim > 0) {
    manifest->features = file("features");
    FAIRLEAD_RETURN_IF_ERROR(
        WriteNpy<float>(absl::StrCat(directory, "/", manifest->features), "f4",
                        {nodes.num_nodes, nodes.feature_dim}, nodes.features));
  }
  if (!nodes.labels.empty()) {
    manifest->labels = file("labels");
    FAIRLEAD_RETURN_IF_ERROR(
        WriteIds(directory, manifest->labels, nodes.labels));
  }
  const struct {
    const char* what;
    const std::optional<std::vector<int64_t>>& ids;
    std::string& manifest;
  } splits[] = {{"train", nodes.train, manifest->train},
                {"val", nodes.val, manifest->val},
                {"test", nodes.test, manifest->test}};
  for (const auto& split : splits) {
    if (!split.ids.has_value()) continue;
    split.manifest = file(split.what);
    FAIRLEAD_RETURN_IF_ERROR(WriteIds(directory, split.manifest, *split.ids));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status WriteDataset(const std::string& directory,
                          DatasetContents contents) {
  DatasetManifest manifest;
  manifest.name = contents.name;
  for (const DatasetContents::Nodes& nodes : contents.nodes) {
    FAIRLEAD_RETURN_IF_ERROR(
        WriteNodes(directory, nodes, &manifest.node_types.emplace_back()));
  }
  for (DatasetContents::Edges& edges : contents.edges) {
    const auto num_nodes =
        [&](const std::string& type) -> absl::StatusOr<int64_t> {
      for (const DatasetContents::Nodes& nodes : contents.nodes) {
        if (nodes.name == type) return nodes.num_nodes;
      }
      return absl::InvalidArgumentError(
          absl::StrCat("edge type ", edges.name.ToString(),
                       ": names node type ", type, ", which is not there"));
    };
    FAIRLEAD_ASSIGN_OR_RETURN(const int64_t num_src, num_nodes(edges.name.src));
    FAIRLEAD_ASSIGN_OR_RETURN(const int64_t num_dst, num_nodes(edges.name.dst));
    std::sort(edges.edges.begin(), edges.edges.end());
    std::vector<int64_t> indptr(static_cast<size_t>(num_src) + 1, 0);
    std::vector<int64_t> indices;
    indices.reserve(edges.edges.size());
    for (const auto& [src, dst] : edges.edges) {
      if (src < 0 || src >= num_src || dst < 0 || dst >= num_dst) {
        return absl::InvalidArgumentError(
            absl::StrCat("edge (", src, ", ", dst, ") of type ",
                         edges.name.ToString(), ": no such nodes"));
      }
      ++indptr[static_cast<size_t>(src) + 1];
      indices.push_back(dst);
    }
    for (size_t i = 1; i < indptr.size(); ++i) indptr[i] += indptr[i - 1];
    EdgeTypeManifest& type = manifest.edge_types.emplace_back();
    type.name = edges.name;
    type.indptr = absl::StrCat(edges.name.ToString(), ".indptr.npy");
    type.indices = absl::StrCat(edges.name.ToString(), ".indices.npy");
    FAIRLEAD_RETURN_IF_ERROR(WriteIds(directory, type.indptr, indptr));
    FAIRLEAD_RETURN_IF_ERROR(WriteIds(directory, type.indices, indices));
  }
  // Last: a folder without it is no dataset.
  return WriteManifest(directory, manifest);
}

}  // namespace fairlead
