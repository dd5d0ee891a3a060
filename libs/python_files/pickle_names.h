#ifndef FAIRLEAD_LIBS_PYTHON_FILES_PICKLE_NAMES_H_
#define FAIRLEAD_LIBS_PYTHON_FILES_PICKLE_NAMES_H_

#include <cstdint>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "libs/python_files/pickle_value.h"
#include "libs/python_files/strided_array.h"

namespace fairlead {

// What a name stands for.
enum class PickleMeaning : uint8_t {
  // Functions and classes that may be called.
  kOrderedDict,
  kSet,
  kBytes,
  kEncode,
  kTorchSize,
  kTensor,
  kTensorWithDtype,
  kParameter,
  kStorageFromBytes,
  kEmptyArray,
  kArrayFromBuffer,
  kDtype,
  kScalar,
  // Names that are only ever arguments.
  kArrayClass,
  kStorageType,
  kTorchDtype,
};

struct PickleName {
  absl::string_view module;
  absl::string_view name;
  PickleMeaning meaning;
  ElementType type = ElementType::kUint8;  // of storage types and dtypes
};

// All that a pickle may name. A part of pickle_reader.
absl::Span<const PickleName> PickleNames();

// What a value stands for that PickleCalls::Global made, and no other.
const PickleName& NameOf(const PickleValue& global);

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_PYTHON_FILES_PICKLE_NAMES_H_
