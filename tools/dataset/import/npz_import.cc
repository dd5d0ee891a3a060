#include "tools/dataset/import/npz_import.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "libs/graph/element_type.h"
#include "libs/status/status_macros.h"
#include "tools/dataset/arrays/graph_arrays.h"
#include "tools/dataset/arrays/graph_writer.h"
#include "tools/dataset/import/array_source.h"
#include "tools/dataset/import/edge_options.h"
#include "tools/dataset/import/named_arrays.h"
#include "tools/dataset/import/node_data.h"
#include "tools/dataset/import/type_files.h"

namespace fairlead {
namespace {

constexpr int64_t kMostNodes = int64_t{1} << 40;

absl::Status Bad(const std::string& name, const std::string& why) {
  return absl::InvalidArgumentError(absl::StrCat(name, ": ", why));
}

// The folder of splits, or nothing if there is none.
absl::StatusOr<std::string> FindSplits(const NpzImportOptions& options) {
  const std::string folder = absl::StrCat(options.in, "/split");
  std::error_code error;
  std::vector<std::string> names;
  if (std::filesystem::is_directory(folder, error)) {
    for (const auto& entry :
         std::filesystem::directory_iterator(folder, error)) {
      if (entry.is_directory(error)) {
        names.push_back(entry.path().filename().string());
      }
    }
  }
  std::sort(names.begin(), names.end());
  if (options.split.empty() && names.size() <= 1) {
    return names.empty() ? std::string() : absl::StrCat(folder, "/", names[0]);
  }
  if (std::find(names.begin(), names.end(), options.split) != names.end()) {
    return absl::StrCat(folder, "/", options.split);
  }
  return absl::InvalidArgumentError(
      absl::StrCat("--split=", options.split, ": ", folder, " has ",
                   absl::StrJoin(names, ", "), "; name one of them"));
}

// Makes the graph step by step.
class NpzImporter {
 public:
  explicit NpzImporter(const NpzImportOptions& options) : options_(options) {}

  absl::StatusOr<GraphArrays> Import() {
    graph_.name = options_.name;
    FAIRLEAD_ASSIGN_OR_RETURN(arrays_, NamedArrays::Open(options_.in));
    FAIRLEAD_RETURN_IF_ERROR(
        arrays_.AddFolder(absl::StrCat(options_.in, "/raw")));
    FAIRLEAD_ASSIGN_OR_RETURN(const std::string splits, FindSplits(options_));
    FAIRLEAD_RETURN_IF_ERROR(arrays_.AddFolder(splits));
    FAIRLEAD_RETURN_IF_ERROR(ReadEdges());
    FAIRLEAD_RETURN_IF_ERROR(ReadNodes());
    ApplyEdgeOptions(options_.edge_options, &graph_);
    return std::move(graph_);
  }

 private:
  absl::Status ReadEdges() {
    FAIRLEAD_ASSIGN_OR_RETURN(
        const std::optional<SourceArray> index,
        arrays_.Read({"edge_index", "edge"}, TextNumbers::kIntegers));
    if (!index.has_value()) {
      return absl::NotFoundError(absl::StrCat(
          options_.in, ": has no edge_index; it has ", arrays_.Names(),
          ". (Graphs of several types: --from=csv takes a file of edges for "
          "each.)"));
    }
    index_name_ = index->name;
    EdgeArrays& edges = graph_.edges.emplace_back();
    edges.name = {kOnlyNodeType, "to", kOnlyNodeType};
    FAIRLEAD_RETURN_IF_ERROR(SplitIndex(*index, &edges));
    FAIRLEAD_ASSIGN_OR_RETURN(
        const std::optional<SourceArray> features,
        arrays_.Read({"edge_feat", "edge_attr"}, TextNumbers::kReals));
    if (features.has_value()) {
      FAIRLEAD_RETURN_IF_ERROR(SetEdgeFeatures(*features, &edges, &graph_));
    }
    FAIRLEAD_ASSIGN_OR_RETURN(
        const std::optional<SourceArray> weights,
        arrays_.Read({"edge_weight", "weights"}, TextNumbers::kReals));
    if (weights.has_value()) {
      FAIRLEAD_RETURN_IF_ERROR(ExpectOnePerEdge(*weights));
      FAIRLEAD_ASSIGN_OR_RETURN(edges.weights, ToWeights(*weights));
    }
    FAIRLEAD_ASSIGN_OR_RETURN(
        const std::optional<SourceArray> times,
        arrays_.Read({"edge_time", "timestamps"}, TextNumbers::kIntegers));
    if (!times.has_value()) return absl::OkStatus();
    FAIRLEAD_RETURN_IF_ERROR(ExpectOnePerEdge(*times));
    FAIRLEAD_ASSIGN_OR_RETURN(edges.timestamps, ToIntegers(*times));
    return absl::OkStatus();
  }

  // Sources and destinations: two rows, or two columns.
  static absl::Status SplitIndex(const SourceArray& index, EdgeArrays* edges) {
    FAIRLEAD_ASSIGN_OR_RETURN(const std::vector<int64_t> ends,
                              ToIntegers(index));
    const bool is_text = absl::EndsWith(index.name, ".csv") ||
                         absl::EndsWith(index.name, ".csv.gz");
    const bool two = index.shape.size() == 2;
    const bool by_columns =
        two && index.shape[1] == 2 && (is_text || index.shape[0] != 2);
    if (!by_columns && !(two && index.shape[0] == 2 && !is_text)) {
      return Bad(index.name,
                 absl::StrCat("is of shape (", absl::StrJoin(index.shape, ", "),
                              "); edges are [2, edges]",
                              is_text ? " or two columns" : ""));
    }
    const size_t count = ends.size() / 2;
    for (size_t i = 0; i < count; ++i) {
      edges->src.push_back(by_columns ? ends[2 * i] : ends[i]);
      edges->dst.push_back(by_columns ? ends[2 * i + 1] : ends[count + i]);
      if (edges->src.back() >= 0 && edges->dst.back() >= 0) continue;
      return Bad(
          index.name,
          absl::StrCat("edge ", i, " leads from ", edges->src.back(), " to ",
                       edges->dst.back(), "; ids are 0 or more"));
    }
    edges->ids = Iota(static_cast<int64_t>(count));
    return absl::OkStatus();
  }

  absl::Status ExpectOnePerEdge(const SourceArray& array) const {
    const size_t edges = graph_.edges[0].src.size();
    if (array.rows() == static_cast<int64_t>(edges) && array.columns() == 1) {
      return absl::OkStatus();
    }
    return Bad(array.name,
               absl::StrCat("is of shape (", absl::StrJoin(array.shape, ", "),
                            ") for ", edges, " edges"));
  }

  // How many nodes there are, if something says so.
  absl::StatusOr<std::optional<int64_t>> ReadNumNodes() const {
    FAIRLEAD_ASSIGN_OR_RETURN(
        const std::optional<SourceArray> array,
        arrays_.Read({"num_nodes", "num_nodes_list", "num_node_list"},
                     TextNumbers::kIntegers));
    if (!array.has_value()) return std::optional<int64_t>();
    FAIRLEAD_ASSIGN_OR_RETURN(const std::vector<int64_t> counts,
                              ToIntegers(*array));
    if (counts.size() != 1) {
      return Bad(array->name,
                 absl::StrCat("has the sizes of ", counts.size(),
                              " graphs; one graph makes a dataset"));
    }
    if (counts[0] < 0 || counts[0] > kMostNodes) {
      return Bad(array->name, absl::StrCat("is ", counts[0],
                                           ", which is no number of nodes"));
    }
    return std::make_optional(counts[0]);
  }

  absl::Status ReadNodes() {
    FAIRLEAD_ASSIGN_OR_RETURN(
        const std::optional<SourceArray> features,
        arrays_.Read({"node_feat", "features", "x"}, TextNumbers::kReals));
    FAIRLEAD_ASSIGN_OR_RETURN(std::optional<int64_t> count, ReadNumNodes());
    if (!count.has_value() && features.has_value()) count = features->rows();
    const EdgeArrays& edges = graph_.edges[0];
    FAIRLEAD_RETURN_IF_ERROR(CheckEnds(edges, &count));
    NodeArrays& nodes = graph_.nodes.emplace_back();
    nodes.name = kOnlyNodeType;
    nodes.ids = Iota(*count);
    if (features.has_value()) {
      FAIRLEAD_RETURN_IF_ERROR(SetFeatures(*features, &nodes, &graph_));
    }
    FAIRLEAD_ASSIGN_OR_RETURN(
        const std::optional<SourceArray> labels,
        arrays_.Read({"node_label", "labels", "label", "y"},
                     TextNumbers::kReals));
    if (labels.has_value()) {
      FAIRLEAD_RETURN_IF_ERROR(SetLabels(*labels, &nodes));
    }
    FAIRLEAD_ASSIGN_OR_RETURN(
        const std::optional<SourceArray> times,
        arrays_.Read({"node_year", "node_time"}, TextNumbers::kIntegers));
    if (times.has_value()) {
      FAIRLEAD_RETURN_IF_ERROR(SetTimestamps(*times, &nodes));
    }
    return ReadSplits(&nodes);
  }

  // Each end is a node; how many there are follows, if nothing says so.
  absl::Status CheckEnds(const EdgeArrays& edges,
                         std::optional<int64_t>* count) const {
    int64_t largest = -1;
    for (size_t i = 0; i < edges.src.size(); ++i) {
      const int64_t end = std::max(edges.src[i], edges.dst[i]);
      largest = std::max(largest, end);
      if (!count->has_value() || end < **count) continue;
      return Bad(
          index_name_,
          absl::StrCat("edge ", i, " leads from ", edges.src[i], " to ",
                       edges.dst[i], ", but there are ", **count, " nodes"));
    }
    if (count->has_value()) return absl::OkStatus();
    if (largest >= kMostNodes) {
      return Bad(index_name_, absl::StrCat("has a node ", largest,
                                           ", which is surely no place in a "
                                           "list; say num_nodes"));
    }
    *count = largest + 1;
    return absl::OkStatus();
  }

  absl::Status ReadSplits(NodeArrays* nodes) {
    const std::pair<std::vector<std::string>,
                    std::optional<std::vector<int64_t>>*>
        splits[] = {{{"train", "train_idx"}, &nodes->train},
                    {{"valid", "valid_idx", "val", "val_idx"}, &nodes->val},
                    {{"test", "test_idx"}, &nodes->test}};
    for (const auto& [names, split] : splits) {
      FAIRLEAD_ASSIGN_OR_RETURN(const std::optional<SourceArray> array,
                                arrays_.Read(names, TextNumbers::kIntegers));
      if (!array.has_value()) continue;
      FAIRLEAD_RETURN_IF_ERROR(SetSplit(*array, *nodes, split));
    }
    return absl::OkStatus();
  }

  const NpzImportOptions& options_;
  NamedArrays arrays_;
  GraphArrays graph_;
  std::string index_name_;
};

}  // namespace

absl::Status ImportNpz(const NpzImportOptions& options,
                       const std::string& directory) {
  FAIRLEAD_ASSIGN_OR_RETURN(const GraphArrays graph,
                            NpzImporter(options).Import());
  return WriteGraph(directory, graph);
}

}  // namespace fairlead
