#include "libs/partition_writer/table_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "libs/graph/npy.h"
#include "libs/status/status_macros.h"

namespace fairlead {
namespace {

// The narrowest whose largest number, which is nobody, is no partition.
size_t ElementBytes(uint32_t num_partitions) {
  if (num_partitions <= UINT8_MAX) return 1;
  return num_partitions <= UINT16_MAX ? 2 : 4;
}

// All bytes 0xff: nobody, whatever the width. Written, and not left as a hole,
// so that a full disk is an error here and no signal later.
absl::Status WriteNobody(const std::string& path, int64_t num_ids,
                         size_t element_bytes) {
  const std::vector<uint8_t> block(size_t{1} << 16, 0xff);
  FAIRLEAD_ASSIGN_OR_RETURN(
      NpyWriter writer,
      NpyWriter::Create(path, absl::StrCat("u", element_bytes), {num_ids}));
  for (size_t left = static_cast<size_t>(num_ids) * element_bytes; left > 0;) {
    const size_t bytes = std::min(left, block.size());
    FAIRLEAD_RETURN_IF_ERROR(writer.Append(block.data(), bytes));
    left -= bytes;
  }
  return writer.Finish();
}

}  // namespace

absl::StatusOr<TableWriter> TableWriter::Create(const std::string& path,
                                                int64_t num_ids,
                                                uint32_t num_partitions) {
  TableWriter writer;
  writer.element_bytes_ = ElementBytes(num_partitions);
  FAIRLEAD_RETURN_IF_ERROR(WriteNobody(path, num_ids, writer.element_bytes_));
  std::error_code error;
  writer.mapping_bytes_ = std::filesystem::file_size(path, error);
  const int fd = open(path.c_str(), O_RDWR | O_CLOEXEC);
  void* const mapping = fd < 0
                            ? MAP_FAILED
                            : mmap(nullptr, writer.mapping_bytes_,
                                   PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  const int map_error = errno;
  if (fd >= 0) close(fd);
  if (mapping == MAP_FAILED) {
    return absl::UnavailableError(
        absl::StrCat(path, ": cannot be written: ", strerror(map_error)));
  }
  writer.mapping_ = mapping;
  writer.data_ = static_cast<uint8_t*>(mapping) + writer.mapping_bytes_ -
                 static_cast<size_t>(num_ids) * writer.element_bytes_;
  return writer;
}

TableWriter::TableWriter(TableWriter&& other) noexcept
    : mapping_(std::exchange(other.mapping_, nullptr)),
      mapping_bytes_(other.mapping_bytes_),
      data_(other.data_),
      element_bytes_(other.element_bytes_) {}

TableWriter::~TableWriter() {
  if (mapping_ != nullptr) munmap(mapping_, mapping_bytes_);
}

}  // namespace fairlead
