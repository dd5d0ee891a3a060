#include "libs/graph/dataset_manifest.h"

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <initializer_list>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "libs/status/status_macros.h"
#include "nlohmann/json.hpp"

namespace fairlead {
namespace {

using Json = nlohmann::json;

constexpr char kFormat[] = "fairlead.dataset.v1";
constexpr char kFile[] = "dataset.json";

// Reads one JSON object key by key, and knows which keys were asked for.
class ObjectReader {
 public:
  ObjectReader(std::string where, const Json& object)
      : where_(std::move(where)), object_(object) {}

  absl::Status Check(std::initializer_list<const char*> known) const {
    if (!object_.is_object()) {
      return absl::InvalidArgumentError(
          absl::StrCat(where_, ": must be an object"));
    }
    for (const auto& [key, value] : object_.items()) {
      bool is_known = false;
      for (const char* name : known) is_known = is_known || key == name;
      if (!is_known) {
        return absl::InvalidArgumentError(
            absl::StrCat(where_, ": \"", key, "\" is no key of ", kFormat));
      }
    }
    return absl::OkStatus();
  }

  absl::StatusOr<std::string> String(const char* key) const {
    if (!object_.contains(key) || !object_[key].is_string() ||
        object_[key].get<std::string>().empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat(where_, ": needs a text \"", key, "\""));
    }
    return object_[key].get<std::string>();
  }

  // A file of the folder.
  absl::StatusOr<std::string> File(const char* key) const {
    FAIRLEAD_ASSIGN_OR_RETURN(std::string file, String(key));
    if (file.front() == '/' || file.find("..") != std::string::npos) {
      return absl::InvalidArgumentError(
          absl::StrCat(where_, ": \"", key, "\" is ", file,
                       "; it must lie within the dataset's folder"));
    }
    return file;
  }

  absl::StatusOr<std::string> OptionalFile(const char* key) const {
    if (!object_.contains(key)) return std::string();
    return File(key);
  }

  absl::StatusOr<int64_t> Count(const char* key) const {
    if (!object_.contains(key) || !object_[key].is_number_unsigned()) {
      return absl::InvalidArgumentError(absl::StrCat(
          where_, ": needs a whole number \"", key, "\", 0 or more"));
    }
    const auto count = object_[key].get<uint64_t>();
    if (count > uint64_t{INT64_MAX}) {
      return absl::InvalidArgumentError(
          absl::StrCat(where_, ": \"", key, "\" is too large"));
    }
    return static_cast<int64_t>(count);
  }

  absl::StatusOr<const Json*> Array(const char* key) const {
    if (!object_.contains(key) || !object_[key].is_array()) {
      return absl::InvalidArgumentError(
          absl::StrCat(where_, ": needs a list \"", key, "\""));
    }
    return &object_[key];
  }

 private:
  const std::string where_;
  const Json& object_;
};

absl::StatusOr<NodeTypeManifest> ReadNodeType(const std::string& where,
                                              const Json& object) {
  const ObjectReader reader(where, object);
  FAIRLEAD_RETURN_IF_ERROR(
      reader.Check({"name", "num_nodes", "num_classes", "features", "labels",
                    "train", "val", "test"}));
  NodeTypeManifest type;
  FAIRLEAD_ASSIGN_OR_RETURN(type.name, reader.String("name"));
  FAIRLEAD_ASSIGN_OR_RETURN(type.num_nodes, reader.Count("num_nodes"));
  if (object.contains("num_classes")) {
    FAIRLEAD_ASSIGN_OR_RETURN(type.num_classes, reader.Count("num_classes"));
  }
  FAIRLEAD_ASSIGN_OR_RETURN(type.features, reader.OptionalFile("features"));
  FAIRLEAD_ASSIGN_OR_RETURN(type.labels, reader.OptionalFile("labels"));
  FAIRLEAD_ASSIGN_OR_RETURN(type.train, reader.OptionalFile("train"));
  FAIRLEAD_ASSIGN_OR_RETURN(type.val, reader.OptionalFile("val"));
  FAIRLEAD_ASSIGN_OR_RETURN(type.test, reader.OptionalFile("test"));
  return type;
}

absl::StatusOr<EdgeTypeManifest> ReadEdgeType(const std::string& where,
                                              const Json& object) {
  const ObjectReader reader(where, object);
  FAIRLEAD_RETURN_IF_ERROR(reader.Check(
      {"src", "relation", "dst", "indptr", "indices", "edge_ids"}));
  EdgeTypeManifest type;
  FAIRLEAD_ASSIGN_OR_RETURN(type.name.src, reader.String("src"));
  FAIRLEAD_ASSIGN_OR_RETURN(type.name.relation, reader.String("relation"));
  FAIRLEAD_ASSIGN_OR_RETURN(type.name.dst, reader.String("dst"));
  FAIRLEAD_ASSIGN_OR_RETURN(type.indptr, reader.File("indptr"));
  FAIRLEAD_ASSIGN_OR_RETURN(type.indices, reader.File("indices"));
  FAIRLEAD_ASSIGN_OR_RETURN(type.edge_ids, reader.OptionalFile("edge_ids"));
  return type;
}

}  // namespace

std::string EdgeTypeName::ToString() const {
  return absl::StrCat(src, "__", relation, "__", dst);
}

absl::StatusOr<DatasetManifest> ReadManifest(const std::string& directory) {
  const std::string path = absl::StrCat(directory, "/", kFile);
  std::ifstream file(path);
  if (!file) {
    return absl::NotFoundError(absl::StrCat(
        "dataset ", directory, ": has no ", kFile,
        "; make one with `bazel run //tools/dataset -- wordnet --out=DIR`"));
  }
  const Json json = Json::parse(file, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": is not JSON"));
  }
  const ObjectReader reader(path, json);
  FAIRLEAD_RETURN_IF_ERROR(
      reader.Check({"format", "name", "node_types", "edge_types"}));
  FAIRLEAD_ASSIGN_OR_RETURN(const std::string format, reader.String("format"));
  if (format != kFormat) {
    return absl::InvalidArgumentError(absl::StrCat(
        path, ": \"format\" is ", format, "; this version reads ", kFormat));
  }
  DatasetManifest manifest;
  FAIRLEAD_ASSIGN_OR_RETURN(manifest.name, reader.String("name"));
  FAIRLEAD_ASSIGN_OR_RETURN(const Json* node_types, reader.Array("node_types"));
  for (const Json& object : *node_types) {
    FAIRLEAD_ASSIGN_OR_RETURN(
        NodeTypeManifest type,
        ReadNodeType(absl::StrCat(path, ": node_types[",
                                  manifest.node_types.size(), "]"),
                     object));
    manifest.node_types.push_back(std::move(type));
  }
  FAIRLEAD_ASSIGN_OR_RETURN(const Json* edge_types, reader.Array("edge_types"));
  for (const Json& object : *edge_types) {
    FAIRLEAD_ASSIGN_OR_RETURN(
        EdgeTypeManifest type,
        ReadEdgeType(absl::StrCat(path, ": edge_types[",
                                  manifest.edge_types.size(), "]"),
                     object));
    manifest.edge_types.push_back(std::move(type));
  }
  return manifest;
}

absl::Status WriteManifest(const std::string& directory,
                           const DatasetManifest& manifest) {
  const auto set_if = [](Json& object, const char* key,
                         const std::string& value) {
    if (!value.empty()) object[key] = value;
  };
  Json node_types = Json::array();
  for (const NodeTypeManifest& type : manifest.node_types) {
    Json object = {{"name", type.name},
                   {"num_nodes", static_cast<uint64_t>(type.num_nodes)},
                   {"num_classes", static_cast<uint64_t>(type.num_classes)}};
    set_if(object, "features", type.features);
    set_if(object, "labels", type.labels);
    set_if(object, "train", type.train);
    set_if(object, "val", type.val);
    set_if(object, "test", type.test);
    node_types.push_back(std::move(object));
  }
  Json edge_types = Json::array();
  for (const EdgeTypeManifest& type : manifest.edge_types) {
    Json object = {{"src", type.name.src},
                   {"relation", type.name.relation},
                   {"dst", type.name.dst},
                   {"indptr", type.indptr},
                   {"indices", type.indices}};
    set_if(object, "edge_ids", type.edge_ids);
    edge_types.push_back(std::move(object));
  }
  const Json json = {{"format", kFormat},
                     {"name", manifest.name},
                     {"node_types", std::move(node_types)},
                     {"edge_types", std::move(edge_types)}};
  const std::string path = absl::StrCat(directory, "/", kFile);
  std::ofstream file(path);
  file << json.dump(1) << "\n";
  file.close();
  if (!file) {
    return absl::UnavailableError(
        absl::StrCat(path, ": cannot be written: ", strerror(errno)));
  }
  return absl::OkStatus();
}

}  // namespace fairlead
