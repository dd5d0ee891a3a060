#include "libs/graph/dataset_loader.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "libs/graph/dataset.h"
#include "libs/graph/dataset_manifest.h"
#include "libs/graph/npy.h"
#include "libs/graph/partition_book.h"
#include "libs/status/status_macros.h"

namespace fairlead {
namespace {

// Ids that are asked about together.
constexpr int64_t kBlock = 4096;

absl::Status Bad(const std::string& file, const std::string& why) {
  return absl::InvalidArgumentError(absl::StrCat(file, ": ", why));
}

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
    return Bad(file, absl::StrCat("[", i, "] is ", ids[i],
                                  ", out of range: nodes of type ", type.name,
                                  " have ids below ", bound,
                                  look_up ? ", and not all of them" : ""));
  }
  return absl::OkStatus();
}

absl::Status CheckLabels(const NpyFile& file, int64_t num_classes) {
  const absl::Span<const int64_t> labels = file.As<int64_t>();
  for (size_t i = 0; i < labels.size(); ++i) {
    if (labels[i] < num_classes) continue;
    return Bad(file.path(),
               absl::StrCat("[", i, "] is ", labels[i], ", but num_classes is ",
                            num_classes,
                            "; labels count from 0, negative where unknown"));
  }
  return absl::OkStatus();
}

std::optional<ElementType> FeatureType(absl::string_view dtype) {
  for (const ElementType type :
       {ElementType::kFloat32, ElementType::kFloat16, ElementType::kInt8,
        ElementType::kUint8, ElementType::kInt64}) {
    if (NpyDtype(type) == dtype) return type;
  }
  return std::nullopt;
}

// By name; two of one name are refused.
template <typename Manifest, typename Name>
absl::Status SortByName(std::vector<Manifest>* types, const Name& name_of,
                        const std::string& where) {
  std::sort(types->begin(), types->end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  for (size_t i = 1; i < types->size(); ++i) {
    if ((*types)[i].name != (*types)[i - 1].name) continue;
    return Bad(where,
               absl::StrCat(name_of((*types)[i].name), " is there twice"));
  }
  return absl::OkStatus();
}

std::string NodeTypeText(const std::string& name) {
  return absl::StrCat("node type ", name);
}

std::string EdgeTypeText(const EdgeTypeName& name) {
  return absl::StrCat("edge type ", name.ToString());
}

}  // namespace

DatasetLoader::DatasetLoader(std::string directory,
                             const Dataset::LoadOptions& options)
    : directory_(std::move(directory)), options_(options) {}

absl::StatusOr<DatasetManifest> DatasetLoader::ReadManifests() {
  if (directory_.empty()) {
    return absl::InvalidArgumentError(
        "--dataset: must name the folder of a dataset; make one with `bazel "
        "run //tools/dataset -- wordnet --out=DIR`");
  }
  FAIRLEAD_ASSIGN_OR_RETURN(DatasetFolder folder,
                            ReadDatasetFolder(directory_));
  folder_ = directory_;
  const uint32_t partitions =
      folder.whole.has_value()
          ? 1
          : static_cast<uint32_t>(folder.partitions->partitions.size());
  if (options_.partition >= partitions) {
    return absl::OutOfRangeError(absl::StrCat(
        "dataset ", directory_, ": has no partition ", options_.partition,
        "; it has ", partitions, ", numbered from 0"));
  }
  if (folder.whole.has_value()) return *std::move(folder.whole);
  partitions_ = std::move(folder.partitions);
  folder_ = absl::StrCat(directory_, "/",
                         partitions_->partitions[options_.partition]);
  return ReadManifest(folder_);
}

absl::StatusOr<std::unique_ptr<const Dataset>> DatasetLoader::Load() {
  FAIRLEAD_ASSIGN_OR_RETURN(DatasetManifest manifest, ReadManifests());
  const std::string where = absl::StrCat("dataset ", folder_);
  // The order of types is part of what a batch is, so it is the names', not
  // the file's.
  FAIRLEAD_RETURN_IF_ERROR(
      SortByName(&manifest.node_types, NodeTypeText, where));
  FAIRLEAD_RETURN_IF_ERROR(
      SortByName(&manifest.edge_types, EdgeTypeText, where));
  if (manifest.node_types.empty()) return Bad(where, "has no node types");
  // The constructor is private, so std::make_unique cannot call it.
  dataset_.reset(new Dataset());
  dataset_->name_ = manifest.name;
  dataset_->directory_ = directory_;
  dataset_->partition_ = options_.partition;
  for (const NodeTypeManifest& type : manifest.node_types) {
    NodeType& node_type = dataset_->node_types_.emplace_back();
    node_type.name = type.name;
    node_type.num_nodes = type.num_nodes;
    FAIRLEAD_ASSIGN_OR_RETURN(node_type.ids, LoadIds(type.ids, type.num_nodes,
                                                     NodeTypeText(type.name)));
  }
  for (const EdgeTypeManifest& type : manifest.edge_types) {
    dataset_->edge_types_.emplace_back().name = type.name;
  }
  FAIRLEAD_RETURN_IF_ERROR(AttachBooks());
  for (const NodeTypeManifest& type : manifest.node_types) {
    FAIRLEAD_RETURN_IF_ERROR(LoadNodeType(type));
  }
  for (const EdgeTypeManifest& type : manifest.edge_types) {
    FAIRLEAD_RETURN_IF_ERROR(LoadEdgeType(type));
  }
  return std::move(dataset_);
}

absl::StatusOr<const NpyFile*> DatasetLoader::Map(const std::string& file) {
  FAIRLEAD_ASSIGN_OR_RETURN(NpyFile mapped,
                            NpyFile::Open(absl::StrCat(folder_, "/", file)));
  dataset_->files_.push_back(
      std::make_unique<const NpyFile>(std::move(mapped)));
  return dataset_->files_.back().get();
}

absl::StatusOr<const NpyFile*> DatasetLoader::MapVector(
    const std::string& file, absl::string_view dtype, int64_t size,
    const std::string& what) {
  FAIRLEAD_ASSIGN_OR_RETURN(const NpyFile* mapped, Map(file));
  FAIRLEAD_RETURN_IF_ERROR(mapped->Expect(dtype, 1));
  if (mapped->shape()[0] == size) return mapped;
  return Bad(mapped->path(), absl::StrCat("has ", mapped->shape()[0],
                                          " entries for ", size, " ", what));
}

absl::StatusOr<IdArray> DatasetLoader::MapIds(const std::string& file) {
  FAIRLEAD_ASSIGN_OR_RETURN(const NpyFile* mapped, Map(file));
  if (mapped->dtype() == "u4" || mapped->dtype() == "i4") {
    FAIRLEAD_RETURN_IF_ERROR(mapped->Expect(mapped->dtype(), 1));
    // Taken as unsigned, a negative one might be somebody else's id.
    if (mapped->dtype() == "i4" && options_.verify) {
      const absl::Span<const int32_t> ids = mapped->As<int32_t>();
      const auto* const negative = std::find_if(
          ids.begin(), ids.end(), [](int32_t id) { return id < 0; });
      if (negative != ids.end()) {
        return Bad(mapped->path(),
                   absl::StrCat("[", negative - ids.begin(), "] is ", *negative,
                                ", out of range: it must be 0 or more"));
      }
    }
    return IdArray(mapped->As<uint32_t>());
  }
  FAIRLEAD_RETURN_IF_ERROR(mapped->Expect("i8", 1));
  return IdArray(mapped->As<int64_t>());
}

absl::StatusOr<IdSpace> DatasetLoader::LoadIds(const IdsManifest& manifest,
                                               int64_t size,
                                               const std::string& what) {
  if (manifest.file.empty()) {
    if (manifest.first_id > INT64_MAX - size) {
      return Bad(folder_,
                 absl::StrCat(what, ": its first_id is ", manifest.first_id,
                              ", which is too far"));
    }
    return IdSpace::Range(manifest.first_id, size);
  }
  FAIRLEAD_ASSIGN_OR_RETURN(
      const NpyFile* file,
      MapVector(manifest.file, "i8", size, absl::StrCat("rows of ", what)));
  return IdSpace::List(file->As<int64_t>(), file->path());
}

absl::Status DatasetLoader::LoadLabels(const NodeTypeManifest& manifest,
                                       NodeType* type) {
  if (manifest.labels.empty()) return absl::OkStatus();
  FAIRLEAD_ASSIGN_OR_RETURN(const NpyFile* file, Map(manifest.labels));
  const bool is_matrix = file->shape().size() == 2;
  FAIRLEAD_RETURN_IF_ERROR(file->Expect("i8", is_matrix ? 2 : 1));
  if (file->shape()[0] != type->num_nodes) {
    return Bad(file->path(),
               absl::StrCat("has ", file->shape()[0], " rows, but node type ",
                            type->name, " has ", type->num_nodes, " nodes"));
  }
  type->labels =
      RowStore{.table = {ElementType::kInt64, file->shape()[0],
                         is_matrix ? file->shape()[1] : 1, file->data()},
               .ids = type->ids};
  if (is_matrix || type->num_classes == 0) return absl::OkStatus();
  return CheckLabels(*file, type->num_classes);
}

absl::Status DatasetLoader::LoadSplits(const NodeTypeManifest& manifest,
                                       NodeType* type) {
  const std::pair<const std::string*, std::optional<absl::Span<const int64_t>>*>
      splits[] = {{&manifest.train, &type->train},
                  {&manifest.val, &type->val},
                  {&manifest.test, &type->test}};
  for (const auto& [name, split] : splits) {
    if (name->empty()) continue;
    FAIRLEAD_ASSIGN_OR_RETURN(const NpyFile* file, Map(*name));
    FAIRLEAD_RETURN_IF_ERROR(file->Expect("i8", 1));
    *split = file->As<int64_t>();
    for (size_t i = 0; i < (*split)->size(); ++i) {
      if (type->ids.Row((**split)[i]) >= 0) continue;
      return Bad(file->path(),
                 absl::StrCat("[", i, "] is ", (**split)[i],
                              ", out of range: it is no node of type ",
                              type->name, " of this partition"));
    }
  }
  return absl::OkStatus();
}

absl::Status DatasetLoader::LoadNodeType(const NodeTypeManifest& manifest) {
  FAIRLEAD_ASSIGN_OR_RETURN(const int index,
                            dataset_->FindNodeType(manifest.name));
  NodeType& type = dataset_->node_types_[static_cast<size_t>(index)];
  type.num_classes = manifest.num_classes;
  if (manifest.features.has_value()) {
    FAIRLEAD_ASSIGN_OR_RETURN(
        type.features,
        LoadFeatures(*manifest.features, type.ids, NodeTypeText(type.name)));
    if (type.feature_book != nullptr) {
      FAIRLEAD_RETURN_IF_ERROR(
          CheckOwned(type.features->ids, *type.feature_book,
                     absl::StrCat("features of ", NodeTypeText(type.name))));
    }
  }
  FAIRLEAD_RETURN_IF_ERROR(LoadLabels(manifest, &type));
  if (!manifest.timestamps.empty()) {
    FAIRLEAD_ASSIGN_OR_RETURN(
        const NpyFile* file,
        MapVector(manifest.timestamps, "i8", type.num_nodes,
                  absl::StrCat("nodes of type ", type.name)));
    type.timestamps = file->As<int64_t>();
  }
  return LoadSplits(manifest, &type);
}

absl::StatusOr<Table> DatasetLoader::LoadFeatureTable(
    const std::string& file, std::optional<ElementType> element_type) {
  FAIRLEAD_ASSIGN_OR_RETURN(const NpyFile* mapped, Map(file));
  if (!element_type.has_value()) element_type = FeatureType(mapped->dtype());
  if (!element_type.has_value()) {
    return Bad(mapped->path(),
               absl::StrCat("is ", mapped->dtype(),
                            "; features are float32, float16, int8, uint8, "
                            "int64, or bfloat16 in u2 with \"dtype\": "
                            "\"bfloat16\" in dataset.json"));
  }
  FAIRLEAD_RETURN_IF_ERROR(mapped->Expect(NpyDtype(*element_type), 2));
  return Table{*element_type, mapped->shape()[0], mapped->shape()[1],
               mapped->data()};
}

absl::StatusOr<RowStore> DatasetLoader::LoadFeatures(
    const FeaturesManifest& manifest, const IdSpace& by_default,
    const std::string& of) {
  RowStore store;
  FAIRLEAD_ASSIGN_OR_RETURN(
      store.table, LoadFeatureTable(manifest.file, manifest.element_type));
  store.ids = by_default;
  if (manifest.ids.has_value()) {
    FAIRLEAD_ASSIGN_OR_RETURN(store.ids,
                              LoadIds(*manifest.ids, store.table.rows,
                                      absl::StrCat("features of ", of)));
  }
  const std::string path = absl::StrCat(folder_, "/", manifest.file);
  if (store.ids.size() != store.table.rows) {
    return Bad(path, absl::StrCat("has ", store.table.rows, " rows, but ", of,
                                  " has ", store.ids.size()));
  }
  if (!manifest.scale.empty()) {
    const bool per_column = store.table.columns != 1;
    FAIRLEAD_ASSIGN_OR_RETURN(const NpyFile* file, Map(manifest.scale));
    FAIRLEAD_RETURN_IF_ERROR(file->Expect("f4", 1));
    if (store.table.element_type != ElementType::kInt8 &&
        store.table.element_type != ElementType::kUint8) {
      return Bad(path,
                 absl::StrCat("is ", ElementTypeName(store.table.element_type),
                              "; \"scale\" is for int8 and uint8"));
    }
    if (file->shape()[0] != 1 &&
        !(per_column && file->shape()[0] == store.table.columns)) {
      return Bad(file->path(),
                 absl::StrCat("has ", file->shape()[0], " entries for ",
                              store.table.columns,
                              " columns; it needs one for each, or one"));
    }
    store.scale = file->As<float>();
  }
  if (manifest.cached.empty()) return store;
  FAIRLEAD_ASSIGN_OR_RETURN(
      store.cached, LoadFeatureTable(manifest.cached, manifest.element_type));
  if (store.cached->element_type != store.table.element_type ||
      store.cached->columns != store.table.columns) {
    return Bad(absl::StrCat(folder_, "/", manifest.cached),
               absl::StrCat("has rows of another kind than ", path));
  }
  FAIRLEAD_ASSIGN_OR_RETURN(
      store.cached_ids,
      LoadIds({.file = manifest.cached_ids}, store.cached->rows,
              absl::StrCat("cached features of ", of)));
  return store;
}

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
    return Bad(
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
    return Bad(path(manifest.weights),
               absl::StrCat("[", i, "] is ", topology.weights[i],
                            "; weights are 0 or more, and finite"));
  }
  for (size_t i = 0; i < topology.edge_ids.size(); ++i) {
    if (topology.edge_ids[i] >= 0 && topology.edge_ids[i] != INT64_MAX) {
      continue;
    }
    return Bad(path(manifest.edge_ids),
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
    return Bad(indptr_path,
               absl::StrCat("has ", topology.indptr.size(),
                            " entries; it needs one more than the ",
                            rows.num_nodes, " nodes of node type ", rows.name));
  }
  const int64_t edges = topology.num_edges();
  if (topology.indptr[0] != 0 ||
      topology.indptr[topology.indptr.size() - 1] != edges) {
    return Bad(indptr_path, absl::StrCat("must rise from 0 to ", edges,
                                         ", the number of edges in ", folder_,
                                         "/", manifest.indices));
  }
  topology.first_edge_id = manifest.first_edge_id;
  if (manifest.first_edge_id > INT64_MAX - edges) {
    return Bad(indptr_path,
               absl::StrCat("its first_edge_id is ", manifest.first_edge_id,
                            ", which is too far for ", edges,
                            " edges; ids are below 2^63 - 1"));
  }
  if (!manifest.edge_ids.empty()) {
    FAIRLEAD_ASSIGN_OR_RETURN(topology.edge_ids, MapIds(manifest.edge_ids));
    if (static_cast<int64_t>(topology.edge_ids.size()) != edges) {
      return Bad(absl::StrCat(folder_, "/", manifest.edge_ids),
                 absl::StrCat("has ", topology.edge_ids.size(), " ids for ",
                              edges, " edges"));
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
    return Bad(absl::StrCat("dataset ", folder_),
               absl::StrCat(EdgeTypeText(type.name), " names node type ", name,
                            ", which is not among node_types"));
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
      return Bad(folder_,
                 absl::StrCat("has id ", asked[i], " among its ", what,
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
    return Bad(folder_,
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
