#include "tools/dataset/import/named_arrays.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "libs/python_files/npz_reader.h"
#include "libs/status/status_macros.h"

namespace fairlead {

absl::StatusOr<NamedArrays> NamedArrays::Open(const std::string& path) {
  std::error_code error;
  NamedArrays arrays;
  if (std::filesystem::is_directory(path, error)) {
    FAIRLEAD_RETURN_IF_ERROR(arrays.AddFolder(path));
  } else if (!std::filesystem::exists(path, error)) {
    return absl::NotFoundError(
        absl::StrCat("--in=", path, ": no such file or folder"));
  } else if (absl::EndsWith(path, ".npz")) {
    FAIRLEAD_RETURN_IF_ERROR(arrays.AddNpz(path));
  } else {
    return absl::InvalidArgumentError(absl::StrCat(
        "--in=", path, ": must be an .npz file, or a folder of .npy files"));
  }
  return arrays;
}

absl::Status NamedArrays::AddFolder(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::is_directory(path, error)) return absl::OkStatus();
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(path, error)) {
    files.push_back(entry.path().string());
  }
  std::sort(files.begin(), files.end());
  for (const std::string& file : files) {
    const std::string name = std::filesystem::path(file).filename().string();
    for (const char* ending : {".npy", ".csv", ".csv.gz"}) {
      if (!absl::EndsWith(name, ending)) continue;
      Add(name.substr(0, name.size() - std::string(ending).size()), {file, ""});
    }
    if (absl::EndsWith(name, ".npz")) FAIRLEAD_RETURN_IF_ERROR(AddNpz(file));
  }
  return absl::OkStatus();
}

absl::Status NamedArrays::AddNpz(const std::string& path) {
  FAIRLEAD_ASSIGN_OR_RETURN(const NpzReader npz, NpzReader::Open(path));
  for (const std::string& member : npz.names()) Add(member, {path, member});
  return absl::OkStatus();
}

void NamedArrays::Add(const std::string& name, Place place) {
  std::string key = name;
  std::replace(key.begin(), key.end(), '-', '_');
  places_[key].push_back(std::move(place));
}

absl::StatusOr<std::optional<SourceArray>> NamedArrays::Read(
    const std::vector<std::string>& names, TextNumbers text) const {
  const Place* found = nullptr;
  std::string found_name;
  for (const std::string& name : names) {
    const auto places = places_.find(name);
    if (places == places_.end()) continue;
    for (const Place& place : places->second) {
      if (found != nullptr) {
        return absl::InvalidArgumentError(
            absl::StrCat(found->path, " has ", found_name, ", and ", place.path,
                         " has ", name,
                         ": which of them is meant? Leave out "
                         "either"));
      }
      found = &place;
      found_name = name;
    }
  }
  if (found == nullptr) return std::optional<SourceArray>();
  absl::StatusOr<SourceArray> array =
      found->member.empty() ? ReadArray(found->path, text)
                            : ReadNpzArray(found->path, found->member);
  if (!array.ok()) return array.status();
  return std::make_optional(*std::move(array));
}

std::string NamedArrays::Names() const {
  return absl::StrJoin(places_, ", ", [](std::string* out, const auto& place) {
    absl::StrAppend(out, place.first);
  });
}

}  // namespace fairlead
