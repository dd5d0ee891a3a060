#ifndef FAIRLEAD_LIBS_RECORDING_RECORDING_READER_H_
#define FAIRLEAD_LIBS_RECORDING_RECORDING_READER_H_

#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "protos/fairlead/v1/recording.pb.h"

namespace fairlead {

// Reads a recording from its first batch to its last, as often as one likes.
// Thread-compatible.
class RecordingReader {
 public:
  // A SampleMessage, 64-byte aligned, in memory of its own.
  struct Message {
    std::shared_ptr<const uint8_t> buffer;
    uint64_t bytes = 0;
  };

  // NOT_FOUND if there is no such file; DATA_LOSS if it is no recording, was
  // broken off, or its first or last frame is damaged. Batches are checked as
  // they are read.
  static absl::StatusOr<std::unique_ptr<RecordingReader>> Open(
      const std::string& path);
  ~RecordingReader();

  const v1::RecordingHeader& header() const { return header_; }
  const v1::RecordingEnd& end() const { return end_; }

  // The next batch; nullopt after the last. DATA_LOSS, naming the file and
  // which batch, where the bytes are not those that were written.
  absl::StatusOr<std::optional<Message>> Next();

  // The next is the first again.
  absl::Status Rewind();

 private:
  RecordingReader(std::string path, std::FILE* file);

  absl::Status ReadEnds();
  // The frame at the file's place, of one of two kinds. `kind` is what it was.
  absl::StatusOr<Message> ReadFrame(uint64_t* kind);
  absl::Status Damaged(const std::string& why) const;

  const std::string path_;
  std::FILE* const file_;
  uint64_t size_ = 0;
  uint64_t first_batch_ = 0;  // offset
  uint64_t read_ = 0;         // batches
  v1::RecordingHeader header_;
  v1::RecordingEnd end_;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_RECORDING_RECORDING_READER_H_
