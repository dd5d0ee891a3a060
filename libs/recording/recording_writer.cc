#include "libs/recording/recording_writer.h"

#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "libs/recording/recording_format.h"
#include "libs/status/status_macros.h"
#include "protos/fairlead/v1/recording.pb.h"
#include "xxhash.h"

namespace fairlead {

absl::StatusOr<std::unique_ptr<RecordingWriter>> RecordingWriter::Create(
    const std::string& path, const v1::RecordingHeader& header) {
  std::FILE* const file =
      std::fopen(absl::StrCat(path, ".partial").c_str(), "wb");
  if (file == nullptr) {
    return absl::ErrnoToStatus(
        errno, absl::StrCat("recording ", path, ".partial: cannot be made"));
  }
  // The constructor is private, so std::make_unique cannot call it.
  std::unique_ptr<RecordingWriter> writer(new RecordingWriter(path, file));
  if (std::fwrite(kRecordingMagic, 1, kRecordingMagicBytes, file) !=
      kRecordingMagicBytes) {
    return writer->Error("write");
  }
  FAIRLEAD_RETURN_IF_ERROR(
      writer->WriteMessage(RecordingFrameKind::kHeader, header));
  return writer;
}

RecordingWriter::RecordingWriter(std::string path, std::FILE* file)
    : path_(std::move(path)),
      partial_(absl::StrCat(path_, ".partial")),
      file_(file) {}

RecordingWriter::~RecordingWriter() {
  if (file_ == nullptr) return;
  std::fclose(file_);
  std::remove(partial_.c_str());
}

absl::Status RecordingWriter::Error(const char* what) const {
  return absl::ErrnoToStatus(
      errno, absl::StrCat("recording ", partial_, ": cannot ", what));
}

absl::Status RecordingWriter::Write(RecordingFrameKind kind,
                                    absl::Span<const uint8_t> bytes) {
  const auto number = static_cast<uint64_t>(kind);
  const RecordingFrame frame = {
      .kind = number,
      .bytes = bytes.size(),
      .checksum = XXH3_64bits_withSeed(bytes.data(), bytes.size(), number)};
  if (std::fwrite(&frame, sizeof(frame), 1, file_) != 1 ||
      std::fwrite(bytes.data(), 1, bytes.size(), file_) != bytes.size()) {
    return Error("write");
  }
  return absl::OkStatus();
}

absl::Status RecordingWriter::WriteMessage(
    RecordingFrameKind kind, const google::protobuf::Message& message) {
  const std::string bytes = message.SerializeAsString();
  return Write(
      kind, absl::MakeConstSpan(reinterpret_cast<const uint8_t*>(bytes.data()),
                                bytes.size()));
}

absl::Status RecordingWriter::Add(absl::Span<const uint8_t> message,
                                  uint64_t content_digest) {
  FAIRLEAD_RETURN_IF_ERROR(Write(RecordingFrameKind::kBatch, message));
  end_.set_batches(end_.batches() + 1);
  end_.set_content_digest(end_.content_digest() + content_digest);
  return absl::OkStatus();
}

absl::Status RecordingWriter::Finish() {
  FAIRLEAD_RETURN_IF_ERROR(WriteMessage(RecordingFrameKind::kEnd, end_));
  if (std::fflush(file_) != 0 || fsync(fileno(file_)) != 0) {
    return Error("write");
  }
  if (std::rename(partial_.c_str(), path_.c_str()) != 0) return Error("name");
  std::fclose(std::exchange(file_, nullptr));
  return absl::OkStatus();
}

}  // namespace fairlead
