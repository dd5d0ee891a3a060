#ifndef FAIRLEAD_LIBS_SECURITY_WATCHED_FILE_H_
#define FAIRLEAD_LIBS_SECURITY_WATCHED_FILE_H_

#include <optional>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/clock/clock.h"

namespace fairlead::security {

// The whole of a small file. NOT_FOUND or PERMISSION_DENIED, naming it, if it
// cannot be read.
absl::StatusOr<std::string> ReadSmallFile(const std::string& path);

// A small file that is read again when it is another: looked at, when asked,
// and at most once in `refresh`. Thread-compatible.
class WatchedFile {
 public:
  // `clock` must outlive this.
  WatchedFile(std::string path, absl::Duration refresh, const Clock& clock)
      : path_(std::move(path)), refresh_(refresh), clock_(clock) {}

  // What it holds, if that was not returned before. Nothing if it cannot be
  // read now: what it held goes on.
  std::optional<std::string> TakeChange();

  const std::string& path() const { return path_; }

 private:
  const std::string path_;
  const absl::Duration refresh_;
  const Clock& clock_;
  absl::Duration looked_ = -absl::InfiniteDuration();
  std::optional<std::string> held_;
};

}  // namespace fairlead::security

#endif  // FAIRLEAD_LIBS_SECURITY_WATCHED_FILE_H_
