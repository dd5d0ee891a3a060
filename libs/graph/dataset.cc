#include "libs/graph/dataset.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "libs/graph/dataset_manifest.h"
#include "libs/graph/npy.h"
#include "libs/status/status_macros.h"

namespace fairlead {
namespace {

// Rows whose addresses are known that far ahead are on their way into the
// cache while earlier ones are copied. 16 rows of 512 bytes keep the memory
// system's queues full and fit the first-level cache. Within a wide row the
// hardware sees the pattern by itself, and is slower when helped (README.md).
constexpr size_t kRowsAhead = 16;
constexpr size_t kMaxPrefetchedRowBytes = 1024;
constexpr uintptr_t kCacheLine = 64;

absl::Status Bad(const NpyFile& file, const std::string& why) {
  return absl::InvalidArgumentError(absl::StrCat(file.path(), ": ", why));
}

absl::Status CheckIds(const NpyFile& file, absl::Span<const int64_t> ids,
                      const std::string& type, int64_t num_nodes) {
  // One compare an id: a negative one is huge when taken as unsigned.
  const auto bound = static_cast<uint64_t>(num_nodes);
  for (size_t i = 0; i < ids.size(); ++i) {
    if (static_cast<uint64_t>(ids[i]) < bound) continue;
    return Bad(file, absl::StrCat("[", i, "] is ", ids[i],
                                  ", out of range: node type ", type, " has ",
                                  num_nodes, " nodes"));
  }
  return absl::OkStatus();
}

absl::Status CheckLabels(const NpyFile& file, int64_t num_classes) {
  const absl::Span<const int64_t> labels = file.As<int64_t>();
  for (size_t i = 0; i < labels.size(); ++i) {
    if (labels[i] < num_classes) continue;
    return Bad(file,
               absl::StrCat("[", i, "] is ", labels[i], ", but num_classes is ",
                            num_classes,
                            "; labels count from 0, negative where unknown"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status Table::Gather(absl::Span<const int64_t> ids,
                           absl::Span<uint8_t> out) const {
  const auto bytes = static_cast<size_t>(row_bytes());
  const uintptr_t prefetched = bytes <= kMaxPrefetchedRowBytes ? bytes : 0;
  const auto bound = static_cast<uint64_t>(rows);
  uint8_t* to = out.data();
  for (size_t i = 0; i < ids.size(); ++i) {
    if (i + kRowsAhead < ids.size()) {
      // An id that is no row is found when its turn comes: a prefetch of a
      // wild address does nothing. (As a number, since it may be no pointer.)
      const uintptr_t ahead =
          reinterpret_cast<uintptr_t>(data) +
          static_cast<uint64_t>(ids[i + kRowsAhead]) * bytes;
      for (uintptr_t line = 0; line < prefetched; line += kCacheLine) {
        __builtin_prefetch(reinterpret_cast<const void*>(ahead + line));
      }
    }
    if (static_cast<uint64_t>(ids[i]) >= bound) {
      return absl::NotFoundError(absl::StrCat(
          "id ", ids[i], ": is no row of a table of ", rows, " rows"));
    }
    std::memcpy(to, data + static_cast<uint64_t>(ids[i]) * bytes, bytes);
    to += bytes;
  }
  return absl::OkStatus();
}

absl::StatusOr<const NpyFile*> Dataset::Map(const std::string& directory,
                                            const std::string& file) {
  FAIRLEAD_ASSIGN_OR_RETURN(NpyFile mapped,
                            NpyFile::Open(absl::StrCat(directory, "/", file)));
  files_.push_back(std::make_unique<const NpyFile>(std::move(mapped)));
  return files_.back().get();
}

absl::Status Dataset::LoadNodeType(const std::string& directory,
                                   const NodeTypeManifest& manifest) {
  NodeType type;
  type.name = manifest.name;
  type.num_nodes = manifest.num_nodes;
  type.num_classes = manifest.num_classes;
  const auto check_rows = [&](const NpyFile& file) {
    if (file.shape()[0] == type.num_nodes) return absl::OkStatus();
    return Bad(file,
               absl::StrCat("has ", file.shape()[0], " rows, but node type ",
                            type.name, " has ", type.num_nodes, " nodes"));
  };
  if (!manifest.features.empty()) {
    FAIRLEAD_ASSIGN_OR_RETURN(const NpyFile* file,
                              Map(directory, manifest.features));
    FAIRLEAD_RETURN_IF_ERROR(file->Expect("f4", 2));
    FAIRLEAD_RETURN_IF_ERROR(check_rows(*file));
    type.features = Table{ElementType::kFloat32, file->shape()[0],
                          file->shape()[1], file->data()};
  }
  if (!manifest.labels.empty()) {
    FAIRLEAD_ASSIGN_OR_RETURN(const NpyFile* file,
                              Map(directory, manifest.labels));
    const bool is_matrix = file->shape().size() == 2;
    FAIRLEAD_RETURN_IF_ERROR(file->Expect("i8", is_matrix ? 2 : 1));
    FAIRLEAD_RETURN_IF_ERROR(check_rows(*file));
    type.labels = Table{ElementType::kInt64, file->shape()[0],
                        is_matrix ? file->shape()[1] : 1, file->data()};
    if (!is_matrix && type.num_classes > 0) {
      FAIRLEAD_RETURN_IF_ERROR(CheckLabels(*file, type.num_classes));
    }
  }
  const std::pair<const std::string*, std::optional<absl::Span<const int64_t>>*>
      splits[] = {{&manifest.train, &type.train},
                  {&manifest.val, &type.val},
                  {&manifest.test, &type.test}};
  for (const auto& [name, split] : splits) {
    if (name->empty()) continue;
    FAIRLEAD_ASSIGN_OR_RETURN(const NpyFile* file, Map(directory, *name));
    FAIRLEAD_RETURN_IF_ERROR(file->Expect("i8", 1));
    *split = file->As<int64_t>();
    FAIRLEAD_RETURN_IF_ERROR(
        CheckIds(*file, **split, type.name, type.num_nodes));
  }
  node_types_.push_back(std::move(type));
  return absl::OkStatus();
}

absl::Status Dataset::LoadEdgeType(const std::string& directory,
                                   const EdgeTypeManifest& manifest) {
  EdgeType type;
  type.name = manifest.name;
  const auto find_type = [&](const std::string& name) -> absl::StatusOr<int> {
    for (size_t i = 0; i < node_types_.size(); ++i) {
      if (node_types_[i].name == name) return static_cast<int>(i);
    }
    return absl::InvalidArgumentError(absl::StrCat(
        "dataset ", directory, ": edge type ", type.name.ToString(),
        " names node type ", name, ", which is not among node_types"));
  };
  FAIRLEAD_ASSIGN_OR_RETURN(type.src_type, find_type(type.name.src));
  FAIRLEAD_ASSIGN_OR_RETURN(type.dst_type, find_type(type.name.dst));
  const NodeType& src = node_types_[static_cast<size_t>(type.src_type)];
  const NodeType& dst = node_types_[static_cast<size_t>(type.dst_type)];

  FAIRLEAD_ASSIGN_OR_RETURN(const NpyFile* indptr,
                            Map(directory, manifest.indptr));
  FAIRLEAD_RETURN_IF_ERROR(indptr->Expect("i8", 1));
  FAIRLEAD_ASSIGN_OR_RETURN(const NpyFile* indices,
                            Map(directory, manifest.indices));
  FAIRLEAD_RETURN_IF_ERROR(indices->Expect("i8", 1));
  type.csr.indptr = indptr->As<int64_t>();
  type.csr.indices = indices->As<int64_t>();
  // Not num_nodes + 1, which may be more than an int64 holds.
  if (indptr->shape()[0] - 1 != src.num_nodes) {
    return Bad(*indptr,
               absl::StrCat("has ", indptr->shape()[0],
                            " entries; it needs one more than the ",
                            src.num_nodes, " nodes of node type ", src.name));
  }
  if (type.csr.indptr.front() != 0 ||
      type.csr.indptr.back() != type.csr.num_edges() ||
      !std::is_sorted(type.csr.indptr.begin(), type.csr.indptr.end())) {
    return Bad(*indptr,
               absl::StrCat("must rise from 0 to ", type.csr.num_edges(),
                            ", the number of edges in ", indices->path()));
  }
  FAIRLEAD_RETURN_IF_ERROR(
      CheckIds(*indices, type.csr.indices, dst.name, dst.num_nodes));
  if (!manifest.edge_ids.empty()) {
    FAIRLEAD_ASSIGN_OR_RETURN(const NpyFile* ids,
                              Map(directory, manifest.edge_ids));
    FAIRLEAD_RETURN_IF_ERROR(ids->Expect("i8", 1));
    if (ids->shape()[0] != type.csr.num_edges()) {
      return Bad(*ids, absl::StrCat("has ", ids->shape()[0], " ids for ",
                                    type.csr.num_edges(), " edges"));
    }
    type.csr.edge_ids = ids->As<int64_t>();
  }
  edge_types_.push_back(std::move(type));
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<const Dataset>> Dataset::Load(
    const std::string& directory) {
  if (directory.empty()) {
    return absl::InvalidArgumentError(
        "--dataset: must name the folder of a dataset; make one with `bazel "
        "run //tools/dataset -- wordnet --out=DIR`");
  }
  FAIRLEAD_ASSIGN_OR_RETURN(DatasetManifest manifest, ReadManifest(directory));
  // The order of types is part of what a batch is, so it is the names', not
  // the file's.
  std::sort(manifest.node_types.begin(), manifest.node_types.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  std::sort(manifest.edge_types.begin(), manifest.edge_types.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  if (manifest.node_types.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("dataset ", directory, ": has no node types"));
  }
  // The constructor is private, so std::make_unique cannot call it.
  std::unique_ptr<Dataset> dataset(new Dataset());
  dataset->name_ = manifest.name;
  for (size_t i = 0; i < manifest.node_types.size(); ++i) {
    if (i > 0 &&
        manifest.node_types[i].name == manifest.node_types[i - 1].name) {
      return absl::InvalidArgumentError(
          absl::StrCat("dataset ", directory, ": node type ",
                       manifest.node_types[i].name, " is there twice"));
    }
    FAIRLEAD_RETURN_IF_ERROR(
        dataset->LoadNodeType(directory, manifest.node_types[i]));
  }
  for (size_t i = 0; i < manifest.edge_types.size(); ++i) {
    if (i > 0 &&
        manifest.edge_types[i].name == manifest.edge_types[i - 1].name) {
      return absl::InvalidArgumentError(absl::StrCat(
          "dataset ", directory, ": edge type ",
          manifest.edge_types[i].name.ToString(), " is there twice"));
    }
    FAIRLEAD_RETURN_IF_ERROR(
        dataset->LoadEdgeType(directory, manifest.edge_types[i]));
  }
  return dataset;
}

}  // namespace fairlead
