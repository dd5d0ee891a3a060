#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "libs/fuzz/fuzz.h"
#include "libs/python_files/npz_reader.h"
#include "libs/python_files/test_files.h"
#include "libs/python_files/zip_reader.h"

namespace fairlead::testing {

bool FuzzAccepts(absl::Span<const uint8_t> file) {
  ZipOptions options;
  options.max_inflated_bytes = 1 << 20;
  options.check_crc = false;
  const absl::StatusOr<NpzReader> npz =
      NpzReader::Parse({file, nullptr}, "fuzz.npz", options);
  if (!npz.ok()) return false;
  bool all = true;
  for (const std::string& name : npz->names()) {
    const absl::StatusOr<NpzArray> array = npz->Read(name);
    if (!array.ok()) {
      all = false;
      continue;
    }
    uint64_t bytes = array->dtype[1] - '0';
    for (const int64_t dimension : array->shape) bytes *= dimension;
    FuzzRequire(bytes == array->data.span.size(), "an array's size is wrong");
    FuzzRequire(reinterpret_cast<uintptr_t>(array->data.span.data()) % 8 == 0,
                "an array is not aligned");
    FuzzTouch(array->data.span);
  }
  return all;
}

FuzzFormat GetFuzzFormat() {
  const std::string ids = Le(1, 8) + Le(2, 8);
  return {.accepted = {
              MakeZip({.members = {{"ids.npy", MakeNpy("<i8", "(2,)", ids)},
                                   {"x.npy", MakeNpy("<f4", "(2, 2)", ids)}}}),
              MakeZip({.members = {{.name = "x.npy",
                                    .data = MakeNpy("|u1", "(16,)", ids),
                                    .deflated = true},
                                   {.name = "empty.npy",
                                    .data = MakeNpy("<f8", "(0, 3)", ""),
                                    .zip64 = true}}})}};
}

}  // namespace fairlead::testing
