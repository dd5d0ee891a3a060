#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "libs/graph/element_type.h"
#include "libs/graph/npy.h"
#include "libs/status/status_macros.h"
#include "nlohmann/json.hpp"
#include "tools/dataset/arrays/graph_arrays.h"
#include "tools/dataset/export/export_files.h"
#include "tools/dataset/export/export_manifest.h"

namespace fairlead {
namespace {

using Json = nlohmann::json;

// Reads the files that one object of export.json names.
class TypeImport {
 public:
  TypeImport(const std::string& directory, std::string where,
             const Json& object, GraphArrays* graph)
      : directory_(directory),
        where_(std::move(where)),
        object_(object),
        graph_(graph) {}

  absl::Status Bad(const std::string& why) const {
    return absl::InvalidArgumentError(
        absl::StrCat(directory_, "/", kExportFile, ": ", where_, ": ", why));
  }

  bool Has(const char* key) const { return object_.contains(key); }

  absl::StatusOr<std::string> String(const char* key) const {
    if (Has(key) && object_[key].is_string() &&
        !object_[key].get<std::string>().empty()) {
      return object_[key].get<std::string>();
    }
    return Bad(absl::StrCat("needs a text \"", key, "\""));
  }

  absl::StatusOr<int64_t> Count(const char* key, int64_t by_default) const {
    if (!Has(key)) return by_default;
    // More than this cannot be made a list of.
    if (object_[key].is_number_unsigned() &&
        object_[key].get<uint64_t>() <= uint64_t{1} << 40) {
      return object_[key].get<int64_t>();
    }
    return Bad(absl::StrCat("\"", key, "\" must be a number of things"));
  }

  bool Flag(const char* key, bool by_default) const {
    return Has(key) && object_[key].is_boolean() ? object_[key].get<bool>()
                                                 : by_default;
  }

  absl::StatusOr<std::shared_ptr<const NpyFile>> Map(const char* key,
                                                     absl::string_view dtype,
                                                     size_t dimensions) const {
    FAIRLEAD_ASSIGN_OR_RETURN(const std::string file, String(key));
    if (absl::StartsWith(file, "/") || absl::StrContains(file, "..")) {
      return Bad(absl::StrCat("\"", key, "\" is ", file,
                              "; it must lie within the folder"));
    }
    FAIRLEAD_ASSIGN_OR_RETURN(
        NpyFile mapped, NpyFile::Open(absl::StrCat(directory_, "/", file)));
    if (!dtype.empty()) {
      FAIRLEAD_RETURN_IF_ERROR(mapped.Expect(dtype, dimensions));
    }
    return std::make_shared<const NpyFile>(std::move(mapped));
  }

  absl::Status Ints(const char* key,
                    std::optional<std::vector<int64_t>>* values) const {
    if (!Has(key)) return absl::OkStatus();
    FAIRLEAD_ASSIGN_OR_RETURN(const auto file, Map(key, "i8", 1));
    const absl::Span<const int64_t> read = file->As<int64_t>();
    values->emplace(read.begin(), read.end());
    return absl::OkStatus();
  }

  absl::Status Floats(const char* key,
                      std::optional<std::vector<float>>* values) const {
    if (!Has(key)) return absl::OkStatus();
    FAIRLEAD_ASSIGN_OR_RETURN(const auto file, Map(key, "f4", 1));
    const absl::Span<const float> read = file->As<float>();
    values->emplace(read.begin(), read.end());
    return absl::OkStatus();
  }

  absl::Status Features(std::vector<int64_t> by_default,
                        std::optional<FeatureArrays>* result) {
    if (!Has("features")) return absl::OkStatus();
    FAIRLEAD_ASSIGN_OR_RETURN(const auto file, Map("features", "", 2));
    FAIRLEAD_ASSIGN_OR_RETURN(const ElementType type, FeatureType(*file));
    FeatureArrays& features = result->emplace();
    features.element_type = type;
    features.columns = file->shape()[1];
    std::optional<std::vector<int64_t>> ids = std::move(by_default);
    FAIRLEAD_RETURN_IF_ERROR(Ints("feature_ids", &ids));
    if (static_cast<int64_t>(ids->size()) != file->shape()[0]) {
      return absl::InvalidArgumentError(
          absl::StrCat(file->path(), ": has ", file->shape()[0], " rows for ",
                       ids->size(), " ids"));
    }
    features.owned =
        RowsOf(*std::move(ids), file->data(),
               features.columns * static_cast<int64_t>(ElementBytes(type)));
    graph_->keep.push_back(file);
    std::optional<std::vector<float>> scale;
    FAIRLEAD_RETURN_IF_ERROR(Floats("scale", &scale));
    if (scale.has_value()) features.scale = *std::move(scale);
    return absl::OkStatus();
  }

 private:
  absl::StatusOr<ElementType> FeatureType(const NpyFile& file) const {
    if (file.shape().size() != 2) {
      return absl::InvalidArgumentError(
          absl::StrCat(file.path(), ": has ", file.shape().size(),
                       " dimensions; features have two"));
    }
    if (Has("dtype")) {
      FAIRLEAD_ASSIGN_OR_RETURN(const std::string name, String("dtype"));
      const std::optional<ElementType> type = ParseElementType(name);
      if (type.has_value() && NpyDtype(*type) == file.dtype()) return *type;
      return Bad(absl::StrCat("\"dtype\" is ", name, ", but ", file.path(),
                              " is ", file.dtype()));
    }
    for (const ElementType type :
         {ElementType::kFloat32, ElementType::kFloat16, ElementType::kInt8,
          ElementType::kUint8, ElementType::kInt64}) {
      if (NpyDtype(type) == file.dtype()) return type;
    }
    return absl::InvalidArgumentError(absl::StrCat(
        file.path(), ": is ", file.dtype(), ", which features cannot be"));
  }

  const std::string& directory_;
  const std::string where_;
  const Json& object_;
  GraphArrays* const graph_;
};

absl::StatusOr<NodeArrays> ReadNodes(TypeImport type) {
  NodeArrays nodes;
  FAIRLEAD_ASSIGN_OR_RETURN(nodes.name, type.String("name"));
  FAIRLEAD_ASSIGN_OR_RETURN(const int64_t count, type.Count("num_nodes", -1));
  if (count < 0) return type.Bad("needs a number \"num_nodes\"");
  FAIRLEAD_ASSIGN_OR_RETURN(nodes.num_classes, type.Count("num_classes", 0));
  std::optional<std::vector<int64_t>> ids;
  FAIRLEAD_RETURN_IF_ERROR(type.Ints("ids", &ids));
  nodes.ids = ids.has_value() ? *std::move(ids) : Iota(count);
  if (static_cast<int64_t>(nodes.ids.size()) != count) {
    return type.Bad(absl::StrCat("\"ids\" has ", nodes.ids.size(), " for ",
                                 count, " nodes"));
  }
  FAIRLEAD_RETURN_IF_ERROR(type.Features(nodes.ids, &nodes.features));
  if (type.Has("labels")) {
    FAIRLEAD_ASSIGN_OR_RETURN(const auto file, type.Map("labels", "", 0));
    nodes.labels_are_matrix = file->shape().size() == 2;
    FAIRLEAD_RETURN_IF_ERROR(
        file->Expect("i8", nodes.labels_are_matrix ? 2 : 1));
    nodes.label_columns = nodes.labels_are_matrix ? file->shape()[1] : 1;
    const auto* values = reinterpret_cast<const int64_t*>(file->data());
    nodes.labels.emplace(values,
                         values + file->shape()[0] * nodes.label_columns);
  }
  FAIRLEAD_RETURN_IF_ERROR(type.Ints("timestamps", &nodes.timestamps));
  FAIRLEAD_RETURN_IF_ERROR(type.Ints("train", &nodes.train));
  FAIRLEAD_RETURN_IF_ERROR(type.Ints("val", &nodes.val));
  FAIRLEAD_RETURN_IF_ERROR(type.Ints("test", &nodes.test));
  return nodes;
}

absl::StatusOr<EdgeArrays> ReadEdges(TypeImport type) {
  EdgeArrays edges;
  FAIRLEAD_ASSIGN_OR_RETURN(edges.name.src, type.String("src"));
  FAIRLEAD_ASSIGN_OR_RETURN(edges.name.relation, type.String("relation"));
  FAIRLEAD_ASSIGN_OR_RETURN(edges.name.dst, type.String("dst"));
  edges.out = type.Flag("out", true);
  edges.in = type.Flag("in", false);
  edges.sort_neighbors = false;
  FAIRLEAD_ASSIGN_OR_RETURN(const auto index, type.Map("edge_index", "i8", 2));
  if (index->shape()[0] != 2) {
    return absl::InvalidArgumentError(
        absl::StrCat(index->path(), ": has ", index->shape()[0],
                     " rows; edges are [2, edges]"));
  }
  const int64_t count = index->shape()[1];
  const auto* ends = reinterpret_cast<const int64_t*>(index->data());
  edges.src.assign(ends, ends + count);
  edges.dst.assign(ends + count, ends + 2 * count);
  std::optional<std::vector<int64_t>> ids;
  FAIRLEAD_RETURN_IF_ERROR(type.Ints("edge_ids", &ids));
  edges.ids = ids.has_value() ? *std::move(ids) : Iota(count);
  FAIRLEAD_RETURN_IF_ERROR(type.Floats("weights", &edges.weights));
  FAIRLEAD_RETURN_IF_ERROR(type.Ints("timestamps", &edges.timestamps));
  FAIRLEAD_RETURN_IF_ERROR(type.Features(Iota(count), &edges.features));
  return edges;
}

}  // namespace

bool IsExport(const std::string& directory) {
  std::error_code ignored;
  return std::filesystem::exists(absl::StrCat(directory, "/", kExportFile),
                                 ignored);
}

absl::StatusOr<GraphArrays> ReadExport(const std::string& directory) {
  const std::string path = absl::StrCat(directory, "/", kExportFile);
  std::ifstream file(path);
  if (!file) {
    return absl::NotFoundError(absl::StrCat(path, ": cannot be read"));
  }
  const std::string text((std::istreambuf_iterator<char>(file)),
                         std::istreambuf_iterator<char>());
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  GraphArrays graph;
  const TypeImport root(directory, "the object", json, &graph);
  if (!json.is_object()) return root.Bad("is no JSON object");
  FAIRLEAD_ASSIGN_OR_RETURN(const std::string format, root.String("format"));
  if (format != kExportFormat) {
    return root.Bad(absl::StrCat("\"format\" is ", format,
                                 "; this version reads ", kExportFormat));
  }
  FAIRLEAD_ASSIGN_OR_RETURN(graph.name, root.String("name"));
  for (const char* key : {"node_types", "edge_types"}) {
    if (!json.contains(key) || !json[key].is_array()) {
      return root.Bad(absl::StrCat("needs a list \"", key, "\""));
    }
    for (size_t i = 0; i < json[key].size(); ++i) {
      const Json& object = json[key][i];
      TypeImport type(directory, absl::StrCat(key, "[", i, "]"), object,
                      &graph);
      if (!object.is_object()) return type.Bad("must be an object");
      if (key[0] == 'n') {
        FAIRLEAD_ASSIGN_OR_RETURN(graph.nodes.emplace_back(), ReadNodes(type));
      } else {
        FAIRLEAD_ASSIGN_OR_RETURN(graph.edges.emplace_back(), ReadEdges(type));
      }
    }
  }
  return graph;
}

}  // namespace fairlead
