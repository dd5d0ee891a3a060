#ifndef FAIRLEAD_LIBS_SAMPLING_ID_UNIVERSE_H_
#define FAIRLEAD_LIBS_SAMPLING_ID_UNIVERSE_H_

#include <cstddef>
#include <cstdint>

#include "absl/types/span.h"

namespace fairlead {

// All ids of a node type, at positions 0 to size() - 1. Implementations are
// immutable, so that any thread may use them.
class IdUniverse {
 public:
  virtual ~IdUniverse() = default;

  virtual int64_t size() const = 0;  // not negative
  // Each id once. REQUIRES 0 <= position < size().
  virtual int64_t id(int64_t position) const = 0;
};

// Ids 0 to size - 1.
class DenseIds final : public IdUniverse {
 public:
  explicit DenseIds(int64_t size) : size_(size) {}
  int64_t size() const override { return size_; }
  int64_t id(int64_t position) const override { return position; }

 private:
  const int64_t size_;
};

// Ids from a list, which must outlive it. REQUIRES distinct ids.
class ListedIds final : public IdUniverse {
 public:
  explicit ListedIds(absl::Span<const int64_t> ids) : ids_(ids) {}
  int64_t size() const override { return static_cast<int64_t>(ids_.size()); }
  int64_t id(int64_t position) const override {
    return ids_[static_cast<size_t>(position)];
  }

 private:
  const absl::Span<const int64_t> ids_;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_SAMPLING_ID_UNIVERSE_H_
