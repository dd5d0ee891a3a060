#include <cstddef>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "libs/graph/element_type.h"
#include "libs/graph/npy.h"
#include "libs/status/status_macros.h"
#include "libs/type_names/type_names.h"
#include "nlohmann/json.hpp"
#include "tools/dataset/arrays/graph_arrays.h"
#include "tools/dataset/arrays/graph_writer.h"
#include "tools/dataset/export/export_files.h"
#include "tools/dataset/export/export_manifest.h"
#include "tools/dataset/export/to_float.h"

namespace fairlead {
namespace {

using Json = nlohmann::json;

// Writes the files of one type and names them in its object.
class TypeExport {
 public:
  TypeExport(const std::string& directory, std::string type, Json* object)
      : directory_(directory), type_(std::move(type)), object_(object) {}

  absl::Status Ints(const char* key, const std::vector<int64_t>& values,
                    std::vector<int64_t> shape = {}) {
    if (shape.empty()) shape = {static_cast<int64_t>(values.size())};
    return WriteNpy<int64_t>(Name(key), "i8", shape, values);
  }

  absl::Status Ints(const char* key,
                    const std::optional<std::vector<int64_t>>& values) {
    return values.has_value() ? Ints(key, *values) : absl::OkStatus();
  }

  absl::Status Floats(const char* key, const std::vector<float>& values) {
    return WriteNpy<float>(Name(key), "f4",
                           {static_cast<int64_t>(values.size())}, values);
  }

  // `by_default` are whose rows they are if nothing is said.
  absl::Status Features(const std::optional<FeatureArrays>& features,
                        bool float32, absl::Span<const int64_t> by_default) {
    if (!features.has_value()) return absl::OkStatus();
    const ElementType type =
        float32 ? ElementType::kFloat32 : features->element_type;
    FAIRLEAD_ASSIGN_OR_RETURN(
        NpyWriter writer,
        NpyWriter::Create(Name("features"), NpyDtype(type),
                          {static_cast<int64_t>(features->owned.ids.size()),
                           features->columns}));
    const auto columns = static_cast<size_t>(features->columns);
    std::vector<float> values(columns);
    for (const uint8_t* row : features->owned.rows) {
      const void* from = row;
      if (float32) {
        RowToFloat(features->element_type, row, features->scale,
                   absl::MakeSpan(values));
        from = values.data();
      }
      FAIRLEAD_RETURN_IF_ERROR(
          writer.Append(from, columns * ElementBytes(type)));
    }
    FAIRLEAD_RETURN_IF_ERROR(writer.Finish());
    if (type == ElementType::kBFloat16) (*object_)["dtype"] = "bfloat16";
    if (!float32 && !features->scale.empty()) {
      FAIRLEAD_RETURN_IF_ERROR(Floats("scale", features->scale));
    }
    if (absl::MakeConstSpan(features->owned.ids) == by_default) {
      return absl::OkStatus();
    }
    return Ints("feature_ids", features->owned.ids);
  }

 private:
  // The path of a file, which is then the value of `key`.
  std::string Name(const char* key) {
    const std::string file = FileOf(type_, key);
    (*object_)[key] = file;
    return absl::StrCat(directory_, "/", file);
  }

  const std::string& directory_;
  const std::string type_;
  Json* const object_;
};

absl::Status WriteNodes(const std::string& directory, const NodeArrays& nodes,
                        const ExportOptions& options, Json* object) {
  *object = {{"name", nodes.name},
             {"num_nodes", nodes.ids.size()},
             {"num_classes", nodes.num_classes}};
  TypeExport type(directory, EscapeTypeName(nodes.name), object);
  if (nodes.ids != Iota(static_cast<int64_t>(nodes.ids.size()))) {
    FAIRLEAD_RETURN_IF_ERROR(type.Ints("ids", nodes.ids));
  }
  FAIRLEAD_RETURN_IF_ERROR(
      type.Features(nodes.features, options.float32, nodes.ids));
  if (nodes.labels.has_value()) {
    std::vector<int64_t> shape = {static_cast<int64_t>(nodes.ids.size())};
    if (nodes.labels_are_matrix) shape.push_back(nodes.label_columns);
    FAIRLEAD_RETURN_IF_ERROR(type.Ints("labels", *nodes.labels, shape));
  }
  FAIRLEAD_RETURN_IF_ERROR(type.Ints("timestamps", nodes.timestamps));
  FAIRLEAD_RETURN_IF_ERROR(type.Ints("train", nodes.train));
  FAIRLEAD_RETURN_IF_ERROR(type.Ints("val", nodes.val));
  return type.Ints("test", nodes.test);
}

absl::Status WriteEdges(const std::string& directory, const EdgeArrays& edges,
                        const ExportOptions& options, Json* object) {
  *object = {{"src", edges.name.src}, {"relation", edges.name.relation},
             {"dst", edges.name.dst}, {"num_edges", edges.src.size()},
             {"out", edges.out},      {"in", edges.in}};
  TypeExport type(directory, edges.name.ToString(), object);
  std::vector<int64_t> index = edges.src;
  index.insert(index.end(), edges.dst.begin(), edges.dst.end());
  FAIRLEAD_RETURN_IF_ERROR(type.Ints(
      "edge_index", index, {2, static_cast<int64_t>(edges.src.size())}));
  FAIRLEAD_RETURN_IF_ERROR(type.Ints("edge_ids", edges.ids));
  if (edges.weights.has_value()) {
    FAIRLEAD_RETURN_IF_ERROR(type.Floats("weights", *edges.weights));
  }
  FAIRLEAD_RETURN_IF_ERROR(type.Ints("timestamps", edges.timestamps));
  return type.Features(edges.features, options.float32,
                       Iota(static_cast<int64_t>(edges.ids.size())));
}

}  // namespace

absl::Status WriteExport(const GraphArrays& graph, const ExportOptions& options,
                         const std::string& directory) {
  Json node_types = Json::array();
  for (const NodeArrays& nodes : graph.nodes) {
    FAIRLEAD_RETURN_IF_ERROR(
        WriteNodes(directory, nodes, options, &node_types.emplace_back()));
  }
  Json edge_types = Json::array();
  for (const EdgeArrays& edges : graph.edges) {
    FAIRLEAD_RETURN_IF_ERROR(
        WriteEdges(directory, edges, options, &edge_types.emplace_back()));
  }
  const Json json = {{"format", kExportFormat},
                     {"name", graph.name},
                     {"node_types", node_types},
                     {"edge_types", edge_types}};
  const std::string path = absl::StrCat(directory, "/", kExportFile);
  std::ofstream file(path);
  file << json.dump(1, ' ', false, Json::error_handler_t::replace) << "\n";
  file.close();
  if (file) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat(path, ": cannot be written"));
}

}  // namespace fairlead
