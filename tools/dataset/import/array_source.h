#ifndef FAIRLEAD_TOOLS_DATASET_IMPORT_ARRAY_SOURCE_H_
#define FAIRLEAD_TOOLS_DATASET_IMPORT_ARRAY_SOURCE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/graph/element_type.h"

namespace fairlead {

// An array from a .npy file, a member of an .npz file, or a table of text.
struct SourceArray {
  std::string name;  // for messages: the path, and the member if there is one
  ElementType type = ElementType::kFloat32;
  std::vector<int64_t> shape;
  const uint8_t* data = nullptr;  // in C order
  std::shared_ptr<const void> keep;
  // Of a table of text with a column id, node or node_id, which is none of the
  // values: whose each row is.
  std::optional<std::vector<int64_t>> ids;

  int64_t rows() const { return shape.empty() ? 1 : shape[0]; }
  // Elements of a row.
  int64_t columns() const;
  uint64_t bytes() const;
};

// How the numbers of a text are read; an array of another file is what it is.
enum class TextNumbers : uint8_t {
  kIntegers,  // int64
  kReals,     // float32; nan where there is none
};

// By its name: .npy; .csv, .tsv, .txt, .edges and these with .gz are text, with
// one row a line, of shape [rows] if there is one column and else
// [rows, columns]. Errors as NpyFile::Open and NumberTableReader; and
// INVALID_ARGUMENT for another name.
absl::StatusOr<SourceArray> ReadArray(const std::string& path,
                                      TextNumbers text);

// A member of an .npz file. Errors as NpzReader.
absl::StatusOr<SourceArray> ReadNpzArray(const std::string& path,
                                         const std::string& member);

// The elements, as int64. INVALID_ARGUMENT, naming file and row, unless all are
// integers, or reals that are whole; NaN becomes -1 (a label that is unknown)
// if `nan_is_unknown`.
absl::StatusOr<std::vector<int64_t>> ToIntegers(const SourceArray& array,
                                                bool nan_is_unknown = false);

// The elements, as float. INVALID_ARGUMENT, naming file and row, for what is
// no weight: negative, NaN or infinite.
absl::StatusOr<std::vector<float>> ToWeights(const SourceArray& array);

}  // namespace fairlead

#endif  // FAIRLEAD_TOOLS_DATASET_IMPORT_ARRAY_SOURCE_H_
