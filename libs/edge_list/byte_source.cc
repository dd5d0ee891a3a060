#include "libs/edge_list/byte_source.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "libs/status/status_macros.h"

namespace fairlead {
namespace {

constexpr size_t kInflateBlock = size_t{1} << 18;
constexpr size_t kMaxInflateOut = size_t{1} << 30;  // zlib counts in 32 bits
constexpr size_t kMagicBytes = 10;  // of the longest that is looked for
constexpr absl::string_view kGzipMagic("\x1f\x8b", 2);

struct OtherCompression {
  absl::string_view magic;
  absl::string_view name;
  absl::string_view command;
};

constexpr OtherCompression kOthers[] = {
    {{"\xfd"
      "7zXZ\0",
      6},
     "xz",
     "xz -dc"},
    {{"\x28\xb5\x2f\xfd", 4}, "zstd", "zstd -dc"},
    {{"PK\x03\x04", 4}, "zip", "unzip -p"},
};

class FileSource final : public ByteSource {
 public:
  FileSource(std::string path, int fd, uint64_t file_bytes)
      : path_(std::move(path)), fd_(fd), file_bytes_(file_bytes) {}
  FileSource(const FileSource&) = delete;
  FileSource& operator=(const FileSource&) = delete;
  ~FileSource() override { close(fd_); }

  absl::StatusOr<size_t> Read(absl::Span<char> into) override {
    ssize_t bytes = 0;
    do {
      bytes = read(fd_, into.data(), into.size());
    } while (bytes < 0 && errno == EINTR);
    if (bytes < 0) {
      return absl::DataLossError(
          absl::StrCat(path_, ": cannot be read at byte ", bytes_read_, ": ",
                       strerror(errno)));
    }
    bytes_read_ += static_cast<uint64_t>(bytes);
    return static_cast<size_t>(bytes);
  }

  uint64_t bytes_read() const override { return bytes_read_; }
  uint64_t file_bytes() const override { return file_bytes_; }

 private:
  const std::string path_;
  const int fd_;
  const uint64_t file_bytes_;
  uint64_t bytes_read_ = 0;
};

// Bytes that were read to look at them, and then the rest.
class PrefixedSource final : public ByteSource {
 public:
  PrefixedSource(std::string prefix, std::unique_ptr<ByteSource> rest)
      : prefix_(std::move(prefix)), rest_(std::move(rest)) {}

  absl::StatusOr<size_t> Read(absl::Span<char> into) override {
    if (given_ == prefix_.size()) return rest_->Read(into);
    const size_t bytes = std::min(into.size(), prefix_.size() - given_);
    memcpy(into.data(), prefix_.data() + given_, bytes);
    given_ += bytes;
    return bytes;
  }

  uint64_t bytes_read() const override { return rest_->bytes_read(); }
  uint64_t file_bytes() const override { return rest_->file_bytes(); }

 private:
  const std::string prefix_;
  size_t given_ = 0;
  const std::unique_ptr<ByteSource> rest_;
};

class GzipSource final : public ByteSource {
 public:
  static absl::StatusOr<std::unique_ptr<ByteSource>> Create(
      std::unique_ptr<ByteSource> deflated, const std::string& name) {
    auto source = std::make_unique<GzipSource>(std::move(deflated), name);
    if (inflateInit2(&source->stream_, 16 + MAX_WBITS) != Z_OK) {
      return absl::ResourceExhaustedError(
          absl::StrCat(name, ": no memory to inflate"));
    }
    return source;
  }

  GzipSource(std::unique_ptr<ByteSource> deflated, std::string name)
      : name_(std::move(name)),
        deflated_(std::move(deflated)),
        block_(kInflateBlock) {}
  GzipSource(const GzipSource&) = delete;
  GzipSource& operator=(const GzipSource&) = delete;
  ~GzipSource() override { inflateEnd(&stream_); }

  absl::StatusOr<size_t> Read(absl::Span<char> into) override {
    const size_t room = std::min(into.size(), kMaxInflateOut);
    while (true) {
      if (stream_.avail_in == 0) FAIRLEAD_RETURN_IF_ERROR(ReadDeflated());
      if (member_ended_) {
        if (stream_.avail_in == 0) return 0;
        inflateReset(&stream_);
        member_ended_ = false;
      }
      stream_.next_out = reinterpret_cast<Bytef*>(into.data());
      stream_.avail_out = static_cast<uInt>(room);
      const int result = inflate(&stream_, Z_NO_FLUSH);
      const size_t bytes = room - stream_.avail_out;
      member_ended_ = result == Z_STREAM_END;
      // What comes before an error is given before it; zlib says it again.
      if (bytes > 0) return bytes;
      // (Z_BUF_ERROR: nothing could be done, for want of input.)
      if (result == Z_BUF_ERROR && at_end_) return Damaged("it is cut short");
      if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) {
        return Damaged(stream_.msg == nullptr ? "it is no gzip" : stream_.msg);
      }
    }
  }

  uint64_t bytes_read() const override { return deflated_->bytes_read(); }
  uint64_t file_bytes() const override { return deflated_->file_bytes(); }

 private:
  // Leaves avail_in at 0 at the end of the file only.
  absl::Status ReadDeflated() {
    if (at_end_) return absl::OkStatus();
    FAIRLEAD_ASSIGN_OR_RETURN(const size_t bytes,
                              deflated_->Read(absl::MakeSpan(block_)));
    at_end_ = bytes == 0;
    stream_.next_in = reinterpret_cast<Bytef*>(block_.data());
    stream_.avail_in = static_cast<uInt>(bytes);
    return absl::OkStatus();
  }

  absl::Status Damaged(absl::string_view why) const {
    return absl::DataLossError(
        absl::StrCat(name_, ": is damaged gzip: ", why,
                     "; test it with gzip -t, and fetch it again"));
  }

  const std::string name_;
  const std::unique_ptr<ByteSource> deflated_;
  std::vector<char> block_;
  z_stream stream_{};
  bool at_end_ = false;
  bool member_ended_ = false;
};

absl::Status CheckNoOtherCompression(absl::string_view begin,
                                     const std::string& name) {
  const auto refuse = [&name](absl::string_view format,
                              absl::string_view command) {
    return absl::InvalidArgumentError(absl::StrCat(
        name, ": is compressed as ", format, "; only gzip is read: give <(",
        command, " ", name, ") instead"));
  };
  for (const OtherCompression& other : kOthers) {
    if (absl::StartsWith(begin, other.magic)) {
      return refuse(other.name, other.command);
    }
  }
  // BZh, a digit, and pi: the first three could begin a text.
  if (absl::StartsWith(begin, "BZh") && absl::EndsWith(begin, "1AY&SY")) {
    return refuse("bzip2", "bzip2 -dc");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<ByteSource>> OpenByteSource(
    const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    if (errno == ENOENT) {
      return absl::NotFoundError(absl::StrCat(path, ": no such file"));
    }
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": cannot be opened: ", strerror(errno)));
  }
  struct stat stats {};
  const bool known = fstat(fd, &stats) == 0;
  auto source = std::make_unique<FileSource>(
      path, fd,
      known && S_ISREG(stats.st_mode) ? static_cast<uint64_t>(stats.st_size)
                                      : 0);
  if (known && S_ISDIR(stats.st_mode)) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": is a directory; give one of its files"));
  }
  posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
  return source;
}

absl::StatusOr<std::unique_ptr<ByteSource>> InflateIfGzip(
    std::unique_ptr<ByteSource> source, const std::string& name) {
  std::string begin(kMagicBytes, '\0');
  size_t bytes = 0;
  while (bytes < begin.size()) {
    FAIRLEAD_ASSIGN_OR_RETURN(
        const size_t more,
        source->Read(absl::MakeSpan(&begin[bytes], begin.size() - bytes)));
    if (more == 0) break;
    bytes += more;
  }
  begin.resize(bytes);
  FAIRLEAD_RETURN_IF_ERROR(CheckNoOtherCompression(begin, name));
  const bool is_gzip = absl::StartsWith(begin, kGzipMagic);
  auto whole =
      std::make_unique<PrefixedSource>(std::move(begin), std::move(source));
  if (is_gzip) return GzipSource::Create(std::move(whole), name);
  return whole;
}

}  // namespace fairlead
