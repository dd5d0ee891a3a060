#include "libs/loader/recorded_sample_stream.h"

#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "libs/loader/encoded_batch.h"
#include "libs/loader/epoch_ledger.h"
#include "libs/loader/landing.h"
#include "libs/loader/received_batch.h"
#include "libs/loader/sample_stream_options.h"
#include "libs/recording/recording_reader.h"
#include "libs/status/status_macros.h"
#include "protos/fairlead/v1/loader_cursor.pb.h"
#include "protos/fairlead/v1/messages.pb.h"
#include "protos/fairlead/v1/recording.pb.h"

namespace fairlead {
namespace {

// A cursor into one recording means nothing in one of another input.
uint64_t FingerprintOf(const v1::RecordingHeader& header) {
  SampleStreamOptions options;
  options.seeds = {header.spec().input()};
  options.config = header.spec().config();
  return InputFingerprint(options);
}

}  // namespace

absl::StatusOr<std::unique_ptr<RecordedSampleStream>>
RecordedSampleStream::Create(const std::string& path, Landing landing) {
  FAIRLEAD_ASSIGN_OR_RETURN(std::unique_ptr<RecordingReader> reader,
                            RecordingReader::Open(path));
  // The constructor is private, so std::make_unique cannot call it.
  return std::unique_ptr<RecordedSampleStream>(
      new RecordedSampleStream(std::move(reader), std::move(landing)));
}

RecordedSampleStream::RecordedSampleStream(
    std::unique_ptr<RecordingReader> reader, Landing landing)
    : SampleStream(FingerprintOf(reader->header())),
      reader_(std::move(reader)),
      landing_(std::move(landing)),
      buffers_(/*max_idle=*/2, landing_.allocate) {}

absl::Status RecordedSampleStream::BeginEpoch(
    uint64_t epoch, absl::Span<const v1::EpochProgress> had) {
  is_over_ = true;
  ledger_.emplace(/*channel_id=*/0, epoch, header().batches());
  if (had.size() > 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("cursor: is of ", had.size(),
                     " servers, and a recording is of one channel"));
  }
  if (!had.empty()) FAIRLEAD_RETURN_IF_ERROR(ledger_->Restore(had[0]));
  FAIRLEAD_RETURN_IF_ERROR(reader_->Rewind());
  is_over_ = false;
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<const uint8_t>> RecordedSampleStream::Place(
    RecordingReader::Message message) {
  if (landing_.allocate == nullptr) return std::move(message.buffer);
  FAIRLEAD_ASSIGN_OR_RETURN(std::shared_ptr<uint8_t> copy,
                            buffers_.Take(message.bytes));
  std::memcpy(copy.get(), message.buffer.get(), message.bytes);
  return copy;
}

absl::StatusOr<std::optional<ReceivedBatch>> RecordedSampleStream::Next() {
  if (!ledger_.has_value()) {
    return absl::FailedPreconditionError(
        "no epoch runs; call StartEpoch first");
  }
  const absl::Duration asked = clock_.MonotonicNow();
  while (!is_over_) {
    is_over_ = true;  // unless all goes well
    FAIRLEAD_ASSIGN_OR_RETURN(std::optional<RecordingReader::Message> message,
                              reader_->Next());
    if (!message.has_value()) break;
    const uint64_t bytes = message->bytes;
    FAIRLEAD_ASSIGN_OR_RETURN(std::shared_ptr<const uint8_t> buffer,
                              Place(*std::move(message)));
    FAIRLEAD_ASSIGN_OR_RETURN(EncodedBatch batch,
                              DecodeBatch(std::move(buffer), bytes));
    // Before it is booked: what did not land is none that the trainer had.
    FAIRLEAD_RETURN_IF_ERROR(Land(landing_, batch));
    is_over_ = false;
    // The ledger is of the epoch that the trainer counts.
    v1::MessageHeader booked;
    booked.set_epoch(ledger_->epoch());
    booked.set_batch_index(batch.message.header.batch_index());
    if (ledger_->OnBatch(booked, batch.seed_digest) !=
        EpochLedger::Verdict::kNew) {
      continue;  // had before, by whoever made the cursor
    }
    ReceivedBatch received =
        ToReceived(std::move(batch), clock_.MonotonicNow());
    received.consumed = received.received;
    ++stats_.batches;
    stats_.bytes += received.bytes;
    stats_.waited += received.received - asked;
    return std::optional<ReceivedBatch>(std::move(received));
  }
  return std::nullopt;
}

absl::StatusOr<std::vector<v1::EpochProgress>> RecordedSampleStream::progress()
    const {
  if (!ledger_.has_value()) {
    return absl::FailedPreconditionError(
        "no epoch runs; call StartEpoch first");
  }
  return std::vector<v1::EpochProgress>{ledger_->ProgressWithout({})};
}

}  // namespace fairlead
