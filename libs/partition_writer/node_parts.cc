#include "libs/partition_writer/node_parts.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "libs/graph/dataset.h"
#include "libs/graph/dataset_manifest.h"
#include "libs/graph/element_type.h"
#include "libs/graph/npy.h"
#include "libs/graph/partition_book.h"
#include "libs/graph/table.h"
#include "libs/partition_writer/feature_cache.h"
#include "libs/partition_writer/part_files.h"
#include "libs/partition_writer/split_arrays.h"
#include "libs/status/status_macros.h"
#include "libs/type_names/type_names.h"

namespace fairlead {

FeatureParts::FeatureParts(const PartFolders& folders, const RowStore& store,
                           const FeaturesManifest& source,
                           const PartitionBook& book, std::string prefix,
                           bool is_aligned)
    : folders_(folders),
      store_(store),
      source_(source),
      prefix_(std::move(prefix)),
      is_aligned_(is_aligned),
      rows_(Place(store.ids, book)) {}

void FeatureParts::AddSteps(std::vector<Step>* steps) const {
  const Table& table = store_.table;
  steps->push_back(
      SplitRows(folders_, rows_,
                {.data = table.data,
                 .row_bytes = table.row_bytes(),
                 .dtype = std::string(NpyDtype(table.element_type)),
                 .row_shape = {table.columns}},
                File()));
  if (!is_aligned_ && !AreRanges(rows_.parts)) {
    steps->push_back(SplitIds(folders_, rows_, IdsFile()));
  }
  if (store_.scale.empty()) return;
  const auto copy_scale = [this](const std::function<void(int64_t)>& advance) {
    for (uint32_t part = 0; part < folders_.parts(); ++part) {
      FAIRLEAD_RETURN_IF_ERROR(WriteNpy<float>(
          folders_.Path(part, ScaleFile()), "f4",
          {static_cast<int64_t>(store_.scale.size())}, store_.scale));
      advance(1);
    }
    return absl::OkStatus();
  };
  steps->push_back({.work = folders_.parts(), .run = copy_scale});
}

FeaturesManifest FeatureParts::Manifest(uint32_t part) const {
  FeaturesManifest manifest;
  manifest.file = File();
  manifest.element_type = source_.element_type;
  if (!store_.scale.empty()) manifest.scale = ScaleFile();
  if (is_aligned_) return manifest;
  manifest.ids.emplace();
  if (AreRanges(rows_.parts)) {
    manifest.ids->first_id = rows_.parts[part].first;
  } else {
    manifest.ids->file = IdsFile();
  }
  return manifest;
}

NodeParts::NodeParts(const PartFolders& folders,
                     const std::string& source_directory, const NodeType& type,
                     const NodeTypeManifest& source, const PartitionBook& book)
    : folders_(folders),
      source_directory_(source_directory),
      type_(type),
      source_(source),
      prefix_(EscapeTypeName(type.name)),
      nodes_(Place(type.ids, book)),
      is_ranges_(AreRanges(nodes_.parts)) {
  if (!type.features.has_value()) return;
  features_.emplace(folders, *type.features, *source.features, book, prefix_,
                    /*is_aligned=*/!source.features->ids.has_value());
}

std::string NodeParts::File(const char* what) const {
  return absl::StrCat(prefix_, ".", what, ".npy");
}

absl::Status NodeParts::AddSteps(std::vector<Step>* steps) const {
  if (!is_ranges_) {
    steps->push_back(SplitIds(folders_, nodes_, File("ids")));
  }
  if (features_.has_value()) features_->AddSteps(steps);
  if (type_.labels.has_value()) {
    const Table& table = type_.labels->table;
    // One column is either a vector or a matrix, which are checked in
    // different ways.
    FAIRLEAD_ASSIGN_OR_RETURN(
        const NpyFile file,
        NpyFile::Open(absl::StrCat(source_directory_, "/", source_.labels)));
    RowArray labels{.data = table.data,
                    .row_bytes = table.row_bytes(),
                    .dtype = "i8",
                    .row_shape = {}};
    if (file.shape().size() > 1) labels.row_shape = {table.columns};
    steps->push_back(
        SplitRows(folders_, nodes_, std::move(labels), File("labels")));
  }
  if (!source_.timestamps.empty()) {
    steps->push_back(SplitRows(
        folders_, nodes_,
        {.data = reinterpret_cast<const uint8_t*>(type_.timestamps.data()),
         .row_bytes = sizeof(int64_t),
         .dtype = "i8",
         .row_shape = {}},
        File("timestamps")));
  }
  const std::pair<const char*, const std::optional<absl::Span<const int64_t>>*>
      splits[] = {
          {"train", &type_.train}, {"val", &type_.val}, {"test", &type_.test}};
  for (const auto& [name, ids] : splits) {
    if (!ids->has_value()) continue;
    steps->push_back(SplitIdList(folders_, *nodes_.book, **ids, File(name)));
  }
  return absl::OkStatus();
}

absl::Status NodeParts::WriteCacheOf(uint32_t part,
                                     absl::Span<const int64_t> rows) {
  if (rows.empty()) return absl::OkStatus();
  has_cache_.resize(folders_.parts(), false);
  has_cache_[part] = true;
  return WriteCache(type_, rows, folders_.Path(part, features_->CachedFile()),
                    folders_.Path(part, features_->CachedIdsFile()));
}

NodeTypeManifest NodeParts::Manifest(uint32_t part) const {
  NodeTypeManifest manifest;
  manifest.name = type_.name;
  manifest.num_nodes = nodes_.parts[part].count;
  manifest.num_classes = type_.num_classes;
  if (is_ranges_) {
    manifest.ids.first_id = nodes_.parts[part].first;
  } else {
    manifest.ids.file = File("ids");
  }
  if (features_.has_value()) {
    manifest.features = features_->Manifest(part);
    if (!has_cache_.empty() && has_cache_[part]) {
      manifest.features->cached = features_->CachedFile();
      manifest.features->cached_ids = features_->CachedIdsFile();
    }
  }
  if (type_.labels.has_value()) manifest.labels = File("labels");
  if (!source_.timestamps.empty()) manifest.timestamps = File("timestamps");
  if (type_.train.has_value()) manifest.train = File("train");
  if (type_.val.has_value()) manifest.val = File("val");
  if (type_.test.has_value()) manifest.test = File("test");
  return manifest;
}

}  // namespace fairlead
