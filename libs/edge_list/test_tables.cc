#include "libs/edge_list/test_tables.h"

#include <zlib.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "gtest/gtest.h"
#include "libs/edge_list/byte_source.h"

namespace fairlead::testing {
namespace {

class StringSource final : public ByteSource {
 public:
  StringSource(std::string bytes, size_t most_at_once)
      : bytes_(std::move(bytes)), most_at_once_(most_at_once) {}

  absl::StatusOr<size_t> Read(absl::Span<char> into) override {
    const size_t given =
        std::min({into.size(), most_at_once_, bytes_.size() - at_});
    bytes_.copy(into.data(), given, at_);
    at_ += given;
    return given;
  }

  uint64_t bytes_read() const override { return at_; }
  uint64_t file_bytes() const override { return bytes_.size(); }

 private:
  const std::string bytes_;
  const size_t most_at_once_;
  size_t at_ = 0;
};

}  // namespace

std::string Gzipped(const std::string& text) {
  z_stream stream{};
  if (deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, 16 + MAX_WBITS, 8,
                   Z_DEFAULT_STRATEGY) != Z_OK) {
    abort();
  }
  std::string out(deflateBound(&stream, text.size()), '\0');
  std::string in = text;
  stream.next_in = reinterpret_cast<Bytef*>(in.data());
  stream.avail_in = static_cast<uInt>(in.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  if (deflate(&stream, Z_FINISH) != Z_STREAM_END) abort();
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string WriteTestFile(const std::string& name, const std::string& bytes) {
  std::string path = absl::StrCat(::testing::TempDir(), "/", name);
  std::ofstream(path, std::ios::binary) << bytes;
  return path;
}

std::unique_ptr<ByteSource> MemorySource(std::string bytes,
                                         size_t most_at_once) {
  return std::make_unique<StringSource>(std::move(bytes), most_at_once);
}

}  // namespace fairlead::testing
