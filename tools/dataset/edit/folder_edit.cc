#include "tools/dataset/edit/folder_edit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "libs/graph/dataset_manifest.h"
#include "libs/status/status_macros.h"
#include "tools/dataset/arrays/graph_writer.h"

namespace fairlead {

std::string FreeStem(const std::string& folder, const std::string& stem,
                     const char* what) {
  std::error_code ignored;
  std::string free = stem;
  for (int i = 2; std::filesystem::exists(
           absl::StrCat(folder, "/", FileOf(free, what)), ignored);
       ++i) {
    free = absl::StrCat(stem, ".", i);
  }
  return free;
}

absl::Status ReplaceManifest(const std::string& folder,
                             const DatasetManifest& manifest) {
  // A folder of its own, since the file has one name only.
  std::string aside = absl::StrCat(folder, "/.manifest-XXXXXX");
  if (mkdtemp(aside.data()) == nullptr) {
    return absl::UnavailableError(
        absl::StrCat(folder, ": cannot be written: ", strerror(errno)));
  }
  absl::Status status = WriteManifest(aside, manifest);
  std::error_code error;
  if (status.ok()) {
    std::filesystem::rename(absl::StrCat(aside, "/dataset.json"),
                            absl::StrCat(folder, "/dataset.json"), error);
    if (error) {
      status = absl::UnavailableError(absl::StrCat(
          folder, "/dataset.json: cannot be replaced: ", error.message()));
    }
  }
  std::filesystem::remove_all(aside, error);
  return status;
}

absl::StatusOr<std::vector<std::string>> PartitionFolders(
    const std::string& directory) {
  FAIRLEAD_ASSIGN_OR_RETURN(const DatasetFolder folder,
                            ReadDatasetFolder(directory));
  if (folder.whole.has_value()) return std::vector<std::string>{directory};
  std::vector<std::string> folders;
  for (const std::string& partition : folder.partitions->partitions) {
    folders.push_back(absl::StrCat(directory, "/", partition));
  }
  return folders;
}

}  // namespace fairlead
