#include "tools/dataset/output_folder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <filesystem>
#include <string>
#include <system_error>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"

namespace fairlead {

OutputFolder::OutputFolder(std::string out, std::string temporary)
    : out_(std::move(out)), temporary_(std::move(temporary)) {}

OutputFolder::OutputFolder(OutputFolder&& other) noexcept
    : out_(std::move(other.out_)),
      temporary_(std::exchange(other.temporary_, "")) {}

OutputFolder::~OutputFolder() {
  std::error_code ignored;
  if (!temporary_.empty()) std::filesystem::remove_all(temporary_, ignored);
}

absl::StatusOr<OutputFolder> OutputFolder::Create(const std::string& out,
                                                  bool overwrite) {
  std::error_code error;
  if (out.empty()) {
    return absl::InvalidArgumentError("--out: must name the folder to make");
  }
  // Without "." and trailing slashes, so that "beside it" is not within it.
  std::filesystem::path path = std::filesystem::weakly_canonical(out, error);
  if (!error && !path.has_filename()) path = path.parent_path();
  if (error || !path.has_filename()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--out=", out, ": cannot be a dataset's folder"));
  }
  if (std::filesystem::exists(path, error) &&
      !(std::filesystem::is_directory(path, error) &&
        std::filesystem::is_empty(path, error))) {
    if (!overwrite) {
      return absl::AlreadyExistsError(
          absl::StrCat("--out=", out,
                       ": is there already; name another folder, or add "
                       "--overwrite"));
    }
    // Whoever mistypes a path must not lose what is there.
    if (!std::filesystem::exists(path / "dataset.json", error)) {
      return absl::FailedPreconditionError(
          absl::StrCat("--out=", out,
                       ": holds no dataset, and --overwrite replaces nothing "
                       "else; name another folder"));
    }
  }
  if (path.has_parent_path()) {
    std::filesystem::create_directories(path.parent_path(), error);
  }
  std::string temporary = absl::StrCat(path.string(), ".unfinished-XXXXXX");
  if (mkdtemp(temporary.data()) == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat("--out=", out, ": cannot be made: ", strerror(errno)));
  }
  return OutputFolder(path.string(), std::move(temporary));
}

absl::Status OutputFolder::Commit() {
  std::error_code error;
  std::filesystem::remove_all(out_, error);
  std::filesystem::rename(temporary_, out_, error);
  if (error) {
    return absl::UnavailableError(absl::StrCat(
        "--out=", out_, ": cannot be put in place: ", error.message()));
  }
  // mkdtemp makes it for this user alone; a dataset is for whoever may look.
  std::filesystem::permissions(out_, std::filesystem::perms(0755), error);
  temporary_.clear();
  return absl::OkStatus();
}

}  // namespace fairlead
