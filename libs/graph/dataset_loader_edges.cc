// Edges of a dataset, and which partition owns what.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "libs/graph/dataset.h"
#include "libs/graph/dataset_loader.h"
#include "libs/graph/dataset_manifest.h"
#include "libs/graph/dataset_types.h"
#include "libs/graph/npy.h"
#include "libs/graph/partition_book.h"
#include "libs/status/status_macros.h"

namespace fairlead {
namespace {

// Ids that are asked about together.
constexpr int64_t kBlock = 4096;

// Every id must be a node of `type`, as far as this partition can tell.
template <typename Id>
absl::Status CheckIds(const std::string& file, absl::Span<const Id> ids,
                      const NodeType& type) {
  // Where ids are a range, one compare an id: a negative one is huge when
  // taken as unsigned.
  const auto bound = static_cast<uint64_t>(type.id_end());
  const bool look_up = type.book == nullptr && !type.ids.is_range();
  for (size_t i = 0; i < ids.size(); ++i) {
    const auto id = static_cast<uint64_t>(ids[i]);
    if (id < bound && (!look_up || type.ids.Row(ids[i]) >= 0)) continue;
    return BadDataset(
        file,
        absl::StrCat("[", i, "] is ", ids[i], ", out of range: nodes of type ",
                     type.name, " have ids below ", bound,
                     look_up ? ", and not all of them" : ""));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status DatasetLoader::CheckTopology(const TopologyManifest& manifest,
                                          const Topology& topology,
                                          const NodeType& neighbors) const {
  const auto path = [this](const std::string& file) {
    return absl::StrCat(folder_, "/", file);
  };
  const bool rises = topology.indptr.Visit([&topology](const auto* indptr) {
    return std::is_sorted(indptr, indptr + topology.indptr.size());
  });
  if (!rises) {
    return BadDataset(
        path(manifest.indptr),
        absl::StrCat("must rise from 0 to ", topology.num_edges(),
                     ", the number of edges in ", path(manifest.indices)));
  }
  FAIRLEAD_RETURN_IF_ERROR(topology.indices.Visit([&](const auto* ids) {
    return CheckIds(path(manifest.indices),
                    absl::MakeConstSpan(ids, topology.indices.size()),
                    neighbors);
  }));
  for (size_t i = 0; i < topology.weights.size(); ++i) {
    if (std::isfinite(topology.weights[i]) && topology.weights[i] >= 0) {
      continue;
    }
    return BadDataset(path(manifest.weights),
                      absl::StrCat("[", i, "] is ", topology.weights[i],
                                   "; weights are 0 or more, and finite"));
  }
  for (size_t i = 0; i < topology.edge_ids.size(); ++i) {
    if (topology.edge_ids[i] >= 0 && topology.edge_ids[i] != INT64_MAX) {
      continue;
    }
    return BadDataset(path(manifest.edge_ids),
                      absl::StrCat("[", i, "] is ", topology.edge_ids[i],
                                   "; ids are 0 or more, and below 2^63 - 1"));
  }
  return absl::OkStatus();
}

absl::StatusOr<Topology> DatasetLoader::LoadTopology(
    const TopologyManifest& manifest, const NodeType& rows,
    const NodeType& neighbors) {
  Topology topology;
  const std::string indptr_path = absl::StrCat(folder_, "/", manifest.indptr);
  FAIRLEAD_ASSIGN_OR_RETURN(topology.indptr, MapIds(manifest.indptr));
  FAIRLEAD_ASSIGN_OR_RETURN(topology.indices, MapIds(manifest.indices));
  // Not num_nodes + 1, which may be more than an int64 holds.
  if (static_cast<int64_t>(topology.indptr.size()) - 1 != rows.num_nodes) {
    return BadDataset(
        indptr_path,
        absl::StrCat("has ", topology.indptr.size(),
                     " entries; it needs one more than the ", rows.num_nodes,
                     " nodes of node type ", rows.name));
  }
  const int64_t edges = topology.num_edges();
  if (topology.indptr[0] != 0 ||
      topology.indptr[topology.indptr.size() - 1] != edges) {
    return BadDataset(
        indptr_path,
        absl::StrCat("must rise from 0 to ", edges, ", the number of edges in ",
                     folder_, "/", manifest.indices));
  }
  topology.first_edge_id = manifest.first_edge_id;
  if (manifest.first_edge_id > INT64_MAX - edges) {
    return BadDataset(
        indptr_path,
        absl::StrCat("its first_edge_id is ", manifest.first_edge_id,
                     ", which is too far for ", edges,
                     " edges; ids are below 2^63 - 1"));
  }
  if (!manifest.edge_ids.empty()) {
    FAIRLEAD_ASSIGN_OR_RETURN(topology.edge_ids, MapIds(manifest.edge_ids));
    if (static_cast<int64_t>(topology.edge_ids.size()) != edges) {
      return BadDataset(absl::StrCat(folder_, "/", manifest.edge_ids),
                        absl::StrCat("has ", topology.edge_ids.size(),
                                     " ids for ", edges, " edges"));
    }
  }
  if (!manifest.weights.empty()) {
    FAIRLEAD_ASSIGN_OR_RETURN(
        const NpyFile* file, MapVector(manifest.weights, "f4", edges, "edges"));
    topology.weights = file->As<float>();
  }
  if (!manifest.timestamps.empty()) {
    FAIRLEAD_ASSIGN_OR_RETURN(
        const NpyFile* file,
        MapVector(manifest.timestamps, "i8", edges, "edges"));
    topology.timestamps = file->As<int64_t>();
  }
  if (options_.verify) {
    FAIRLEAD_RETURN_IF_ERROR(CheckTopology(manifest, topology, neighbors));
  }
  return topology;
}

absl::Status DatasetLoader::LoadEdgeType(const EdgeTypeManifest& manifest) {
  FAIRLEAD_ASSIGN_OR_RETURN(const int index,
                            dataset_->FindEdgeType(manifest.name));
  EdgeType& type = dataset_->edge_types_[static_cast<size_t>(index)];
  const auto find_type = [&](const std::string& name) -> absl::StatusOr<int> {
    const absl::StatusOr<int> found = dataset_->FindNodeType(name);
    if (found.ok()) return found;
    return BadDataset(absl::StrCat("dataset ", folder_),
                      absl::StrCat(EdgeTypeText(type.name), " names node type ",
                                   name, ", which is not among node_types"));
  };
  FAIRLEAD_ASSIGN_OR_RETURN(type.src_type, find_type(type.name.src));
  FAIRLEAD_ASSIGN_OR_RETURN(type.dst_type, find_type(type.name.dst));
  const NodeType& src =
      dataset_->node_types_[static_cast<size_t>(type.src_type)];
  const NodeType& dst =
      dataset_->node_types_[static_cast<size_t>(type.dst_type)];
  if (manifest.out.has_value()) {
    FAIRLEAD_ASSIGN_OR_RETURN(type.out, LoadTopology(*manifest.out, src, dst));
  }
  if (manifest.in.has_value()) {
    FAIRLEAD_ASSIGN_OR_RETURN(type.in, LoadTopology(*manifest.in, dst, src));
  }
  if (!manifest.features.has_value()) return absl::OkStatus();
  const Topology& topology = type.out.has_value() ? *type.out : *type.in;
  FAIRLEAD_ASSIGN_OR_RETURN(
      type.features,
      LoadFeatures(*manifest.features,
                   IdSpace::Range(topology.first_edge_id, type.num_edges()),
                   EdgeTypeText(type.name)));
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<const PartitionBook>> DatasetLoader::OpenBook(
    PartitionBookManifest manifest) const {
  if (!manifest.table.empty()) {
    manifest.table = absl::StrCat(directory_, "/", manifest.table);
  }
  FAIRLEAD_ASSIGN_OR_RETURN(std::unique_ptr<const PartitionBook> book,
                            PartitionBook::Open(manifest));
  return std::shared_ptr<const PartitionBook>(std::move(book));
}

absl::Status DatasetLoader::CheckOwned(const IdSpace& ids,
                                       const PartitionBook& book,
                                       const std::string& what) const {
  std::array<int64_t, kBlock> block;
  std::array<uint32_t, kBlock> owners;
  for (int64_t from = 0; from < ids.size(); from += kBlock) {
    const int64_t size = std::min(kBlock, ids.size() - from);
    for (int64_t i = 0; i < size; ++i) {
      block[static_cast<size_t>(i)] = ids.Id(from + i);
    }
    const auto asked = absl::MakeSpan(block.data(), static_cast<size_t>(size));
    // What it says of ids that nobody owns, this says of all.
    static_cast<void>(
        book.PartitionOf(asked, absl::MakeSpan(owners.data(), asked.size())));
    for (size_t i = 0; i < asked.size(); ++i) {
      if (owners[i] == options_.partition) continue;
      return BadDataset(
          folder_, absl::StrCat("has id ", asked[i], " among its ", what,
                                ", which the partition book gives to ",
                                owners[i] == kNoPartition
                                    ? std::string("nobody")
                                    : absl::StrCat("partition ", owners[i])));
    }
  }
  return absl::OkStatus();
}

absl::Status DatasetLoader::AttachBooks() {
  if (!partitions_.has_value()) return absl::OkStatus();
  dataset_->num_partitions_ =
      static_cast<uint32_t>(partitions_->partitions.size());
  const std::string where = absl::StrCat("dataset ", directory_);
  FAIRLEAD_RETURN_IF_ERROR(
      SortByName(&partitions_->node_types, NodeTypeText, where));
  FAIRLEAD_RETURN_IF_ERROR(
      SortByName(&partitions_->edge_types, EdgeTypeText, where));
  const auto same_types = [](const auto& of_books, const auto& of_partition) {
    return std::equal(of_books.begin(), of_books.end(), of_partition.begin(),
                      of_partition.end(), [](const auto& a, const auto& b) {
                        return a.name == b.name;
                      });
  };
  if (!same_types(partitions_->node_types, dataset_->node_types_) ||
      !same_types(partitions_->edge_types, dataset_->edge_types_)) {
    return BadDataset(
        folder_,
        "has other node or edge types than the dataset.json that it "
        "is a partition of");
  }
  for (size_t i = 0; i < dataset_->node_types_.size(); ++i) {
    NodeType& type = dataset_->node_types_[i];
    const PartitionsManifest::Books& books = partitions_->node_types[i].books;
    FAIRLEAD_ASSIGN_OR_RETURN(type.book, OpenBook(books.ids));
    FAIRLEAD_RETURN_IF_ERROR(CheckOwned(
        type.ids, *type.book, absl::StrCat("nodes of type ", type.name)));
    type.feature_book = type.book;
    if (books.features.has_value()) {
      FAIRLEAD_ASSIGN_OR_RETURN(type.feature_book, OpenBook(*books.features));
    }
  }
  for (size_t i = 0; i < dataset_->edge_types_.size(); ++i) {
    EdgeType& type = dataset_->edge_types_[i];
    const PartitionsManifest::Books& books = partitions_->edge_types[i].books;
    FAIRLEAD_ASSIGN_OR_RETURN(type.book, OpenBook(books.ids));
    type.feature_book = type.book;
    if (books.features.has_value()) {
      FAIRLEAD_ASSIGN_OR_RETURN(type.feature_book, OpenBook(*books.features));
    }
  }
  return absl::OkStatus();
}

}  // namespace fairlead
