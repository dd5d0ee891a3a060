#include "libs/recording/recording_reader.h"

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "libs/recording/recording_format.h"
#include "libs/status/status_macros.h"
#include "protos/fairlead/v1/recording.pb.h"
#include "xxhash.h"

namespace fairlead {
namespace {

constexpr uint64_t kAlignment = 64;
// Protobuf's limit, and so a message's.
constexpr uint64_t kMostBytes = uint64_t{2} << 30;

bool Is(uint64_t kind, RecordingFrameKind wanted) {
  return kind == static_cast<uint64_t>(wanted);
}

}  // namespace

absl::StatusOr<std::unique_ptr<RecordingReader>> RecordingReader::Open(
    const std::string& path) {
  std::FILE* const file = std::fopen(path.c_str(), "rb");
  if (file == nullptr) {
    return absl::ErrnoToStatus(
        errno, absl::StrCat("recording ", path, ": cannot be read"));
  }
  // The constructor is private, so std::make_unique cannot call it.
  std::unique_ptr<RecordingReader> reader(new RecordingReader(path, file));
  FAIRLEAD_RETURN_IF_ERROR(reader->ReadEnds());
  return reader;
}

RecordingReader::RecordingReader(std::string path, std::FILE* file)
    : path_(std::move(path)), file_(file) {}

RecordingReader::~RecordingReader() { std::fclose(file_); }

absl::Status RecordingReader::Damaged(const std::string& why) const {
  return absl::DataLossError(absl::StrCat("recording ", path_, ": ", why));
}

absl::Status RecordingReader::ReadEnds() {
  if (std::fseek(file_, 0, SEEK_END) != 0) {
    return Damaged("is no file that can be read twice");
  }
  const int64_t size = std::ftell(file_);
  if (size < 0) return Damaged("has no size");
  size_ = static_cast<uint64_t>(size);
  std::rewind(file_);
  char magic[kRecordingMagicBytes] = {};
  if (std::fread(magic, 1, sizeof(magic), file_) != sizeof(magic) ||
      std::memcmp(magic, kRecordingMagic, sizeof(magic)) != 0) {
    return Damaged("is no recording; `fairleadctl record` makes one");
  }
  uint64_t kind = 0;
  FAIRLEAD_ASSIGN_OR_RETURN(const Message header, ReadFrame(&kind));
  if (!Is(kind, RecordingFrameKind::kHeader) ||
      !header_.ParseFromArray(header.buffer.get(),
                              static_cast<int>(header.bytes))) {
    return Damaged("has no header");
  }
  first_batch_ = static_cast<uint64_t>(std::ftell(file_));
  // The last frame is short, and what is left of it says how short.
  for (uint64_t bytes = 0; bytes <= kMostRecordingEndBytes; ++bytes) {
    const uint64_t frame = sizeof(RecordingFrame) + bytes;
    if (first_batch_ + frame > size_) break;
    if (std::fseek(file_, static_cast<int64_t>(size_ - frame), SEEK_SET) != 0) {
      break;
    }
    const absl::StatusOr<Message> end = ReadFrame(&kind);
    if (!end.ok() || !Is(kind, RecordingFrameKind::kEnd) ||
        end->bytes != bytes ||
        !end_.ParseFromArray(end->buffer.get(), static_cast<int>(bytes))) {
      continue;
    }
    return Rewind();
  }
  return Damaged("has no end: it was broken off while it was written");
}

absl::StatusOr<RecordingReader::Message> RecordingReader::ReadFrame(
    uint64_t* kind) {
  RecordingFrame frame = {};
  if (std::fread(&frame, sizeof(frame), 1, file_) != 1) {
    return Damaged("ends where a frame should be");
  }
  const auto here = static_cast<uint64_t>(std::ftell(file_));
  if (frame.bytes > kMostBytes || frame.bytes > size_ - here) {
    return Damaged(absl::StrCat("the frame at ", here - sizeof(frame),
                                " is longer than what is left"));
  }
  Message message = {.bytes = frame.bytes};
  const uint64_t rounded =
      (frame.bytes / kAlignment + 1) * kAlignment;  // never 0
  std::shared_ptr<uint8_t> buffer(
      static_cast<uint8_t*>(std::aligned_alloc(kAlignment, rounded)),
      [](uint8_t* bytes) { std::free(bytes); });
  if (buffer == nullptr) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "recording ", path_, ": no memory for ", frame.bytes, " bytes"));
  }
  if (std::fread(buffer.get(), 1, frame.bytes, file_) != frame.bytes) {
    return Damaged(absl::StrCat("cannot be read at ", here));
  }
  if (XXH3_64bits_withSeed(buffer.get(), frame.bytes, frame.kind) !=
      frame.checksum) {
    return Damaged(absl::StrCat("the frame at ", here - sizeof(frame),
                                " is not as it was written"));
  }
  *kind = frame.kind;
  message.buffer = std::move(buffer);
  return message;
}

absl::StatusOr<std::optional<RecordingReader::Message>>
RecordingReader::Next() {
  if (read_ == end_.batches()) return std::nullopt;
  uint64_t kind = 0;
  absl::StatusOr<Message> message = ReadFrame(&kind);
  if (!message.ok()) return message.status();
  if (!Is(kind, RecordingFrameKind::kBatch)) {
    return Damaged(absl::StrCat("has ", read_, " batches, and its end says ",
                                end_.batches()));
  }
  ++read_;
  return std::optional<Message>(*std::move(message));
}

absl::Status RecordingReader::Rewind() {
  read_ = 0;
  if (std::fseek(file_, static_cast<int64_t>(first_batch_), SEEK_SET) != 0) {
    return Damaged("cannot be read from its start");
  }
  return absl::OkStatus();
}

}  // namespace fairlead
