#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "libs/fuzz/fuzz.h"
#include "libs/python_files/shared_bytes.h"
#include "libs/python_files/test_files.h"
#include "libs/python_files/zip_reader.h"

namespace fairlead::testing {

bool FuzzAccepts(absl::Span<const uint8_t> file) {
  ZipOptions options;
  options.max_inflated_bytes = 1 << 20;
  options.check_crc = false;  // or nothing that is damaged gets far
  const absl::StatusOr<ZipReader> zip =
      ZipReader::Parse({file, nullptr}, "fuzz.zip", options);
  if (!zip.ok()) return false;
  bool all = true;
  uint64_t stored = 0;
  for (const ZipMember& member : zip->members()) {
    FuzzRequire(zip->Find(member.name) == &member, "a member is not found");
    stored += member.stored.size();
    const absl::StatusOr<SharedBytes> bytes = zip->Read(member.name);
    if (!bytes.ok()) {
      all = false;
      continue;
    }
    FuzzRequire(bytes->span.size() == member.bytes, "a member's size is wrong");
    FuzzTouch(bytes->span);
  }
  FuzzRequire(stored <= file.size(), "members overlap");
  return all;
}

FuzzFormat GetFuzzFormat() {
  TestZip zip = {.members = {{"a", "first"},
                             {.name = "b",
                              .data = std::string(300, 'x') + "second",
                              .deflated = true},
                             {.name = "c", .data = "third", .streamed = true},
                             {.name = "d", .data = "fourth", .zip64 = true}},
                 .comment = "comment"};
  const std::string small = MakeZip(zip);
  zip.zip64 = true;
  return {.accepted = {small, MakeZip(zip), MakeZip({})}};
}

}  // namespace fairlead::testing
