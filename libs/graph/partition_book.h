#ifndef FAIRLEAD_LIBS_GRAPH_PARTITION_BOOK_H_
#define FAIRLEAD_LIBS_GRAPH_PARTITION_BOOK_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "libs/graph/npy.h"

namespace fairlead {

// Which partition of a graph owns a node or an edge. (Which row of that
// partition's arrays it is, the partition knows: see id_space.h.)
//
//   const auto book = *RangePartitionBook::Create({0, 4, 7, 10});
//   ASSIGN_OR_RETURN(const PartitionedIds split, book.Split(ids));
//   for (uint32_t partition = 0; partition < 3; ++partition) {
//     rows = ... ask the partition for split.IdsOf(partition) ...
//     RETURN_IF_ERROR(split.Scatter<float>(partition, rows, columns, out));
//   }

// In place of a partition: the id is nobody's.
inline constexpr uint32_t kNoPartition = UINT32_MAX;

// The most partitions that a book may have.
inline constexpr uint32_t kMaxPartitions = uint32_t{1} << 20;

// Ids by the partition that owns them, and the way back.
struct PartitionedIds {
  // Grouped by partition; the ids of one in the order in which they were
  // asked for, repeats among them.
  std::vector<int64_t> ids;
  // ids[i] was the id at positions[i].
  std::vector<int64_t> positions;
  // Those of partition p are [begins[p], begins[p + 1]).
  std::vector<int64_t> begins;

  // REQUIRES for all three: partition is one of the book's.
  absl::Span<const int64_t> IdsOf(uint32_t partition) const {
    return Of(ids, partition);
  }
  absl::Span<const int64_t> PositionsOf(uint32_t partition) const {
    return Of(positions, partition);
  }

  // Puts what a partition answered, `columns` values for each of
  // IdsOf(partition), into the rows of `out` where those ids were asked for.
  // INVALID_ARGUMENT, touching nothing, if these are not as many values as
  // were asked for. REQUIRES out.size() == ids.size() * columns; T is a number.
  template <typename T>
  absl::Status Scatter(uint32_t partition, absl::Span<const T> rows,
                       size_t columns, absl::Span<T> out) const {
    const absl::Span<const int64_t> to = PositionsOf(partition);
    if (rows.size() != to.size() * columns) {
      return absl::InvalidArgumentError(absl::StrCat(
          "partition ", partition, " answered ", rows.size(), " values for ",
          to.size(), " ids of ", columns, " columns each"));
    }
    if (columns == 0) return absl::OkStatus();
    const T* from = rows.data();
    for (const int64_t position : to) {
      std::memcpy(out.data() + static_cast<size_t>(position) * columns, from,
                  columns * sizeof(T));
      from += columns;
    }
    return absl::OkStatus();
  }

 private:
  absl::Span<const int64_t> Of(const std::vector<int64_t>& values,
                               uint32_t partition) const {
    return absl::MakeConstSpan(values).subspan(
        static_cast<size_t>(begins[partition]),
        static_cast<size_t>(begins[partition + 1] - begins[partition]));
  }
};

// What a book is made of, for a dataset's manifest: one of these.
struct PartitionBookManifest {
  std::vector<int64_t> bounds;  // as RangePartitionBook::Create takes them
  std::string table;            // as TablePartitionBook::Open takes it
  int64_t hashed_ids = 0;       // as HashPartitionBook::Create takes it

  uint32_t num_partitions = 0;  // of a table and of hashed ids

  bool operator==(const PartitionBookManifest&) const = default;
};

// The owner of each id from 0 to num_ids() - 1. Read-only once made, so any
// thread may use it.
class PartitionBook {
 public:
  // The book that Manifest() described. INVALID_ARGUMENT if that is several
  // kinds or none; else errors as the kinds' own functions.
  static absl::StatusOr<std::unique_ptr<const PartitionBook>> Open(
      const PartitionBookManifest& manifest);

  virtual ~PartitionBook() = default;

  uint32_t num_partitions() const { return num_partitions_; }
  int64_t num_ids() const { return num_ids_; }

  // Whether all ids from 0 to num_ids() - 1 are known to be somebody's nodes or
  // edges: not if they are hashed, which says nothing of what there is. O(1).
  virtual bool IsDense() const = 0;

  virtual PartitionBookManifest Manifest() const = 0;

  // The owner of each id. Where that is nobody (the id is negative, beyond the
  // last, or no partition's in the table) `out` holds kNoPartition, never a
  // partition that would answer with another's rows (parity W-31), and the
  // status is NOT_FOUND, with how many such ids there are and the first ten.
  // REQUIRES out.size() == ids.size().
  virtual absl::Status PartitionOf(absl::Span<const int64_t> ids,
                                   absl::Span<uint32_t> out) const = 0;

  // Ids by their owner. NOT_FOUND as PartitionOf. O(ids + partitions).
  absl::StatusOr<PartitionedIds> Split(absl::Span<const int64_t> ids) const;

 protected:
  PartitionBook(uint32_t num_partitions, int64_t num_ids)
      : num_partitions_(num_partitions), num_ids_(num_ids) {}

 private:
  const uint32_t num_partitions_;
  const int64_t num_ids_;
};

// A partition owns a range of ids; partitions follow each other. The one to
// choose where ids can be chosen: O(partitions) memory, however many ids
// (parity W-41).
class RangePartitionBook final : public PartitionBook {
 public:
  // Partition p owns [bounds[p], bounds[p + 1]), which may be empty.
  // INVALID_ARGUMENT unless bounds rise from 0, for 1 to kMaxPartitions
  // partitions.
  static absl::StatusOr<RangePartitionBook> Create(std::vector<int64_t> bounds);

  // Ranges of equal length; the first num_ids % num_partitions of them are
  // longer by one. INVALID_ARGUMENT unless num_ids >= 0 and there are 1 to
  // kMaxPartitions partitions.
  static absl::StatusOr<RangePartitionBook> CreateEven(int64_t num_ids,
                                                       uint32_t num_partitions);

  absl::Span<const int64_t> bounds() const { return bounds_; }

  bool IsDense() const override { return true; }
  PartitionBookManifest Manifest() const override;
  // O(log partitions) an id, without branches.
  absl::Status PartitionOf(absl::Span<const int64_t> ids,
                           absl::Span<uint32_t> out) const override;

 private:
  explicit RangePartitionBook(std::vector<int64_t> bounds);

  std::vector<int64_t> bounds_;
};

// An entry an id, memory-mapped, so that the processes of a host share it. For
// ids that were there before their graph was partitioned.
class TablePartitionBook final : public PartitionBook {
 public:
  // A .npy file of one dimension and dtype u1, u2 or u4: id i is partition
  // table[i]'s, or nobody's where that is the dtype's largest number. Reads it
  // once. NOT_FOUND if there is no such file; INVALID_ARGUMENT, naming it, if
  // it is no such table, an entry is neither a partition nor nobody, or there
  // are not 1 to kMaxPartitions partitions, fewer than the dtype's numbers.
  static absl::StatusOr<TablePartitionBook> Open(const std::string& path,
                                                 uint32_t num_partitions);

  bool IsDense() const override { return is_dense_; }
  PartitionBookManifest Manifest() const override;
  // O(1) an id.
  absl::Status PartitionOf(absl::Span<const int64_t> ids,
                           absl::Span<uint32_t> out) const override;

 private:
  TablePartitionBook(NpyFile table, uint32_t num_partitions);

  // Calls `function` with the table's entries.
  template <typename Function>
  auto WithEntries(Function function) const;
  absl::Status CheckEntries();

  NpyFile table_;
  bool is_dense_ = true;
};

// The owner of `id` by its hash: the upper half of SplitMix64(id) times
// `num_partitions`, so any engine can compute it.
uint32_t HashOwner(int64_t id, uint32_t num_partitions);

// Owners by HashOwner: no memory, whatever the ids. For ids that are sparse
// (parity W-41). Every id from 0 to num_ids() - 1 has an owner; whether it is
// an id at all, that partition knows.
class HashPartitionBook final : public PartitionBook {
 public:
  // INVALID_ARGUMENT unless num_ids >= 0 and there are 1 to kMaxPartitions
  // partitions.
  static absl::StatusOr<HashPartitionBook> Create(int64_t num_ids,
                                                  uint32_t num_partitions);

  bool IsDense() const override { return false; }
  PartitionBookManifest Manifest() const override;
  absl::Status PartitionOf(absl::Span<const int64_t> ids,
                           absl::Span<uint32_t> out) const override;

 private:
  HashPartitionBook(int64_t num_ids, uint32_t num_partitions)
      : PartitionBook(num_partitions, num_ids) {}
};

// Writes the table of a TablePartitionBook, with the smallest dtype that will
// do; kNoPartition where an id is nobody's. INVALID_ARGUMENT if an owner is no
// partition, or there are not 1 to kMaxPartitions; UNAVAILABLE if the file
// cannot be written.
absl::Status WritePartitionTable(const std::string& path,
                                 uint32_t num_partitions,
                                 absl::Span<const uint32_t> owners);

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_GRAPH_PARTITION_BOOK_H_
