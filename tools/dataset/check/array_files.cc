#include "tools/dataset/check/array_files.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "libs/graph/id_array.h"
#include "libs/graph/npy.h"

namespace fairlead {
namespace {

constexpr char kKind[] = "file";

// What NpyFile says, without the path that a finding has already.
std::string Why(const absl::Status& status, const std::string& path) {
  absl::string_view message = status.message();
  if (message.substr(0, path.size()) == path) {
    message.remove_prefix(path.size());
    if (message.substr(0, 2) == ": ") message.remove_prefix(2);
  }
  return std::string(message);
}

}  // namespace

ArrayFiles::ArrayFiles(std::string directory, std::string folder,
                       Findings* findings)
    : directory_(std::move(directory)),
      folder_(std::move(folder)),
      findings_(findings) {}

std::string ArrayFiles::Name(const std::string& file) const {
  return folder_.empty() ? file : absl::StrCat(folder_, "/", file);
}

const NpyFile* ArrayFiles::Map(const std::string& file) {
  const std::string path = absl::StrCat(directory_, "/", Name(file));
  absl::StatusOr<NpyFile> mapped = NpyFile::Open(path);
  if (!mapped.ok()) {
    findings_->Error(kKind, Name(file), std::nullopt,
                     Why(mapped.status(), path));
    return nullptr;
  }
  files_.push_back(std::make_unique<const NpyFile>(*std::move(mapped)));
  return files_.back().get();
}

const NpyFile* ArrayFiles::Vector(const std::string& file,
                                  absl::string_view dtype, int64_t size,
                                  const std::string& what) {
  const NpyFile* mapped = Map(file);
  if (mapped == nullptr) return nullptr;
  const absl::Status status = mapped->Expect(dtype, 1);
  if (!status.ok()) {
    findings_->Error(kKind, Name(file), std::nullopt,
                     Why(status, mapped->path()));
    return nullptr;
  }
  if (size >= 0 && mapped->shape()[0] != size) {
    findings_->Error(kKind, Name(file), std::nullopt,
                     absl::StrCat("has ", mapped->shape()[0], " entries for ",
                                  size, " ", what));
    return nullptr;
  }
  return mapped;
}

std::optional<IdArray> ArrayFiles::Ids(const std::string& file) {
  const NpyFile* mapped = Map(file);
  if (mapped == nullptr) return std::nullopt;
  const bool narrow = mapped->dtype() == "u4" || mapped->dtype() == "i4";
  const absl::Status status =
      mapped->Expect(narrow ? mapped->dtype() : "i8", 1);
  if (!status.ok()) {
    findings_->Error(kKind, Name(file), std::nullopt,
                     Why(status, mapped->path()));
    return std::nullopt;
  }
  // A negative one of 32 bits is beyond every node when taken as unsigned, as
  // it is when the dataset is served.
  if (narrow) return IdArray(mapped->As<uint32_t>());
  return IdArray(mapped->As<int64_t>());
}

}  // namespace fairlead
