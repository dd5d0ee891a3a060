#ifndef FAIRLEAD_LIBS_GRAPH_NPY_H_
#define FAIRLEAD_LIBS_GRAPH_NPY_H_

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace fairlead {

// NumPy's .npy format (NEP 1), versions 1 to 3, for dense little-endian arrays
// in C order: what numpy.save writes on the machines we know.

// What a .npy file says of its array, and where in the file that is.
struct NpyArray {
  std::string dtype;  // as NpyFile::dtype
  std::vector<int64_t> shape;
  // As many as dtype and shape take. A multiple of the element size from the
  // start of the file.
  absl::Span<const uint8_t> data;
};

// Reads a .npy file in memory. Errors as NpyFile::Open, with `name` for the
// path.
absl::StatusOr<NpyArray> ParseNpy(absl::Span<const uint8_t> file,
                                  const std::string& name);

// A .npy file, memory-mapped and read-only. Movable; the array's address does
// not change.
class NpyFile {
 public:
  // NOT_FOUND if there is no such file; INVALID_ARGUMENT, naming it and the
  // mend, if it is no .npy, is truncated or too long, in Fortran order, or
  // big-endian.
  static absl::StatusOr<NpyFile> Open(const std::string& path);

  NpyFile(NpyFile&& other) noexcept;
  NpyFile& operator=(NpyFile&&) = delete;
  ~NpyFile();

  const std::string& path() const { return path_; }

  // NumPy's name without the byte order: "f4", "i8", "u1", ...
  const std::string& dtype() const { return dtype_; }
  const std::vector<int64_t>& shape() const { return shape_; }
  const uint8_t* data() const { return data_; }

  // INVALID_ARGUMENT, naming the file, unless the array is of that dtype and
  // has that many dimensions.
  absl::Status Expect(absl::string_view dtype, size_t dimensions) const;

  // The elements. REQUIRES dtype() to be T's and one dimension.
  template <typename T>
  absl::Span<const T> As() const {
    return {reinterpret_cast<const T*>(data_), static_cast<size_t>(shape_[0])};
  }

 private:
  NpyFile() = default;

  std::string path_;
  std::string dtype_;
  std::vector<int64_t> shape_;
  void* mapping_ = nullptr;
  size_t mapping_bytes_ = 0;
  const uint8_t* data_ = nullptr;
};

// Writes a .npy file row by row. The data starts at a multiple of 64 bytes.
class NpyWriter {
 public:
  // `dtype` as NpyFile::dtype. UNAVAILABLE if the file cannot be written.
  static absl::StatusOr<NpyWriter> Create(const std::string& path,
                                          absl::string_view dtype,
                                          const std::vector<int64_t>& shape);

  // The next bytes of the array.
  absl::Status Append(const void* data, size_t bytes);

  // INTERNAL if what was appended is not what the shape says. No more calls.
  absl::Status Finish();

 private:
  struct CloseFile {
    void operator()(FILE* file) const { fclose(file); }
  };

  NpyWriter() = default;
  absl::Status Error() const;

  std::string path_;
  std::unique_ptr<FILE, CloseFile> file_;
  uint64_t bytes_left_ = 0;
};

// A whole array at once.
template <typename T>
absl::Status WriteNpy(const std::string& path, absl::string_view dtype,
                      const std::vector<int64_t>& shape,
                      absl::Span<const T> values) {
  absl::StatusOr<NpyWriter> writer = NpyWriter::Create(path, dtype, shape);
  if (!writer.ok()) return writer.status();
  const absl::Status status =
      writer->Append(values.data(), values.size() * sizeof(T));
  return status.ok() ? writer->Finish() : status;
}

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_GRAPH_NPY_H_
