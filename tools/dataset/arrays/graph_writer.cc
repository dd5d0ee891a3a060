#include "tools/dataset/arrays/graph_writer.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
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

int64_t SizeOf(const std::vector<int64_t>& values) {
  return static_cast<int64_t>(values.size());
}

std::string PathOf(const std::string& directory, const std::string& file) {
  return absl::StrCat(directory, "/", file);
}

absl::Status CheckSize(const std::string& type, const char* what, size_t size,
                       size_t expected) {
  if (size == expected) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      type, ": has ", size, " ", what, " where there must be ", expected));
}

// Whether ids count from their first one on.
bool AreRange(absl::Span<const int64_t> ids) {
  for (size_t i = 1; i < ids.size(); ++i) {
    if (ids[i] != ids[0] + static_cast<int64_t>(i)) return false;
  }
  return true;
}

absl::Status WriteInts(const std::string& directory, const std::string& file,
                       const std::vector<int64_t>& values) {
  return WriteNpy<int64_t>(PathOf(directory, file), "i8", {SizeOf(values)},
                           values);
}

// Which ids the rows of a file are, said as briefly as can be.
absl::Status WriteIdList(const std::string& directory, const std::string& file,
                         const std::vector<int64_t>& ids,
                         IdsManifest* manifest) {
  if (AreRange(ids)) {
    manifest->first_id = ids.empty() ? 0 : ids[0];
    return absl::OkStatus();
  }
  manifest->file = file;
  return WriteInts(directory, file, ids);
}

// The rows by id; what is there twice is refused.
absl::StatusOr<FeatureRows> SortedRows(const FeatureRows& rows,
                                       const std::string& type) {
  FeatureRows sorted;
  std::vector<size_t> order(rows.ids.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(),
            [&rows](size_t a, size_t b) { return rows.ids[a] < rows.ids[b]; });
  for (const size_t i : order) {
    if (!sorted.ids.empty() && sorted.ids.back() == rows.ids[i]) {
      return absl::InvalidArgumentError(
          absl::StrCat(type, ": has the features of ", rows.ids[i], " twice"));
    }
    sorted.ids.push_back(rows.ids[i]);
    sorted.rows.push_back(rows.rows[i]);
  }
  return sorted;
}

absl::Status WriteRows(const std::string& path, const FeatureArrays& features,
                       const FeatureRows& rows) {
  FAIRLEAD_ASSIGN_OR_RETURN(
      NpyWriter writer,
      NpyWriter::Create(path, NpyDtype(features.element_type),
                        {SizeOf(rows.ids), features.columns}));
  const auto row_bytes = static_cast<size_t>(features.columns) *
                         ElementBytes(features.element_type);
  for (const uint8_t* row : rows.rows) {
    FAIRLEAD_RETURN_IF_ERROR(writer.Append(row, row_bytes));
  }
  return writer.Finish();
}

// `by_default` are whose rows they are if nothing is said.
absl::StatusOr<FeaturesManifest> WriteFeatures(
    const std::string& directory, const std::string& type,
    const FeatureArrays& features, absl::Span<const int64_t> by_default) {
  FeaturesManifest manifest;
  FAIRLEAD_ASSIGN_OR_RETURN(const FeatureRows owned,
                            SortedRows(features.owned, type));
  manifest.file = FileOf(type, "features");
  if (features.element_type == ElementType::kBFloat16) {
    manifest.element_type = features.element_type;
  }
  FAIRLEAD_RETURN_IF_ERROR(
      WriteRows(PathOf(directory, manifest.file), features, owned));
  if (absl::MakeConstSpan(owned.ids) != by_default) {
    FAIRLEAD_RETURN_IF_ERROR(WriteIdList(directory,
                                         FileOf(type, "features.ids"),
                                         owned.ids, &manifest.ids.emplace()));
  }
  if (!features.scale.empty()) {
    manifest.scale = FileOf(type, "scale");
    FAIRLEAD_RETURN_IF_ERROR(WriteNpy<float>(
        PathOf(directory, manifest.scale), "f4",
        {static_cast<int64_t>(features.scale.size())}, features.scale));
  }
  if (features.cached.ids.empty()) return manifest;
  FAIRLEAD_ASSIGN_OR_RETURN(const FeatureRows cached,
                            SortedRows(features.cached, type));
  manifest.cached = FileOf(type, "cached");
  manifest.cached_ids = FileOf(type, "cached_ids");
  FAIRLEAD_RETURN_IF_ERROR(
      WriteRows(PathOf(directory, manifest.cached), features, cached));
  FAIRLEAD_RETURN_IF_ERROR(
      WriteInts(directory, manifest.cached_ids, cached.ids));
  return manifest;
}

absl::Status WriteLabels(const std::string& directory, const NodeArrays& nodes,
                         const std::string& file) {
  const int64_t columns = nodes.label_columns;
  FAIRLEAD_RETURN_IF_ERROR(
      CheckSize(nodes.name, "labels", nodes.labels->size(),
                nodes.ids.size() * static_cast<size_t>(columns)));
  std::vector<int64_t> shape = {SizeOf(nodes.ids)};
  if (nodes.labels_are_matrix || columns != 1) shape.push_back(columns);
  return WriteNpy<int64_t>(PathOf(directory, file), "i8", shape, *nodes.labels);
}

absl::StatusOr<NodeTypeManifest> WriteNodes(const std::string& directory,
                                            const NodeArrays& nodes) {
  NodeTypeManifest manifest;
  const std::string type = EscapeTypeName(nodes.name);
  manifest.name = nodes.name;
  manifest.num_nodes = SizeOf(nodes.ids);
  manifest.num_classes = nodes.num_classes;
  FAIRLEAD_RETURN_IF_ERROR(
      WriteIdList(directory, FileOf(type, "ids"), nodes.ids, &manifest.ids));
  if (nodes.features.has_value()) {
    FAIRLEAD_ASSIGN_OR_RETURN(
        manifest.features,
        WriteFeatures(directory, type, *nodes.features, nodes.ids));
  }
  if (nodes.labels.has_value()) {
    manifest.labels = FileOf(type, "labels");
    FAIRLEAD_RETURN_IF_ERROR(WriteLabels(directory, nodes, manifest.labels));
  }
  if (nodes.timestamps.has_value()) {
    FAIRLEAD_RETURN_IF_ERROR(CheckSize(
        nodes.name, "timestamps", nodes.timestamps->size(), nodes.ids.size()));
  }
  const struct {
    const char* what;
    const std::optional<std::vector<int64_t>>& values;
    std::string& file;
  } vectors[] = {{"timestamps", nodes.timestamps, manifest.timestamps},
                 {"train", nodes.train, manifest.train},
                 {"val", nodes.val, manifest.val},
                 {"test", nodes.test, manifest.test}};
  for (const auto& vector : vectors) {
    if (!vector.values.has_value()) continue;
    vector.file = FileOf(type, vector.what);
    FAIRLEAD_RETURN_IF_ERROR(WriteInts(directory, vector.file, *vector.values));
  }
  return manifest;
}

absl::StatusOr<IdSpace> SpaceOf(const NodeArrays& nodes) {
  const std::string name = absl::StrCat("ids of node type ", nodes.name);
  if (!nodes.ids.empty() && nodes.ids[0] >= 0 && AreRange(nodes.ids)) {
    return IdSpace::Range(nodes.ids[0], SizeOf(nodes.ids));
  }
  return IdSpace::List(nodes.ids, name);
}

absl::Status CheckEdges(const EdgeArrays& edges) {
  const std::string type = edges.name.ToString();
  const size_t count = edges.src.size();
  FAIRLEAD_RETURN_IF_ERROR(
      CheckSize(type, "destinations", edges.dst.size(), count));
  FAIRLEAD_RETURN_IF_ERROR(CheckSize(type, "ids", edges.ids.size(), count));
  if (edges.weights.has_value()) {
    FAIRLEAD_RETURN_IF_ERROR(
        CheckSize(type, "weights", edges.weights->size(), count));
  }
  if (edges.timestamps.has_value()) {
    FAIRLEAD_RETURN_IF_ERROR(
        CheckSize(type, "timestamps", edges.timestamps->size(), count));
  }
  for (size_t i = 0; i < count; ++i) {
    if (edges.src[i] >= 0 && edges.dst[i] >= 0 && edges.ids[i] >= 0) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        type, ": edge ", i, ", of id ", edges.ids[i], " from ", edges.src[i],
        " to ", edges.dst[i], ": ids are 0 or more"));
  }
  return absl::OkStatus();
}

// The places of edges by row: those of row i are order[indptr[i]] on.
struct EdgeOrder {
  std::vector<int64_t> indptr;
  std::vector<size_t> order;
};

absl::StatusOr<EdgeOrder> OrderEdges(const EdgeArrays& edges, bool by_src,
                                     const IdSpace& rows) {
  const std::vector<int64_t>& row_ids = by_src ? edges.src : edges.dst;
  const std::vector<int64_t>& others = by_src ? edges.dst : edges.src;
  EdgeOrder result;
  result.indptr.assign(static_cast<size_t>(rows.size()) + 1, 0);
  std::vector<int64_t> row_of(row_ids.size());
  for (size_t i = 0; i < row_ids.size(); ++i) {
    row_of[i] = rows.Row(row_ids[i]);
    if (row_of[i] < 0) {
      return absl::InvalidArgumentError(absl::StrCat(
          edges.name.ToString(), ": edge ", i, " from ", edges.src[i], " to ",
          edges.dst[i], ": there is no node ", row_ids[i]));
    }
    ++result.indptr[static_cast<size_t>(row_of[i]) + 1];
  }
  std::partial_sum(result.indptr.begin(), result.indptr.end(),
                   result.indptr.begin());
  std::vector<int64_t> next(result.indptr.begin(), result.indptr.end() - 1);
  result.order.resize(row_ids.size());
  for (size_t i = 0; i < row_ids.size(); ++i) {
    const int64_t place = next[static_cast<size_t>(row_of[i])]++;
    result.order[static_cast<size_t>(place)] = i;
  }
  if (!edges.sort_neighbors) return result;
  for (size_t row = 0; row + 1 < result.indptr.size(); ++row) {
    std::stable_sort(
        result.order.begin() + result.indptr[row],
        result.order.begin() + result.indptr[row + 1],
        [&others](size_t a, size_t b) { return others[a] < others[b]; });
  }
  return result;
}

template <typename T>
std::vector<T> InOrder(const std::vector<T>& values,
                       const std::vector<size_t>& order) {
  std::vector<T> ordered;
  ordered.reserve(order.size());
  for (const size_t i : order) ordered.push_back(values[i]);
  return ordered;
}

int64_t EndOf(const std::vector<int64_t>& ids) {
  return ids.empty() ? 0 : *std::max_element(ids.begin(), ids.end()) + 1;
}

absl::StatusOr<EdgeTypeManifest> WriteEdges(const std::string& directory,
                                            const EdgeArrays& edges,
                                            const IdSpace& src,
                                            const IdSpace& dst) {
  EdgeTypeManifest manifest;
  manifest.name = edges.name;
  const std::string type = edges.name.ToString();
  if (edges.out || !edges.in) {
    FAIRLEAD_RETURN_IF_ERROR(WriteEdgesOneWay(directory, type, edges, true, src,
                                              &manifest.out.emplace()));
  }
  if (edges.in) {
    FAIRLEAD_RETURN_IF_ERROR(
        WriteEdgesOneWay(directory, absl::StrCat(type, ".in"), edges, false,
                         dst, &manifest.in.emplace()));
  }
  if (!edges.features.has_value()) return manifest;
  const TopologyManifest& listed =
      manifest.out.has_value() ? *manifest.out : *manifest.in;
  std::vector<int64_t> by_default = Iota(SizeOf(edges.ids));
  for (int64_t& id : by_default) id += listed.first_edge_id;
  FAIRLEAD_ASSIGN_OR_RETURN(
      manifest.features,
      WriteFeatures(directory, type, *edges.features, by_default));
  return manifest;
}

}  // namespace

std::string FileOf(const std::string& type, const char* what) {
  return absl::StrCat(type, ".", what, ".npy");
}

absl::Status WriteEdgesOneWay(const std::string& directory,
                              const std::string& stem, const EdgeArrays& edges,
                              bool by_src, const IdSpace& rows,
                              TopologyManifest* manifest) {
  FAIRLEAD_RETURN_IF_ERROR(CheckEdges(edges));
  FAIRLEAD_ASSIGN_OR_RETURN(const EdgeOrder order,
                            OrderEdges(edges, by_src, rows));
  manifest->indptr = FileOf(stem, "indptr");
  FAIRLEAD_RETURN_IF_ERROR(WriteIds(PathOf(directory, manifest->indptr),
                                    order.indptr, order.indptr.back() + 1));
  const std::vector<int64_t> others =
      InOrder(by_src ? edges.dst : edges.src, order.order);
  manifest->indices = FileOf(stem, "indices");
  FAIRLEAD_RETURN_IF_ERROR(
      WriteIds(PathOf(directory, manifest->indices), others, EndOf(others)));
  const std::vector<int64_t> ids = InOrder(edges.ids, order.order);
  if (AreRange(ids)) {
    manifest->first_edge_id = ids.empty() ? 0 : ids[0];
  } else {
    manifest->edge_ids = FileOf(stem, "edge_ids");
    FAIRLEAD_RETURN_IF_ERROR(
        WriteIds(PathOf(directory, manifest->edge_ids), ids, EndOf(ids)));
  }
  if (edges.weights.has_value()) {
    manifest->weights = FileOf(stem, "weights");
    const std::vector<float> weights = InOrder(*edges.weights, order.order);
    FAIRLEAD_RETURN_IF_ERROR(
        WriteNpy<float>(PathOf(directory, manifest->weights), "f4",
                        {static_cast<int64_t>(weights.size())}, weights));
  }
  if (edges.timestamps.has_value()) {
    manifest->timestamps = FileOf(stem, "timestamps");
    FAIRLEAD_RETURN_IF_ERROR(
        WriteInts(directory, manifest->timestamps,
                  InOrder(*edges.timestamps, order.order)));
  }
  return absl::OkStatus();
}

absl::Status WriteGraph(const std::string& directory,
                        const GraphArrays& graph) {
  DatasetManifest manifest;
  manifest.name = graph.name;
  for (const NodeArrays& nodes : graph.nodes) {
    FAIRLEAD_ASSIGN_OR_RETURN(manifest.node_types.emplace_back(),
                              WriteNodes(directory, nodes));
  }
  for (const EdgeArrays& edges : graph.edges) {
    const auto nodes_of =
        [&](const std::string& name) -> absl::StatusOr<IdSpace> {
      for (const NodeArrays& nodes : graph.nodes) {
        if (nodes.name == name) return SpaceOf(nodes);
      }
      return absl::InvalidArgumentError(
          absl::StrCat("edge type ", edges.name.ToString(),
                       ": there is no node type ", name));
    };
    FAIRLEAD_ASSIGN_OR_RETURN(const IdSpace src, nodes_of(edges.name.src));
    FAIRLEAD_ASSIGN_OR_RETURN(const IdSpace dst, nodes_of(edges.name.dst));
    FAIRLEAD_ASSIGN_OR_RETURN(manifest.edge_types.emplace_back(),
                              WriteEdges(directory, edges, src, dst));
  }
  // Last: a folder without it is no dataset.
  return WriteManifest(directory, manifest);
}

}  // namespace fairlead
