#include "libs/shm_channel/shm_domain.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include <fstream>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "libs/shm_channel/shm_file.h"

namespace fairlead {

absl::StatusOr<std::string> PrepareShmDomain(const std::string& directory) {
  struct stat stats {};
  if ((mkdir(directory.c_str(), S_IRWXU) != 0 && errno != EEXIST) ||
      stat(directory.c_str(), &stats) != 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--shm_dir=", directory, ": cannot be made: ", strerror(errno),
        "; name a folder on a tmpfs"));
  }
  if (!S_ISDIR(stats.st_mode)) {
    return absl::InvalidArgumentError(
        absl::StrCat("--shm_dir=", directory, ": is no folder"));
  }
  SweepOrphans(directory);
  std::ifstream boot_id_file("/proc/sys/kernel/random/boot_id");
  std::string boot_id;
  std::getline(boot_id_file, boot_id);
  return absl::StrCat(boot_id, ":", stats.st_dev, ":", stats.st_ino);
}

}  // namespace fairlead
