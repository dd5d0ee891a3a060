#ifndef FAIRLEAD_LIBS_GRAPH_ID_SPACE_H_
#define FAIRLEAD_LIBS_GRAPH_ID_SPACE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace fairlead {

// Which ids a partition holds, and the row of each in its arrays: ids are the
// whole graph's, rows are the partition's, from 0 on. Rows are in the order of
// ids. Immutable and cheap to copy as long as it is a range, which it is
// wherever ids could be chosen; else it takes one byte an id beside the list,
// however large the ids are (parity W-41).
class IdSpace {
 public:
  // No ids.
  IdSpace() = default;
  // The ids [first, first + size). REQUIRES first >= 0 and size >= 0.
  static IdSpace Range(int64_t first, int64_t size);
  // These ids, which must outlive it. INVALID_ARGUMENT, naming the position,
  // unless they ascend strictly from 0 or more, are below 2^63 - 1, and
  // fewer than 2^32.
  // `name` is the list's, for messages.
  static absl::StatusOr<IdSpace> List(absl::Span<const int64_t> ids,
                                      const std::string& name);

  int64_t size() const { return size_; }
  bool is_range() const { return list_ == nullptr; }
  // REQUIRES is_range().
  int64_t first() const { return first_; }
  // REQUIRES !is_range().
  absl::Span<const int64_t> list() const {
    return {list_, static_cast<size_t>(size_)};
  }
  // One more than the largest id; 0 if there is none.
  int64_t end() const {
    if (size_ == 0) return 0;
    return is_range() ? first_ + size_ : list_[size_ - 1] + 1;
  }

  // REQUIRES 0 <= row < size().
  int64_t Id(int64_t row) const {
    return is_range() ? first_ + row : list_[row];
  }

  // The row of an id, or -1 if it is not among these, however wild it is.
  int64_t Row(int64_t id) const {
    if (is_range()) {
      const uint64_t row =
          static_cast<uint64_t>(id) - static_cast<uint64_t>(first_);
      return row < static_cast<uint64_t>(size_) ? static_cast<int64_t>(row)
                                                : -1;
    }
    return RowInList(id);
  }

  // Brings what Row(id) will look at first into the cache.
  void Prefetch(int64_t id) const {
    if (!is_range()) PrefetchBucket(id);
  }

  // The row of each id. NOT_FOUND, naming how many and the first ten, if some
  // are not here; their rows are -1. REQUIRES rows.size() == ids.size().
  absl::Status Rows(absl::Span<const int64_t> ids,
                    absl::Span<int64_t> rows) const;

 private:
  int64_t RowInList(int64_t id) const;
  void PrefetchBucket(int64_t id) const;
  uint64_t Bucket(int64_t id) const {
    return (static_cast<uint64_t>(id) - static_cast<uint64_t>(first_)) >>
           shift_;
  }

  int64_t first_ = 0;
  int64_t size_ = 0;
  const int64_t* list_ = nullptr;
  // A bucket is a stretch of 2^shift_ ids, and there is one for every 4 ids of
  // the list: where ids are spread, what is looked for lies in one cache line.
  int shift_ = 0;
  std::vector<uint32_t> bucket_begins_;  // buckets + 1
};

// "3 of them, such as 17, 19, 23": for messages about ids.
std::string DescribeIds(absl::Span<const int64_t> ids);

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_GRAPH_ID_SPACE_H_
