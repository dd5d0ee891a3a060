#include "libs/loader/recorded_sample_stream.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
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
#include "libs/loader/landing.h"
#include "libs/loader/received_batch.h"
#include "libs/loader/sample_stream.h"
#include "libs/recording/recording_writer.h"
#include "libs/status/status_macros.h"
#include "libs/status/status_matchers.h"
#include "libs/tensor_message/tensor_message.h"
#include "protos/fairlead/v1/recording.pb.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::IsOkAndHolds;
using ::fairlead::testing::StatusIs;
using ::testing::ElementsAre;

constexpr uint64_t kEpoch = 4;

// A batch of one seed.
std::vector<uint8_t> Encode(uint64_t batch_index, int64_t seed) {
  v1::MessageHeader header;
  header.set_channel_id(7);
  header.set_epoch(kEpoch);
  header.set_batch_index(batch_index);
  header.set_attempt(2);
  const auto layout =
      MessageLayout::Plan(header, {{"batch", v1::DTYPE_INT64, {1}}});
  std::vector<uint8_t> bytes(layout->total_bytes());
  layout->WriteFrame(absl::MakeSpan(bytes));
  std::memcpy(layout->tensor_bytes(absl::MakeSpan(bytes), 0).data(), &seed,
              sizeof(seed));
  return bytes;
}

// A recording of batches 2, 0 and 1 of five.
std::string Record(uint64_t batch_size = 1) {
  static int made = 0;
  const std::string path =
      absl::StrCat(::testing::TempDir(), "/stream-", ++made);
  v1::RecordingHeader header;
  header.set_epoch(kEpoch);
  header.set_seeds(5);
  header.set_batches(5);
  header.mutable_spec()->mutable_config()->set_batch_size(batch_size);
  const auto writer = RecordingWriter::Create(path, header);
  EXPECT_THAT(writer, IsOk());
  for (const uint64_t index : {2, 0, 1}) {
    EXPECT_THAT((*writer)->Add(Encode(index, static_cast<int64_t>(index)), 0),
                IsOk());
  }
  EXPECT_THAT((*writer)->Finish(), IsOk());
  return path;
}

std::unique_ptr<RecordedSampleStream> Open(const std::string& path) {
  auto stream = RecordedSampleStream::Create(path);
  EXPECT_THAT(stream, IsOk());
  return *std::move(stream);
}

// The indices of the batches that are left of the epoch.
absl::StatusOr<std::vector<uint64_t>> Rest(SampleStream& stream) {
  std::vector<uint64_t> indices;
  while (true) {
    FAIRLEAD_ASSIGN_OR_RETURN(const std::optional<ReceivedBatch> batch,
                              stream.Next());
    if (!batch.has_value()) return indices;
    EXPECT_EQ(batch->message.header.epoch(), kEpoch);
    EXPECT_EQ(batch->message.Find("batch")->As<int64_t>()[0],
              batch->message.header.batch_index());
    indices.push_back(batch->message.header.batch_index());
  }
}

TEST(RecordedSampleStream, GivesEachEpochWhatWasRecordedInThatOrder) {
  const auto stream = Open(Record());
  EXPECT_EQ(stream->batches(), 3u);
  EXPECT_EQ(stream->seeds(), 5u);
  for (int epoch = 0; epoch < 2; ++epoch) {
    ASSERT_THAT(stream->StartEpoch(), IsOk());
    EXPECT_THAT(Rest(*stream), IsOkAndHolds(ElementsAre(2, 0, 1)));
    EXPECT_THAT(Rest(*stream), IsOkAndHolds(ElementsAre()));
  }
  EXPECT_EQ(stream->stats().batches, 6u);
}

TEST(RecordedSampleStream, GoesOnWhereACursorWasMade) {
  const std::string path = Record();
  const auto first = Open(path);
  ASSERT_THAT(first->StartEpoch(), IsOk());
  ASSERT_THAT(first->Next(), IsOk());
  const auto cursor = first->cursor();
  ASSERT_THAT(cursor, IsOk());
  const auto second = Open(path);
  ASSERT_THAT(second->ResumeEpoch(*cursor), IsOk());
  EXPECT_THAT(Rest(*second), IsOkAndHolds(ElementsAre(0, 1)));
}

TEST(RecordedSampleStream, RefusesACursorOfAnotherInput) {
  const auto first = Open(Record());
  ASSERT_THAT(first->StartEpoch(), IsOk());
  const auto other = Open(Record(/*batch_size=*/2));
  EXPECT_THAT(other->ResumeEpoch(*first->cursor()),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(RecordedSampleStream, WantsAnEpochToBeStarted) {
  const auto stream = Open(Record());
  EXPECT_THAT(stream->Next(), StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(stream->cursor(),
              StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST(RecordedSampleStream, BatchesLieAndAreCopiedWhereTheTrainerWantsThem) {
  std::vector<std::shared_ptr<uint8_t>> allocated;
  Landing landing;
  landing.allocate = [&](size_t bytes) {
    return allocated.emplace_back(
        static_cast<uint8_t*>(aligned_alloc(64, bytes / 64 * 64 + 64)), free);
  };
  landing.copy = [](absl::Span<const uint8_t> bytes) {
    return std::make_shared<const std::vector<uint8_t>>(bytes.begin(),
                                                        bytes.end());
  };
  const auto stream = RecordedSampleStream::Create(Record(), landing);
  ASSERT_THAT(stream, IsOk());
  ASSERT_THAT((*stream)->StartEpoch(), IsOk());
  std::vector<ReceivedBatch> kept;
  for (const int64_t seed : {2, 0, 1}) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto batch, (*stream)->Next());
    ASSERT_TRUE(batch.has_value());
    EXPECT_EQ(batch->buffer.get(), allocated.back().get());
    EXPECT_EQ(batch->message.Find("batch")->As<int64_t>()[0], seed);
    EXPECT_EQ(*static_cast<const std::vector<uint8_t>*>(batch->copy.get()),
              std::vector<uint8_t>(batch->buffer.get(),
                                   batch->buffer.get() + batch->bytes));
    kept.push_back(*batch);
  }
  EXPECT_EQ(allocated.size(), 3u);
}

TEST(RecordedSampleStream, BatchThatFindsNoRoomEndsTheEpochAndIsNotHad) {
  const std::string path = Record();
  const auto is_full = [](const auto& /*wanted*/) {
    return absl::ResourceExhaustedError("no page is left to lock");
  };
  Landing no_memory;
  no_memory.allocate = is_full;
  Landing no_device;
  no_device.copy = is_full;
  for (const Landing& landing : {no_memory, no_device}) {
    const auto stream = RecordedSampleStream::Create(path, landing);
    ASSERT_THAT(stream, IsOk());
    ASSERT_THAT((*stream)->StartEpoch(), IsOk());
    EXPECT_THAT((*stream)->Next(),
                StatusIs(absl::StatusCode::kResourceExhausted));
    EXPECT_THAT(Rest(**stream), IsOkAndHolds(ElementsAre()));
    const auto cursor = (*stream)->cursor();
    ASSERT_THAT(cursor, IsOk());
    const auto other = Open(path);
    ASSERT_THAT(other->ResumeEpoch(*cursor), IsOk());
    EXPECT_THAT(Rest(*other), IsOkAndHolds(ElementsAre(2, 0, 1)));
  }
}

TEST(RecordedSampleStream, FileThatIsNotThereIsNotFound) {
  EXPECT_THAT(RecordedSampleStream::Create("/no/such/file"),
              StatusIs(absl::StatusCode::kNotFound));
}

}  // namespace
}  // namespace fairlead
