#include "libs/security/watched_file.h"

#include <errno.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"

namespace fairlead::security {

absl::StatusOr<std::string> ReadSmallFile(const std::string& path) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  std::string contents((std::istreambuf_iterator<char>(file)),
                       std::istreambuf_iterator<char>());
  if (file.good() || file.eof()) return contents;
  return absl::ErrnoToStatus(errno == 0 ? EIO : errno,
                             absl::StrCat(path, ": cannot be read"));
}

std::optional<std::string> WatchedFile::TakeChange() {
  const absl::Duration now = clock_.MonotonicNow();
  if (now - looked_ < refresh_) return std::nullopt;
  looked_ = now;
  absl::StatusOr<std::string> read = ReadSmallFile(path_);
  if (!read.ok() || read.value() == held_) return std::nullopt;
  held_ = *std::move(read);
  return held_;
}

}  // namespace fairlead::security
