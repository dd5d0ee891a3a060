#include "libs/fuzz/fuzz.h"

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "absl/types/span.h"

namespace fairlead::testing {

void FuzzRequire(bool holds, const char* what) {
  if (holds) return;
  fprintf(stderr, "broken: %s\n", what);
  abort();
}

void FuzzTouch(absl::Span<const uint8_t> bytes) {
  volatile uint8_t sink = 0;
  for (const uint8_t byte : bytes) sink = static_cast<uint8_t>(sink ^ byte);
}

}  // namespace fairlead::testing

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fairlead::testing::FuzzAccepts({data, size});
  return 0;
}
