#ifndef FAIRLEAD_LIBS_PYTHON_FILES_NPZ_READER_H_
#define FAIRLEAD_LIBS_PYTHON_FILES_NPZ_READER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "libs/python_files/shared_bytes.h"
#include "libs/python_files/zip_reader.h"

namespace fairlead {

// One array of a .npz file.
struct NpzArray {
  std::string name;   // for messages: "file.npz: member \"x.npy\""
  std::string dtype;  // NumPy's, without the byte order: "f4", "i8"
  std::vector<int64_t> shape;
  // In C order, aligned to the elements: in the mapping where NumPy happened to
  // write it so, in a buffer elsewhere.
  SharedBytes data;

  // INVALID_ARGUMENT, naming the array, unless it is of that dtype and has that
  // many dimensions.
  absl::Status Expect(absl::string_view dtype, size_t dimensions) const;

  // All elements. REQUIRES dtype to be T's.
  template <typename T>
  absl::Span<const T> As() const {
    return {reinterpret_cast<const T*>(data.span.data()),
            data.span.size() / sizeof(T)};
  }
};

// Reads what numpy.savez and numpy.savez_compressed wrote: a zip of .npy files.
//
//   FAIRLEAD_ASSIGN_OR_RETURN(const NpzReader npz, NpzReader::Open("a.npz"));
//   FAIRLEAD_ASSIGN_OR_RETURN(const NpzArray x, npz.Read("x"));
//
// Immutable, so any number of threads may read. Movable and copyable.
class NpzReader {
 public:
  // As ZipReader::Open.
  static absl::StatusOr<NpzReader> Open(const std::string& path,
                                        const ZipOptions& options = {});
  static absl::StatusOr<NpzReader> Parse(SharedBytes bytes, std::string name,
                                         const ZipOptions& options = {});

  // The names of the arrays, as numpy.load(...).files has them.
  std::vector<std::string> names() const;

  // Reads one array, which outlives this reader. As ZipReader::Read, and
  // INVALID_ARGUMENT as ParseNpy: of Python objects, structured, big-endian, in
  // Fortran order.
  absl::StatusOr<NpzArray> Read(absl::string_view name) const;

 private:
  explicit NpzReader(ZipReader zip) : zip_(std::move(zip)) {}

  ZipReader zip_;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_PYTHON_FILES_NPZ_READER_H_
