#ifndef FAIRLEAD_LIBS_GLT_FOLDER_TENSOR_FILE_H_
#define FAIRLEAD_LIBS_GLT_FOLDER_TENSOR_FILE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "libs/python_files/pickle_reader.h"
#include "libs/python_files/shared_bytes.h"
#include "libs/python_files/strided_array.h"

namespace fairlead {

// A part of glt_folder: a file of one tensor (.pt, as torch.save writes it), or
// of several (.pkl, pickled and appended), which count as one, their rows one
// after another.
//
// Errors name the file, the pickle in it, and the row. What a file makes us
// allocate is at most its size, or eight times that where ids are bytes.
class TensorFile {
 public:
  // By the ending of the path. Errors as MapFile and ReadTorchFile.
  static absl::StatusOr<TensorFile> Open(const std::string& path);

  // `dimensions` is 1 or 2; `columns` is 1 if it is 1.
  const std::string& path() const { return path_; }
  ElementType type() const { return type_; }
  size_t dimensions() const { return dimensions_; }
  uint64_t rows() const { return rows_; }
  uint64_t columns() const { return columns_; }

  // Integers of any width, of one dimension.
  //
  // INVALID_ARGUMENT unless it is that, and none is negative.
  absl::StatusOr<std::vector<int64_t>> ReadIds() const;
  // INVALID_ARGUMENT unless it is that, and all are below `num_partitions`.
  absl::StatusOr<std::vector<uint32_t>> ReadOwners(
      uint32_t num_partitions) const;

  // Integers of any width and sign, of one or two dimensions, row by row.
  // INVALID_ARGUMENT unless it is that.
  absl::StatusOr<std::vector<int64_t>> ReadLabels() const;

  // INVALID_ARGUMENT unless it is float32, of one dimension.
  absl::StatusOr<std::vector<float>> ReadFloats() const;

  // The elements of whatever type, row by row. INVALID_ARGUMENT unless it has
  // two dimensions.
  absl::StatusOr<std::vector<uint8_t>> ReadMatrix() const;

 private:
  explicit TensorFile(std::string path) : path_(std::move(path)) {}

  // Calls it with each tensor of the file, and that one's name.
  absl::Status ForEach(
      const std::function<absl::Status(const StridedArray&,
                                       const std::string&)>& function) const;
  // Counts in a tensor, which must be like the ones before it.
  absl::Status Add(const StridedArray& tensor, const std::string& name);
  absl::Status Bad(absl::string_view why) const;
  absl::Status ExpectIds() const;
  template <typename T>
  absl::StatusOr<std::vector<T>> ReadIntegers(int64_t min, int64_t max,
                                              absl::string_view why) const;
  absl::StatusOr<std::vector<uint8_t>> ReadBytes() const;

  std::string path_;
  std::optional<PickleDocument> document_;  // of a .pt
  SharedBytes pickles_;                     // of a .pkl
  ElementType type_ = ElementType::kInt64;
  size_t dimensions_ = 0;  // 0 until the first tensor
  uint64_t rows_ = 0;
  uint64_t columns_ = 1;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_GLT_FOLDER_TENSOR_FILE_H_
