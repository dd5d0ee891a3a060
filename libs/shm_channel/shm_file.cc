#include "libs/shm_channel/shm_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "libs/status/status_macros.h"

namespace fairlead {
namespace {

struct flock LockOf(ShmFile::Role role, int type) {
  struct flock lock {};
  lock.l_type = static_cast<int16_t>(type);
  lock.l_whence = SEEK_SET;
  lock.l_start = static_cast<off_t>(role);
  lock.l_len = 1;
  return lock;
}

std::string RandomName(absl::string_view prefix) {
  uint64_t words[2] = {};
  // Cannot fail for so few bytes once the system has started.
  (void)!getrandom(words, sizeof(words), 0);
  return absl::StrCat(prefix, absl::Hex(words[0], absl::kZeroPad16),
                      absl::Hex(words[1], absl::kZeroPad16));
}

}  // namespace

absl::StatusOr<std::unique_ptr<ShmFile>> ShmFile::Create(
    absl::string_view directory, absl::string_view prefix, uint64_t bytes) {
  const std::string folder(directory);
  // Without a name at first: whoever sees the name sees the lock too, so a
  // sweep cannot take a new file for an orphan.
  const int fd =
      open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (fd < 0) {
    if (errno == ENOENT || errno == ENOTDIR) {
      return absl::NotFoundError(
          absl::StrCat("shared memory folder ", folder, ": is not there"));
    }
    return absl::UnavailableError(
        absl::StrCat("shared memory folder ", folder,
                     ": no file can be made in it: ", strerror(errno)));
  }
  const std::string name = RandomName(prefix);
  const std::string path = absl::StrCat(folder, "/", name);
  std::unique_ptr<ShmFile> file(
      new ShmFile(fd, path, name, /*is_creator=*/true));
  const int allocated = posix_fallocate(fd, 0, static_cast<off_t>(bytes));
  if (allocated != 0) {
    return absl::ResourceExhaustedError(
        absl::StrCat("shared memory folder ", folder, ": has no room for ",
                     bytes, " bytes: ", strerror(allocated)));
  }
  if (!file->TryLock(Role::kOwner, /*exclusive=*/false)) {
    return absl::InternalError(absl::StrCat(path, ": cannot be locked"));
  }
  FAIRLEAD_RETURN_IF_ERROR(file->Map());
  const std::string self = absl::StrCat("/proc/self/fd/", fd);
  if (linkat(AT_FDCWD, self.c_str(), AT_FDCWD, path.c_str(),
             AT_SYMLINK_FOLLOW) != 0) {
    return absl::UnavailableError(
        absl::StrCat(path, ": cannot be named: ", strerror(errno)));
  }
  return file;
}

absl::StatusOr<std::unique_ptr<ShmFile>> ShmFile::Open(
    absl::string_view directory, absl::string_view prefix,
    absl::string_view name) {
  if (!absl::StartsWith(name, prefix) || absl::StrContains(name, '/')) {
    return absl::InvalidArgumentError(absl::StrCat("shared memory file \"",
                                                   name, "\": is no name of a ",
                                                   prefix, " file"));
  }
  const std::string path = absl::StrCat(directory, "/", name);
  const int fd = open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) {
    return absl::NotFoundError(
        absl::StrCat(path, ": cannot be opened: ", strerror(errno)));
  }
  std::unique_ptr<ShmFile> file(
      new ShmFile(fd, path, std::string(name), /*is_creator=*/false));
  FAIRLEAD_RETURN_IF_ERROR(file->Map());
  return file;
}

absl::Status ShmFile::Map() {
  struct stat stats {};
  if (fstat(fd_, &stats) != 0 || stats.st_size == 0) {
    return absl::DataLossError(absl::StrCat(path_, ": is empty"));
  }
  const auto size = static_cast<uint64_t>(stats.st_size);
  void* mapping =
      mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd_, 0);
  if (mapping == MAP_FAILED) {
    return absl::ResourceExhaustedError(
        absl::StrCat(path_, ": cannot be mapped: ", strerror(errno)));
  }
  mapping_ =
      std::make_shared<const Mapping>(static_cast<uint8_t*>(mapping), size);
  return absl::OkStatus();
}

ShmFile::Mapping::~Mapping() { munmap(data, size); }

absl::StatusOr<std::unique_ptr<ShmFile>> ShmFile::Reopen() const {
  // Not by its name, which may be gone: a new description of the same file.
  const std::string self = absl::StrCat("/proc/self/fd/", fd_);
  const int fd = open(self.c_str(), O_RDWR | O_CLOEXEC);
  if (fd < 0) {
    return absl::UnavailableError(
        absl::StrCat(path_, ": cannot be opened again: ", strerror(errno)));
  }
  std::unique_ptr<ShmFile> file(
      new ShmFile(fd, path_, name_, /*is_creator=*/false));
  file->mapping_ = mapping_;
  return file;
}

ShmFile::~ShmFile() {
  if (is_creator_) unlink(path_.c_str());  // nothing to do if it is gone
  close(fd_);
}

bool ShmFile::TryLock(Role role, bool exclusive) {
  struct flock lock = LockOf(role, exclusive ? F_WRLCK : F_RDLCK);
  return fcntl(fd_, F_OFD_SETLK, &lock) == 0;
}

void ShmFile::Unlock(Role role) {
  struct flock lock = LockOf(role, F_UNLCK);
  fcntl(fd_, F_OFD_SETLK, &lock);  // of a lock that is held: cannot fail
}

bool ShmFile::IsHeldByOthers(Role role) const {
  struct flock lock = LockOf(role, F_WRLCK);
  return fcntl(fd_, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

int SweepOrphans(absl::string_view directory) {
  DIR* folder = opendir(std::string(directory).c_str());
  if (folder == nullptr) return 0;
  int removed = 0;
  while (const dirent* entry = readdir(folder)) {
    const auto* prefix =
        std::find_if(std::begin(kSegmentPrefixes), std::end(kSegmentPrefixes),
                     [entry](absl::string_view each) {
                       return absl::StartsWith(entry->d_name, each);
                     });
    if (prefix == std::end(kSegmentPrefixes)) continue;
    const auto file = ShmFile::Open(directory, *prefix, entry->d_name);
    // (An empty one is DATA_LOSS, and an orphan: owners name what is whole.)
    if (absl::IsNotFound(file.status())) continue;
    if (file.ok() && (*file)->IsHeldByOthers(ShmFile::Role::kOwner)) continue;
    if (unlinkat(dirfd(folder), entry->d_name, 0) == 0) ++removed;
  }
  closedir(folder);
  return removed;
}

}  // namespace fairlead
