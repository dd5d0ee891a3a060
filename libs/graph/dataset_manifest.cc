#include "libs/graph/dataset_manifest.h"

#include <cstdint>
#include <fstream>
#include <initializer_list>
#include <iterator>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "libs/graph/dataset_manifest_format.h"
#include "libs/graph/element_type.h"
#include "libs/graph/object_reader.h"
#include "libs/graph/partition_book.h"
#include "libs/status/status_macros.h"
#include "libs/type_names/type_names.h"
#include "nlohmann/json.hpp"

namespace fairlead {
namespace {

using Json = nlohmann::json;

constexpr std::initializer_list<const char*> kTopologyKeys = {
    "indptr", "indices", "edge_ids", "first_edge_id", "weights", "timestamps"};

// {"ids": FILE} or {"first_id": N}; neither is from 0 on.
absl::StatusOr<IdsManifest> ReadIds(const ObjectReader& reader) {
  IdsManifest ids;
  FAIRLEAD_ASSIGN_OR_RETURN(ids.file, reader.OptionalFile("ids"));
  FAIRLEAD_ASSIGN_OR_RETURN(ids.first_id, reader.OptionalCount("first_id"));
  if (!ids.file.empty() && reader.Find("first_id") != nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat(reader.where(),
                     ": \"ids\" and \"first_id\" both say which ids these "
                     "are; leave out either"));
  }
  return ids;
}

// A file name, or an object about it.
absl::StatusOr<std::optional<FeaturesManifest>> ReadFeatures(
    const ObjectReader& parent) {
  const Json* json = parent.Find("features");
  if (json == nullptr) return std::optional<FeaturesManifest>();
  FeaturesManifest features;
  if (json->is_string()) {
    FAIRLEAD_ASSIGN_OR_RETURN(features.file, parent.File("features"));
    return std::make_optional(std::move(features));
  }
  const ObjectReader reader(parent.Where("features"), *json);
  FAIRLEAD_RETURN_IF_ERROR(reader.Check(
      {"file", "dtype", "scale", "ids", "first_id", "cached", "cached_ids"}));
  FAIRLEAD_ASSIGN_OR_RETURN(features.file, reader.File("file"));
  if (reader.Find("dtype") != nullptr) {
    FAIRLEAD_ASSIGN_OR_RETURN(const std::string name, reader.String("dtype"));
    features.element_type = ParseElementType(name);
    if (!features.element_type.has_value()) {
      return absl::InvalidArgumentError(
          absl::StrCat(reader.where(), ": \"dtype\" is ", name,
                       "; use float32, float16, bfloat16, int8, uint8 or "
                       "int64"));
    }
  }
  FAIRLEAD_ASSIGN_OR_RETURN(features.scale, reader.OptionalFile("scale"));
  FAIRLEAD_ASSIGN_OR_RETURN(const IdsManifest ids, ReadIds(reader));
  if (reader.Find("ids") != nullptr || reader.Find("first_id") != nullptr) {
    features.ids = ids;
  }
  FAIRLEAD_ASSIGN_OR_RETURN(features.cached, reader.OptionalFile("cached"));
  FAIRLEAD_ASSIGN_OR_RETURN(features.cached_ids,
                            reader.OptionalFile("cached_ids"));
  if (features.cached.empty() != features.cached_ids.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        reader.where(), ": \"cached\" and \"cached_ids\" belong together"));
  }
  return std::make_optional(std::move(features));
}

absl::StatusOr<NodeTypeManifest> ReadNodeType(const ObjectReader& reader) {
  FAIRLEAD_RETURN_IF_ERROR(reader.Check(
      {"name", "num_nodes", "num_classes", "ids", "first_id", "features",
       "labels", "timestamps", "train", "val", "test"}));
  NodeTypeManifest type;
  FAIRLEAD_ASSIGN_OR_RETURN(type.name, reader.String("name"));
  FAIRLEAD_ASSIGN_OR_RETURN(type.num_nodes, reader.Count("num_nodes"));
  FAIRLEAD_ASSIGN_OR_RETURN(type.num_classes,
                            reader.OptionalCount("num_classes"));
  FAIRLEAD_ASSIGN_OR_RETURN(type.ids, ReadIds(reader));
  FAIRLEAD_ASSIGN_OR_RETURN(type.features, ReadFeatures(reader));
  FAIRLEAD_ASSIGN_OR_RETURN(type.labels, reader.OptionalFile("labels"));
  FAIRLEAD_ASSIGN_OR_RETURN(type.timestamps, reader.OptionalFile("timestamps"));
  FAIRLEAD_ASSIGN_OR_RETURN(type.train, reader.OptionalFile("train"));
  FAIRLEAD_ASSIGN_OR_RETURN(type.val, reader.OptionalFile("val"));
  FAIRLEAD_ASSIGN_OR_RETURN(type.test, reader.OptionalFile("test"));
  return type;
}

absl::StatusOr<TopologyManifest> ReadTopology(const ObjectReader& reader) {
  TopologyManifest topology;
  FAIRLEAD_ASSIGN_OR_RETURN(topology.indptr, reader.File("indptr"));
  FAIRLEAD_ASSIGN_OR_RETURN(topology.indices, reader.File("indices"));
  FAIRLEAD_ASSIGN_OR_RETURN(topology.edge_ids, reader.OptionalFile("edge_ids"));
  FAIRLEAD_ASSIGN_OR_RETURN(topology.first_edge_id,
                            reader.OptionalCount("first_edge_id"));
  FAIRLEAD_ASSIGN_OR_RETURN(topology.weights, reader.OptionalFile("weights"));
  FAIRLEAD_ASSIGN_OR_RETURN(topology.timestamps,
                            reader.OptionalFile("timestamps"));
  return topology;
}

absl::StatusOr<EdgeTypeName> ReadEdgeTypeName(const ObjectReader& reader) {
  EdgeTypeName name;
  FAIRLEAD_ASSIGN_OR_RETURN(name.src, reader.String("src"));
  FAIRLEAD_ASSIGN_OR_RETURN(name.relation, reader.String("relation"));
  FAIRLEAD_ASSIGN_OR_RETURN(name.dst, reader.String("dst"));
  return name;
}

absl::StatusOr<EdgeTypeManifest> ReadEdgeType(const ObjectReader& reader) {
  FAIRLEAD_RETURN_IF_ERROR(reader.Check(
      {"src", "relation", "dst", "indptr", "indices", "edge_ids",
       "first_edge_id", "weights", "timestamps", "in", "features"}));
  EdgeTypeManifest type;
  FAIRLEAD_ASSIGN_OR_RETURN(type.name, ReadEdgeTypeName(reader));
  const Json* in = reader.Find("in");
  // Edges by the node they leave may be absent, if those by the node that they
  // reach are there: then nothing may be said of them.
  bool has_out = in == nullptr;
  for (const char* key : kTopologyKeys) has_out |= reader.Find(key) != nullptr;
  if (has_out) {
    FAIRLEAD_ASSIGN_OR_RETURN(type.out, ReadTopology(reader));
  }
  if (in != nullptr) {
    const ObjectReader in_reader(reader.Where("in"), *in);
    FAIRLEAD_RETURN_IF_ERROR(in_reader.Check(kTopologyKeys));
    FAIRLEAD_ASSIGN_OR_RETURN(type.in, ReadTopology(in_reader));
  }
  FAIRLEAD_ASSIGN_OR_RETURN(type.features, ReadFeatures(reader));
  return type;
}

absl::StatusOr<PartitionBookManifest> ReadBook(const ObjectReader& parent,
                                               const char* key,
                                               uint32_t num_partitions) {
  const Json* json = parent.Find(key);
  if (json == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat(parent.where(), ": needs a \"", key, "\""));
  }
  const ObjectReader reader(parent.Where(key), *json);
  FAIRLEAD_RETURN_IF_ERROR(reader.Check({"bounds", "table", "hashed_ids"}));
  if (json->size() != 1) {
    return absl::InvalidArgumentError(absl::StrCat(
        reader.where(),
        ": needs one of \"bounds\", \"table\" and \"hashed_ids\""));
  }
  PartitionBookManifest book;
  if (const Json* bounds = reader.Find("bounds")) {
    if (!bounds->is_array() || bounds->size() != num_partitions + 1) {
      return absl::InvalidArgumentError(absl::StrCat(
          reader.where(), ": needs a list \"bounds\" of ", num_partitions + 1,
          " numbers for ", num_partitions, " partitions"));
    }
    for (const Json& bound : *bounds) {
      // What an int64 does not hold would become something else.
      if (!bound.is_number_integer() ||
          (bound.is_number_unsigned() &&
           bound.get<uint64_t>() > uint64_t{INT64_MAX})) {
        return absl::InvalidArgumentError(absl::StrCat(
            reader.where(), ": \"bounds\" must be whole numbers below 2^63"));
      }
      book.bounds.push_back(bound.get<int64_t>());
    }
    return book;
  }
  book.num_partitions = num_partitions;
  FAIRLEAD_ASSIGN_OR_RETURN(book.table, reader.OptionalFile("table"));
  FAIRLEAD_ASSIGN_OR_RETURN(book.hashed_ids,
                            reader.OptionalCount("hashed_ids"));
  if (book.table.empty() && book.hashed_ids == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat(reader.where(),
                     ": \"hashed_ids\" must be 1 or more; a book of no ids "
                     "has \"bounds\""));
  }
  return book;
}

absl::StatusOr<PartitionsManifest::Books> ReadBooks(const ObjectReader& reader,
                                                    uint32_t num_partitions) {
  PartitionsManifest::Books books;
  FAIRLEAD_ASSIGN_OR_RETURN(books.ids,
                            ReadBook(reader, "book", num_partitions));
  if (reader.Find("feature_book") != nullptr) {
    FAIRLEAD_ASSIGN_OR_RETURN(books.features,
                              ReadBook(reader, "feature_book", num_partitions));
  }
  return books;
}

// Calls `read` with a reader for each object of a list.
template <typename Read>
absl::Status ForEach(const ObjectReader& parent, const char* key, Read read) {
  FAIRLEAD_ASSIGN_OR_RETURN(const Json* list, parent.Array(key));
  for (size_t i = 0; i < list->size(); ++i) {
    FAIRLEAD_RETURN_IF_ERROR(read(ObjectReader(
        absl::StrCat(parent.where(), ": ", key, "[", i, "]"), (*list)[i])));
  }
  return absl::OkStatus();
}

absl::StatusOr<DatasetManifest> ReadDataset(const ObjectReader& reader) {
  FAIRLEAD_RETURN_IF_ERROR(
      reader.Check({"format", "name", "node_types", "edge_types"}));
  DatasetManifest manifest;
  FAIRLEAD_ASSIGN_OR_RETURN(manifest.name, reader.String("name"));
  FAIRLEAD_RETURN_IF_ERROR(
      ForEach(reader, "node_types", [&](const ObjectReader& type) {
        FAIRLEAD_ASSIGN_OR_RETURN(manifest.node_types.emplace_back(),
                                  ReadNodeType(type));
        return absl::OkStatus();
      }));
  FAIRLEAD_RETURN_IF_ERROR(
      ForEach(reader, "edge_types", [&](const ObjectReader& type) {
        FAIRLEAD_ASSIGN_OR_RETURN(manifest.edge_types.emplace_back(),
                                  ReadEdgeType(type));
        return absl::OkStatus();
      }));
  return manifest;
}

absl::StatusOr<PartitionsManifest> ReadPartitions(const ObjectReader& reader) {
  FAIRLEAD_RETURN_IF_ERROR(reader.Check(
      {"format", "name", "partitions", "node_types", "edge_types"}));
  PartitionsManifest manifest;
  FAIRLEAD_ASSIGN_OR_RETURN(manifest.name, reader.String("name"));
  FAIRLEAD_ASSIGN_OR_RETURN(const Json* partitions, reader.Array("partitions"));
  for (const Json& folder : *partitions) {
    if (!folder.is_string() || !IsWithinFolder(folder.get<std::string>())) {
      return absl::InvalidArgumentError(
          absl::StrCat(reader.where(),
                       ": \"partitions\" must be names of folders within "
                       "this one"));
    }
    manifest.partitions.push_back(folder.get<std::string>());
  }
  if (manifest.partitions.empty() ||
      manifest.partitions.size() > kMaxPartitions) {
    return absl::InvalidArgumentError(absl::StrCat(
        reader.where(), ": \"partitions\" has ", manifest.partitions.size(),
        " folders; it must have 1 to ", kMaxPartitions));
  }
  const auto count = static_cast<uint32_t>(manifest.partitions.size());
  FAIRLEAD_RETURN_IF_ERROR(
      ForEach(reader, "node_types", [&](const ObjectReader& type) {
        FAIRLEAD_RETURN_IF_ERROR(type.Check({"name", "book", "feature_book"}));
        PartitionsManifest::NodeBooks& books =
            manifest.node_types.emplace_back();
        FAIRLEAD_ASSIGN_OR_RETURN(books.name, type.String("name"));
        FAIRLEAD_ASSIGN_OR_RETURN(books.books, ReadBooks(type, count));
        return absl::OkStatus();
      }));
  FAIRLEAD_RETURN_IF_ERROR(
      ForEach(reader, "edge_types", [&](const ObjectReader& type) {
        FAIRLEAD_RETURN_IF_ERROR(
            type.Check({"src", "relation", "dst", "book", "feature_book"}));
        PartitionsManifest::EdgeBooks& books =
            manifest.edge_types.emplace_back();
        FAIRLEAD_ASSIGN_OR_RETURN(books.name, ReadEdgeTypeName(type));
        FAIRLEAD_ASSIGN_OR_RETURN(books.books, ReadBooks(type, count));
        return absl::OkStatus();
      }));
  return manifest;
}

}  // namespace

absl::StatusOr<DatasetFolder> ParseDatasetFolder(absl::string_view text,
                                                 const std::string& path) {
  const Json json = Json::parse(text.begin(), text.end(), nullptr,
                                /*allow_exceptions=*/false);
  if (json.is_discarded()) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": is not JSON"));
  }
  const ObjectReader reader(path, json);
  FAIRLEAD_RETURN_IF_ERROR(reader.CheckObject());
  FAIRLEAD_ASSIGN_OR_RETURN(const std::string format, reader.String("format"));
  DatasetFolder folder;
  if (format == kPartitionsFormat) {
    FAIRLEAD_ASSIGN_OR_RETURN(folder.partitions, ReadPartitions(reader));
    return folder;
  }
  if (format != kDatasetFormat) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": \"format\" is ", format, "; this version reads ",
                     kDatasetFormat, " and ", kPartitionsFormat));
  }
  FAIRLEAD_ASSIGN_OR_RETURN(folder.whole, ReadDataset(reader));
  return folder;
}

absl::StatusOr<DatasetFolder> ReadDatasetFolder(const std::string& directory) {
  const std::string path = absl::StrCat(directory, "/", kManifestFile);
  std::ifstream file(path);
  if (!file) {
    return absl::NotFoundError(absl::StrCat(
        "dataset ", directory, ": has no ", kManifestFile,
        "; make one with `bazel run //tools/dataset -- wordnet --out=DIR`"));
  }
  const std::string text((std::istreambuf_iterator<char>(file)),
                         std::istreambuf_iterator<char>());
  return ParseDatasetFolder(text, path);
}

absl::StatusOr<DatasetManifest> ReadManifest(const std::string& directory) {
  FAIRLEAD_ASSIGN_OR_RETURN(DatasetFolder folder, ReadDatasetFolder(directory));
  if (folder.whole.has_value()) return *std::move(folder.whole);
  return absl::InvalidArgumentError(absl::StrCat(
      directory,
      ": is a graph in partitions, where one partition, or a whole "
      "graph, must be"));
}

}  // namespace fairlead
