#ifndef FAIRLEAD_LIBS_PYTHON_FILES_PICKLE_VALUE_H_
#define FAIRLEAD_LIBS_PYTHON_FILES_PICKLE_VALUE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "libs/python_files/strided_array.h"

namespace fairlead {

enum class PickleKind : uint8_t {
  kNone,
  kBool,
  kInt,
  kFloat,
  kString,
  kBytes,
  kList,
  kTuple,
  kSet,
  kDict,
  kArray,   // a NumPy array or a torch tensor
  kGlobal,  // something named and never called, such as torch.float32
  // Half made: while a pickle is read only, never in what is returned.
  kStorage,
  kDtype,
  kEmptyArray,
};

// "int", "dict", "array": for messages.
absl::string_view PickleKindName(PickleKind kind);

// One Python value. Values are owned by the PickleDocument they come from, and
// what they hold in common is shared, but none holds itself: a plain recursion
// ends, and within the limits that the document was read with.
class PickleValue {
 public:
  explicit PickleValue(PickleKind kind) : kind_(kind) {}

  PickleKind kind() const { return kind_; }

  // Each of these REQUIRES its kind; the Get functions check.
  bool bool_value() const { return integer_ != 0; }
  int64_t int_value() const { return integer_; }
  double float_value() const { return real_; }
  // The UTF-8 of a string, the bytes of bytes, "module.name" of a global.
  absl::string_view text() const { return text_; }
  // Inside its storage: CheckBounds has been done.
  const StridedArray& array() const { return *array_; }

  // Of a list, tuple, set or dict; 0 for anything else.
  size_t size() const {
    return kind_ == PickleKind::kDict ? items_.size() / 2 : items_.size();
  }
  // Of a list, tuple or set. REQUIRES i < size().
  const PickleValue& item(size_t i) const { return *items_[i]; }
  // Of a dict, in the order in which they were set. REQUIRES i < size(). A key
  // that was set twice is there twice; the later one is what Python would have.
  const PickleValue& key(size_t i) const { return *items_[2 * i]; }
  const PickleValue& value(size_t i) const { return *items_[2 * i + 1]; }

  // The value of a string key, the last if it was set twice; null if there is
  // none, or this is no dict. Linear.
  const PickleValue* Find(absl::string_view key) const;

  // INVALID_ARGUMENT, which says what it is instead, where it is another kind.
  // `what` names the value: "META: num_parts".
  absl::Status Expect(PickleKind kind, absl::string_view what) const;
  absl::StatusOr<int64_t> GetInt(absl::string_view what) const;
  absl::StatusOr<absl::string_view> GetString(absl::string_view what) const;
  absl::StatusOr<const StridedArray*> GetArray(absl::string_view what) const;

 private:
  friend class PickleHeap;
  friend class PickleCalls;
  friend class Unpickler;

  PickleKind kind_;
  int64_t integer_ = 0;  // of a global: its place in the list of the allowed
  double real_ = 0;
  absl::string_view text_;
  std::vector<PickleValue*> items_;  // of a dict: key, value, key, value, ...
  std::unique_ptr<StridedArray> array_;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_PYTHON_FILES_PICKLE_VALUE_H_
