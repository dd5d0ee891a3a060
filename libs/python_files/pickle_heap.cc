#include "libs/python_files/pickle_heap.h"

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "libs/python_files/pickle_value.h"
#include "libs/status/status_macros.h"

namespace fairlead {

absl::Status PickleHeap::Charge(uint64_t values) {
  if (values > values_left_) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "the pickle has more than the ", max_values_,
        " values that are allowed; save numbers as one array, not as a list, "
        "or raise max_values"));
  }
  values_left_ -= values;
  return absl::OkStatus();
}

absl::StatusOr<PickleValue*> PickleHeap::New(PickleKind kind) {
  FAIRLEAD_RETURN_IF_ERROR(Charge(1));
  return &values_.emplace_back(kind);
}

absl::Status PickleHeap::ChargeText(uint64_t bytes) {
  if (bytes > text_left_) {
    return absl::ResourceExhaustedError(
        "the pickle decodes the same text again and again; no Python program "
        "writes that");
  }
  text_left_ -= bytes;
  return absl::OkStatus();
}

}  // namespace fairlead
