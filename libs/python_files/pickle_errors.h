#ifndef FAIRLEAD_LIBS_PYTHON_FILES_PICKLE_ERRORS_H_
#define FAIRLEAD_LIBS_PYTHON_FILES_PICKLE_ERRORS_H_

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace fairlead {

// A part of pickle_reader.
inline absl::Status MalformedPickle(absl::string_view why) {
  return absl::DataLossError(
      absl::StrCat(why, "; the pickle is damaged: write it again"));
}

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_PYTHON_FILES_PICKLE_ERRORS_H_
