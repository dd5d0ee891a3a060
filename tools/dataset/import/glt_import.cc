#include "tools/dataset/import/glt_import.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "libs/glt_folder/glt_folder.h"
#include "libs/glt_folder/glt_meta.h"
#include "libs/graph/dataset_manifest.h"
#include "libs/graph/partition_book.h"
#include "libs/status/status_macros.h"
#include "libs/type_names/type_names.h"
#include "tools/dataset/arrays/graph_arrays.h"
#include "tools/dataset/arrays/graph_writer.h"
#include "tools/dataset/import/glt_partition.h"

namespace fairlead {
namespace {

absl::Status ReadLabels(const GltFolder& folder,
                        const std::map<std::string, std::string>& files,
                        GltBooks* books) {
  for (const auto& [type, file] : files) {
    bool found = false;
    for (const std::string& name : folder.meta().node_types) {
      if (NodeTypeName(name) != type) continue;
      found = true;
      FAIRLEAD_ASSIGN_OR_RETURN(GltLabels labels, GltFolder::ReadLabels(file));
      const size_t nodes = books->nodes.at(name).owners.size();
      if (labels.rows != nodes) {
        return absl::InvalidArgumentError(
            absl::StrCat(file, ": has ", labels.rows, " labels for the ", nodes,
                         " nodes of type ", type));
      }
      books->labels[name] = std::move(labels);
    }
    if (found) continue;
    return absl::NotFoundError(absl::StrCat(
        "--labels: there is no node type \"", type, "\" in ", folder.path(),
        "; it has ",
        absl::StrJoin(folder.meta().node_types, ", ",
                      [](std::string* out, const std::string& name) {
                        absl::StrAppend(out, NodeTypeName(name));
                      })));
  }
  return absl::OkStatus();
}

absl::StatusOr<GltBooks> ReadBooks(const GltFolder& folder,
                                   const GltImportOptions& options) {
  GltBooks books;
  for (const std::string& type : folder.meta().node_types) {
    FAIRLEAD_ASSIGN_OR_RETURN(books.nodes[type], folder.NodeBook(type));
  }
  for (const GltEdgeType& type : folder.meta().edge_types) {
    FAIRLEAD_ASSIGN_OR_RETURN(books.edges[type.Name()], folder.EdgeBook(type));
  }
  FAIRLEAD_RETURN_IF_ERROR(ReadLabels(folder, options.labels, &books));
  return books;
}

// Bounds where owners rise with ids, else a table in `directory`.
absl::StatusOr<PartitionBookManifest> WriteBook(const std::string& directory,
                                                const std::string& file,
                                                uint32_t num_partitions,
                                                const GltBook& book) {
  PartitionBookManifest manifest;
  uint32_t partition = 0;
  manifest.bounds.push_back(0);
  for (size_t id = 0; id < book.owners.size(); ++id) {
    for (; partition < book.owners[id]; ++partition) {
      manifest.bounds.push_back(static_cast<int64_t>(id));
    }
    if (book.owners[id] == partition) continue;
    manifest = {.table = file, .num_partitions = num_partitions};
    FAIRLEAD_RETURN_IF_ERROR(WritePartitionTable(
        absl::StrCat(directory, "/", file), num_partitions, book.owners));
    return manifest;
  }
  manifest.bounds.resize(num_partitions + size_t{1},
                         static_cast<int64_t>(book.owners.size()));
  return manifest;
}

absl::Status WriteRoot(const std::string& directory, const std::string& name,
                       const GltFolder& folder, const GltBooks& books) {
  const uint32_t partitions = folder.meta().num_partitions;
  PartitionsManifest root;
  root.name = name;
  for (uint32_t part = 0; part < partitions; ++part) {
    root.partitions.push_back(absl::StrCat("part-", part));
  }
  for (const std::string& type : folder.meta().node_types) {
    PartitionsManifest::NodeBooks& of = root.node_types.emplace_back();
    of.name = NodeTypeName(type);
    FAIRLEAD_ASSIGN_OR_RETURN(
        of.books.ids,
        WriteBook(directory, FileOf(EscapeTypeName(of.name), "book"),
                  partitions, books.nodes.at(type)));
  }
  for (const GltEdgeType& type : folder.meta().edge_types) {
    PartitionsManifest::EdgeBooks& of = root.edge_types.emplace_back();
    of.name = EdgeTypeNameOf(type);
    FAIRLEAD_ASSIGN_OR_RETURN(
        of.books.ids, WriteBook(directory, FileOf(of.name.ToString(), "book"),
                                partitions, books.edges.at(type.Name())));
  }
  return WriteManifest(directory, root);
}

}  // namespace

absl::Status ImportGlt(const GltImportOptions& options,
                       const std::string& directory) {
  FAIRLEAD_ASSIGN_OR_RETURN(const GltFolder folder,
                            GltFolder::Open(options.in));
  FAIRLEAD_ASSIGN_OR_RETURN(const GltBooks books, ReadBooks(folder, options));
  EdgeDir edge_dir = EdgeDir::kOut;
  if (options.edge_dir.has_value()) {
    edge_dir = *options.edge_dir;
  } else {
    FAIRLEAD_ASSIGN_OR_RETURN(edge_dir, DetectEdgeDir(folder, books));
  }
  GltPartitionReader reader(folder, books, edge_dir);
  std::vector<GraphArrays> partitions;
  for (uint32_t part = 0; part < folder.meta().num_partitions; ++part) {
    FAIRLEAD_ASSIGN_OR_RETURN(GraphArrays graph, reader.Read(part));
    graph.name = options.name;
    if (options.merge) {
      partitions.push_back(std::move(graph));
      continue;
    }
    const std::string path = absl::StrCat(directory, "/part-", part);
    std::error_code error;
    std::filesystem::create_directories(path, error);
    if (error) {
      return absl::UnavailableError(
          absl::StrCat(path, ": cannot be made: ", error.message()));
    }
    FAIRLEAD_RETURN_IF_ERROR(WriteGraph(path, graph));
  }
  FAIRLEAD_RETURN_IF_ERROR(reader.CheckAllEdgesSeen());
  if (!options.merge) {
    return WriteRoot(directory, options.name, folder, books);
  }
  FAIRLEAD_ASSIGN_OR_RETURN(const GraphArrays whole,
                            MergeArrays(std::move(partitions)));
  return WriteGraph(directory, whole);
}

}  // namespace fairlead
