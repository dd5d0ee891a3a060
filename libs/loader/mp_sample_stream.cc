#include "libs/loader/mp_sample_stream.h"

#include <stdlib.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "grpcpp/grpcpp.h"
#include "libs/loader/encoded_batch.h"
#include "libs/rpc/status_conversion.h"
#include "libs/status/status_macros.h"
#include "libs/tensor_message/message_tag.h"
#include "protos/fairlead/v1/messages.pb.h"
#include "protos/fairlead/v1/sampler_pool.pb.h"

namespace fairlead {
namespace {

constexpr int kMostDeaths = 3;
constexpr uint64_t kBytesPerWorker = 64 << 20;  // parity GL-081

// Tensors may stay in this many messages, which together take up no more than
// a part of the channel. Wherever these lie, the largest gap between them is
// as large as that part: batches that might stay always find room.
constexpr uint32_t kMostKept = 2;
constexpr uint64_t kKeptPart = 4;

// How often a stream that waits looks whether it is the pool that waits.
constexpr absl::Duration kLifeCheck = absl::Milliseconds(500);

uint64_t Capacity(const MpWorkerOptions& workers) {
  return workers.channel_size == 0 ? workers.num_workers * kBytesPerWorker
                                   : workers.channel_size;
}

v1::ChannelSpec SpecOf(const SampleStreamOptions& options,
                       const MpWorkerOptions& workers) {
  v1::ChannelSpec spec;
  spec.set_worker_key("multi-process");
  *spec.mutable_input() = options.seeds[0];
  *spec.mutable_config() = options.config;
  spec.set_failure_policy(options.failure_policy);
  const uint32_t in_flight = workers.num_workers * workers.worker_concurrency;
  spec.mutable_options()->set_worker_concurrency(in_flight);
  spec.mutable_options()->set_buffer_capacity(in_flight + kMostKept);
  spec.mutable_options()->set_buffer_bytes(Capacity(workers));
  return spec;
}

absl::StatusOr<std::string> MakeLog(std::string folder) {
  if (folder.empty()) {
    const char* tmp = getenv("TMPDIR");
    folder = tmp == nullptr ? "/tmp" : tmp;
  }
  std::string path = absl::StrCat(folder, "/fairlead-sampler-pool-XXXXXX");
  const int fd = mkstemp(path.data());
  if (fd < 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "log_dir: ", folder, ": cannot be written to: ", strerror(errno)));
  }
  close(fd);
  return path;
}

template <typename Method, typename Request, typename Response>
absl::Status Call(v1::SamplerPoolService::Stub& stub, Method method,
                  absl::Duration timeout, const Request& request,
                  Response* response) {
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + timeout));
  return rpc::ToAbslStatus((stub.*method)(&context, request, response));
}

using Stub = v1::SamplerPoolService::Stub;

// Whether a call that ended so found nobody who could answer it.
bool IsDeath(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kCancelled:
    case absl::StatusCode::kInternal:
    case absl::StatusCode::kUnknown:
      return true;
    default:
      return false;
  }
}

}  // namespace

// How much of a channel is kept. Outlives the stream with what is kept.
struct MpSampleStream::Kept {
  std::atomic<uint32_t> messages = 0;
  std::atomic<uint64_t> bytes = 0;
};

// A message in its place. Tells the pool when it goes; any thread.
class MpSampleStream::KeptMessage {
 public:
  KeptMessage(ShmMessage message, std::shared_ptr<DoorbellRinger> producer,
              uint32_t slot, std::shared_ptr<Kept> kept)
      : message_(std::move(message)),
        producer_(std::move(producer)),
        slot_(slot),
        kept_(std::move(kept)) {
    ++kept_->messages;
    kept_->bytes += bytes().size();
  }
  KeptMessage(const KeptMessage&) = delete;
  KeptMessage& operator=(const KeptMessage&) = delete;
  ~KeptMessage() {
    --kept_->messages;
    kept_->bytes -= bytes().size();
    message_.reset();
    producer_->Ring(slot_);
  }

  absl::Span<const uint8_t> bytes() const { return message_->bytes(); }
  const MessageTag& tag() const { return message_->tag(); }

 private:
  std::optional<ShmMessage> message_;
  const std::shared_ptr<DoorbellRinger> producer_;
  const uint32_t slot_;
  const std::shared_ptr<Kept> kept_;
};

absl::StatusOr<std::unique_ptr<MpSampleStream>> MpSampleStream::Create(
    const DistDataset& dataset, const SampleStreamOptions& options) {
  const auto& workers = std::get<MpWorkerOptions>(options.worker_options);
  if (dataset.num_partitions() > 1 && workers.peers_from.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "peers_from: must be given, since dataset ", dataset.dataset().name(),
        " has ", dataset.num_partitions(),
        " partitions; name the registry whose sampler pools have the others"));
  }
  FAIRLEAD_ASSIGN_OR_RETURN(const std::string program,
                            FindSamplerPool(workers.sampler_pool_program));
  std::vector<std::string> argv = {
      program,
      "--registry=",
      "--listen=127.0.0.1:0",
      "--metrics_listen=",
      "--end_with_parent",
      "--drain=1s",
      absl::StrCat("--dataset=", dataset.dataset().directory()),
      absl::StrCat("--partition=", dataset.partition_idx()),
      "--verify_dataset=false",  // this process has
      absl::StrCat("--workers=", workers.num_workers),
      absl::StrCat("--shm_dir=", workers.shm_dir),
      absl::StrCat("--shm_budget=", Capacity(workers)),
      "--memory_budget=0",  // the seeds are this trainer's own
      absl::StrCat("--feature_cache=", workers.feature_cache_bytes),
      absl::StrCat("--peers_from=", workers.peers_from)};
  FAIRLEAD_ASSIGN_OR_RETURN(std::string log, MakeLog(workers.log_dir));
  // The constructor is private, so std::make_unique cannot call it.
  std::unique_ptr<MpSampleStream> stream(
      new MpSampleStream(options, std::move(argv), std::move(log)));
  FAIRLEAD_RETURN_IF_ERROR(stream->Connect());
  return stream;
}

MpSampleStream::MpSampleStream(const SampleStreamOptions& options,
                               std::vector<std::string> argv, std::string log)
    : SampleStream(InputFingerprint(options)),
      workers_(std::get<MpWorkerOptions>(options.worker_options)),
      argv_(std::move(argv)),
      log_(std::move(log)),
      spec_(SpecOf(options, workers_)),
      buffers_(/*max_idle=*/2) {}

MpSampleStream::~MpSampleStream() {
  pool_.reset();
  if (stats_.recoveries > 0) return;  // somebody may want to read it
  std::error_code ignored;
  std::filesystem::remove(log_, ignored);
}

std::string MpSampleStream::Name() const {
  return absl::StrCat("sampler pool of this loader (log: ", log_, ")");
}

absl::Status MpSampleStream::Connect() {
  if (pool_ == nullptr) {
    FAIRLEAD_ASSIGN_OR_RETURN(
        pool_, SamplerPoolProcess::Start(argv_, log_, workers_.start_timeout));
  }
  spec_.set_channel_id(spec_.channel_id() + 1);
  v1::RegisterInputRequest input;
  *input.mutable_spec() = spec_;
  v1::RegisterInputResponse registered;
  FAIRLEAD_RETURN_IF_ERROR(Call(pool_->stub(), &Stub::RegisterInput,
                                workers_.rpc_timeout, input, &registered));
  batches_ = registered.batches();
  seeds_ = registered.seeds();
  // The stream waits on the channel itself, where it learns of a death too; a
  // doorbell there must be, until the pool has opened it.
  FAIRLEAD_ASSIGN_OR_RETURN(const std::unique_ptr<Doorbell> unheard,
                            Doorbell::Create(workers_.shm_dir));
  v1::AttachConsumerRequest attach;
  attach.set_channel_id(spec_.channel_id());
  attach.mutable_wake_consumer()->set_name(unheard->name());
  v1::AttachConsumerResponse attached;
  FAIRLEAD_RETURN_IF_ERROR(Call(pool_->stub(), &Stub::AttachConsumer,
                                workers_.rpc_timeout, attach, &attached));
  FAIRLEAD_ASSIGN_OR_RETURN(
      producer_,
      DoorbellRinger::Open(workers_.shm_dir, attached.wake_producer().name()));
  producer_slot_ = attached.wake_producer().slot();
  FAIRLEAD_ASSIGN_OR_RETURN(
      consumer_, ShmConsumer::Open(workers_.shm_dir, attached.segment()));
  kept_ = std::make_shared<Kept>();
  return absl::OkStatus();
}

absl::Status MpSampleStream::BeginEpoch(
    uint64_t epoch, absl::Span<const v1::EpochProgress> had) {
  is_running_ = false;
  deaths_ = 0;
  ledger_.emplace(/*channel_id=*/0, epoch, batches_);
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
  if (consumer_ == nullptr) FAIRLEAD_RETURN_IF_ERROR(Connect());
  ledger_->set_channel_id(spec_.channel_id());
  v1::StartEpochRequest request;
  request.set_channel_id(spec_.channel_id());
  request.set_epoch(ledger_->epoch());
  request.set_attempt(ledger_->attempt());
  for (const v1::BatchRange& range : ledger_->held()) {
    *request.add_held() = range;
  }
  v1::StartEpochResponse response;
  return Call(pool_->stub(), &Stub::StartEpoch, workers_.rpc_timeout, request,
              &response);
}

absl::Status MpSampleStream::StartAttempt() {
  while (true) {
    const absl::Status status = TryAttempt();
    if (!IsDeath(status)) return status;
    FAIRLEAD_RETURN_IF_ERROR(OnDeath(status));
  }
}

absl::Status MpSampleStream::OnDeath(const absl::Status& why) {
  consumer_.reset();
  pool_.reset();
  ++stats_.recoveries;
  ledger_->NextAttempt();
  if (++deaths_ < kMostDeaths) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat(
      Name(), ": died ", deaths_,
      " times without a batch between; the log says why, and this is how it "
      "was noticed: ",
      std::string(why.message())));
}

void MpSampleStream::LeaveChannel() {
  keeps_in_place_ = false;
  consumer_.reset();
  ++stats_.recoveries;
  ledger_->NextAttempt();
  v1::UnregisterInputRequest request;
  request.set_channel_id(spec_.channel_id());
  v1::UnregisterInputResponse response;
  // If it cannot be told, it is found dead next.
  Call(pool_->stub(), &Stub::UnregisterInput, workers_.rpc_timeout, request,
       &response)
      .IgnoreError();
}

absl::StatusOr<std::optional<ReceivedBatch>> MpSampleStream::Next() {
  if (!ledger_.has_value()) {
    return absl::FailedPreconditionError(
        "no epoch runs; call StartEpoch first");
  }
  const absl::Duration before = clock_.MonotonicNow();
  while (is_running_) {
    absl::StatusOr<ShmMessage> message = consumer_->Receive(kLifeCheck);
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
    if (!absl::IsDeadlineExceeded(message.status())) {
      status = OnDeath(message.status());
      if (status.ok()) status = StartAttempt();
    } else if (IsStuck()) {
      LeaveChannel();
      status = StartAttempt();
    }
    if (!status.ok()) {
      is_running_ = false;
      stats_.missing += ledger_->num_missing();
      return status;
    }
  }
  return std::nullopt;
}

bool MpSampleStream::IsStuck() const {
  if (kept_->messages == 0) return false;
  const absl::StatusOr<v1::ChannelDescription> channel = Describe();
  return channel.ok() && channel->state() == v1::CHANNEL_STATE_PARKED &&
         channel->buffer_messages() == 0;
}

absl::StatusOr<std::optional<ReceivedBatch>> MpSampleStream::Take(
    ShmMessage message) {
  auto kept = std::make_unique<KeptMessage>(std::move(message), producer_,
                                            producer_slot_, kept_);
  const std::optional<ChannelMessageTag> tag =
      ChannelMessageTag::Decode(kept->tag());
  if (!tag.has_value()) {
    return absl::DataLossError(
        absl::StrCat(Name(), ": a message has a tag that no pool writes"));
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
      return absl::DataLossError(
          absl::StrCat(Name(), ": sent a batch error that cannot be read"));
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
  const absl::Span<const uint8_t> bytes = message->bytes();
  std::shared_ptr<const uint8_t> buffer;
  // (It counts itself already.)
  if (keeps_in_place_ && kept_->messages <= kMostKept &&
      kept_->bytes <= Capacity(workers_) / kKeptPart) {
    const std::shared_ptr<KeptMessage> shared = std::move(message);
    buffer = std::shared_ptr<const uint8_t>(shared, bytes.data());
  } else {
    std::shared_ptr<uint8_t> copy = buffers_.Take(bytes.size());
    std::memcpy(copy.get(), bytes.data(), bytes.size());
    buffer = std::move(copy);
  }
  FAIRLEAD_ASSIGN_OR_RETURN(EncodedBatch batch,
                            DecodeBatch(std::move(buffer), bytes.size()));
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
          Name(),
          ": sent a batch of another channel, or beyond the epoch's "
          "last"));
  }
  deaths_ = 0;
  ReceivedBatch received;
  received.message = std::move(batch.message);
  received.buffer = std::move(batch.buffer);
  received.bytes = batch.bytes;
  // Nothing takes it from the channel before the trainer asks for it.
  received.received = clock_.MonotonicNow();
  received.consumed = received.received;
  ++stats_.batches;
  stats_.bytes += received.bytes;
  return std::optional<ReceivedBatch>(std::move(received));
}

absl::StatusOr<bool> MpSampleStream::IsAllMade() const {
  if (!is_running_) return at_end();
  FAIRLEAD_ASSIGN_OR_RETURN(const v1::ChannelDescription channel, Describe());
  return channel.state() == v1::CHANNEL_STATE_IDLE;
}

absl::StatusOr<v1::ChannelDescription> MpSampleStream::Describe() const {
  if (pool_ == nullptr) {
    return absl::UnavailableError(absl::StrCat(Name(), ": is not there"));
  }
  v1::DescribeInputRequest request;
  request.set_channel_id(spec_.channel_id());
  v1::DescribeInputResponse response;
  FAIRLEAD_RETURN_IF_ERROR(Call(pool_->stub(), &Stub::DescribeInput,
                                workers_.rpc_timeout, request, &response));
  return std::move(*response.mutable_channel());
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
  if (consumer_ != nullptr) stats.queued = consumer_->stats().depth_messages;
  return stats;
}

}  // namespace fairlead
