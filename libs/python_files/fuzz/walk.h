#ifndef FAIRLEAD_LIBS_PYTHON_FILES_FUZZ_WALK_H_
#define FAIRLEAD_LIBS_PYTHON_FILES_FUZZ_WALK_H_

#include "libs/python_files/pickle_value.h"

namespace fairlead::testing {

// Walks a tree as its users do: by plain recursion.
void FuzzWalk(const PickleValue& value);

}  // namespace fairlead::testing

#endif  // FAIRLEAD_LIBS_PYTHON_FILES_FUZZ_WALK_H_
