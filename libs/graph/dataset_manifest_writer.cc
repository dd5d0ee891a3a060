#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "libs/graph/dataset_manifest.h"
#include "libs/graph/dataset_manifest_format.h"
#include "libs/graph/element_type.h"
#include "libs/type_names/type_names.h"
#include "nlohmann/json.hpp"

namespace fairlead {
namespace {

using Json = nlohmann::json;

void SetIf(Json& object, const char* key, const std::string& value) {
  if (!value.empty()) object[key] = value;
}

void SetIf(Json& object, const char* key, int64_t value) {
  if (value != 0) object[key] = static_cast<uint64_t>(value);
}

void SetIds(Json& object, const IdsManifest& ids) {
  SetIf(object, "ids", ids.file);
  SetIf(object, "first_id", ids.first_id);
}

void SetFeatures(Json& object,
                 const std::optional<FeaturesManifest>& features) {
  if (!features.has_value()) return;
  Json json = {{"file", features->file}};
  if (features->element_type.has_value()) {
    json["dtype"] = std::string(ElementTypeName(*features->element_type));
  }
  SetIf(json, "scale", features->scale);
  if (features->ids.has_value()) {
    SetIds(json, *features->ids);
    // Said even if it is 0, which is not what it is by default.
    if (features->ids->file.empty()) {
      json["first_id"] = static_cast<uint64_t>(features->ids->first_id);
    }
  }
  SetIf(json, "cached", features->cached);
  SetIf(json, "cached_ids", features->cached_ids);
  object["features"] = json.size() == 1 ? json["file"] : json;
}

void SetTopology(Json& object, const TopologyManifest& topology) {
  object["indptr"] = topology.indptr;
  object["indices"] = topology.indices;
  SetIf(object, "edge_ids", topology.edge_ids);
  SetIf(object, "first_edge_id", topology.first_edge_id);
  SetIf(object, "weights", topology.weights);
  SetIf(object, "timestamps", topology.timestamps);
}

Json BookJson(const PartitionBookManifest& book) {
  if (!book.bounds.empty()) return {{"bounds", book.bounds}};
  if (!book.table.empty()) return {{"table", book.table}};
  return {{"hashed_ids", static_cast<uint64_t>(book.hashed_ids)}};
}

void SetBooks(Json& object, const PartitionsManifest::Books& books) {
  object["book"] = BookJson(books.ids);
  if (books.features.has_value()) {
    object["feature_book"] = BookJson(*books.features);
  }
}

Json EdgeTypeJson(const EdgeTypeName& name) {
  return {{"src", name.src}, {"relation", name.relation}, {"dst", name.dst}};
}

absl::Status WriteJson(const std::string& directory, const Json& json) {
  const std::string path = absl::StrCat(directory, "/", kManifestFile);
  std::ofstream file(path);
  file << json.dump(1, ' ', false, Json::error_handler_t::replace) << "\n";
  file.close();
  if (!file) {
    return absl::UnavailableError(
        absl::StrCat(path, ": cannot be written: ", strerror(errno)));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status WriteManifest(const std::string& directory,
                           const DatasetManifest& manifest) {
  Json node_types = Json::array();
  for (const NodeTypeManifest& type : manifest.node_types) {
    Json object = {{"name", type.name},
                   {"num_nodes", static_cast<uint64_t>(type.num_nodes)}};
    SetIf(object, "num_classes", type.num_classes);
    SetIds(object, type.ids);
    SetFeatures(object, type.features);
    SetIf(object, "labels", type.labels);
    SetIf(object, "timestamps", type.timestamps);
    SetIf(object, "train", type.train);
    SetIf(object, "val", type.val);
    SetIf(object, "test", type.test);
    node_types.push_back(std::move(object));
  }
  Json edge_types = Json::array();
  for (const EdgeTypeManifest& type : manifest.edge_types) {
    Json object = EdgeTypeJson(type.name);
    if (type.out.has_value()) SetTopology(object, *type.out);
    if (type.in.has_value()) SetTopology(object["in"], *type.in);
    SetFeatures(object, type.features);
    edge_types.push_back(std::move(object));
  }
  return WriteJson(directory, {{"format", kDatasetFormat},
                               {"name", manifest.name},
                               {"node_types", std::move(node_types)},
                               {"edge_types", std::move(edge_types)}});
}

absl::Status WriteManifest(const std::string& directory,
                           const PartitionsManifest& manifest) {
  Json node_types = Json::array();
  for (const PartitionsManifest::NodeBooks& type : manifest.node_types) {
    Json object = {{"name", type.name}};
    SetBooks(object, type.books);
    node_types.push_back(std::move(object));
  }
  Json edge_types = Json::array();
  for (const PartitionsManifest::EdgeBooks& type : manifest.edge_types) {
    Json object = EdgeTypeJson(type.name);
    SetBooks(object, type.books);
    edge_types.push_back(std::move(object));
  }
  return WriteJson(directory, {{"format", kPartitionsFormat},
                               {"name", manifest.name},
                               {"partitions", manifest.partitions},
                               {"node_types", std::move(node_types)},
                               {"edge_types", std::move(edge_types)}});
}

}  // namespace fairlead
