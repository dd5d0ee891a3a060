#ifndef FAIRLEAD_LIBS_GRAPH_ID_ARRAY_H_
#define FAIRLEAD_LIBS_GRAPH_ID_ARRAY_H_

#include <cstddef>
#include <cstdint>

#include "absl/types/span.h"

namespace fairlead {

// Numbers from 0 on, in 32 or in 64 bits each: half the memory, and half the
// cache lines that a look-up misses, wherever they fit. Borrows the memory.
class IdArray {
 public:
  IdArray() = default;
  // NOLINTNEXTLINE(google-explicit-constructor): it is one
  IdArray(absl::Span<const int64_t> wide)
      : wide_(wide.data()), size_(wide.size()) {}
  // NOLINTNEXTLINE(google-explicit-constructor): it is one
  IdArray(absl::Span<const uint32_t> narrow)
      : narrow_(narrow.data()), size_(narrow.size()) {}

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  bool is_narrow() const { return narrow_ != nullptr; }
  size_t element_bytes() const { return is_narrow() ? 4 : 8; }

  int64_t operator[](size_t i) const {
    return is_narrow() ? int64_t{narrow_[i]} : wide_[i];
  }

  void Prefetch(size_t i) const {
    if (is_narrow()) {
      __builtin_prefetch(narrow_ + i);
    } else {
      __builtin_prefetch(wide_ + i);
    }
  }

  // Calls `function` with a pointer to the elements, of whichever type: for
  // loops that should ask once.
  template <typename Function>
  auto Visit(Function function) const {
    return is_narrow() ? function(narrow_) : function(wide_);
  }

 private:
  const int64_t* wide_ = nullptr;
  const uint32_t* narrow_ = nullptr;
  size_t size_ = 0;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_GRAPH_ID_ARRAY_H_
