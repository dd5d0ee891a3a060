#ifndef FAIRLEAD_LIBS_PYTHON_FILES_PICKLE_HEAP_H_
#define FAIRLEAD_LIBS_PYTHON_FILES_PICKLE_HEAP_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "libs/python_files/pickle_value.h"

namespace fairlead {

// Owns the values of a pickle, and keeps the account of what it may cost. In a
// pickle values may hold one another in a ring; here that is no leak, and what
// is deep is freed without recursion.
class PickleHeap {
 public:
  // Room for `max_values` values and links between them, and for `max_text`
  // bytes of text that is decoded rather than pointed to.
  PickleHeap(uint64_t max_values, uint64_t max_text)
      : values_left_(max_values),
        max_values_(max_values),
        text_left_(max_text) {}
  PickleHeap(const PickleHeap&) = delete;
  PickleHeap& operator=(const PickleHeap&) = delete;

  // RESOURCE_EXHAUSTED if `values` more are too many.
  absl::Status Charge(uint64_t values);
  absl::StatusOr<PickleValue*> New(PickleKind kind);

  // Keeps a text. RESOURCE_EXHAUSTED if it is one too many.
  absl::Status ChargeText(uint64_t bytes);
  absl::string_view Keep(std::string text) {
    return texts_.emplace_back(std::move(text));
  }

  // These need no more than one each.
  PickleValue* none() { return &none_; }
  PickleValue* boolean(bool value) { return value ? &true_ : &false_; }

  uint64_t values_left() const { return values_left_; }

 private:
  static PickleValue Bool(bool value) {
    PickleValue result(PickleKind::kBool);
    result.integer_ = value ? 1 : 0;
    return result;
  }

  uint64_t values_left_;
  const uint64_t max_values_;
  uint64_t text_left_;
  PickleValue none_{PickleKind::kNone};
  PickleValue true_ = Bool(true);
  PickleValue false_ = Bool(false);
  std::deque<PickleValue> values_;  // addresses stay
  std::deque<std::string> texts_;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_PYTHON_FILES_PICKLE_HEAP_H_
