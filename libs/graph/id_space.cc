#include "libs/graph/id_space.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/types/span.h"

namespace fairlead {
namespace {

constexpr uint64_t kIdsPerBucket = 4;
constexpr size_t kAhead = 16;
constexpr size_t kMaxNamed = 10;

}  // namespace

std::string DescribeIds(absl::Span<const int64_t> ids) {
  return absl::StrCat(
      ids.size(), ids.size() == 1 ? " id, " : " ids, such as ",
      absl::StrJoin(ids.subspan(0, std::min(ids.size(), kMaxNamed)), ", "));
}

IdSpace IdSpace::Range(int64_t first, int64_t size) {
  IdSpace space;
  space.first_ = first;
  space.size_ = size;
  return space;
}

absl::StatusOr<IdSpace> IdSpace::List(absl::Span<const int64_t> ids,
                                      const std::string& name) {
  if (ids.size() > UINT32_MAX) {
    return absl::InvalidArgumentError(absl::StrCat(
        name, ": has ", ids.size(),
        " ids; a partition holds fewer than 2^32: make more partitions"));
  }
  int64_t before = -1;
  for (size_t i = 0; i < ids.size(); ++i) {
    // One more than the last must be a number, too.
    if (ids[i] <= before || ids[i] == INT64_MAX) {
      return absl::InvalidArgumentError(absl::StrCat(
          name, ": [", i, "] is ", ids[i], " after ", before,
          "; ids must be 0 or more, below 2^63 - 1, and ascend, each once"));
    }
    before = ids[i];
  }
  if (ids.empty()) return IdSpace();
  if (ids.back() - ids.front() + 1 == static_cast<int64_t>(ids.size())) {
    return Range(ids.front(), static_cast<int64_t>(ids.size()));
  }
  IdSpace space;
  space.first_ = ids.front();
  space.size_ = static_cast<int64_t>(ids.size());
  space.list_ = ids.data();
  const auto spread = static_cast<uint64_t>(ids.back() - ids.front()) + 1;
  const uint64_t wanted = ids.size() / kIdsPerBucket + 1;
  while ((spread >> space.shift_) > wanted) ++space.shift_;
  const uint64_t buckets = (spread >> space.shift_) + 1;
  space.bucket_begins_.assign(buckets + 1, 0);
  for (const int64_t id : ids) ++space.bucket_begins_[space.Bucket(id) + 1];
  for (uint64_t b = 0; b < buckets; ++b) {
    space.bucket_begins_[b + 1] += space.bucket_begins_[b];
  }
  return space;
}

int64_t IdSpace::RowInList(int64_t id) const {
  // As unsigned, what is below the first is far beyond the last.
  const uint64_t bucket = Bucket(id);
  if (id < first_ || bucket + 1 >= bucket_begins_.size()) return -1;
  const int64_t* begin = list_ + bucket_begins_[bucket];
  const int64_t* end = list_ + bucket_begins_[bucket + 1];
  const int64_t* found = std::lower_bound(begin, end, id);
  return found != end && *found == id ? found - list_ : -1;
}

void IdSpace::PrefetchBucket(int64_t id) const {
  const uint64_t bucket = Bucket(id);
  if (bucket < bucket_begins_.size()) {
    __builtin_prefetch(&bucket_begins_[bucket]);
  }
}

absl::Status IdSpace::Rows(absl::Span<const int64_t> ids,
                           absl::Span<int64_t> rows) const {
  std::vector<int64_t> missing;
  for (size_t i = 0; i < ids.size(); ++i) {
    if (i + kAhead < ids.size()) Prefetch(ids[i + kAhead]);
    rows[i] = Row(ids[i]);
    if (rows[i] < 0) missing.push_back(ids[i]);
  }
  if (missing.empty()) return absl::OkStatus();
  return absl::NotFoundError(
      absl::StrCat("not among the ", size_,
                   " ids of this partition: ", DescribeIds(missing)));
}

}  // namespace fairlead
