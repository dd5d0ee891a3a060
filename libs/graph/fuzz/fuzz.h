#ifndef FAIRLEAD_LIBS_GRAPH_FUZZ_FUZZ_H_
#define FAIRLEAD_LIBS_GRAPH_FUZZ_FUZZ_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/types/span.h"

// What each *_fuzz.cc of this folder defines. Linked with mutation_loop_test.cc
// it is a test that always does the same; compiled with clang's
// -fsanitize=fuzzer, which calls the first, it searches.

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace fairlead::testing {

// Reads a file and all that is in it. False if it was refused. Aborts if what
// was read is not what the reader promises.
bool FuzzAccepts(absl::Span<const uint8_t> file);

// Files that are accepted.
std::vector<std::string> FuzzSeeds();

// Files that are refused: damage of kinds that once mattered, or might.
std::vector<std::string> FuzzRefused();

// Aborts, saying `what`, unless `holds`.
void FuzzRequire(bool holds, const char* what);

}  // namespace fairlead::testing

#endif  // FAIRLEAD_LIBS_GRAPH_FUZZ_FUZZ_H_
