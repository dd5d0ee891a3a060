#ifndef FAIRLEAD_TOOLS_LOADGEN_PREFETCH_SIZE_H_
#define FAIRLEAD_TOOLS_LOADGEN_PREFETCH_SIZE_H_

#include <cstdint>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "libs/loader/prefetch_tuner.h"

namespace fairlead {

// DeliveryOptions::prefetch_size as a flag: "4", or "auto" for kAutoPrefetch.
struct PrefetchSize {
  uint64_t batches = 0;

  PrefetchSize() = default;
  explicit constexpr PrefetchSize(uint64_t value) : batches(value) {}
};

inline bool AbslParseFlag(absl::string_view text, PrefetchSize* size,
                          std::string* error) {
  if (text == "auto") {
    size->batches = kAutoPrefetch;
    return true;
  }
  if (absl::SimpleAtoi(text, &size->batches)) return true;
  *error = "write a number of batches, or auto";
  return false;
}

inline std::string AbslUnparseFlag(const PrefetchSize& size) {
  return size.batches == kAutoPrefetch ? "auto" : absl::StrCat(size.batches);
}

}  // namespace fairlead

#endif  // FAIRLEAD_TOOLS_LOADGEN_PREFETCH_SIZE_H_
