#ifndef FAIRLEAD_LIBS_PYTHON_FILES_ZIP_READER_H_
#define FAIRLEAD_LIBS_PYTHON_FILES_ZIP_READER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "libs/python_files/shared_bytes.h"

namespace fairlead {

struct ZipOptions {
  // The most that one compressed member may inflate to. (Deflate packs 1032
  // to 1 at best, and what claims more is refused before anything is allocated,
  // so a file never makes us take more than that many times its own size.)
  uint64_t max_inflated_bytes = uint64_t{4} << 30;
  // False for what torch wrote after torch.serialization.set_crc32_options(
  // False), which leaves sums that are none.
  bool check_crc = true;
};

struct ZipMember {
  std::string name;
  uint64_t bytes = 0;  // as read, that is inflated
  uint16_t method = 0;
  uint16_t flags = 0;
  uint32_t crc = 0;
  uint64_t begin = 0;  // of its local header, in the file
  uint64_t end = 0;    // of its data
  absl::Span<const uint8_t> stored;
};

// A zip archive, as Python's zipfile and torch write them: stored and deflated
// members, zip64, on one disk, nothing before the first member. All headers are
// checked when it is opened; a member's data when it is read.
//
//   FAIRLEAD_ASSIGN_OR_RETURN(const ZipReader zip, ZipReader::Open("a.npz"));
//   FAIRLEAD_ASSIGN_OR_RETURN(const SharedBytes x, zip.Read("x.npy"));
//
// Immutable, so any number of threads may read. Movable and copyable.
class ZipReader {
 public:
  // NOT_FOUND, INVALID_ARGUMENT as MapFile. DATA_LOSS, with the file and the
  // member, for whatever is malformed: truncated, members that overlap, that
  // reach past the file or have one name, a local header that contradicts the
  // directory.
  static absl::StatusOr<ZipReader> Open(const std::string& path,
                                        const ZipOptions& options = {});

  // The same for bytes in memory; `name` is for messages.
  static absl::StatusOr<ZipReader> Parse(SharedBytes bytes, std::string name,
                                         const ZipOptions& options = {});

  // The file's path.
  const std::string& name() const { return name_; }

  // In the order of the archive's directory.
  absl::Span<const ZipMember> members() const { return members_; }

  // Null if there is none. Valid as long as this reader.
  const ZipMember* Find(absl::string_view member) const;

  // A member's bytes: where it is stored, those of the mapping; where it is
  // deflated, a buffer. They outlive the reader. NOT_FOUND if there is none;
  // DATA_LOSS if it does not inflate to the size and the sum it claims;
  // RESOURCE_EXHAUSTED if that is above max_inflated_bytes; INVALID_ARGUMENT if
  // it is encrypted or packed in another way.
  absl::StatusOr<SharedBytes> Read(absl::string_view member) const;

 private:
  ZipReader() = default;
  absl::Status ReadDirectory();
  absl::StatusOr<ZipMember> ReadEntry(uint64_t at, uint64_t directory_begin,
                                      uint64_t directory_end,
                                      uint64_t* next) const;
  absl::Status ReadLocalHeader(uint64_t compressed, uint64_t directory_begin,
                               ZipMember* member) const;
  absl::StatusOr<SharedBytes> InflateMember(const ZipMember& member) const;
  absl::Status Bad(absl::string_view why) const;
  absl::Status Bad(absl::string_view member, absl::string_view why) const;

  std::string name_;
  ZipOptions options_;
  SharedBytes bytes_;
  std::vector<ZipMember> members_;
  absl::flat_hash_map<std::string, size_t> by_name_;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_PYTHON_FILES_ZIP_READER_H_
