#ifndef FAIRLEAD_LIBS_PARTITION_WRITER_PART_FILES_H_
#define FAIRLEAD_LIBS_PARTITION_WRITER_PART_FILES_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "libs/graph/id_space.h"
#include "libs/graph/partition_book.h"
#include "libs/status/status_macros.h"

namespace fairlead {

// What all arrays that are written to partitions have in common: rows are
// walked once, in order, and each is appended to the file of its partition.

// The folders of partitions, `part-0`, `part-1`, ..., in one folder.
class PartFolders {
 public:
  // So many files are open at once: with more partitions than that, rows are
  // walked again for the next of them.
  static constexpr uint32_t kOpenAtOnce = 256;

  PartFolders(std::string directory, uint32_t parts)
      : directory_(std::move(directory)), parts_(parts) {}

  // Makes the folders. UNAVAILABLE if they cannot be made.
  absl::Status Create() const;

  uint32_t parts() const { return parts_; }
  // How often rows are walked.
  uint32_t rounds() const { return (parts_ + kOpenAtOnce - 1) / kOpenAtOnce; }

  const std::string& directory() const { return directory_; }
  // Within the directory.
  static std::string Name(uint32_t part);
  // The path of one of its files.
  std::string Path(uint32_t part, const std::string& file) const;

 private:
  const std::string directory_;
  const uint32_t parts_;
};

// What a partition gets of ids that ascend.
struct Extent {
  int64_t count = 0;
  int64_t first = 0;  // of none: 0
  int64_t last = -1;

  void Add(int64_t id, int64_t how_many = 1) {
    if (how_many == 0) return;
    if (count == 0) first = id;
    count += how_many;
    last = id + how_many - 1;
  }
  bool is_range() const { return count == 0 || last - first == count - 1; }
};

inline bool AreRanges(absl::Span<const Extent> extents) {
  return std::all_of(extents.begin(), extents.end(),
                     [](const Extent& extent) { return extent.is_range(); });
}

// Rows of arrays, whose they are, and what each partition gets of them.
// Borrows both.
struct RowPlacement {
  const IdSpace* ids = nullptr;
  const PartitionBook* book = nullptr;
  std::vector<Extent> parts;  // of ids; those that are nobody's are left out
};

// REQUIRES that both outlive it.
RowPlacement Place(const IdSpace& ids, const PartitionBook& book);

// One pass over the rows of an array.
struct Step {
  int64_t work = 0;  // how much there is to do, in rows
  // Calls `advance` with how much it has done since.
  std::function<absl::Status(const std::function<void(int64_t)>& advance)> run;
};

// Rows whose owners are looked up together.
inline constexpr int64_t kOwnerBlock = 8192;

// Calls `visit` (int64_t first_row, absl::Span<const uint32_t> owners) for
// rows 0 to size - 1, block after block, where row i is that of id_of(i). The
// owner of an id that is nobody's is kNoPartition.
template <typename IdOf, typename Visit>
absl::Status ForEachBlock(int64_t size, const PartitionBook& book, IdOf id_of,
                          Visit visit) {
  std::array<int64_t, kOwnerBlock> ids;
  std::array<uint32_t, kOwnerBlock> owners;
  for (int64_t from = 0; from < size; from += kOwnerBlock) {
    const auto count = static_cast<size_t>(std::min(kOwnerBlock, size - from));
    for (size_t i = 0; i < count; ++i) {
      ids[i] = id_of(from + static_cast<int64_t>(i));
    }
    // What it says of ids that nobody owns, the owners say.
    static_cast<void>(book.PartitionOf(absl::MakeSpan(ids.data(), count),
                                       absl::MakeSpan(owners.data(), count)));
    FAIRLEAD_RETURN_IF_ERROR(
        visit(from, absl::MakeConstSpan(owners.data(), count)));
  }
  return absl::OkStatus();
}

// Writes a file for each partition: `create` (uint32_t part) makes its writer,
// `append` (Writer&, uint32_t part, int64_t row) gives it the next row, and
// `pass` (int64_t begin, int64_t end) is called when these rows are done with.
template <typename Create, typename Append, typename Pass, typename IdOf>
absl::Status WriteToParts(const PartFolders& folders, int64_t size,
                          const PartitionBook& book, IdOf id_of, Create create,
                          Append append, Pass pass) {
  using Writer = typename std::invoke_result_t<Create, uint32_t>::value_type;
  for (uint32_t begin = 0; begin < folders.parts();
       begin += PartFolders::kOpenAtOnce) {
    const uint32_t end =
        std::min(folders.parts(), begin + PartFolders::kOpenAtOnce);
    std::vector<Writer> writers;
    for (uint32_t part = begin; part < end; ++part) {
      FAIRLEAD_ASSIGN_OR_RETURN(Writer writer, create(part));
      writers.push_back(std::move(writer));
    }
    FAIRLEAD_RETURN_IF_ERROR(ForEachBlock(
        size, book, id_of,
        [&](int64_t first, absl::Span<const uint32_t> owners) -> absl::Status {
          for (size_t i = 0; i < owners.size(); ++i) {
            // Those of other rounds, and nobody, are beyond the end too.
            const uint32_t place = owners[i] - begin;
            if (place >= writers.size()) continue;
            FAIRLEAD_RETURN_IF_ERROR(append(writers[place], owners[i],
                                            first + static_cast<int64_t>(i)));
          }
          pass(first, first + static_cast<int64_t>(owners.size()));
          return absl::OkStatus();
        }));
    for (Writer& writer : writers) FAIRLEAD_RETURN_IF_ERROR(writer.Finish());
  }
  return absl::OkStatus();
}

// Takes the pages of a mapped array that was walked so far out of this
// process's memory: they are read from the file, or the page cache, again if
// they are needed again. So memory is no more than a window of what is mapped.
class PageReleaser {
 public:
  // REQUIRES memory that is a mapping of a file, or empty.
  explicit PageReleaser(const void* data);
  // Before `end`; one that is before the last time's starts anew.
  void ReleaseBefore(const void* end);

 private:
  const uintptr_t begin_;  // data_, as a number
  const void* const data_;
  uintptr_t released_ = 0;  // bytes from the first whole page on
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_PARTITION_WRITER_PART_FILES_H_
