#ifndef FAIRLEAD_LIBS_EDGE_LIST_LINE_BUFFER_H_
#define FAIRLEAD_LIBS_EDGE_LIST_LINE_BUFFER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "libs/edge_list/byte_source.h"

namespace fairlead {

// Whole lines of a source, a block at a time. Each ends with a newline, the
// last one of a file too, so that whoever scans a line needs no other bound.
//
//   while (true) {
//     if (lines.empty()) {
//       ASSIGN_OR_RETURN(const bool more, lines.Fill());
//       if (!more) break;
//     }
//     const char* next = Parse(lines.begin());  // after its newline
//     lines.PassLine(next);
//   }
//
// Thread-compatible. Holds max_line_bytes and a block at most.
class LineBuffer {
 public:
  // `name` is for errors. REQUIRES 1 <= block_bytes <= max_line_bytes.
  LineBuffer(std::unique_ptr<ByteSource> source, std::string name,
             size_t block_bytes, size_t max_line_bytes);

  // Lines that are here: [begin, end), of which the last character is a
  // newline. Valid until Fill.
  const char* begin() const { return buffer_.data() + begin_; }
  const char* end() const { return buffer_.data() + end_; }
  bool empty() const { return begin_ == end_; }

  // Goes on to the next line. REQUIRES `next` follows the first newline.
  void PassLine(const char* next) {
    begin_ = static_cast<size_t>(next - buffer_.data());
    ++line_;
  }
  // Goes on within the first line. REQUIRES it is longer.
  void PassBytes(size_t bytes) { begin_ += bytes; }

  // Lines passed so far: the number of the last of them, counted from 1.
  uint64_t line() const { return line_; }

  // Brings at least one more line; false at the end of the source.
  // INVALID_ARGUMENT if the next line is longer than max_line_bytes (its
  // newline not counted); else errors as ByteSource::Read, which come after
  // all lines before them. REQUIRES empty().
  absl::StatusOr<bool> Fill();

  const std::string& name() const { return name_; }
  const ByteSource& source() const { return *source_; }

 private:
  // As the source's, whose errors then say how far the lines came.
  absl::StatusOr<size_t> Read(absl::Span<char> into);
  absl::Status TooLong() const;

  const std::unique_ptr<ByteSource> source_;
  const std::string name_;
  const size_t block_bytes_;
  const size_t max_line_bytes_;
  // [begin_, end_) are whole lines; up to filled_ is the begin of another.
  std::vector<char> buffer_;
  size_t begin_ = 0;
  size_t end_ = 0;
  size_t filled_ = 0;
  uint64_t line_ = 0;
  bool at_end_ = false;
};

// INVALID_ARGUMENT if there is a NUL byte in text, which is that of a line.
absl::Status CheckNoNul(absl::string_view text, const std::string& name,
                        uint64_t line);

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_EDGE_LIST_LINE_BUFFER_H_
