#include "libs/glt_folder/tensor_file.h"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "libs/python_files/pickle_reader.h"
#include "libs/python_files/pickle_value.h"
#include "libs/python_files/shared_bytes.h"
#include "libs/python_files/strided_array.h"
#include "libs/python_files/torch_file.h"
#include "libs/status/status_macros.h"

namespace fairlead {
namespace {

absl::Status Refuse(absl::string_view name, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat(name, ": ", why));
}

bool IsInteger(ElementType type) {
  switch (type) {
    case ElementType::kUint8:
    case ElementType::kInt8:
    case ElementType::kUint16:
    case ElementType::kInt16:
    case ElementType::kUint32:
    case ElementType::kInt32:
    case ElementType::kInt64:
      return true;
    default:
      return false;
  }
}

// What integers must be.
struct Bounds {
  int64_t min;
  int64_t max;
  absl::string_view why;
};

template <typename From, typename To>
absl::Status AppendAs(absl::Span<const uint8_t> bytes, const Bounds& bounds,
                      const std::string& name, std::vector<To>* out) {
  for (size_t i = 0; i < bytes.size() / sizeof(From); ++i) {
    From element;
    memcpy(&element, bytes.data() + i * sizeof(From), sizeof(From));
    const int64_t value{element};
    if (value < bounds.min || value > bounds.max) {
      return Refuse(name, absl::StrCat("row ", i, " is ", value, bounds.why));
    }
    out->push_back(static_cast<To>(value));
  }
  return absl::OkStatus();
}

// REQUIRES IsInteger(type).
template <typename To>
absl::Status AppendIntegers(ElementType type, absl::Span<const uint8_t> bytes,
                            const Bounds& bounds, const std::string& name,
                            std::vector<To>* out) {
  switch (type) {
    case ElementType::kUint8:
      return AppendAs<uint8_t>(bytes, bounds, name, out);
    case ElementType::kInt8:
      return AppendAs<int8_t>(bytes, bounds, name, out);
    case ElementType::kUint16:
      return AppendAs<uint16_t>(bytes, bounds, name, out);
    case ElementType::kInt16:
      return AppendAs<int16_t>(bytes, bounds, name, out);
    case ElementType::kUint32:
      return AppendAs<uint32_t>(bytes, bounds, name, out);
    case ElementType::kInt32:
      return AppendAs<int32_t>(bytes, bounds, name, out);
    default:
      return AppendAs<int64_t>(bytes, bounds, name, out);
  }
}

// The elements one after another: where they are so in the file; else in
// `copy`. They are no more than the file has: TensorFile::Add.
absl::StatusOr<absl::Span<const uint8_t>> Dense(const StridedArray& tensor,
                                                std::vector<uint8_t>* copy) {
  if (!IsContiguous(tensor)) {
    FAIRLEAD_ASSIGN_OR_RETURN(*copy,
                              MakeContiguous(tensor, tensor.storage.size()));
    return absl::MakeConstSpan(*copy);
  }
  FAIRLEAD_ASSIGN_OR_RETURN(const int64_t elements,
                            CountElements(tensor.shape));
  const uint64_t size = ElementBytes(tensor.type);
  return tensor.storage.subspan(static_cast<uint64_t>(tensor.offset) * size,
                                static_cast<uint64_t>(elements) * size);
}

}  // namespace

absl::StatusOr<TensorFile> TensorFile::Open(const std::string& path) {
  TensorFile file(path);
  if (absl::EndsWith(path, ".pkl")) {
    FAIRLEAD_ASSIGN_OR_RETURN(file.pickles_, MapFile(path));
  } else {
    FAIRLEAD_ASSIGN_OR_RETURN(file.document_, ReadTorchFile(path));
  }
  FAIRLEAD_RETURN_IF_ERROR(file.ForEach(
      [&file](const StridedArray& tensor, const std::string& name) {
        return file.Add(tensor, name);
      }));
  if (file.dimensions_ == 0) {
    return absl::DataLossError(
        absl::StrCat(path, ": is empty; partition again"));
  }
  return file;
}

absl::Status TensorFile::ForEach(
    const std::function<absl::Status(const StridedArray&, const std::string&)>&
        function) const {
  if (document_.has_value()) {
    FAIRLEAD_ASSIGN_OR_RETURN(
        const StridedArray* tensor,
        document_->root().GetArray(absl::StrCat(path_, ": the value")));
    return function(*tensor, path_);
  }
  // One at a time, for there may be as many as GLT was told to make: neither
  // their values nor the limit on these are for all together.
  SharedBytes left = pickles_;
  for (size_t i = 0; !left.span.empty(); ++i) {
    const std::string name = absl::StrCat(path_, ", pickle ", i);
    FAIRLEAD_ASSIGN_OR_RETURN(const PickleDocument document,
                              ParsePickle(left, name));
    FAIRLEAD_ASSIGN_OR_RETURN(
        const StridedArray* tensor,
        document.root().GetArray(absl::StrCat(name, ": the value")));
    FAIRLEAD_RETURN_IF_ERROR(function(*tensor, name));
    left.span.remove_prefix(document.bytes());
  }
  return absl::OkStatus();
}

absl::Status TensorFile::Add(const StridedArray& tensor,
                             const std::string& name) {
  const std::vector<int64_t>& shape = tensor.shape;
  if (shape.empty() || shape.size() > 2) {
    return Refuse(name,
                  absl::StrCat("is of shape (", absl::StrJoin(shape, ", "),
                               "); it must have 1 or 2 dimensions"));
  }
  const uint64_t columns =
      shape.size() == 2 ? static_cast<uint64_t>(shape[1]) : 1;
  if (columns == 0) {
    return Refuse(
        name, absl::StrCat("is of shape (", shape[0], ", 0), without columns"));
  }
  FAIRLEAD_ASSIGN_OR_RETURN(const int64_t elements, CountElements(shape));
  if (static_cast<uint64_t>(elements) >
      tensor.storage.size() / ElementBytes(tensor.type)) {
    return Refuse(name, absl::StrCat("has ", elements,
                                     " elements, but stores fewer: it is an "
                                     "expanded view; save "
                                     "tensor.contiguous()"));
  }
  if (dimensions_ == 0) {
    type_ = tensor.type;
    dimensions_ = shape.size();
    columns_ = columns;
  } else if (tensor.type != type_) {
    return Refuse(name,
                  absl::StrCat("is ", ElementTypeName(tensor.type),
                               ", and those before it ", ElementTypeName(type_),
                               "; chunks of one file must be alike"));
  } else if (shape.size() != dimensions_ || columns != columns_) {
    return Refuse(
        name,
        absl::StrCat("has rows of ", columns, " elements in ", shape.size(),
                     " dimensions, and those before it of ", columns_, " in ",
                     dimensions_, "; chunks of one file must be alike"));
  }
  rows_ += static_cast<uint64_t>(shape[0]);
  return absl::OkStatus();
}

absl::Status TensorFile::Bad(absl::string_view why) const {
  return Refuse(
      path_,
      absl::StrCat("is ", ElementTypeName(type_), " of ", dimensions_,
                   dimensions_ == 1 ? " dimension" : " dimensions", why));
}

template <typename T>
absl::StatusOr<std::vector<T>> TensorFile::ReadIntegers(
    int64_t min, int64_t max, absl::string_view why) const {
  const Bounds bounds = {.min = min, .max = max, .why = why};
  std::vector<T> values;
  values.reserve(rows_ * columns_);
  FAIRLEAD_RETURN_IF_ERROR(
      ForEach([&](const StridedArray& tensor, const std::string& name) {
        std::vector<uint8_t> copy;
        FAIRLEAD_ASSIGN_OR_RETURN(const absl::Span<const uint8_t> bytes,
                                  Dense(tensor, &copy));
        return AppendIntegers(type_, bytes, bounds, name, &values);
      }));
  return values;
}

absl::Status TensorFile::ExpectIds() const {
  if (IsInteger(type_) && dimensions_ == 1) return absl::OkStatus();
  return Bad(
      "; it must be integers of 1 dimension: save tensor.long().flatten()");
}

absl::StatusOr<std::vector<int64_t>> TensorFile::ReadIds() const {
  FAIRLEAD_RETURN_IF_ERROR(ExpectIds());
  return ReadIntegers<int64_t>(0, std::numeric_limits<int64_t>::max(),
                               ", but ids begin with 0");
}

absl::StatusOr<std::vector<uint32_t>> TensorFile::ReadOwners(
    uint32_t num_partitions) const {
  FAIRLEAD_RETURN_IF_ERROR(ExpectIds());
  return ReadIntegers<uint32_t>(
      0, int64_t{num_partitions} - 1,
      absl::StrCat(", but META says that there are ", num_partitions,
                   " partitions, from 0"));
}

absl::StatusOr<std::vector<int64_t>> TensorFile::ReadLabels() const {
  if (!IsInteger(type_)) {
    return Bad("; labels must be integers: save tensor.long()");
  }
  return ReadIntegers<int64_t>(std::numeric_limits<int64_t>::min(),
                               std::numeric_limits<int64_t>::max(), "");
}

absl::StatusOr<std::vector<uint8_t>> TensorFile::ReadBytes() const {
  std::vector<uint8_t> elements;
  elements.reserve(rows_ * columns_ * ElementBytes(type_));
  FAIRLEAD_RETURN_IF_ERROR(
      ForEach([&elements](const StridedArray& tensor, const std::string&) {
        std::vector<uint8_t> copy;
        FAIRLEAD_ASSIGN_OR_RETURN(const absl::Span<const uint8_t> bytes,
                                  Dense(tensor, &copy));
        elements.insert(elements.end(), bytes.begin(), bytes.end());
        return absl::OkStatus();
      }));
  return elements;
}

absl::StatusOr<std::vector<float>> TensorFile::ReadFloats() const {
  if (type_ != ElementType::kFloat32 || dimensions_ != 1) {
    return Bad(
        "; it must be float32 of 1 dimension: save tensor.float().flatten()");
  }
  FAIRLEAD_ASSIGN_OR_RETURN(const std::vector<uint8_t> bytes, ReadBytes());
  std::vector<float> values(bytes.size() / sizeof(float));
  if (!values.empty()) memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

absl::StatusOr<std::vector<uint8_t>> TensorFile::ReadMatrix() const {
  if (dimensions_ != 2) {
    return Bad("; it must have 2, a row for each id: save tensor.view(n, -1)");
  }
  return ReadBytes();
}

}  // namespace fairlead
