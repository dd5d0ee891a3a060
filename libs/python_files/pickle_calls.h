#ifndef FAIRLEAD_LIBS_PYTHON_FILES_PICKLE_CALLS_H_
#define FAIRLEAD_LIBS_PYTHON_FILES_PICKLE_CALLS_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "libs/python_files/pickle_heap.h"
#include "libs/python_files/pickle_reader.h"
#include "libs/python_files/pickle_value.h"
#include "libs/python_files/strided_array.h"

namespace fairlead {

// What calling makes that which a pickle may name: the whole list is in
// pickle_names.cc, and nothing on it runs code of the file. A part of
// pickle_reader.
class PickleCalls {
 public:
  // Both must outlive this. `nested`: the pickle is inside another one.
  PickleCalls(PickleHeap* heap, const PickleOptions* options, bool nested)
      : heap_(*heap), options_(*options), nested_(nested) {}

  // INVALID_ARGUMENT, which says so, for what is not on the list.
  absl::StatusOr<PickleValue*> Global(absl::string_view module,
                                      absl::string_view name) const;

  // function(*args). INVALID_ARGUMENT if `function` is no function on the list;
  // DATA_LOSS if it does not take those arguments.
  absl::StatusOr<PickleValue*> Call(const PickleValue& function,
                                    const PickleValue& args) const;

  // object.__setstate__(state): data for an array, byte order for a dtype.
  absl::Status SetState(PickleValue* object, const PickleValue& state) const;

  // The storage that a torch file's pickle refers to.
  absl::StatusOr<PickleValue*> Persistent(const PickleValue& id) const;

 private:
  absl::StatusOr<PickleValue*> OrderedDict(const PickleValue& args) const;
  absl::StatusOr<PickleValue*> Set(const PickleValue& args) const;
  absl::StatusOr<PickleValue*> Bytes(const PickleValue& args) const;
  absl::StatusOr<PickleValue*> Encode(const PickleValue& args) const;
  absl::StatusOr<PickleValue*> Tensor(const PickleValue& args,
                                      bool names_dtype) const;
  absl::StatusOr<PickleValue*> StorageFromBytes(const PickleValue& args) const;
  absl::StatusOr<PickleValue*> EmptyArray(const PickleValue& args) const;
  absl::StatusOr<PickleValue*> ArrayFromBuffer(const PickleValue& args) const;
  absl::StatusOr<PickleValue*> Dtype(const PickleValue& args) const;
  absl::StatusOr<PickleValue*> Scalar(const PickleValue& args) const;
  absl::Status SetArrayState(PickleValue* array,
                             const PickleValue& state) const;
  absl::Status SetDtypeState(const PickleValue& dtype,
                             const PickleValue& state) const;
  absl::Status Fill(PickleValue* array, const PickleValue& shape,
                    const PickleValue& dtype, const PickleValue& bytes,
                    bool fortran) const;
  absl::StatusOr<PickleValue*> NewStorage(
      ElementType type, absl::Span<const uint8_t> bytes) const;

  PickleHeap& heap_;
  const PickleOptions& options_;
  const bool nested_;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_PYTHON_FILES_PICKLE_CALLS_H_
