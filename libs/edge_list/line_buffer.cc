#include "libs/edge_list/line_buffer.h"

#include <string.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "libs/edge_list/byte_source.h"
#include "libs/status/status_macros.h"

namespace fairlead {

LineBuffer::LineBuffer(std::unique_ptr<ByteSource> source, std::string name,
                       size_t block_bytes, size_t max_line_bytes)
    : source_(std::move(source)),
      name_(std::move(name)),
      block_bytes_(block_bytes),
      max_line_bytes_(max_line_bytes) {}

absl::StatusOr<bool> LineBuffer::Fill() {
  if (filled_ > end_) {
    memmove(buffer_.data(), buffer_.data() + end_, filled_ - end_);
  }
  filled_ -= end_;
  begin_ = 0;
  end_ = 0;
  while (!at_end_) {
    // One byte more, for the newline that a last line may lack.
    if (buffer_.size() < filled_ + block_bytes_ + 1) {
      buffer_.resize(filled_ + block_bytes_ + 1);
    }
    char* const block = buffer_.data() + filled_;
    FAIRLEAD_ASSIGN_OR_RETURN(size_t bytes,
                              Read(absl::MakeSpan(block, block_bytes_)));
    if (bytes == 0) {
      at_end_ = true;
      if (filled_ == 0) return false;
      block[bytes++] = '\n';
    }
    // Only a line that began in an earlier block can be longer than a block,
    // hence than a line may be.
    const void* const first = memchr(block, '\n', bytes);
    const size_t line_bytes =
        filled_ +
        (first == nullptr
             ? bytes
             : static_cast<size_t>(static_cast<const char*>(first) - block));
    filled_ += bytes;
    if (line_bytes > max_line_bytes_) return TooLong();
    if (first == nullptr) continue;
    const void* const last = memrchr(block, '\n', bytes);
    end_ =
        static_cast<size_t>(static_cast<const char*>(last) - buffer_.data()) +
        1;
    return true;
  }
  return false;
}

absl::StatusOr<size_t> LineBuffer::Read(absl::Span<char> into) {
  absl::StatusOr<size_t> bytes = source_->Read(into);
  if (bytes.ok()) return bytes;
  return absl::Status(
      bytes.status().code(),
      absl::StrCat(bytes.status().message(), " (after line ", line_, ")"));
}

absl::Status LineBuffer::TooLong() const {
  FAIRLEAD_RETURN_IF_ERROR(
      CheckNoNul({buffer_.data(), max_line_bytes_}, name_, line_ + 1));
  return absl::InvalidArgumentError(absl::StrCat(
      name_, ": line ", line_ + 1, " is longer than ", max_line_bytes_,
      " bytes; is it text, with a line a row? If so, raise max_line_bytes"));
}

absl::Status CheckNoNul(absl::string_view text, const std::string& name,
                        uint64_t line) {
  if (text.find('\0') == absl::string_view::npos) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(name, ": line ", line,
                   " has a NUL byte: it is binary, or text in UTF-16; write it "
                   "as text in UTF-8"));
}

}  // namespace fairlead
