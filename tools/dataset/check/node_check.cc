#include "tools/dataset/check/node_check.h"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "libs/graph/dataset_manifest.h"
#include "libs/graph/id_space.h"
#include "libs/graph/npy.h"
#include "tools/dataset/check/checked_graph.h"
#include "tools/dataset/check/feature_check.h"

namespace fairlead {
namespace {

void CheckLabels(const NodeTypeManifest& type, ArrayFiles* files,
                 Findings* findings) {
  const NpyFile* file = files->Map(type.labels);
  if (file == nullptr) return;
  const std::string name = files->Name(type.labels);
  const size_t dimensions = file->shape().size();
  if (file->dtype() != "i8" || dimensions < 1 || dimensions > 2) {
    findings->Error("labels.kind", name, std::nullopt,
                    absl::StrCat("is ", file->dtype(), " of ", dimensions,
                                 " dimensions; labels are int64 [nodes] or "
                                 "[nodes, columns]"));
    return;
  }
  if (file->shape()[0] != type.num_nodes) {
    findings->Error(
        "labels.rows", name, std::nullopt,
        absl::StrCat("has ", file->shape()[0], " rows, but node type ",
                     type.name, " has ", type.num_nodes, " nodes"));
  }
  if (dimensions == 2 || type.num_classes == 0) return;
  const absl::Span<const int64_t> labels = file->As<int64_t>();
  for (size_t i = 0; i < labels.size(); ++i) {
    if (labels[i] < type.num_classes) continue;
    findings->Error("labels.out_of_range", name, static_cast<int64_t>(i),
                    absl::StrCat("is ", labels[i], ", but num_classes is ",
                                 type.num_classes,
                                 "; labels count from 0, negative where "
                                 "unknown"));
  }
}

// The splits of a type, one by one, and which of them a node was seen in last.
class SplitCheck {
 public:
  SplitCheck(const NodeTypeManifest& type, const IdSpace& nodes,
             ArrayFiles* files, Findings* findings)
      : type_(type), nodes_(nodes), files_(files), findings_(findings) {}

  void Check(const std::string& file, const char* split) {
    splits_.push_back(split);
    if (file.empty()) return;
    const NpyFile* mapped = files_->Vector(file, "i8", -1, "nodes");
    if (mapped == nullptr) return;
    const absl::Span<const int64_t> ids = mapped->As<int64_t>();
    const auto number = static_cast<uint8_t>(splits_.size());
    for (size_t i = 0; i < ids.size(); ++i) {
      const auto at = static_cast<int64_t>(i);
      const int64_t row = nodes_.Row(ids[i]);
      if (row < 0) {
        findings_->Error(
            "split.unknown_node", files_->Name(file), at,
            absl::StrCat("is ", ids[i], ", which is no node of ", "type ",
                         type_.name, " of this partition"));
        continue;
      }
      uint8_t& seen = seen_[row];
      if (seen == number) {
        findings_->Warning(
            "split.repeat", files_->Name(file), at,
            absl::StrCat("is ", ids[i], ", which was there already"));
      } else if (seen != 0) {
        findings_->Warning("split.overlap", files_->Name(file), at,
                           absl::StrCat("is ", ids[i], ", which is in ",
                                        splits_[seen - 1u], " too"));
      }
      seen = number;
    }
  }

 private:
  const NodeTypeManifest& type_;
  const IdSpace& nodes_;
  ArrayFiles* const files_;
  Findings* const findings_;
  absl::flat_hash_map<int64_t, uint8_t> seen_;
  std::vector<const char*> splits_;
};

}  // namespace

std::optional<IdSpace> CheckIdFile(const IdsManifest& manifest, int64_t size,
                                   const std::string& what, ArrayFiles* files,
                                   Findings* findings) {
  if (manifest.file.empty()) {
    if (manifest.first_id <= INT64_MAX - size) {
      return IdSpace::Range(manifest.first_id, size);
    }
    findings->Error("ids", files->Name("dataset.json"), std::nullopt,
                    absl::StrCat(what, ": its first_id is ", manifest.first_id,
                                 ", which is too far"));
    return std::nullopt;
  }
  const NpyFile* file =
      files->Vector(manifest.file, "i8", size, absl::StrCat("rows of ", what));
  if (file == nullptr) return std::nullopt;
  const absl::Span<const int64_t> ids = file->As<int64_t>();
  int64_t before = -1;
  bool ascend = true;
  for (size_t i = 0; i < ids.size(); ++i) {
    if (ids[i] <= before) {
      ascend = false;
      findings->Error(
          "ids.order", files->Name(manifest.file), static_cast<int64_t>(i),
          ids[i] < 0 ? absl::StrCat("is ", ids[i], "; ids are 0 or more")
                     : absl::StrCat("is ", ids[i], " after ", before,
                                    "; ids must ascend, each once"));
    }
    before = ids[i];
  }
  if (!ascend) return std::nullopt;
  absl::StatusOr<IdSpace> list = IdSpace::List(ids, files->Name(manifest.file));
  if (list.ok()) return *std::move(list);
  findings->Error("ids", files->Name(manifest.file), std::nullopt,
                  std::string(list.status().message()));
  return std::nullopt;
}

void CheckNodeIds(const CheckedGraph& graph, CheckedPartition* partition,
                  Findings* findings) {
  ArrayFiles* files = &partition->files;
  for (const NodeTypeManifest& type : partition->manifest.node_types) {
    const std::string what = absl::StrCat("node type ", type.name);
    const std::optional<IdSpace> ids =
        CheckIdFile(type.ids, type.num_nodes, what, files, findings);
    if (!ids.has_value()) continue;
    partition->nodes[type.name] = *ids;
    const CheckedBooks* books = CheckedGraph::Find(graph.node_books, type.name);
    if (books == nullptr || books->ids == nullptr) continue;
    const std::string name =
        files->Name(type.ids.file.empty() ? "dataset.json" : type.ids.file);
    ForEachForeign(
        *books->ids, partition->index, ids->size(),
        [&ids](int64_t row) { return ids->Id(row); },
        [&](int64_t row, int64_t id, uint32_t owner) {
          findings->Error(
              "nodes.foreign", name, row,
              absl::StrCat("node ", id, " of type ", type.name, " is ",
                           OwnerText(owner), " by the book ", books->name));
        });
  }
}

void CheckNodeData(const CheckedGraph& graph, CheckedPartition* partition,
                   Findings* findings) {
  ArrayFiles* files = &partition->files;
  for (const NodeTypeManifest& type : partition->manifest.node_types) {
    const IdSpace* ids = CheckedGraph::Find(partition->nodes, type.name);
    if (type.features.has_value()) {
      CheckFeatures(*type.features,
                    ids == nullptr ? std::nullopt : std::make_optional(*ids),
                    CheckedGraph::Find(graph.node_books, type.name),
                    absl::StrCat("node type ", type.name), partition, findings);
    }
    if (!type.labels.empty()) CheckLabels(type, files, findings);
    if (!type.timestamps.empty()) {
      files->Vector(type.timestamps, "i8", type.num_nodes,
                    absl::StrCat("nodes of type ", type.name));
    }
    if (ids == nullptr) continue;
    SplitCheck splits(type, *ids, files, findings);
    splits.Check(type.train, "train");
    splits.Check(type.val, "val");
    splits.Check(type.test, "test");
  }
}

}  // namespace fairlead
