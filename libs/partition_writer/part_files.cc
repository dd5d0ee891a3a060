#include "libs/partition_writer/part_files.h"

#include <sys/mman.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "libs/graph/id_space.h"
#include "libs/graph/partition_book.h"

namespace fairlead {
namespace {

// Pages go that many bytes at a time: a call for each block would cost more
// than what it gives back. A multiple of the size of a page everywhere.
constexpr uintptr_t kWindow = uintptr_t{8} << 20;
constexpr uintptr_t kPage = uintptr_t{64} << 10;

}  // namespace

std::string PartFolders::Name(uint32_t part) {
  return absl::StrCat("part-", part);
}

std::string PartFolders::Path(uint32_t part, const std::string& file) const {
  return absl::StrCat(directory_, "/", Name(part), "/", file);
}

absl::Status PartFolders::Create() const {
  for (uint32_t part = 0; part < parts_; ++part) {
    const std::string folder = absl::StrCat(directory_, "/", Name(part));
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    if (error) {
      return absl::UnavailableError(
          absl::StrCat(folder, ": cannot be made: ", error.message()));
    }
  }
  return absl::OkStatus();
}

RowPlacement Place(const IdSpace& ids, const PartitionBook& book) {
  RowPlacement placement{.ids = &ids, .book = &book, .parts = {}};
  placement.parts.resize(book.num_partitions());
  // Nothing in it can fail.
  static_cast<void>(ForEachBlock(
      ids.size(), book, [&ids](int64_t row) { return ids.Id(row); },
      [&](int64_t first, absl::Span<const uint32_t> owners) {
        for (size_t i = 0; i < owners.size(); ++i) {
          if (owners[i] == kNoPartition) continue;
          placement.parts[owners[i]].Add(
              ids.Id(first + static_cast<int64_t>(i)));
        }
        return absl::OkStatus();
      }));
  return placement;
}

PageReleaser::PageReleaser(const void* data)
    : begin_(reinterpret_cast<uintptr_t>(data)), data_(data) {}

void PageReleaser::ReleaseBefore(const void* end) {
  const uintptr_t first = (begin_ + kPage - 1) / kPage * kPage;
  const uintptr_t until = reinterpret_cast<uintptr_t>(end) / kPage * kPage;
  if (until < first + released_) released_ = 0;
  if (until < first + released_ + kWindow) return;
  const auto* const from =
      static_cast<const uint8_t*>(data_) + (first - begin_) + released_;
  // A hint: what comes of it, no caller can tell. Nothing is written.
  madvise(const_cast<uint8_t*>(from), until - first - released_, MADV_DONTNEED);
  released_ = until - first;
}

}  // namespace fairlead
