#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/random/philox.h"
#include "libs/recording/recording_reader.h"
#include "libs/recording/recording_writer.h"
#include "libs/status/status_macros.h"
#include "libs/status/status_matchers.h"
#include "protos/fairlead/v1/recording.pb.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::IsOkAndHolds;
using ::fairlead::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string NewPath() {
  static int made = 0;
  return absl::StrCat(::testing::TempDir(), "/recording-", ++made);
}

absl::Status Add(RecordingWriter& writer, const std::string& bytes,
                 uint64_t digest) {
  return writer.Add(
      absl::MakeConstSpan(reinterpret_cast<const uint8_t*>(bytes.data()),
                          bytes.size()),
      digest);
}

// A file with these messages.
std::string Record(const std::vector<std::string>& messages) {
  const std::string path = NewPath();
  v1::RecordingHeader header;
  header.set_epoch(3);
  header.mutable_spec()->set_worker_key("worker");
  const auto writer = RecordingWriter::Create(path, header);
  EXPECT_THAT(writer, IsOk());
  for (const std::string& message : messages) {
    EXPECT_THAT(Add(**writer, message, 5), IsOk());
  }
  EXPECT_THAT((*writer)->Finish(), IsOk());
  return path;
}

absl::StatusOr<std::vector<std::string>> ReadAll(RecordingReader& reader) {
  std::vector<std::string> messages;
  while (true) {
    FAIRLEAD_ASSIGN_OR_RETURN(
        const std::optional<RecordingReader::Message> message, reader.Next());
    if (!message.has_value()) return messages;
    EXPECT_EQ(reinterpret_cast<uintptr_t>(message->buffer.get()) % 64, 0u);
    messages.emplace_back(reinterpret_cast<const char*>(message->buffer.get()),
                          message->bytes);
  }
}

absl::StatusOr<std::vector<std::string>> ReadFile(const std::string& path) {
  FAIRLEAD_ASSIGN_OR_RETURN(const std::unique_ptr<RecordingReader> reader,
                            RecordingReader::Open(path));
  return ReadAll(*reader);
}

std::string Contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}
void Overwrite(const std::string& path, const std::string& contents) {
  std::ofstream(path, std::ios::binary) << contents;
}

TEST(Recording, GivesBackWhatWasAdded) {
  const std::string path = Record({"first", "", std::string(1000, 'x')});
  const auto reader = RecordingReader::Open(path);
  ASSERT_THAT(reader, IsOk());
  EXPECT_EQ((*reader)->header().epoch(), 3u);
  EXPECT_EQ((*reader)->header().spec().worker_key(), "worker");
  EXPECT_EQ((*reader)->end().batches(), 3u);
  EXPECT_EQ((*reader)->end().content_digest(), 15u);
  for (int times = 0; times < 2; ++times) {
    EXPECT_THAT(ReadAll(**reader),
                IsOkAndHolds(ElementsAre("first", "", std::string(1000, 'x'))));
    EXPECT_THAT((*reader)->Rewind(), IsOk());
  }
}

TEST(Recording, MayBeOfNothing) {
  EXPECT_THAT(ReadFile(Record({})), IsOkAndHolds(ElementsAre()));
}

TEST(Recording, UnfinishedOneLeavesNothing) {
  const std::string path = NewPath();
  {
    const auto writer = RecordingWriter::Create(path, {});
    ASSERT_THAT(writer, IsOk());
    ASSERT_THAT(Add(**writer, "message", 1), IsOk());
  }
  EXPECT_THAT(RecordingReader::Open(path),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr(path)));
  EXPECT_THAT(RecordingReader::Open(path + ".partial"),
              StatusIs(absl::StatusCode::kNotFound));
}

TEST(Recording, FolderThatIsNotThereIsNamed) {
  EXPECT_THAT(
      RecordingWriter::Create("/no/such/folder/file", {}),
      StatusIs(absl::StatusCode::kNotFound, HasSubstr("/no/such/folder/file")));
}

TEST(Recording, FileOfAnotherKindIsRefused) {
  const std::string path = NewPath();
  for (const char* contents : {"", "FLREC", "hello, this is no recording"}) {
    Overwrite(path, contents);
    EXPECT_THAT(RecordingReader::Open(path),
                StatusIs(absl::StatusCode::kDataLoss));
  }
}

TEST(Recording, EveryTruncationIsSeen) {
  const std::string path = Record({"one", "two", "three"});
  const std::string whole = Contents(path);
  for (size_t size = 0; size < whole.size(); ++size) {
    Overwrite(path, whole.substr(0, size));
    EXPECT_THAT(ReadFile(path), StatusIs(absl::StatusCode::kDataLoss)) << size;
  }
}

TEST(Recording, EveryChangedByteIsSeen) {
  const std::string path = Record({"one", "two", "three"});
  const std::string whole = Contents(path);
  RandomStream random(11, 0, 0);
  for (size_t at = 0; at < whole.size(); ++at) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ (1 + random.Below(255)));
    Overwrite(path, damaged);
    EXPECT_THAT(ReadFile(path), StatusIs(absl::StatusCode::kDataLoss)) << at;
  }
}

}  // namespace
}  // namespace fairlead
