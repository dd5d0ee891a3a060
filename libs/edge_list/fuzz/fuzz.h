#ifndef FAIRLEAD_LIBS_EDGE_LIST_FUZZ_FUZZ_H_
#define FAIRLEAD_LIBS_EDGE_LIST_FUZZ_FUZZ_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/types/span.h"

// What table_fuzz.cc defines. Linked with mutation_loop_test.cc it is a test
// that always does the same; compiled with clang's -fsanitize=fuzzer, which
// calls the first, it searches.

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace fairlead::testing {

// Reads a table in several ways. False if the way that asks for least refused
// it. Aborts if the ways do not agree.
bool FuzzAccepts(absl::Span<const uint8_t> file);

// Tables that are accepted.
std::vector<std::string> FuzzSeeds();

}  // namespace fairlead::testing

#endif  // FAIRLEAD_LIBS_EDGE_LIST_FUZZ_FUZZ_H_
