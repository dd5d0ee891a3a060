#ifndef FAIRLEAD_LIBS_PYTHON_FILES_PICKLE_ARGS_H_
#define FAIRLEAD_LIBS_PYTHON_FILES_PICKLE_ARGS_H_

#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "libs/python_files/pickle_value.h"

namespace fairlead {

// What functions that a pickle calls are given. A part of pickle_reader.

// DATA_LOSS unless `args` begins with values of these kinds.
absl::Status CheckArgs(absl::string_view function, const PickleValue& args,
                       std::initializer_list<PickleKind> kinds);

// The sizes, or the strides, of an array. DATA_LOSS if they are none.
absl::StatusOr<std::vector<int64_t>> Dimensions(const PickleValue& tuple);

// A name of the file's, as an error may show it.
std::string Shown(absl::string_view name);

inline absl::Span<const uint8_t> AsBytes(absl::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_PYTHON_FILES_PICKLE_ARGS_H_
