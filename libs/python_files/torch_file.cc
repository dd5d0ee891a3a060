#include "libs/python_files/torch_file.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "libs/python_files/pickle_reader.h"
#include "libs/python_files/shared_bytes.h"
#include "libs/python_files/torch_legacy.h"
#include "libs/python_files/zip_reader.h"
#include "libs/status/status_macros.h"

namespace fairlead {
namespace {

constexpr absl::string_view kPickle = "/data.pkl";

absl::Status Refuse(const std::string& name, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat(name, ": ", why));
}

// The folder that all members are in, "archive" or the file's own name.
absl::StatusOr<std::string> Archive(const ZipReader& zip) {
  std::string archive;
  for (const ZipMember& member : zip.members()) {
    const absl::string_view name = member.name;
    if (!absl::EndsWith(name, kPickle)) continue;
    const absl::string_view folder =
        name.substr(0, name.size() - kPickle.size());
    if (folder.empty() || absl::StrContains(folder, '/')) continue;
    if (!archive.empty()) {
      return absl::DataLossError(absl::StrCat(
          zip.name(), ": has two members called data.pkl; write it again"));
    }
    archive = std::string(folder);
  }
  if (archive.empty()) {
    return Refuse(zip.name(),
                  "is a zip file, but not one of torch.save: it has no member "
                  "<name>/data.pkl");
  }
  if (zip.Find(absl::StrCat(archive, "/constants.pkl")) != nullptr) {
    return Refuse(zip.name(),
                  "is a TorchScript program; save tensors with torch.save, or "
                  "module.state_dict()");
  }
  return archive;
}

absl::Status CheckByteOrder(const ZipReader& zip, const std::string& archive) {
  const std::string member = absl::StrCat(archive, "/byteorder");
  if (zip.Find(member) == nullptr) return absl::OkStatus();  // before torch 2.1
  FAIRLEAD_ASSIGN_OR_RETURN(const SharedBytes order, zip.Read(member));
  constexpr absl::string_view kLittle = "little";
  if (order.span.size() == kLittle.size() &&
      std::equal(kLittle.begin(), kLittle.end(), order.span.begin())) {
    return absl::OkStatus();
  }
  return Refuse(zip.name(),
                "is not little-endian, says its member byteorder; save it on "
                "such a machine");
}

}  // namespace

absl::StatusOr<PickleDocument> ReadTorchFile(const std::string& path,
                                             const TorchFileOptions& options) {
  FAIRLEAD_ASSIGN_OR_RETURN(const SharedBytes bytes, MapFile(path));
  return ParseTorchFile(bytes, path, options);
}

absl::StatusOr<PickleDocument> ParseTorchFile(const SharedBytes& bytes,
                                              const std::string& name,
                                              const TorchFileOptions& options) {
  if (IsLegacyTorch(bytes.span)) {
    return Refuse(name,
                  "is of the format of torch before 1.6; save it again with "
                  "torch.save(torch.load(path), path) of a newer torch, and "
                  "without _use_new_zipfile_serialization=False");
  }
  FAIRLEAD_ASSIGN_OR_RETURN(const ZipReader zip,
                            ZipReader::Parse(bytes, name, options.zip));
  FAIRLEAD_ASSIGN_OR_RETURN(const std::string archive, Archive(zip));
  FAIRLEAD_RETURN_IF_ERROR(CheckByteOrder(zip, archive));
  FAIRLEAD_ASSIGN_OR_RETURN(const SharedBytes pickle,
                            zip.Read(absl::StrCat(archive, kPickle)));

  // Tensors share storages: each is read, and its sum checked, once.
  absl::flat_hash_map<std::string, absl::Span<const uint8_t>> storages;
  PickleOptions pickle_options = options.pickle;
  pickle_options.load_storage = [&](const TorchStorageRef& ref)
      -> absl::StatusOr<absl::Span<const uint8_t>> {
    const auto known = storages.find(ref.key);
    if (known != storages.end()) return known->second;
    const std::string member = absl::StrCat(archive, "/data/", ref.key);
    const ZipMember* const found = zip.Find(member);
    if (found == nullptr) {
      return absl::DataLossError(absl::StrCat(
          "the storage \"", absl::CHexEscape(ref.key.substr(0, 100)),
          "\" of a tensor is missing; write the file again"));
    }
    // Only stored bytes stay with the mapping, where tensors may point.
    if (found->method != 0) {
      return absl::InvalidArgumentError(
          "a tensor is compressed, which torch never does; save the file "
          "again with torch, and do not repack it");
    }
    FAIRLEAD_ASSIGN_OR_RETURN(const SharedBytes data, zip.Read(member));
    storages.emplace(ref.key, data.span);
    return data.span;
  };
  FAIRLEAD_ASSIGN_OR_RETURN(
      PickleDocument document,
      ParsePickle(pickle, absl::StrCat(name, ": ", archive, kPickle),
                  pickle_options));
  document.Keep(bytes);
  return document;
}

}  // namespace fairlead
