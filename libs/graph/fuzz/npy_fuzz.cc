#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "libs/fuzz/fuzz.h"
#include "libs/graph/npy.h"

namespace fairlead::testing {
namespace {

// A file of that version, whose data begins at a multiple of 64.
std::string Npy(char version, const std::string& dtype,
                const std::string& shape, size_t data_bytes) {
  std::string header =
      absl::StrCat("{'descr': '", dtype,
                   "', 'fortran_order': False, 'shape': ", shape, ", }");
  const size_t before = version == 1 ? 10 : 12;
  while ((before + header.size() + 1) % 64 != 0) header += ' ';
  header += '\n';
  std::string file = "\x93NUMPY";
  file += version;
  file += '\0';
  for (size_t i = 0; i < before - 8; ++i) {
    file += static_cast<char>(header.size() >> (8 * i));
  }
  return absl::StrCat(file, header, std::string(data_bytes, '\x2a'));
}

}  // namespace

bool FuzzAccepts(absl::Span<const uint8_t> file) {
  const absl::StatusOr<NpyArray> array = ParseNpy(file, "fuzz.npy");
  if (!array.ok()) return false;
  FuzzRequire(array->dtype.size() == 2, "a dtype is no plain number");
  const auto element = static_cast<uint64_t>(array->dtype[1] - '0');
  FuzzRequire(element == 1 || element == 2 || element == 4 || element == 8,
              "an element is of an odd size");
  uint64_t bytes = element;
  for (const int64_t dimension : array->shape) {
    FuzzRequire(dimension >= 0, "a dimension is negative");
    bytes *= static_cast<uint64_t>(dimension);
  }
  FuzzRequire(bytes == array->data.size(), "an array is not its shape");
  FuzzRequire(
      array->data.data() + array->data.size() == file.data() + file.size(),
      "an array does not end with its file");
  FuzzRequire(
      (array->data.data() - file.data()) % static_cast<int64_t>(element) == 0,
      "an array is not aligned");
  FuzzTouch(array->data);
  return true;
}

FuzzFormat GetFuzzFormat() {
  return {
      .accepted = {Npy(1, "<i8", "(3,)", 24), Npy(2, "<f4", "(2, 3)", 24),
                   Npy(3, "|u1", "(5,)", 5), Npy(1, "<u4", "(0,)", 0),
                   Npy(1, "<f8", "(2, 1, 1)", 16), Npy(1, "|b1", "()", 1)},
      .refused = {"", "\x93NUMPY", Npy(4, "<i8", "(3,)", 24),
                  Npy(1, "<i8", "(3,)", 23), Npy(1, "<i8", "(-3,)", 24),
                  Npy(1, "<i8", "(4611686018427387904, 8)", 24),
                  Npy(1, "<i8", "(2305843009213693955,)", 24),
                  Npy(1, ">i8", "(3,)", 24), Npy(1, "|O", "(3,)", 24),
                  Npy(1, "<i0", "(3,)", 24), Npy(1, "<i9", "(3,)", 27),
                  Npy(1, "<i8", "(3", 24), Npy(1, "<i8", "(x,)", 24)},
      .pieces = {
          "{", "}",  "(", ")",   ",",    ":",          "\"",
          "'", "-1", "0", "1e9", "",     "4294967296", "9223372036854775808",
          "<", ">",  "|", "<f4", "True", "\xff"}};
}

}  // namespace fairlead::testing
