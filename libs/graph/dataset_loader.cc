#include "libs/graph/dataset_loader.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "libs/graph/dataset.h"
#include "libs/graph/dataset_manifest.h"
#include "libs/graph/dataset_types.h"
#include "libs/graph/npy.h"
#include "libs/status/status_macros.h"

namespace fairlead {
namespace {

absl::Status CheckLabels(const NpyFile& file, int64_t num_classes) {
  const absl::Span<const int64_t> labels = file.As<int64_t>();
  for (size_t i = 0; i < labels.size(); ++i) {
    if (labels[i] < num_classes) continue;
    return BadDataset(
        file.path(),
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
  if (manifest.node_types.empty())
    return BadDataset(where, "has no node types");
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
  return BadDataset(mapped->path(),
                    absl::StrCat("has ", mapped->shape()[0], " entries for ",
                                 size, " ", what));
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
        return BadDataset(
            mapped->path(),
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
      return BadDataset(
          folder_, absl::StrCat(what, ": its first_id is ", manifest.first_id,
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
    return BadDataset(
        file->path(),
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
      return BadDataset(file->path(),
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
    return BadDataset(
        mapped->path(),
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
    return BadDataset(
        path, absl::StrCat("has ", store.table.rows, " rows, but ", of, " has ",
                           store.ids.size()));
  }
  if (!manifest.scale.empty()) {
    const bool per_column = store.table.columns != 1;
    FAIRLEAD_ASSIGN_OR_RETURN(const NpyFile* file, Map(manifest.scale));
    FAIRLEAD_RETURN_IF_ERROR(file->Expect("f4", 1));
    if (store.table.element_type != ElementType::kInt8 &&
        store.table.element_type != ElementType::kUint8) {
      return BadDataset(
          path, absl::StrCat("is ", ElementTypeName(store.table.element_type),
                             "; \"scale\" is for int8 and uint8"));
    }
    if (file->shape()[0] != 1 &&
        !(per_column && file->shape()[0] == store.table.columns)) {
      return BadDataset(
          file->path(),
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
    return BadDataset(absl::StrCat(folder_, "/", manifest.cached),
                      absl::StrCat("has rows of another kind than ", path));
  }
  FAIRLEAD_ASSIGN_OR_RETURN(
      store.cached_ids,
      LoadIds({.file = manifest.cached_ids}, store.cached->rows,
              absl::StrCat("cached features of ", of)));
  return store;
}

}  // namespace fairlead
