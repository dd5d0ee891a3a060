#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "libs/fuzz/fuzz.h"
#include "libs/graph/dataset_manifest.h"
#include "libs/graph/partition_book.h"

namespace fairlead::testing {
namespace {

void CheckFile(const std::string& file) {
  FuzzRequire(file.empty() || file[0] != '/', "a file is outside the folder");
  FuzzRequire(file.find("..") == std::string::npos,
              "a file leads out of the folder");
}

void CheckTopology(const TopologyManifest& topology) {
  FuzzRequire(!topology.indptr.empty() && !topology.indices.empty(),
              "a topology has no files");
  FuzzRequire(topology.first_edge_id >= 0, "an edge id is negative");
  for (const std::string& file :
       {topology.indptr, topology.indices, topology.edge_ids, topology.weights,
        topology.timestamps}) {
    CheckFile(file);
  }
}

void CheckFeatures(const FeaturesManifest& features) {
  FuzzRequire(!features.file.empty(), "features have no file");
  FuzzRequire(features.cached.empty() == features.cached_ids.empty(),
              "cached rows are nobody's");
  for (const std::string& file :
       {features.file, features.scale, features.cached, features.cached_ids}) {
    CheckFile(file);
  }
  if (features.ids.has_value()) CheckFile(features.ids->file);
}

void CheckWhole(const DatasetManifest& manifest) {
  FuzzRequire(!manifest.name.empty(), "a dataset has no name");
  for (const NodeTypeManifest& type : manifest.node_types) {
    FuzzRequire(!type.name.empty() && type.num_nodes >= 0 &&
                    type.num_classes >= 0 && type.ids.first_id >= 0,
                "a node type is no node type");
    for (const std::string& file : {type.ids.file, type.labels, type.timestamps,
                                    type.train, type.val, type.test}) {
      CheckFile(file);
    }
    if (type.features.has_value()) CheckFeatures(*type.features);
  }
  for (const EdgeTypeManifest& type : manifest.edge_types) {
    FuzzRequire(type.out.has_value() || type.in.has_value(),
                "an edge type has no edges");
    if (type.out.has_value()) CheckTopology(*type.out);
    if (type.in.has_value()) CheckTopology(*type.in);
    if (type.features.has_value()) CheckFeatures(*type.features);
  }
}

void CheckBook(const PartitionBookManifest& book, size_t partitions) {
  const int kinds = (book.bounds.empty() ? 0 : 1) +
                    (book.table.empty() ? 0 : 1) +
                    (book.hashed_ids == 0 ? 0 : 1);
  FuzzRequire(kinds == 1, "a book is not of one kind");
  FuzzRequire(book.bounds.empty() ? book.num_partitions == partitions
                                  : book.bounds.size() == partitions + 1,
              "a book is of other partitions");
  CheckFile(book.table);
}

void CheckPartitions(const PartitionsManifest& manifest) {
  const size_t partitions = manifest.partitions.size();
  FuzzRequire(partitions > 0, "there are no partitions");
  for (const std::string& folder : manifest.partitions) CheckFile(folder);
  for (const PartitionsManifest::NodeBooks& type : manifest.node_types) {
    CheckBook(type.books.ids, partitions);
    if (type.books.features) CheckBook(*type.books.features, partitions);
  }
  for (const PartitionsManifest::EdgeBooks& type : manifest.edge_types) {
    CheckBook(type.books.ids, partitions);
    if (type.books.features) CheckBook(*type.books.features, partitions);
  }
}

}  // namespace

bool FuzzAccepts(absl::Span<const uint8_t> file) {
  const absl::StatusOr<DatasetFolder> folder = ParseDatasetFolder(
      absl::string_view(reinterpret_cast<const char*>(file.data()),
                        file.size()),
      "fuzz/dataset.json");
  if (!folder.ok()) return false;
  FuzzRequire(folder->whole.has_value() != folder->partitions.has_value(),
              "a folder is not one of the two");
  if (folder->whole.has_value()) CheckWhole(*folder->whole);
  if (folder->partitions.has_value()) CheckPartitions(*folder->partitions);
  return true;
}

FuzzFormat GetFuzzFormat() {
  return {
      .accepted =
          {
              R"({"format": "fairlead.dataset.v1", "name": "g", "node_types": [
          {"name": "n", "num_nodes": 4, "num_classes": 2, "first_id": 7,
           "features": {"file": "f", "dtype": "bfloat16", "scale": "s",
                        "ids": "i", "cached": "c", "cached_ids": "d"},
           "labels": "l", "timestamps": "t", "train": "a", "val": "b",
           "test": "e"}, {"name": "m", "num_nodes": 0, "ids": "i"}],
          "edge_types": [
          {"src": "n", "relation": "to", "dst": "m", "indptr": "p",
           "indices": "q", "edge_ids": "r", "weights": "w",
           "features": "f", "in": {"indptr": "p", "indices": "q",
                                   "first_edge_id": 9}},
          {"src": "n", "relation": "by", "dst": "m", "in": {"indptr": "p",
           "indices": "q", "timestamps": "t"}}]})",
              R"({"format": "fairlead.partitions.v1", "name": "g",
          "partitions": ["part-0", "part-1"], "node_types": [
          {"name": "n", "book": {"bounds": [0, 4, 9]},
           "feature_book": {"table": "t.npy"}}], "edge_types": [
          {"src": "n", "relation": "to", "dst": "n",
           "book": {"hashed_ids": 1000}}]})",
              R"({"format": "fairlead.dataset.v1", "name": "g", "node_types": [],
          "edge_types": []})"},
      .refused =
          {"", "null", "[]", "{}", R"({"format": "fairlead.dataset.v2"})",
           R"({"format": "fairlead.dataset.v1", "name": "g",
              "node_types": {}, "edge_types": []})",
           R"({"format": "fairlead.dataset.v1", "name": "g", "node_types": [
              {"name": "n", "num_nodes": -1}], "edge_types": []})",
           R"({"format": "fairlead.dataset.v1", "name": "g", "node_types": [
              {"name": "n", "num_nodes": 1, "labels": "../l"}],
              "edge_types": []})",
           R"({"format": "fairlead.dataset.v1", "name": "g", "node_types": [
              {"name": "n", "num_nodes": 1e30}], "edge_types": []})",
           R"({"format": "fairlead.partitions.v1", "name": "g",
              "partitions": [], "node_types": [], "edge_types": []})",
           R"({"format": "fairlead.partitions.v1", "name": "g",
              "partitions": ["a"], "node_types": [
              {"name": "n", "book": {"bounds": [0]}}], "edge_types": []})",
           std::string(20'000, '[')},
      .pieces = {"{",    "}",      "[",    "]",          "(",
                 ")",    ",",      ":",    "\"",         "'",
                 "..",   "/",      "null", "-1",         "0",
                 "1e9",  "false",  "",     "4294967296", "9223372036854775808",
                 "\xff", "\\u0000"}};
}

}  // namespace fairlead::testing
