#ifndef FAIRLEAD_LIBS_RECORDING_RECORDING_WRITER_H_
#define FAIRLEAD_LIBS_RECORDING_RECORDING_WRITER_H_

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "libs/recording/recording_format.h"
#include "protos/fairlead/v1/recording.pb.h"

namespace fairlead {

// Writes a recording. The file has its name only once it is whole.
//
//   auto writer = RecordingWriter::Create("/tmp/epoch", header);
//   for (...) (*writer)->Add(message_bytes, ContentDigest(message));
//   (*writer)->Finish();
class RecordingWriter {
 public:
  // Makes `path`.partial. Errors of the file system, naming it.
  static absl::StatusOr<std::unique_ptr<RecordingWriter>> Create(
      const std::string& path, const v1::RecordingHeader& header);

  // Removes what is not finished.
  ~RecordingWriter();

  absl::Status Add(absl::Span<const uint8_t> message, uint64_t content_digest);

  // Makes it durable under its name, in place of what was there. Call it once,
  // last.
  absl::Status Finish();

  uint64_t batches() const { return end_.batches(); }
  uint64_t content_digest() const { return end_.content_digest(); }

 private:
  RecordingWriter(std::string path, std::FILE* file);

  absl::Status Write(RecordingFrameKind kind, absl::Span<const uint8_t> bytes);
  absl::Status WriteMessage(RecordingFrameKind kind,
                            const google::protobuf::Message& message);
  absl::Status Error(const char* what) const;

  const std::string path_;
  const std::string partial_;
  std::FILE* file_;  // null once finished
  v1::RecordingEnd end_;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_RECORDING_RECORDING_WRITER_H_
