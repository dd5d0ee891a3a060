#include "libs/python_files/shared_bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"

namespace fairlead {
namespace {

absl::Status Bad(const std::string& path, const char* what, int error) {
  return absl::InvalidArgumentError(
      absl::StrCat(path, ": ", what, ": ", strerror(error)));
}

}  // namespace

absl::StatusOr<SharedBytes> MapFile(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) {
    if (errno == ENOENT) {
      return absl::NotFoundError(absl::StrCat(path, ": no such file"));
    }
    return Bad(path, "cannot be opened", errno);
  }
  struct stat stats {};
  if (fstat(fd, &stats) != 0 || !S_ISREG(stats.st_mode)) {
    close(fd);
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": is no regular file"));
  }
  const auto size = static_cast<size_t>(stats.st_size);
  if (size == 0) {  // which mmap refuses
    close(fd);
    return SharedBytes{};
  }
  void* const mapping = mmap(nullptr, size, PROT_READ, MAP_SHARED, fd, 0);
  const int error = errno;
  close(fd);
  if (mapping == MAP_FAILED) return Bad(path, "cannot be mapped", error);
  return SharedBytes{
      {static_cast<const uint8_t*>(mapping), size},
      std::shared_ptr<const void>(mapping, [size](const void* begin) {
        munmap(const_cast<void*>(begin), size);
      })};
}

}  // namespace fairlead
