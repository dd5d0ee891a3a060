#ifndef FAIRLEAD_LIBS_GLT_FOLDER_GLT_FOLDER_H_
#define FAIRLEAD_LIBS_GLT_FOLDER_GLT_FOLDER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "libs/glt_folder/glt_meta.h"
#include "libs/python_files/strided_array.h"

namespace fairlead {

// Which partition owns each id.
struct GltBook {
  std::vector<uint32_t> owners;  // owners[id] < num_partitions
};

// The edges that one partition has of one type: those whose source it owns, or
// whose destination, as the partitioner was told (by_src, by_dst). Nothing in
// the folder says which.
struct GltEdges {
  // An edge leads from rows[i] to cols[i], and has the id eids[i]. Global ids,
  // none negative; as many of each. In the order of the file, which is none.
  std::vector<int64_t> rows;
  std::vector<int64_t> cols;
  std::vector<int64_t> eids;
  std::optional<std::vector<float>> weights;  // as many
};

struct GltFeatureRows {
  std::vector<int64_t> ids;  // global, each once, none negative
  // Row i, of `columns` elements of `dtype`, little-endian, is that of ids[i].
  std::vector<uint8_t> bytes;
};

// Features that one partition has of one type of nodes or edges.
struct GltFeatures {
  ElementType dtype = ElementType::kFloat32;
  uint64_t columns = 0;  // at least 1
  GltFeatureRows owned;
  // Copies of rows that are often read. Most belong to other partitions; none
  // if there is no cache.
  GltFeatureRows cached;
};

// One row for each node of a type, of the whole graph.
struct GltLabels {
  uint64_t rows = 0;
  uint64_t columns = 1;
  std::vector<int64_t> values;  // row by row
};

// The folder that a partitioner of GraphLearn for PyTorch writes (parity 2.6,
// GL-021), as plain data: nothing in it is imported, called or run. The README
// has its layout.
//
//   FAIRLEAD_ASSIGN_OR_RETURN(const GltFolder folder, GltFolder::Open(path));
//   for (const std::string& type : folder.meta().node_types) {
//     FAIRLEAD_ASSIGN_OR_RETURN(const GltBook book, folder.NodeBook(type));
//     ...
//
// Each call reads its files and returns what is in them, in memory of the
// caller's. What one file says is checked, and what several say that are read
// together; whether edges and features lie where the books say, is for whoever
// has read both.
//
// Immutable, so any number of threads may read. Files must not be shortened
// while they are read (MapFile).
//
// Errors, of all that follows: NOT_FOUND if a file or folder is missing, or
// `type` or `partition` is none of META's. INVALID_ARGUMENT if a tensor is of
// another dtype or shape than it must be, if tensors that belong together are
// of different lengths, if an id is negative or twice where it must be once, or
// if a file would run code. DATA_LOSS if a file is truncated or malformed. Each
// names the file, and the row where there is one.
class GltFolder {
 public:
  // Reads META, and looks whether there is a folder for each partition and for
  // no other.
  static absl::StatusOr<GltFolder> Open(const std::string& path);

  const std::string& path() const { return path_; }
  const GltMeta& meta() const { return meta_; }

  // INVALID_ARGUMENT, too, if it names a partition that there is none of.
  absl::StatusOr<GltBook> NodeBook(absl::string_view type) const;
  absl::StatusOr<GltBook> EdgeBook(const GltEdgeType& type) const;

  absl::StatusOr<GltEdges> Edges(uint32_t partition,
                                 const GltEdgeType& type) const;

  // Nothing if the partition has no folder for them.
  absl::StatusOr<std::optional<GltFeatures>> NodeFeatures(
      uint32_t partition, absl::string_view type) const;
  absl::StatusOr<std::optional<GltFeatures>> EdgeFeatures(
      uint32_t partition, const GltEdgeType& type) const;

  // Reads a label file (GL-024), which is no part of the folder: torch.save of
  // integers of shape [nodes] or [nodes, columns], of any sign.
  static absl::StatusOr<GltLabels> ReadLabels(const std::string& path);

 private:
  GltFolder(std::string path, GltMeta meta)
      : path_(std::move(path)), meta_(std::move(meta)) {}

  absl::Status CheckPartitionFolders() const;
  absl::Status CheckPartition(uint32_t partition) const;
  absl::Status CheckType(absl::string_view type) const;
  absl::Status CheckType(const GltEdgeType& type) const;
  std::string PartitionFolder(uint32_t partition) const;
  absl::StatusOr<GltBook> Book(const char* name,
                               absl::string_view type_name) const;
  absl::StatusOr<std::optional<GltFeatures>> Features(
      uint32_t partition, const char* group, absl::string_view type_name) const;

  std::string path_;
  GltMeta meta_;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_GLT_FOLDER_GLT_FOLDER_H_
