#include "libs/glt_folder/glt_folder.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "libs/glt_folder/glt_meta.h"
#include "libs/glt_folder/tensor_file.h"
#include "libs/status/status_macros.h"

namespace fairlead {
namespace {

using std::filesystem::file_type;

// NOT_FOUND is no error, but an answer: file_type::not_found.
absl::StatusOr<file_type> Look(const std::string& path) {
  std::error_code error;
  const file_type type = std::filesystem::status(path, error).type();
  if (type != file_type::none) return type;
  return absl::InvalidArgumentError(
      absl::StrCat(path, ": cannot be looked at: ", error.message()));
}

absl::StatusOr<bool> FolderExists(const std::string& path) {
  FAIRLEAD_ASSIGN_OR_RETURN(const file_type type, Look(path));
  if (type == file_type::not_found) return false;
  if (type == file_type::directory) return true;
  return absl::InvalidArgumentError(absl::StrCat(path, ": is no folder"));
}

absl::StatusOr<bool> FileExists(const std::string& path) {
  FAIRLEAD_ASSIGN_OR_RETURN(const file_type type, Look(path));
  return type != file_type::not_found;
}

// The folder of a type; the folder itself where types have no names.
std::string Below(const std::string& folder, absl::string_view type_name) {
  return type_name.empty() ? folder : absl::StrCat(folder, "/", type_name);
}

absl::Status CheckSameRows(const TensorFile& a, const TensorFile& b) {
  if (a.rows() == b.rows()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      a.path(), ": has ", a.rows(), " rows, and ", b.path(), " has ", b.rows(),
      "; they must have as many; partition again, into an empty folder"));
}

// GLT appends to what it finds, so a second run into the same folder leaves
// every row twice.
absl::Status CheckDistinct(const std::string& path,
                           absl::Span<const int64_t> ids) {
  const auto does_not_rise = [](int64_t a, int64_t b) { return a >= b; };
  if (std::adjacent_find(ids.begin(), ids.end(), does_not_rise) == ids.end()) {
    return absl::OkStatus();
  }
  std::vector<int64_t> sorted(ids.begin(), ids.end());
  std::sort(sorted.begin(), sorted.end());
  const auto twice = std::adjacent_find(sorted.begin(), sorted.end());
  if (twice == sorted.end()) return absl::OkStatus();
  const auto first = std::find(ids.begin(), ids.end(), *twice);
  const auto second = std::find(first + 1, ids.end(), *twice);
  return absl::InvalidArgumentError(absl::StrCat(
      path, ": rows ", first - ids.begin(), " and ", second - ids.begin(),
      " are both id ", *twice,
      "; if GLT partitioned into this folder twice, do it again into an empty "
      "one"));
}

// "feats" or "ids": pickled chunks, or one tensor as older GLT wrote it.
absl::StatusOr<TensorFile> OpenChunks(const std::string& folder,
                                      const char* name) {
  const std::string pkl = absl::StrCat(folder, "/", name, ".pkl");
  const std::string pt = absl::StrCat(folder, "/", name, ".pt");
  FAIRLEAD_ASSIGN_OR_RETURN(const bool has_pkl, FileExists(pkl));
  FAIRLEAD_ASSIGN_OR_RETURN(const bool has_pt, FileExists(pt));
  if (has_pkl && has_pt) {
    return absl::InvalidArgumentError(
        absl::StrCat(pkl, ": there is ", pt,
                     ", too, of another version of GLT; remove either"));
  }
  return TensorFile::Open(has_pt ? pt : pkl);
}

absl::StatusOr<GltFeatureRows> ReadFeatureRows(const TensorFile& ids,
                                               const TensorFile& feats) {
  FAIRLEAD_RETURN_IF_ERROR(CheckSameRows(ids, feats));
  GltFeatureRows rows;
  FAIRLEAD_ASSIGN_OR_RETURN(rows.ids, ids.ReadIds());
  FAIRLEAD_RETURN_IF_ERROR(CheckDistinct(ids.path(), rows.ids));
  FAIRLEAD_ASSIGN_OR_RETURN(rows.bytes, feats.ReadMatrix());
  return rows;
}

absl::StatusOr<GltFeatureRows> ReadCache(const std::string& folder,
                                         const TensorFile& owned) {
  const std::string ids_path = absl::StrCat(folder, "/cache_ids.pt");
  const std::string feats_path = absl::StrCat(folder, "/cache_feats.pt");
  FAIRLEAD_ASSIGN_OR_RETURN(const bool has_ids, FileExists(ids_path));
  FAIRLEAD_ASSIGN_OR_RETURN(const bool has_feats, FileExists(feats_path));
  if (!has_ids && !has_feats) return GltFeatureRows{};
  // (Where only one is missing, opening it says so.)
  FAIRLEAD_ASSIGN_OR_RETURN(const TensorFile ids, TensorFile::Open(ids_path));
  FAIRLEAD_ASSIGN_OR_RETURN(const TensorFile feats,
                            TensorFile::Open(feats_path));
  if (feats.type() != owned.type() || feats.columns() != owned.columns()) {
    return absl::InvalidArgumentError(absl::StrCat(
        feats_path, ": has ", feats.columns(), " columns of ",
        ElementTypeName(feats.type()), ", and ", owned.path(), " has ",
        owned.columns(), " of ", ElementTypeName(owned.type()),
        "; they must be alike; partition again"));
  }
  return ReadFeatureRows(ids, feats);
}

}  // namespace

absl::StatusOr<GltFolder> GltFolder::Open(const std::string& path) {
  FAIRLEAD_ASSIGN_OR_RETURN(const bool exists, FolderExists(path));
  if (!exists) return absl::NotFoundError(absl::StrCat(path, ": no folder"));
  FAIRLEAD_ASSIGN_OR_RETURN(GltMeta meta,
                            ReadGltMeta(absl::StrCat(path, "/META")));
  GltFolder folder(path, std::move(meta));
  FAIRLEAD_RETURN_IF_ERROR(folder.CheckPartitionFolders());
  return folder;
}

std::string GltFolder::PartitionFolder(uint32_t partition) const {
  return absl::StrCat(path_, "/part", partition);
}

absl::Status GltFolder::CheckPartitionFolders() const {
  const uint32_t partitions = meta_.num_partitions;
  for (uint32_t partition = 0; partition < partitions; ++partition) {
    const std::string folder = PartitionFolder(partition);
    FAIRLEAD_ASSIGN_OR_RETURN(const bool exists, FolderExists(folder));
    if (exists) continue;
    return absl::NotFoundError(
        absl::StrCat(folder, ": no folder, but META says that there are ",
                     partitions, " partitions; copy all of them here"));
  }
  const std::string beyond = PartitionFolder(partitions);
  FAIRLEAD_ASSIGN_OR_RETURN(const bool exists, FileExists(beyond));
  if (!exists) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      beyond, ": is there, but META says that there are ", partitions,
      " partitions; partition again, into an empty folder"));
}

absl::Status GltFolder::CheckPartition(uint32_t partition) const {
  if (partition < meta_.num_partitions) return absl::OkStatus();
  return absl::NotFoundError(absl::StrCat(path_, ": there is no partition ",
                                          partition, " of ",
                                          meta_.num_partitions));
}

absl::Status GltFolder::CheckType(absl::string_view type) const {
  const std::vector<std::string>& types = meta_.node_types;
  if (std::find(types.begin(), types.end(), type) != types.end()) {
    return absl::OkStatus();
  }
  return absl::NotFoundError(
      absl::StrCat(path_, ": there is no node type \"", absl::CHexEscape(type),
                   "\"; META has \"", absl::StrJoin(types, "\", \""), "\""));
}

absl::Status GltFolder::CheckType(const GltEdgeType& type) const {
  const std::vector<GltEdgeType>& types = meta_.edge_types;
  if (std::find(types.begin(), types.end(), type) != types.end()) {
    return absl::OkStatus();
  }
  const auto append_name = [](std::string* out, const GltEdgeType& known) {
    out->append(known.Name());
  };
  return absl::NotFoundError(absl::StrCat(
      path_, ": there is no edge type \"", absl::CHexEscape(type.Name()),
      "\"; META has \"", absl::StrJoin(types, "\", \"", append_name), "\""));
}

absl::StatusOr<GltBook> GltFolder::Book(const char* name,
                                        absl::string_view type_name) const {
  const std::string path =
      absl::StrCat(Below(absl::StrCat(path_, "/", name), type_name), ".pt");
  FAIRLEAD_ASSIGN_OR_RETURN(const TensorFile file, TensorFile::Open(path));
  GltBook book;
  FAIRLEAD_ASSIGN_OR_RETURN(book.owners, file.ReadOwners(meta_.num_partitions));
  return book;
}

absl::StatusOr<GltBook> GltFolder::NodeBook(absl::string_view type) const {
  FAIRLEAD_RETURN_IF_ERROR(CheckType(type));
  return Book("node_pb", type);
}

absl::StatusOr<GltBook> GltFolder::EdgeBook(const GltEdgeType& type) const {
  FAIRLEAD_RETURN_IF_ERROR(CheckType(type));
  return Book("edge_pb", type.Name());
}

absl::StatusOr<GltEdges> GltFolder::Edges(uint32_t partition,
                                          const GltEdgeType& type) const {
  FAIRLEAD_RETURN_IF_ERROR(CheckPartition(partition));
  FAIRLEAD_RETURN_IF_ERROR(CheckType(type));
  const std::string folder =
      Below(absl::StrCat(PartitionFolder(partition), "/graph"), type.Name());
  FAIRLEAD_ASSIGN_OR_RETURN(const bool exists, FolderExists(folder));
  if (!exists) {
    const std::string whole = absl::StrCat(path_, "/graph");
    FAIRLEAD_ASSIGN_OR_RETURN(const bool cached, FolderExists(whole));
    return absl::NotFoundError(absl::StrCat(
        folder, ": no folder",
        cached ? "; GLT partitioned with graph_caching, which leaves the whole "
                 "topology in one place; partition again without"
               : "; partition again"));
  }
  FAIRLEAD_ASSIGN_OR_RETURN(const TensorFile rows,
                            TensorFile::Open(absl::StrCat(folder, "/rows.pt")));
  FAIRLEAD_ASSIGN_OR_RETURN(const TensorFile cols,
                            TensorFile::Open(absl::StrCat(folder, "/cols.pt")));
  FAIRLEAD_ASSIGN_OR_RETURN(const TensorFile eids,
                            TensorFile::Open(absl::StrCat(folder, "/eids.pt")));
  FAIRLEAD_RETURN_IF_ERROR(CheckSameRows(rows, cols));
  FAIRLEAD_RETURN_IF_ERROR(CheckSameRows(rows, eids));
  GltEdges edges;
  FAIRLEAD_ASSIGN_OR_RETURN(edges.rows, rows.ReadIds());
  FAIRLEAD_ASSIGN_OR_RETURN(edges.cols, cols.ReadIds());
  FAIRLEAD_ASSIGN_OR_RETURN(edges.eids, eids.ReadIds());

  const std::string weights_path = absl::StrCat(folder, "/weights.pt");
  FAIRLEAD_ASSIGN_OR_RETURN(const bool weighted, FileExists(weights_path));
  if (!weighted) return edges;
  FAIRLEAD_ASSIGN_OR_RETURN(const TensorFile weights,
                            TensorFile::Open(weights_path));
  FAIRLEAD_RETURN_IF_ERROR(CheckSameRows(rows, weights));
  FAIRLEAD_ASSIGN_OR_RETURN(edges.weights, weights.ReadFloats());
  return edges;
}

absl::StatusOr<std::optional<GltFeatures>> GltFolder::Features(
    uint32_t partition, const char* group, absl::string_view type_name) const {
  FAIRLEAD_RETURN_IF_ERROR(CheckPartition(partition));
  const std::string folder =
      Below(absl::StrCat(PartitionFolder(partition), "/", group), type_name);
  FAIRLEAD_ASSIGN_OR_RETURN(const bool exists, FolderExists(folder));
  if (!exists) return std::nullopt;
  FAIRLEAD_ASSIGN_OR_RETURN(const TensorFile ids, OpenChunks(folder, "ids"));
  FAIRLEAD_ASSIGN_OR_RETURN(const TensorFile feats,
                            OpenChunks(folder, "feats"));
  GltFeatures features;
  features.dtype = feats.type();
  features.columns = feats.columns();
  FAIRLEAD_ASSIGN_OR_RETURN(features.owned, ReadFeatureRows(ids, feats));
  FAIRLEAD_ASSIGN_OR_RETURN(features.cached, ReadCache(folder, feats));
  return features;
}

absl::StatusOr<std::optional<GltFeatures>> GltFolder::NodeFeatures(
    uint32_t partition, absl::string_view type) const {
  FAIRLEAD_RETURN_IF_ERROR(CheckType(type));
  return Features(partition, "node_feat", type);
}

absl::StatusOr<std::optional<GltFeatures>> GltFolder::EdgeFeatures(
    uint32_t partition, const GltEdgeType& type) const {
  FAIRLEAD_RETURN_IF_ERROR(CheckType(type));
  return Features(partition, "edge_feat", type.Name());
}

absl::StatusOr<GltLabels> GltFolder::ReadLabels(const std::string& path) {
  FAIRLEAD_ASSIGN_OR_RETURN(const TensorFile file, TensorFile::Open(path));
  GltLabels labels = {.rows = file.rows(), .columns = file.columns()};
  FAIRLEAD_ASSIGN_OR_RETURN(labels.values, file.ReadLabels());
  return labels;
}

}  // namespace fairlead
