#include "tools/dataset/import/csv_import.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "libs/status/status_macros.h"
#include "libs/type_names/type_names.h"
#include "tools/dataset/arrays/graph_arrays.h"
#include "tools/dataset/arrays/graph_writer.h"
#include "tools/dataset/import/array_source.h"
#include "tools/dataset/import/edge_options.h"
#include "tools/dataset/import/edge_table.h"
#include "tools/dataset/import/node_data.h"

namespace fairlead {
namespace {

// Ids this many times as large as edges are many are not counted out.
constexpr int64_t kSparse = 1000;
constexpr int64_t kAlwaysDense = 1'000'000;

// Makes the graph step by step.
class CsvImporter {
 public:
  explicit CsvImporter(const CsvImportOptions& options) : options_(options) {}

  absl::StatusOr<GraphArrays> Import() {
    graph_.name = options_.name;
    FAIRLEAD_RETURN_IF_ERROR(ReadEdges());
    FAIRLEAD_RETURN_IF_ERROR(ReadTables());
    for (const std::string& type : NodeTypes()) {
      NodeArrays& nodes = graph_.nodes.emplace_back();
      nodes.name = type;
      FAIRLEAD_RETURN_IF_ERROR(options_.sparse_ids ? SetSparseIds(&nodes)
                                                   : SetDenseIds(&nodes));
    }
    FAIRLEAD_RETURN_IF_ERROR(CheckEnds());
    for (NodeArrays& nodes : graph_.nodes) {
      FAIRLEAD_RETURN_IF_ERROR(SetData(&nodes));
    }
    ApplyEdgeOptions(options_.edge_options, &graph_);
    return std::move(graph_);
  }

 private:
  absl::Status ReadEdges() {
    for (const auto& [type, path] : options_.edges) {
      EdgeArrays* edges = nullptr;
      for (EdgeArrays& known : graph_.edges) {
        if (known.name == type) edges = &known;
      }
      if (edges == nullptr) {
        edges = &graph_.edges.emplace_back();
        edges->name = type;
      }
      files_[type].emplace_back(edges->src.size(), path);
      FAIRLEAD_RETURN_IF_ERROR(AppendEdgeTable(path, options_.columns, edges));
    }
    return absl::OkStatus();
  }

  absl::Status ReadTables() {
    for (const auto& [type, path] : options_.features) {
      FAIRLEAD_ASSIGN_OR_RETURN(features_[type],
                                ReadArray(path, TextNumbers::kReals));
    }
    for (const auto& [type, path] : options_.labels) {
      FAIRLEAD_ASSIGN_OR_RETURN(labels_[type],
                                ReadArray(path, TextNumbers::kIntegers));
    }
    return absl::OkStatus();
  }

  std::set<std::string> NodeTypes() const {
    std::set<std::string> types;
    for (const EdgeArrays& edges : graph_.edges) {
      types.insert({edges.name.src, edges.name.dst});
    }
    const auto add = [&types](const auto& by_type) {
      for (const auto& [type, value] : by_type) types.insert(type);
    };
    add(options_.num_nodes);
    add(options_.features);
    add(options_.labels);
    add(options_.train);
    add(options_.val);
    add(options_.test);
    return types;
  }

  // Calls `visit` with each list of ids of nodes of a type.
  template <typename Visit>
  void ForEachIds(const std::string& type, Visit visit) const {
    for (const EdgeArrays& edges : graph_.edges) {
      if (edges.name.src == type) visit(edges.src);
      if (edges.name.dst == type) visit(edges.dst);
    }
    for (const auto* tables : {&features_, &labels_}) {
      const auto table = tables->find(type);
      if (table != tables->end() && table->second.ids.has_value()) {
        visit(*table->second.ids);
      }
    }
  }

  absl::Status SetSparseIds(NodeArrays* nodes) const {
    if (options_.num_nodes.count(nodes->name) > 0) {
      return absl::InvalidArgumentError(absl::StrCat(
          "--num_nodes=", nodes->name,
          ": with --sparse_ids nodes are the ids that are there; leave out "
          "either"));
    }
    ForEachIds(nodes->name, [nodes](const std::vector<int64_t>& ids) {
      nodes->ids.insert(nodes->ids.end(), ids.begin(), ids.end());
      std::sort(nodes->ids.begin(), nodes->ids.end());
      nodes->ids.erase(std::unique(nodes->ids.begin(), nodes->ids.end()),
                       nodes->ids.end());
    });
    return absl::OkStatus();
  }

  absl::Status SetDenseIds(NodeArrays* nodes) const {
    const auto given = options_.num_nodes.find(nodes->name);
    if (given != options_.num_nodes.end()) {
      nodes->ids = Iota(given->second);
      return absl::OkStatus();
    }
    int64_t largest = -1;
    int64_t mentions = 0;
    ForEachIds(nodes->name, [&](const std::vector<int64_t>& ids) {
      for (const int64_t id : ids) largest = std::max(largest, id);
      mentions += static_cast<int64_t>(ids.size());
    });
    // Of a table without ids each row is a node.
    for (const auto* tables : {&features_, &labels_}) {
      const auto table = tables->find(nodes->name);
      if (table == tables->end()) continue;
      mentions += table->second.rows();
      if (!table->second.ids.has_value()) {
        largest = std::max(largest, table->second.rows() - 1);
      }
    }
    if (largest >= kAlwaysDense && largest / kSparse > mentions) {
      return absl::InvalidArgumentError(absl::StrCat(
          "node type ", nodes->name, ": its largest id is ", largest,
          ", but there are no more than ", mentions,
          " nodes; keep these ids with --sparse_ids, or say --num_nodes"));
    }
    nodes->ids = Iota(largest + 1);
    return absl::OkStatus();
  }

  // Each end of each edge must be a node.
  absl::Status CheckEnds() const {
    if (options_.sparse_ids) return absl::OkStatus();
    for (const EdgeArrays& edges : graph_.edges) {
      const int64_t src_nodes = NodesOf(edges.name.src);
      const int64_t dst_nodes = NodesOf(edges.name.dst);
      for (size_t i = 0; i < edges.src.size(); ++i) {
        const bool bad_src = edges.src[i] >= src_nodes;
        if (!bad_src && edges.dst[i] < dst_nodes) continue;
        const auto& [path, row] = Place(edges.name, i);
        return absl::InvalidArgumentError(absl::StrCat(
            path, ": row ", row, ": ", bad_src ? "src" : "dst", " is ",
            bad_src ? edges.src[i] : edges.dst[i], ", but node type ",
            bad_src ? edges.name.src : edges.name.dst, " has ",
            bad_src ? src_nodes : dst_nodes, " nodes"));
      }
    }
    return absl::OkStatus();
  }

  int64_t NodesOf(const std::string& type) const {
    for (const NodeArrays& nodes : graph_.nodes) {
      if (nodes.name == type) return static_cast<int64_t>(nodes.ids.size());
    }
    return 0;
  }

  // The file and the row of an edge.
  std::pair<std::string, size_t> Place(const EdgeTypeName& type,
                                       size_t edge) const {
    std::pair<std::string, size_t> place;
    for (const auto& [first, path] : files_.at(type)) {
      if (edge >= first) place = {path, edge - first};
    }
    return place;
  }

  absl::Status SetData(NodeArrays* nodes) {
    const auto features = features_.find(nodes->name);
    if (features != features_.end()) {
      FAIRLEAD_RETURN_IF_ERROR(SetFeatures(features->second, nodes, &graph_));
    }
    const auto labels = labels_.find(nodes->name);
    if (labels != labels_.end()) {
      FAIRLEAD_RETURN_IF_ERROR(SetLabels(labels->second, nodes));
    }
    const std::pair<const std::map<std::string, std::string>*,
                    std::optional<std::vector<int64_t>>*>
        splits[] = {{&options_.train, &nodes->train},
                    {&options_.val, &nodes->val},
                    {&options_.test, &nodes->test}};
    for (const auto& [files, split] : splits) {
      const auto file = files->find(nodes->name);
      if (file == files->end()) continue;
      FAIRLEAD_ASSIGN_OR_RETURN(
          const SourceArray array,
          ReadArray(file->second, TextNumbers::kIntegers));
      FAIRLEAD_RETURN_IF_ERROR(SetSplit(array, *nodes, split));
    }
    return absl::OkStatus();
  }

  const CsvImportOptions& options_;
  GraphArrays graph_;
  // Of each type, the number of the first edge of each file.
  std::map<EdgeTypeName, std::vector<std::pair<size_t, std::string>>> files_;
  std::map<std::string, SourceArray> features_;
  std::map<std::string, SourceArray> labels_;
};

}  // namespace

absl::Status ImportCsv(const CsvImportOptions& options,
                       const std::string& directory) {
  if (options.edges.empty()) {
    return absl::InvalidArgumentError("--edges: must name a file");
  }
  FAIRLEAD_ASSIGN_OR_RETURN(const GraphArrays graph,
                            CsvImporter(options).Import());
  return WriteGraph(directory, graph);
}

}  // namespace fairlead
