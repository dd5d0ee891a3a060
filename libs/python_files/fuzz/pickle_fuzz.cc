#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/escaping.h"
#include "absl/types/span.h"
#include "libs/fuzz/fuzz.h"
#include "libs/python_files/fuzz/walk.h"
#include "libs/python_files/golden_pickles.h"
#include "libs/python_files/pickle_reader.h"

namespace fairlead::testing {

bool FuzzAccepts(absl::Span<const uint8_t> file) {
  PickleOptions options;
  options.max_values = 1 << 16;
  const absl::StatusOr<std::vector<PickleDocument>> documents =
      ParsePickles({file, nullptr}, "fuzz.pkl", options);
  if (!documents.ok()) return false;
  size_t bytes = 0;
  for (const PickleDocument& document : *documents) {
    FuzzRequire(document.bytes() > 0, "a pickle has no bytes");
    bytes += document.bytes();
    FuzzWalk(document.root());
  }
  FuzzRequire(bytes == file.size(), "pickles are not the whole file");
  return true;
}

FuzzFormat GetFuzzFormat() {
  FuzzFormat format;
  for (const char* const hex :
       {kMetaProtocol0, kMetaProtocol2, kMetaProtocol5, kArrayProtocol5,
        kFortranProtocol2, kFortranProtocol4, kTensor}) {
    format.accepted.push_back(absl::HexStringToBytes(hex));
  }
  return format;
}

}  // namespace fairlead::testing
