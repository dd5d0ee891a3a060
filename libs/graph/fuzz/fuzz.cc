#include "libs/graph/fuzz/fuzz.h"

#include <cstdio>
#include <cstdlib>

namespace fairlead::testing {

void FuzzRequire(bool holds, const char* what) {
  if (holds) return;
  fprintf(stderr, "broken: %s\n", what);
  abort();
}

}  // namespace fairlead::testing
