#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "libs/fuzz/fuzz.h"
#include "libs/python_files/fuzz/walk.h"
#include "libs/python_files/pickle_reader.h"
#include "libs/python_files/test_files.h"
#include "libs/python_files/torch_file.h"

namespace fairlead::testing {

bool FuzzAccepts(absl::Span<const uint8_t> file) {
  TorchFileOptions options;
  options.zip.max_inflated_bytes = 1 << 20;
  options.zip.check_crc = false;
  options.pickle.max_values = 1 << 16;
  const absl::StatusOr<PickleDocument> document =
      ParseTorchFile({file, nullptr}, "fuzz.pt", options);
  if (!document.ok()) return false;
  FuzzWalk(document->root());
  return true;
}

FuzzFormat GetFuzzFormat() {
  std::string longs;
  for (int i = 0; i < 6; ++i) longs += Le(i, 8);
  const std::string first = PyStorage("LongStorage", "0", 6);
  const std::string second = PyStorage("FloatStorage", "1", 4);
  return {
      .accepted = {
          MakeTorch(PyTensor(first, 0, {2, 3}, {3, 1}) + ".", {longs}),
          MakeTorch("}(" + PyStr("view") + PyTensor(first, 1, {3, 2}, {0, 2}) +
                        PyStr("empty") + PyTensor(first, 6, {0, 4}, {4, 1}) +
                        PyStr("other") + PyTensor(second, 0, {2, 2}, {1, 2}) +
                        "u.",
                    {longs, std::string(16, '\1')}),
      }};
}

}  // namespace fairlead::testing
