#include "libs/graph/dataset_writer.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "libs/graph/dataset_manifest.h"
#include "libs/graph/element_type.h"
#include "libs/graph/id_space.h"
#include "libs/graph/id_writer.h"
#include "libs/graph/npy.h"
#include "libs/status/status_macros.h"
#include "libs/type_names/type_names.h"

namespace fairlead {
namespace {

using Features = DatasetContents::Features;

// Writes the files of one node or edge type.
class TypeWriter {
 public:
  TypeWriter(const std::string& directory, std::string type)
      : directory_(directory), type_(std::move(type)) {}

  std::string Path(const std::string& file) const {
    return absl::StrCat(directory_, "/", file);
  }

  // Writes `values` as `what` and says under which name.
  template <typename T>
  absl::Status Write(const char* what, absl::string_view dtype,
                     const std::vector<T>& values, int64_t expected,
                     std::string* file) const {
    FAIRLEAD_RETURN_IF_ERROR(
        CheckSize(what, static_cast<int64_t>(values.size()), expected));
    *file = absl::StrCat(type_, ".", what, ".npy");
    return WriteNpy<T>(Path(*file), dtype,
                       {static_cast<int64_t>(values.size())}, values);
  }

  absl::Status WriteIdFile(const char* what, const std::vector<int64_t>& ids,
                           int64_t end, std::string* file) const {
    *file = absl::StrCat(type_, ".", what, ".npy");
    return WriteIds(Path(*file), ids, end);
  }

  // Rows in order of `order`, or as they are.
  absl::Status WriteFeatures(const Features& features, int64_t rows,
                             const std::vector<size_t>* order,
                             std::optional<FeaturesManifest>* manifest) const {
    if (features.columns == 0) return absl::OkStatus();
    const bool is_float = features.element_type == ElementType::kFloat32;
    const auto row_bytes = static_cast<size_t>(features.columns) *
                           ElementBytes(features.element_type);
    const auto* bytes =
        is_float ? reinterpret_cast<const uint8_t*>(features.values.data())
                 : features.bytes.data();
    const size_t size = is_float ? features.values.size() * sizeof(float)
                                 : features.bytes.size();
    FAIRLEAD_RETURN_IF_ERROR(CheckSize("features, in bytes,",
                                       static_cast<int64_t>(size),
                                       rows * static_cast<int64_t>(row_bytes)));
    FeaturesManifest& written = manifest->emplace();
    written.file = absl::StrCat(type_, ".features.npy");
    if (features.element_type == ElementType::kBFloat16) {
      written.element_type = features.element_type;
    }
    FAIRLEAD_ASSIGN_OR_RETURN(
        NpyWriter writer,
        NpyWriter::Create(Path(written.file), NpyDtype(features.element_type),
                          {rows, features.columns}));
    for (size_t i = 0; i < static_cast<size_t>(rows); ++i) {
      const size_t row = order == nullptr ? i : (*order)[i];
      FAIRLEAD_RETURN_IF_ERROR(
          writer.Append(bytes + row * row_bytes, row_bytes));
    }
    FAIRLEAD_RETURN_IF_ERROR(writer.Finish());
    if (features.scale.empty()) return absl::OkStatus();
    return Write("scale", "f4", features.scale,
                 static_cast<int64_t>(features.scale.size()), &written.scale);
  }

  absl::Status CheckSize(const char* what, int64_t size,
                         int64_t expected) const {
    if (size == expected) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat(
        type_, ": has ", size, " ", what, " where there must be ", expected));
  }

 private:
  const std::string& directory_;
  const std::string type_;
};

absl::Status WriteNodes(const std::string& directory,
                        const DatasetContents::Nodes& nodes,
                        NodeTypeManifest* manifest) {
  const TypeWriter writer(directory, EscapeTypeName(nodes.name));
  manifest->name = nodes.name;
  manifest->num_nodes = nodes.num_nodes;
  manifest->num_classes = nodes.num_classes;
  if (!nodes.ids.empty()) {
    FAIRLEAD_RETURN_IF_ERROR(writer.Write(
        "ids", "i8", nodes.ids, nodes.num_nodes, &manifest->ids.file));
  }
  Features features = nodes.other_features;
  if (nodes.feature_dim > 0) {
    features.columns = nodes.feature_dim;
    features.values = nodes.features;
  }
  FAIRLEAD_RETURN_IF_ERROR(writer.WriteFeatures(features, nodes.num_nodes,
                                                nullptr, &manifest->features));
  if (!nodes.labels.empty()) {
    const auto labels = static_cast<int64_t>(nodes.labels.size());
    const int64_t columns = nodes.num_nodes == 0 ? 1 : labels / nodes.num_nodes;
    FAIRLEAD_RETURN_IF_ERROR(
        writer.CheckSize("labels", labels, columns * nodes.num_nodes));
    manifest->labels = absl::StrCat(EscapeTypeName(nodes.name), ".labels.npy");
    std::vector<int64_t> shape = {nodes.num_nodes};
    if (columns != 1) shape.push_back(columns);
    FAIRLEAD_RETURN_IF_ERROR(WriteNpy<int64_t>(writer.Path(manifest->labels),
                                               "i8", shape, nodes.labels));
  }
  if (!nodes.timestamps.empty()) {
    FAIRLEAD_RETURN_IF_ERROR(writer.Write("timestamps", "i8", nodes.timestamps,
                                          nodes.num_nodes,
                                          &manifest->timestamps));
  }
  const struct {
    const char* what;
    const std::optional<std::vector<int64_t>>& ids;
    std::string& file;
  } splits[] = {{"train", nodes.train, manifest->train},
                {"val", nodes.val, manifest->val},
                {"test", nodes.test, manifest->test}};
  for (const auto& split : splits) {
    if (!split.ids.has_value()) continue;
    FAIRLEAD_RETURN_IF_ERROR(
        writer.Write(split.what, "i8", *split.ids,
                     static_cast<int64_t>(split.ids->size()), &split.file));
  }
  return absl::OkStatus();
}

// Edges in the order of `order`, listed by their source or destination.
absl::Status WriteTopology(const TypeWriter& writer, const char* prefix,
                           const DatasetContents::Edges& edges,
                           const std::vector<size_t>& order,
                           const std::vector<int64_t>& ids, bool by_src,
                           const IdSpace& rows, const IdSpace& neighbors,
                           TopologyManifest* manifest) {
  const auto name = [prefix](const char* what) {
    return absl::StrCat(prefix, what);
  };
  std::vector<int64_t> indptr(static_cast<size_t>(rows.size()) + 1, 0);
  std::vector<int64_t> indices;
  indices.reserve(order.size());
  for (const size_t i : order) {
    const auto [src, dst] = edges.edges[i];
    ++indptr[static_cast<size_t>(rows.Row(by_src ? src : dst)) + 1];
    indices.push_back(by_src ? dst : src);
  }
  for (size_t i = 1; i < indptr.size(); ++i) indptr[i] += indptr[i - 1];
  FAIRLEAD_RETURN_IF_ERROR(writer.WriteIdFile(
      name("indptr").c_str(), indptr, indptr.back() + 1, &manifest->indptr));
  FAIRLEAD_RETURN_IF_ERROR(writer.WriteIdFile(
      name("indices").c_str(), indices, neighbors.end(), &manifest->indices));
  const auto in_order = [&order](const auto& values) {
    auto ordered = values;
    for (size_t i = 0; i < order.size(); ++i) ordered[i] = values[order[i]];
    return ordered;
  };
  const auto count = static_cast<int64_t>(edges.edges.size());
  if (!ids.empty()) {
    const std::vector<int64_t> ordered = in_order(ids);
    FAIRLEAD_RETURN_IF_ERROR(writer.WriteIdFile(
        name("edge_ids").c_str(), ordered,
        *std::max_element(ids.begin(), ids.end()) + 1, &manifest->edge_ids));
  }
  if (!edges.weights.empty()) {
    FAIRLEAD_RETURN_IF_ERROR(writer.Write(name("weights").c_str(), "f4",
                                          in_order(edges.weights), count,
                                          &manifest->weights));
  }
  if (!edges.timestamps.empty()) {
    FAIRLEAD_RETURN_IF_ERROR(writer.Write(name("timestamps").c_str(), "i8",
                                          in_order(edges.timestamps), count,
                                          &manifest->timestamps));
  }
  return absl::OkStatus();
}

absl::Status CheckEdges(const DatasetContents::Edges& edges, const IdSpace& src,
                        const IdSpace& dst, const TypeWriter& writer) {
  for (const auto& [from, to] : edges.edges) {
    if (src.Row(from) >= 0 && dst.Row(to) >= 0) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("edge (", from, ", ", to, ") of type ",
                     edges.name.ToString(), ": no such nodes"));
  }
  const auto count = static_cast<int64_t>(edges.edges.size());
  const std::pair<const char*, size_t> sizes[] = {
      {"edge ids", edges.ids.size()},
      {"weights", edges.weights.size()},
      {"timestamps", edges.timestamps.size()}};
  for (const auto& [what, size] : sizes) {
    if (size == 0) continue;
    FAIRLEAD_RETURN_IF_ERROR(
        writer.CheckSize(what, static_cast<int64_t>(size), count));
  }
  return absl::OkStatus();
}

absl::Status WriteEdges(const std::string& directory,
                        const DatasetContents::Edges& edges, const IdSpace& src,
                        const IdSpace& dst, EdgeTypeManifest* manifest) {
  const TypeWriter writer(directory, edges.name.ToString());
  FAIRLEAD_RETURN_IF_ERROR(CheckEdges(edges, src, dst, writer));
  manifest->name = edges.name;
  std::vector<size_t> order(edges.edges.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&edges](size_t a, size_t b) {
    return edges.edges[a] < edges.edges[b];
  });
  // An edge's id, unless it is given, is its place in this order; listed by
  // destination they are in another one, and must be said.
  if (edges.by_src || !edges.by_dst) {
    FAIRLEAD_RETURN_IF_ERROR(WriteTopology(writer, "", edges, order, edges.ids,
                                           /*by_src=*/true, src, dst,
                                           &manifest->out.emplace()));
  }
  std::vector<int64_t> ids = edges.ids;
  if (ids.empty()) {
    ids.resize(order.size());
    for (size_t i = 0; i < order.size(); ++i) {
      ids[order[i]] = static_cast<int64_t>(i);
    }
  }
  if (edges.by_dst) {
    std::vector<size_t> by_dst = order;
    std::stable_sort(by_dst.begin(), by_dst.end(),
                     [&edges](size_t a, size_t b) {
                       return edges.edges[a].second < edges.edges[b].second;
                     });
    FAIRLEAD_RETURN_IF_ERROR(WriteTopology(writer, "in.", edges, by_dst, ids,
                                           /*by_src=*/false, dst, src,
                                           &manifest->in.emplace()));
  }
  std::vector<size_t> by_id(order.size());
  std::iota(by_id.begin(), by_id.end(), size_t{0});
  std::sort(by_id.begin(), by_id.end(),
            [&ids](size_t a, size_t b) { return ids[a] < ids[b]; });
  FAIRLEAD_RETURN_IF_ERROR(
      writer.WriteFeatures(edges.features, static_cast<int64_t>(order.size()),
                           &by_id, &manifest->features));
  if (!manifest->features.has_value() || edges.ids.empty()) {
    return absl::OkStatus();
  }
  std::vector<int64_t> sorted = ids;
  std::sort(sorted.begin(), sorted.end());
  return writer.Write("features.ids", "i8", sorted,
                      static_cast<int64_t>(sorted.size()),
                      &manifest->features->ids.emplace().file);
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
  for (const DatasetContents::Edges& edges : contents.edges) {
    const auto ids_of =
        [&](const std::string& type) -> absl::StatusOr<IdSpace> {
      for (const DatasetContents::Nodes& nodes : contents.nodes) {
        if (nodes.name != type) continue;
        if (nodes.ids.empty()) return IdSpace::Range(0, nodes.num_nodes);
        return IdSpace::List(nodes.ids, absl::StrCat("ids of ", type));
      }
      return absl::InvalidArgumentError(
          absl::StrCat("edge type ", edges.name.ToString(),
                       ": names node type ", type, ", which is not there"));
    };
    FAIRLEAD_ASSIGN_OR_RETURN(const IdSpace src, ids_of(edges.name.src));
    FAIRLEAD_ASSIGN_OR_RETURN(const IdSpace dst, ids_of(edges.name.dst));
    FAIRLEAD_RETURN_IF_ERROR(WriteEdges(directory, edges, src, dst,
                                        &manifest.edge_types.emplace_back()));
  }
  // Last: a folder without it is no dataset.
  return WriteManifest(directory, manifest);
}

}  // namespace fairlead
