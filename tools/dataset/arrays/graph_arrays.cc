#include "tools/dataset/arrays/graph_arrays.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "libs/graph/dataset.h"
#include "libs/graph/element_type.h"
#include "libs/graph/id_space.h"
#include "libs/graph/table.h"
#include "libs/status/status_macros.h"

namespace fairlead {
namespace {

template <typename To, typename From>
std::vector<uint8_t> Convert(const std::vector<uint8_t>& bytes) {
  std::vector<uint8_t> converted(bytes.size() / sizeof(From) * sizeof(To));
  for (size_t i = 0; i < bytes.size() / sizeof(From); ++i) {
    From value;
    std::memcpy(&value, bytes.data() + i * sizeof(From), sizeof(From));
    const auto to = static_cast<To>(value);
    std::memcpy(converted.data() + i * sizeof(To), &to, sizeof(To));
  }
  return converted;
}

std::vector<int64_t> IdsOf(const IdSpace& space) {
  std::vector<int64_t> ids(static_cast<size_t>(space.size()));
  for (size_t i = 0; i < ids.size(); ++i) {
    ids[i] = space.Id(static_cast<int64_t>(i));
  }
  return ids;
}

FeatureArrays FeaturesOf(const RowStore& store) {
  FeatureArrays features;
  features.element_type = store.table.element_type;
  features.columns = store.table.columns;
  features.owned =
      RowsOf(IdsOf(store.ids), store.table.data, store.table.row_bytes());
  if (store.cached.has_value()) {
    features.cached = RowsOf(IdsOf(store.cached_ids), store.cached->data,
                             store.cached->row_bytes());
  }
  features.scale.assign(store.scale.begin(), store.scale.end());
  return features;
}

template <typename T>
std::optional<std::vector<T>> VectorOf(absl::Span<const T> values) {
  if (values.data() == nullptr) return std::nullopt;
  return std::vector<T>(values.begin(), values.end());
}

std::optional<std::vector<int64_t>> VectorOf(
    const std::optional<absl::Span<const int64_t>>& values) {
  if (!values.has_value()) return std::nullopt;
  return std::vector<int64_t>(values->begin(), values->end());
}

NodeArrays NodesOf(const NodeType& type) {
  NodeArrays nodes;
  nodes.name = type.name;
  nodes.ids = IdsOf(type.ids);
  nodes.num_classes = type.num_classes;
  if (type.features.has_value()) nodes.features = FeaturesOf(*type.features);
  if (type.labels.has_value()) {
    const Table& table = type.labels->table;
    const auto* values = reinterpret_cast<const int64_t*>(table.data);
    nodes.labels.emplace(values, values + table.rows * table.columns);
    nodes.label_columns = table.columns;
    nodes.labels_are_matrix = table.columns != 1;
  }
  nodes.timestamps = VectorOf(type.timestamps);
  nodes.train = VectorOf(type.train);
  nodes.val = VectorOf(type.val);
  nodes.test = VectorOf(type.test);
  return nodes;
}

EdgeArrays EdgesOf(const EdgeType& type, const Dataset& dataset) {
  EdgeArrays edges;
  edges.name = type.name;
  edges.out = type.out.has_value();
  edges.in = type.in.has_value();
  edges.sort_neighbors = false;
  const EdgeDir direction = edges.out ? EdgeDir::kOut : EdgeDir::kIn;
  const Topology& topology = *type.topology(direction);
  const IdSpace& rows =
      dataset.node_types()[static_cast<size_t>(type.row_type(direction))].ids;
  std::vector<int64_t>& row_ids = edges.out ? edges.src : edges.dst;
  std::vector<int64_t>& others = edges.out ? edges.dst : edges.src;
  for (int64_t row = 0; row < topology.num_rows(); ++row) {
    const int64_t end = topology.indptr[static_cast<size_t>(row) + 1];
    for (int64_t i = topology.indptr[static_cast<size_t>(row)]; i < end; ++i) {
      row_ids.push_back(rows.Id(row));
      others.push_back(topology.indices[static_cast<size_t>(i)]);
      edges.ids.push_back(topology.EdgeId(i));
    }
  }
  edges.weights = VectorOf(topology.weights);
  edges.timestamps = VectorOf(topology.timestamps);
  if (type.features.has_value()) edges.features = FeaturesOf(*type.features);
  return edges;
}

template <typename T>
void Append(const std::vector<T>& from, std::vector<T>* to) {
  to->insert(to->end(), from.begin(), from.end());
}

// What one partition has must be in the others, too, unless it is empty.
template <typename T>
absl::Status AppendIfBoth(const std::optional<std::vector<T>>& from,
                          bool from_is_empty, bool to_is_empty,
                          const std::string& what,
                          std::optional<std::vector<T>>* to) {
  if (!from.has_value() && from_is_empty) return absl::OkStatus();
  if (to_is_empty && !to->has_value() && from.has_value()) to->emplace();
  if (from.has_value() != to->has_value()) {
    return absl::InvalidArgumentError(absl::StrCat(
        what, ": some partitions have them, and others have none"));
  }
  if (from.has_value()) Append(*from, &**to);
  return absl::OkStatus();
}

void AppendSplit(const std::optional<std::vector<int64_t>>& from,
                 std::optional<std::vector<int64_t>>* to) {
  if (!from.has_value()) return;
  if (!to->has_value()) to->emplace();
  Append(*from, &**to);
}

// Rows of some may be missing: then they are listed with their ids.
absl::Status AppendFeatures(const std::optional<FeatureArrays>& from,
                            const std::string& of,
                            std::optional<FeatureArrays>* to) {
  if (!from.has_value()) return absl::OkStatus();
  if (!to->has_value()) {
    to->emplace(*from).cached = {};
    return absl::OkStatus();
  }
  if ((*to)->element_type != from->element_type ||
      (*to)->columns != from->columns || (*to)->scale != from->scale) {
    return absl::InvalidArgumentError(
        absl::StrCat("features of ", of,
                     ": partitions have them of different types, widths or "
                     "scales"));
  }
  Append(from->owned.ids, &(*to)->owned.ids);
  Append(from->owned.rows, &(*to)->owned.rows);
  return absl::OkStatus();
}

absl::Status AppendNodes(const NodeArrays& from, NodeArrays* to) {
  const std::string of = absl::StrCat("node type ", from.name);
  const bool from_empty = from.ids.empty();
  const bool to_empty = to->ids.empty();
  if (from.labels.has_value() && to->labels.has_value() &&
      from.label_columns != to->label_columns) {
    return absl::InvalidArgumentError(absl::StrCat(
        "labels of ", of, ": partitions have different numbers of columns"));
  }
  if (to_empty) {
    to->label_columns = from.label_columns;
    to->labels_are_matrix = from.labels_are_matrix;
  }
  FAIRLEAD_RETURN_IF_ERROR(AppendIfBoth(from.labels, from_empty, to_empty,
                                        absl::StrCat("labels of ", of),
                                        &to->labels));
  FAIRLEAD_RETURN_IF_ERROR(AppendIfBoth(from.timestamps, from_empty, to_empty,
                                        absl::StrCat("timestamps of ", of),
                                        &to->timestamps));
  FAIRLEAD_RETURN_IF_ERROR(AppendFeatures(from.features, of, &to->features));
  AppendSplit(from.train, &to->train);
  AppendSplit(from.val, &to->val);
  AppendSplit(from.test, &to->test);
  to->num_classes = std::max(to->num_classes, from.num_classes);
  Append(from.ids, &to->ids);
  return absl::OkStatus();
}

absl::Status AppendEdges(const EdgeArrays& from, EdgeArrays* to) {
  const std::string of = absl::StrCat("edge type ", from.name.ToString());
  const bool from_empty = from.ids.empty();
  const bool to_empty = to->ids.empty();
  if (from.out != to->out || from.in != to->in) {
    return absl::InvalidArgumentError(absl::StrCat(
        of,
        ": partitions list edges by source, destination or both, but not "
        "all alike"));
  }
  FAIRLEAD_RETURN_IF_ERROR(AppendIfBoth(from.weights, from_empty, to_empty,
                                        absl::StrCat("weights of ", of),
                                        &to->weights));
  FAIRLEAD_RETURN_IF_ERROR(AppendIfBoth(from.timestamps, from_empty, to_empty,
                                        absl::StrCat("timestamps of ", of),
                                        &to->timestamps));
  FAIRLEAD_RETURN_IF_ERROR(AppendFeatures(from.features, of, &to->features));
  Append(from.src, &to->src);
  Append(from.dst, &to->dst);
  Append(from.ids, &to->ids);
  return absl::OkStatus();
}

// The places of keys in the order of these; equal ones as they are.
std::vector<size_t> OrderOf(const std::vector<int64_t>& keys) {
  std::vector<size_t> order(keys.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&keys](size_t a, size_t b) { return keys[a] < keys[b]; });
  return order;
}

// Puts rows of `columns` elements in order.
template <typename T>
void Reorder(const std::vector<size_t>& order, std::vector<T>* values,
             size_t columns = 1) {
  std::vector<T> ordered;
  ordered.reserve(values->size());
  for (const size_t i : order) {
    for (size_t column = 0; column < columns; ++column) {
      ordered.push_back((*values)[i * columns + column]);
    }
  }
  *values = std::move(ordered);
}

void SortRows(FeatureRows* rows) {
  if (std::is_sorted(rows->ids.begin(), rows->ids.end())) return;
  const std::vector<size_t> order = OrderOf(rows->ids);
  Reorder(order, &rows->ids);
  Reorder(order, &rows->rows);
}

// Nodes, and what there is of each, by id.
void SortNodes(NodeArrays* nodes) {
  if (std::is_sorted(nodes->ids.begin(), nodes->ids.end())) return;
  const std::vector<size_t> order = OrderOf(nodes->ids);
  Reorder(order, &nodes->ids);
  if (nodes->labels.has_value()) {
    Reorder(order, &*nodes->labels, static_cast<size_t>(nodes->label_columns));
  }
  if (nodes->timestamps.has_value()) Reorder(order, &*nodes->timestamps);
}

// Edges by the node that lists them.
void SortEdges(EdgeArrays* edges) {
  const std::vector<int64_t>& keys = edges->out ? edges->src : edges->dst;
  if (std::is_sorted(keys.begin(), keys.end())) return;
  const std::vector<size_t> order = OrderOf(keys);
  Reorder(order, &edges->src);
  Reorder(order, &edges->dst);
  Reorder(order, &edges->ids);
  if (edges->weights.has_value()) Reorder(order, &*edges->weights);
  if (edges->timestamps.has_value()) Reorder(order, &*edges->timestamps);
}

}  // namespace

FeatureRows RowsOf(std::vector<int64_t> ids, const uint8_t* data,
                   int64_t row_bytes) {
  FeatureRows rows;
  rows.rows.reserve(ids.size());
  for (size_t i = 0; i < ids.size(); ++i) {
    rows.rows.push_back(data + static_cast<int64_t>(i) * row_bytes);
  }
  rows.ids = std::move(ids);
  return rows;
}

absl::StatusOr<Elements> ToFeatureType(ElementType type,
                                       std::vector<uint8_t> bytes,
                                       const std::string& name) {
  switch (type) {
    case ElementType::kBool:
      return Elements{ElementType::kUint8, std::move(bytes)};
    case ElementType::kUint16:
      return Elements{ElementType::kInt64, Convert<int64_t, uint16_t>(bytes)};
    case ElementType::kInt16:
      return Elements{ElementType::kInt64, Convert<int64_t, int16_t>(bytes)};
    case ElementType::kUint32:
      return Elements{ElementType::kInt64, Convert<int64_t, uint32_t>(bytes)};
    case ElementType::kInt32:
      return Elements{ElementType::kInt64, Convert<int64_t, int32_t>(bytes)};
    case ElementType::kFloat64:
      return Elements{ElementType::kFloat32, Convert<float, double>(bytes)};
    case ElementType::kUint64:
      return absl::InvalidArgumentError(
          absl::StrCat(name,
                       ": features of uint64 cannot be kept; make them int64 "
                       "or float32"));
    default:
      return Elements{type, std::move(bytes)};
  }
}

std::vector<int64_t> Iota(int64_t size) {
  std::vector<int64_t> ids(static_cast<size_t>(size));
  std::iota(ids.begin(), ids.end(), int64_t{0});
  return ids;
}

int64_t CountClasses(absl::Span<const int64_t> labels) {
  int64_t classes = 0;
  for (const int64_t label : labels) {
    if (label >= classes && label < INT64_MAX) classes = label + 1;
  }
  return classes;
}

GraphArrays ArraysOf(const Dataset& dataset) {
  GraphArrays graph;
  graph.name = dataset.name();
  for (const NodeType& type : dataset.node_types()) {
    graph.nodes.push_back(NodesOf(type));
  }
  for (const EdgeType& type : dataset.edge_types()) {
    graph.edges.push_back(EdgesOf(type, dataset));
  }
  return graph;
}

absl::StatusOr<GraphArrays> MergeArrays(std::vector<GraphArrays> partitions) {
  if (partitions.empty()) {
    return absl::InvalidArgumentError("there are no partitions");
  }
  GraphArrays whole = std::move(partitions[0]);
  for (NodeArrays& nodes : whole.nodes) {
    if (nodes.features.has_value()) nodes.features->cached = {};
  }
  for (EdgeArrays& edges : whole.edges) {
    if (edges.features.has_value()) edges.features->cached = {};
  }
  for (size_t part = 1; part < partitions.size(); ++part) {
    GraphArrays& from = partitions[part];
    if (from.nodes.size() != whole.nodes.size() ||
        from.edges.size() != whole.edges.size()) {
      return absl::InvalidArgumentError(
          absl::StrCat("partition ", part, " has other types than the first"));
    }
    for (size_t i = 0; i < whole.nodes.size(); ++i) {
      FAIRLEAD_RETURN_IF_ERROR(AppendNodes(from.nodes[i], &whole.nodes[i]));
    }
    for (size_t i = 0; i < whole.edges.size(); ++i) {
      FAIRLEAD_RETURN_IF_ERROR(AppendEdges(from.edges[i], &whole.edges[i]));
    }
    Append(from.keep, &whole.keep);
    from = GraphArrays();
  }
  for (NodeArrays& nodes : whole.nodes) {
    SortNodes(&nodes);
    if (nodes.features.has_value()) SortRows(&nodes.features->owned);
  }
  for (EdgeArrays& edges : whole.edges) {
    SortEdges(&edges);
    if (edges.features.has_value()) SortRows(&edges.features->owned);
  }
  return whole;
}

}  // namespace fairlead
