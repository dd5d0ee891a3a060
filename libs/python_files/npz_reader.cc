#include "libs/python_files/npz_reader.h"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"
#include "libs/graph/npy.h"
#include "libs/python_files/shared_bytes.h"
#include "libs/python_files/zip_reader.h"
#include "libs/status/status_macros.h"

namespace fairlead {
namespace {

constexpr absl::string_view kSuffix = ".npy";

// The widest element.
constexpr size_t kAlignment = 8;

absl::StatusOr<SharedBytes> Aligned(absl::Span<const uint8_t> data,
                                    SharedBytes member,
                                    const std::string& name) {
  if (reinterpret_cast<uintptr_t>(data.data()) % kAlignment == 0) {
    return SharedBytes{data, std::move(member.owner)};
  }
  const std::shared_ptr<uint8_t[]> buffer(
      new (std::nothrow) uint8_t[data.size()]);  // aligned for any number
  if (buffer == nullptr) {
    return absl::ResourceExhaustedError(
        absl::StrCat(name, ": no memory to align ", data.size(), " bytes"));
  }
  memcpy(buffer.get(), data.data(), data.size());
  return SharedBytes{{buffer.get(), data.size()}, buffer};
}

}  // namespace

absl::Status NpzArray::Expect(absl::string_view expected_dtype,
                              size_t dimensions) const {
  if (dtype == expected_dtype && shape.size() == dimensions) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(
      name, " is ", dtype, " of shape (", absl::StrJoin(shape, ", "),
      "); it must be ", expected_dtype, " with ", dimensions,
      dimensions == 1 ? " dimension" : " dimensions"));
}

absl::StatusOr<NpzReader> NpzReader::Open(const std::string& path,
                                          const ZipOptions& options) {
  FAIRLEAD_ASSIGN_OR_RETURN(ZipReader zip, ZipReader::Open(path, options));
  return NpzReader(std::move(zip));
}

absl::StatusOr<NpzReader> NpzReader::Parse(SharedBytes bytes, std::string name,
                                           const ZipOptions& options) {
  FAIRLEAD_ASSIGN_OR_RETURN(
      ZipReader zip,
      ZipReader::Parse(std::move(bytes), std::move(name), options));
  return NpzReader(std::move(zip));
}

std::vector<std::string> NpzReader::names() const {
  std::vector<std::string> names;
  for (const ZipMember& member : zip_.members()) {
    absl::string_view name = member.name;
    if (absl::ConsumeSuffix(&name, kSuffix)) names.emplace_back(name);
  }
  return names;
}

absl::StatusOr<NpzArray> NpzReader::Read(absl::string_view name) const {
  const std::string member = absl::StrCat(name, kSuffix);
  FAIRLEAD_ASSIGN_OR_RETURN(SharedBytes bytes, zip_.Read(member));
  NpzArray array;
  array.name =
      absl::StrCat(zip_.name(), ": member \"", absl::CHexEscape(member), "\"");
  FAIRLEAD_ASSIGN_OR_RETURN(NpyArray npy, ParseNpy(bytes.span, array.name));
  array.dtype = std::move(npy.dtype);
  array.shape = std::move(npy.shape);
  FAIRLEAD_ASSIGN_OR_RETURN(array.data,
                            Aligned(npy.data, std::move(bytes), array.name));
  return array;
}

}  // namespace fairlead
