#ifndef FAIRLEAD_LIBS_FUZZ_FUZZ_H_
#define FAIRLEAD_LIBS_FUZZ_FUZZ_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/types/span.h"

// What a harness, the *_fuzz.cc of one format, defines, and what helps it. See
// the README for how it becomes a test, and how a search.

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace fairlead::testing {

// --- what a harness defines --------------------------------------------------

// Reads a file and all that is in it. False if it was refused. Aborts if what
// was read is not what the reader promises.
bool FuzzAccepts(absl::Span<const uint8_t> file);

struct FuzzFormat {
  std::vector<std::string> accepted;  // files, to begin with
  // Damage of kinds that once mattered, or might.
  std::vector<std::string> refused = {};
  // What its files are made of, and what might be in its place. Without any,
  // numbers at which formats change their mind.
  std::vector<std::string> pieces = {};
  // Files to try, and how many with `--config=full`.
  int rounds = 20'000;
  int full_rounds = 20'000;
};
FuzzFormat GetFuzzFormat();

// --- what helps it -----------------------------------------------------------

// Aborts, saying `what`, unless `holds`.
void FuzzRequire(bool holds, const char* what);

// Reads every byte, so that a sanitizer sees those that are not ours.
void FuzzTouch(absl::Span<const uint8_t> bytes);

}  // namespace fairlead::testing

#endif  // FAIRLEAD_LIBS_FUZZ_FUZZ_H_
