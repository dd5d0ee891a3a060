#include "libs/graph/npy.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/numeric/bits.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "libs/status/status_macros.h"

namespace fairlead {
namespace {

constexpr absl::string_view kMagic("\x93NUMPY", 6);
constexpr size_t kAlignment = 64;
constexpr size_t kSmallest = 10;  // magic, version, length of the header

absl::Status Bad(const std::string& path, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat(path, ": ", why));
}

// Bytes of one element of "f4", "i8", ...; 0 for what is not a plain number.
uint64_t ElementBytes(absl::string_view dtype) {
  uint64_t bytes = 0;
  if (dtype.size() != 2 ||
      absl::string_view("fiub").find(dtype[0]) == absl::string_view::npos ||
      !absl::SimpleAtoi(dtype.substr(1), &bytes)) {
    return 0;
  }
  return absl::has_single_bit(bytes) ? bytes : 0;
}

// The text after 'key': in the header's Python dictionary, up to `end`.
std::optional<absl::string_view> Entry(absl::string_view header,
                                       absl::string_view key, char end) {
  const size_t at = header.find(absl::StrCat("'", key, "':"));
  if (at == absl::string_view::npos) return std::nullopt;
  absl::string_view rest = header.substr(at + key.size() + 3);
  const size_t stop = rest.find(end);
  if (stop == absl::string_view::npos) return std::nullopt;
  return absl::StripAsciiWhitespace(rest.substr(0, stop));
}

// Elements of a shape, or nullopt if they are more than an int64 can count.
std::optional<uint64_t> Elements(const std::vector<int64_t>& shape) {
  uint64_t elements = 1;
  for (const int64_t dimension : shape) {
    if (dimension < 0 ||
        __builtin_mul_overflow(elements, static_cast<uint64_t>(dimension),
                               &elements) ||
        elements > (uint64_t{1} << 60)) {
      return std::nullopt;
    }
  }
  return elements;
}

std::string ShapeText(const std::vector<int64_t>& shape) {
  return absl::StrCat("(", absl::StrJoin(shape, ", "), ")");
}

}  // namespace

absl::StatusOr<NpyArray> ParseNpy(absl::Span<const uint8_t> file,
                                  const std::string& name) {
  NpyArray array;
  const absl::string_view bytes(reinterpret_cast<const char*>(file.data()),
                                file.size());
  const auto byte = [&bytes](size_t i) {
    return static_cast<uint64_t>(static_cast<uint8_t>(bytes[i]));
  };
  if (bytes.size() < kSmallest || bytes.substr(0, kMagic.size()) != kMagic ||
      byte(6) < 1 || byte(6) > 3) {
    return Bad(name, "is no .npy file; write it with numpy.save");
  }
  // Version 1 has a header length of two bytes, later ones of four.
  const size_t header_begin = byte(6) == 1 ? 10 : 12;
  if (bytes.size() < header_begin) {
    return Bad(name, "is truncated in its header");
  }
  uint64_t header_bytes = byte(8) | byte(9) << 8;
  if (byte(6) > 1) header_bytes |= byte(10) << 16 | byte(11) << 24;
  if (header_bytes > bytes.size() - header_begin) {
    return Bad(name, "is truncated in its header");
  }
  const absl::string_view header = bytes.substr(header_begin, header_bytes);
  const auto descr = Entry(header, "descr", ',');
  const auto fortran = Entry(header, "fortran_order", ',');
  const auto shape = Entry(header, "shape", ')');
  if (!descr.has_value() || !fortran.has_value() || !shape.has_value() ||
      descr->size() < 4 || shape->empty() || shape->front() != '(') {
    return Bad(name,
               "has a header that cannot be read; write it with "
               "numpy.save, and not as a structured array");
  }
  const absl::string_view type = descr->substr(1, descr->size() - 2);
  array.dtype = std::string(type.substr(1));
  const uint64_t element_bytes = ElementBytes(array.dtype);
  if (element_bytes == 0) {
    return Bad(name, absl::StrCat("has dtype ", absl::CHexEscape(type),
                                  ", which is no plain number"));
  }
  if (type[0] == '>' && element_bytes > 1) {
    return Bad(name,
               "is big-endian; save array.astype(array.dtype.newbyteorder"
               "('<')) instead");
  }
  if (*fortran != "False") {
    return Bad(name,
               "is in Fortran order; save numpy.ascontiguousarray(array) "
               "instead");
  }
  for (absl::string_view part :
       absl::StrSplit(shape->substr(1), ',', absl::SkipWhitespace())) {
    int64_t dimension = 0;
    if (!absl::SimpleAtoi(part, &dimension)) {
      return Bad(name, absl::StrCat("has shape ", absl::CHexEscape(*shape),
                                    "), which cannot be read"));
    }
    array.shape.push_back(dimension);
  }
  const std::optional<uint64_t> elements = Elements(array.shape);
  const uint64_t data_begin = header_begin + header_bytes;
  if (!elements.has_value() ||
      *elements * element_bytes != bytes.size() - data_begin) {
    return Bad(name,
               absl::StrCat("is truncated or damaged: shape ",
                            ShapeText(array.shape), " of ", array.dtype,
                            " takes ", elements.value_or(0) * element_bytes,
                            " bytes, and there are ", bytes.size() - data_begin,
                            "; write it again"));
  }
  if (data_begin % element_bytes != 0) {
    return Bad(name,
               "has data that is not aligned to its element size; write "
               "it again with numpy.save");
  }
  array.data = file.subspan(data_begin);
  return array;
}

NpyFile::NpyFile(NpyFile&& other) noexcept
    : path_(std::move(other.path_)),
      dtype_(std::move(other.dtype_)),
      shape_(std::move(other.shape_)),
      mapping_(std::exchange(other.mapping_, nullptr)),
      mapping_bytes_(other.mapping_bytes_),
      data_(other.data_) {}

NpyFile::~NpyFile() {
  if (mapping_ != nullptr) munmap(mapping_, mapping_bytes_);
}

absl::StatusOr<NpyFile> NpyFile::Open(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    if (errno == ENOENT) {
      return absl::NotFoundError(absl::StrCat(path, ": no such file"));
    }
    return Bad(path, absl::StrCat("cannot be opened: ", strerror(errno)));
  }
  struct stat stats {};
  fstat(fd, &stats);
  const auto file_bytes = static_cast<uint64_t>(stats.st_size);
  NpyFile file;
  file.path_ = path;
  if (!S_ISREG(stats.st_mode) || file_bytes < kSmallest) {
    close(fd);
    return Bad(path, "is no .npy file; write it with numpy.save");
  }
  file.mapping_bytes_ = file_bytes;
  void* mapping = mmap(nullptr, file_bytes, PROT_READ, MAP_SHARED, fd, 0);
  const int map_error = errno;
  close(fd);
  if (mapping == MAP_FAILED) {
    return Bad(path, absl::StrCat("cannot be mapped: ", strerror(map_error)));
  }
  file.mapping_ = mapping;

  FAIRLEAD_ASSIGN_OR_RETURN(
      NpyArray array,
      ParseNpy({static_cast<const uint8_t*>(mapping), file_bytes}, path));
  file.dtype_ = std::move(array.dtype);
  file.shape_ = std::move(array.shape);
  file.data_ = array.data.data();
  return file;
}

absl::Status NpyFile::Expect(absl::string_view dtype, size_t dimensions) const {
  if (dtype_ == dtype && shape_.size() == dimensions) return absl::OkStatus();
  return Bad(path_,
             absl::StrCat("is ", dtype_, " of shape ", ShapeText(shape_),
                          "; it must be ", dtype, " with ", dimensions,
                          dimensions == 1 ? " dimension" : " dimensions"));
}

absl::StatusOr<NpyWriter> NpyWriter::Create(const std::string& path,
                                            absl::string_view dtype,
                                            const std::vector<int64_t>& shape) {
  const std::optional<uint64_t> elements = Elements(shape);
  const uint64_t element_bytes = ElementBytes(dtype);
  if (!elements.has_value() || element_bytes == 0) {
    return Bad(path, absl::StrCat("cannot be written as ", dtype, " of shape ",
                                  ShapeText(shape)));
  }
  NpyWriter writer;
  writer.path_ = path;
  writer.bytes_left_ = *elements * element_bytes;
  writer.file_.reset(fopen(path.c_str(), "wbe"));
  if (writer.file_ == nullptr) return writer.Error();

  std::string header = absl::StrCat(
      "{'descr': '", element_bytes == 1 ? "|" : "<", dtype,
      "', 'fortran_order': False, 'shape': (", absl::StrJoin(shape, ", "),
      shape.size() == 1 ? "," : "", "), }");
  const size_t before = kMagic.size() + 4;  // magic, version, length
  const size_t padded =
      (before + header.size() + 1 + kAlignment - 1) / kAlignment * kAlignment;
  header.resize(padded - before - 1, ' ');
  header += '\n';
  std::string start(kMagic.data(), kMagic.size());
  start += '\x01';
  start += '\x00';
  start += static_cast<char>(header.size() & 0xff);
  start += static_cast<char>(header.size() >> 8);
  start += header;
  if (fwrite(start.data(), 1, start.size(), writer.file_.get()) !=
      start.size()) {
    return writer.Error();
  }
  return writer;
}

absl::Status NpyWriter::Error() const {
  return absl::UnavailableError(
      absl::StrCat(path_, ": cannot be written: ", strerror(errno)));
}

absl::Status NpyWriter::Append(const void* data, size_t bytes) {
  if (bytes > bytes_left_) {
    return absl::InternalError(
        absl::StrCat(path_, ": more was written than its shape says"));
  }
  bytes_left_ -= bytes;
  if (bytes > 0 && fwrite(data, 1, bytes, file_.get()) != bytes) {
    return Error();
  }
  return absl::OkStatus();
}

absl::Status NpyWriter::Finish() {
  if (bytes_left_ != 0) {
    return absl::InternalError(
        absl::StrCat(path_, ": ", bytes_left_,
                     " bytes fewer were written than its shape "
                     "says"));
  }
  // What was buffered reaches the file only now, and may fail to.
  if (fclose(file_.release()) != 0) return Error();
  return absl::OkStatus();
}

}  // namespace fairlead
