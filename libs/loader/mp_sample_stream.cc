#include "libs/loader/mp_sample_stream.h"

#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "libs/loader/encoded_batch.h"
#include "libs/rpc/lost_connection.h"
#include "libs/status/status_macros.h"
#include "libs/tensor_message/message_tag.h"
#include "protos/fairlead/v1/messages.pb.h"

namespace fairlead {
namespace {

constexpr int kMostDeaths = 3;

// How long a stream waits for a batch before it asks the pool what is wrong.
constexpr absl::Duration kLifeCheck = absl::Milliseconds(500);

}  // namespace

absl::StatusOr<std::unique_ptr<MpSampleStream>> MpSampleStream::Create(
    const DistDataset& dataset, const SampleStreamOptions& options) {
  FAIRLEAD_ASSIGN_OR_RETURN(std::unique_ptr<PoolChannel> pool,
                            PoolChannel::Create(dataset, options));
  // The constructor is private, so std::make_unique cannot call it.
  return std::unique_ptr<MpSampleStream>(
      new MpSampleStream(options, std::move(pool)));
}

MpSampleStream::MpSampleStream(const SampleStreamOptions& options,
                               std::unique_ptr<PoolChannel> pool)
    : SampleStream(InputFingerprint(options)),
      stall_timeout_(
          std::get<MpWorkerOptions>(options.worker_options).stall_timeout),
      pool_(std::move(pool)),
      landing_(options.landing),
      // What must lie in other memory is not kept in the channel's.
      keeps_in_place_(landing_.allocate == nullptr),
      buffers_(/*max_idle=*/2, landing_.allocate) {}

absl::Status MpSampleStream::BeginEpoch(
    uint64_t epoch, absl::Span<const v1::EpochProgress> had) {
  is_running_ = false;
  deaths_ = 0;
  // An epoch that goes on in the stream it ran in is its next attempt: the pool
  // takes an attempt that it knows for a call that came twice.
  const bool goes_on = ledger_.has_value() && ledger_->epoch() == epoch;
  const uint32_t attempt = goes_on ? ledger_->attempt() + 1 : 0;
  ledger_.emplace(/*channel_id=*/0, epoch, batches(), attempt);
  absl::Status status;
  if (had.size() > 1) {
    status = absl::InvalidArgumentError(absl::StrCat(
        "cursor: is of ", had.size(),
        " servers, but this loader has a sampler pool of its own; go on with "
        "the same workers"));
  } else if (!had.empty()) {
    status = ledger_->Restore(had[0]);
  }
  if (status.ok()) status = StartAttempt();
  if (!status.ok()) ledger_.reset();
  is_running_ = status.ok();
  return status;
}

absl::Status MpSampleStream::TryAttempt() {
  if (!pool_->is_connected()) FAIRLEAD_RETURN_IF_ERROR(pool_->Connect());
  return pool_->StartEpoch(*ledger_);
}

absl::Status MpSampleStream::StartAttempt() {
  while (true) {
    const absl::Status status = TryAttempt();
    if (!rpc::MayBeLostConnection(status)) return status;
    FAIRLEAD_RETURN_IF_ERROR(OnDeath(status));
  }
}

absl::Status MpSampleStream::OnDeath(const absl::Status& why) {
  pool_->Kill();
  ++stats_.recoveries;
  ledger_->NextAttempt();
  if (++deaths_ < kMostDeaths) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat(
      pool_->Name(), ": died ", deaths_,
      " times without a batch between; the log says why, and this is how it "
      "was noticed: ",
      std::string(why.message())));
}

absl::Status MpSampleStream::OnSilence() {
  const absl::StatusOr<v1::ChannelDescription> channel =
      pool_->Describe(stall_timeout_);
  if (!channel.ok()) {
    if (!rpc::MayBeLostConnection(channel.status())) return channel.status();
    FAIRLEAD_RETURN_IF_ERROR(OnDeath(channel.status()));
    return StartAttempt();
  }
  // Whether the pool waits for room that only the trainer can give.
  if (pool_->kept().messages == 0 ||
      channel->state() != v1::CHANNEL_STATE_PARKED ||
      channel->buffer_messages() != 0) {
    return absl::OkStatus();
  }
  keeps_in_place_ = false;
  pool_->Disconnect();
  ++stats_.recoveries;
  ledger_->NextAttempt();
  return StartAttempt();
}

absl::StatusOr<std::optional<ReceivedBatch>> MpSampleStream::Next() {
  if (!ledger_.has_value()) {
    return absl::FailedPreconditionError(
        "no epoch runs; call StartEpoch first");
  }
  const absl::Duration before = clock_.MonotonicNow();
  while (is_running_) {
    absl::StatusOr<std::unique_ptr<KeptMessage>> message =
        pool_->Receive(kLifeCheck);
    if (message.ok()) {
      absl::StatusOr<std::optional<ReceivedBatch>> taken =
          Take(*std::move(message));
      if (taken.ok() && !taken->has_value()) continue;
      const absl::Duration now = clock_.MonotonicNow();
      stats_.waited += now - before;
      if (taken.ok()) (*taken)->consumed = now;
      return taken;
    }
    absl::Status status;
    if (absl::IsDeadlineExceeded(message.status())) {
      status = OnSilence();
    } else {
      status = OnDeath(message.status());
      if (status.ok()) status = StartAttempt();
    }
    if (!status.ok()) {
      is_running_ = false;
      stats_.missing += ledger_->num_missing();
      return status;
    }
  }
  return std::nullopt;
}

absl::StatusOr<std::optional<ReceivedBatch>> MpSampleStream::Take(
    std::unique_ptr<KeptMessage> kept) {
  const std::optional<ChannelMessageTag> tag =
      ChannelMessageTag::Decode(kept->tag());
  if (!tag.has_value()) {
    return absl::DataLossError(absl::StrCat(
        pool_->Name(), ": a message has a tag that no pool writes"));
  }
  if (tag->epoch != ledger_->epoch() || tag->attempt != ledger_->attempt()) {
    ++stats_.stale;
    return std::nullopt;
  }
  const auto length = static_cast<int>(kept->bytes().size());
  if (tag->kind == ChannelMessageTag::Kind::kBatch) {
    return TakeBatch(std::move(kept));
  }
  if (tag->kind == ChannelMessageTag::Kind::kBatchError) {
    v1::BatchError error;
    if (!error.ParseFromArray(kept->bytes().data(), length)) {
      return absl::DataLossError(absl::StrCat(
          pool_->Name(), ": sent a batch error that cannot be read"));
    }
    std::vector<v1::BatchRange> booked;
    ledger_->OnBatchError(error, &booked);
    for (const v1::BatchRange& range : booked) {
      stats_.failed += range.end() - range.begin();
    }
    deaths_ = 0;
    return ToStatus(error);
  }
  is_running_ = false;
  v1::EpochEnd end;
  end.ParseFromArray(kept->bytes().data(), length);
  stats_.missing += ledger_->num_missing();
  FAIRLEAD_RETURN_IF_ERROR(ledger_->OnEpochEnd(end));
  return std::nullopt;
}

absl::StatusOr<std::optional<ReceivedBatch>> MpSampleStream::TakeBatch(
    std::unique_ptr<KeptMessage> message) {
  deaths_ = 0;
  const absl::Span<const uint8_t> bytes = message->bytes();
  std::shared_ptr<const uint8_t> buffer;
  // (It counts itself already.)
  if (keeps_in_place_ && pool_->kept().messages <= PoolChannel::kMostKept &&
      pool_->kept().bytes <= pool_->capacity() / PoolChannel::kKeptPart) {
    const std::shared_ptr<KeptMessage> shared = std::move(message);
    buffer = std::shared_ptr<const uint8_t>(shared, bytes.data());
  } else {
    FAIRLEAD_ASSIGN_OR_RETURN(std::shared_ptr<uint8_t> copy,
                              buffers_.Take(bytes.size()));
    std::memcpy(copy.get(), bytes.data(), bytes.size());
    buffer = std::move(copy);
  }
  FAIRLEAD_ASSIGN_OR_RETURN(EncodedBatch batch,
                            DecodeBatch(std::move(buffer), bytes.size()));
  // Booked once it is where it is wanted: until then a cursor lacks it.
  FAIRLEAD_RETURN_IF_ERROR(Land(landing_, batch));
  switch (ledger_->OnBatch(batch.message.header, batch.seed_digest)) {
    case EpochLedger::Verdict::kNew:
      break;
    case EpochLedger::Verdict::kDuplicate:
      ++stats_.duplicates;
      return std::nullopt;
    case EpochLedger::Verdict::kStale:
      ++stats_.stale;
      return std::nullopt;
    case EpochLedger::Verdict::kForeign:
      return absl::DataLossError(absl::StrCat(
          pool_->Name(),
          ": sent a batch of another channel, or beyond the epoch's "
          "last"));
  }
  ++stats_.batches;
  stats_.bytes += batch.bytes;
  ReceivedBatch received = ToReceived(std::move(batch), clock_.MonotonicNow());
  // Nothing takes it from the channel before the trainer asks for it.
  received.consumed = received.received;
  return std::optional<ReceivedBatch>(std::move(received));
}

absl::StatusOr<bool> MpSampleStream::IsAllMade() const {
  if (!is_running_) return at_end();
  FAIRLEAD_ASSIGN_OR_RETURN(const v1::ChannelDescription channel,
                            pool_->Describe(stall_timeout_));
  return channel.state() == v1::CHANNEL_STATE_IDLE;
}

absl::StatusOr<std::vector<v1::EpochProgress>> MpSampleStream::progress()
    const {
  if (!ledger_.has_value()) {
    return absl::FailedPreconditionError(
        "no epoch runs; call StartEpoch first");
  }
  return std::vector<v1::EpochProgress>{ledger_->ProgressWithout({})};
}

ReceiveStats MpSampleStream::stats() const {
  ReceiveStats stats = stats_;
  stats.queued = pool_->queued();
  return stats;
}

}  // namespace fairlead
