#include "libs/loader/pool_channel.h"

#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <memory>
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
#include "grpcpp/grpcpp.h"
#include "libs/cuda/device_options.h"
#include "libs/rpc/registry_address.h"
#include "libs/rpc/status_conversion.h"
#include "libs/shm_channel/shm_fsck.h"
#include "libs/status/status_macros.h"
#include "protos/fairlead/v1/messages.pb.h"
#include "protos/fairlead/v1/sampler_pool.grpc.pb.h"
#include "protos/fairlead/v1/sampler_pool.pb.h"

namespace fairlead {
namespace {

constexpr uint64_t kBytesPerWorker = 64 << 20;  // parity GL-081

// Most that the pool waits for one replica of another partition, before it asks
// the next: its own default.
constexpr absl::Duration kPeerDeadline = absl::Seconds(10);

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
  spec.mutable_options()->set_buffer_capacity(in_flight +
                                              PoolChannel::kMostKept);
  spec.mutable_options()->set_buffer_bytes(Capacity(workers));
  return spec;
}

// The registry whose pools have the other partitions; empty if there are none.
absl::StatusOr<std::string> PeersFrom(const DistDataset& dataset,
                                      const MpWorkerOptions& workers) {
  if (dataset.num_partitions() == 1) return workers.peers_from;
  absl::StatusOr<std::string> address =
      rpc::RegistryAddress(workers.peers_from);
  if (address.ok()) return address;
  return absl::InvalidArgumentError(absl::StrCat(
      "peers_from: dataset ", dataset.dataset().name(), " has ",
      dataset.num_partitions(),
      " partitions; name the registry whose sampler pools have the others (",
      std::string(address.status().message()), ")"));
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

using Stub = v1::SamplerPoolService::Stub;

template <typename Method, typename Request, typename Response>
absl::Status Call(const std::shared_ptr<grpc::Channel>& pool, Method method,
                  absl::Duration timeout, const Request& request,
                  Response* response) {
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + timeout));
  return rpc::ToAbslStatus((Stub(pool).*method)(&context, request, response));
}

}  // namespace

KeptMessage::KeptMessage(ShmMessage message,
                         std::shared_ptr<DoorbellRinger> producer,
                         uint32_t slot, std::shared_ptr<Total> total)
    : message_(std::move(message)),
      producer_(std::move(producer)),
      slot_(slot),
      total_(std::move(total)) {
  ++total_->messages;
  total_->bytes += bytes().size();
}

KeptMessage::~KeptMessage() {
  --total_->messages;
  total_->bytes -= bytes().size();
  message_.reset();
  producer_->Ring(slot_);
}

absl::StatusOr<std::unique_ptr<PoolChannel>> PoolChannel::Create(
    const DistDataset& dataset, const SampleStreamOptions& options) {
  const auto& workers = std::get<MpWorkerOptions>(options.worker_options);
  FAIRLEAD_ASSIGN_OR_RETURN(const std::string peers_from,
                            PeersFrom(dataset, workers));
  FAIRLEAD_ASSIGN_OR_RETURN(const std::string program,
                            FindSamplerPool(workers.sampler_pool_program));
  const cuda::DeviceOptions& device = dataset.device_options();
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
      absl::StrCat("--graph_mode=", device.graph_mode),
      absl::StrCat("--feature_with_gpu=", device.feature_with_gpu),
      absl::StrCat("--device=", device.device),
      absl::StrCat("--device_memory_budget=", device.memory_budget_bytes),
      absl::StrCat("--shm_dir=", workers.shm_dir),
      absl::StrCat("--shm_budget=", Capacity(workers)),
      "--memory_budget=0",  // the seeds are this trainer's own
      absl::StrCat("--feature_cache=", workers.feature_cache_bytes),
      absl::StrCat("--peers_from=", peers_from),
      absl::StrCat(
          "--peer_deadline=",
          absl::FormatDuration(std::min(workers.rpc_timeout, kPeerDeadline))),
      absl::StrCat("--peer_give_up=",
                   absl::FormatDuration(workers.rpc_timeout))};
  FAIRLEAD_ASSIGN_OR_RETURN(std::string log, MakeLog(workers.log_dir));
  // The constructor is private, so std::make_unique cannot call it.
  std::unique_ptr<PoolChannel> channel(
      new PoolChannel(options, std::move(argv), std::move(log)));
  FAIRLEAD_RETURN_IF_ERROR(channel->Connect());
  return channel;
}

PoolChannel::PoolChannel(const SampleStreamOptions& options,
                         std::vector<std::string> argv, std::string log)
    : workers_(std::get<MpWorkerOptions>(options.worker_options)),
      security_(options.security),
      argv_(std::move(argv)),
      log_(std::move(log)),
      spec_(SpecOf(options, workers_)) {}

PoolChannel::~PoolChannel() {
  consumer_.reset();
  pool_.reset();
  // One that was frozen could not end by itself, and has left its channel.
  FreeSegments(workers_.shm_dir).status().IgnoreError();
  if (keeps_log_) return;  // somebody may want to read it
  std::error_code ignored;
  std::filesystem::remove(log_, ignored);
}

std::string PoolChannel::Name() const {
  return absl::StrCat("sampler pool of this loader (log: ", log_, ")");
}

absl::Status PoolChannel::Connect() {
  if (pool_ == nullptr) {
    FAIRLEAD_ASSIGN_OR_RETURN(
        pool_, SamplerPoolProcess::Start(argv_, security_, log_,
                                         workers_.start_timeout));
  }
  spec_.set_channel_id(spec_.channel_id() + 1);
  v1::RegisterInputRequest input;
  *input.mutable_spec() = spec_;
  v1::RegisterInputResponse registered;
  FAIRLEAD_RETURN_IF_ERROR(Call(pool_->channel(), &Stub::RegisterInput,
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
  FAIRLEAD_RETURN_IF_ERROR(Call(pool_->channel(), &Stub::AttachConsumer,
                                workers_.rpc_timeout, attach, &attached));
  FAIRLEAD_ASSIGN_OR_RETURN(
      producer_,
      DoorbellRinger::Open(workers_.shm_dir, attached.wake_producer().name()));
  producer_slot_ = attached.wake_producer().slot();
  FAIRLEAD_ASSIGN_OR_RETURN(
      consumer_, ShmConsumer::Open(workers_.shm_dir, attached.segment()));
  kept_ = std::make_shared<KeptMessage::Total>();
  return absl::OkStatus();
}

absl::Status PoolChannel::StartEpoch(EpochLedger& ledger) {
  ledger.set_channel_id(spec_.channel_id());
  v1::StartEpochRequest request;
  request.set_channel_id(spec_.channel_id());
  request.set_epoch(ledger.epoch());
  request.set_attempt(ledger.attempt());
  for (const v1::BatchRange& range : ledger.held()) {
    *request.add_held() = range;
  }
  v1::StartEpochResponse response;
  return Call(pool_->channel(), &Stub::StartEpoch, workers_.rpc_timeout,
              request, &response);
}

absl::StatusOr<std::unique_ptr<KeptMessage>> PoolChannel::Receive(
    absl::Duration timeout) {
  FAIRLEAD_ASSIGN_OR_RETURN(ShmMessage message, consumer_->Receive(timeout));
  return std::make_unique<KeptMessage>(std::move(message), producer_,
                                       producer_slot_, kept_);
}

absl::StatusOr<v1::ChannelDescription> PoolChannel::Describe(
    absl::Duration timeout) const {
  if (pool_ == nullptr) {
    return absl::UnavailableError(absl::StrCat(Name(), ": is not there"));
  }
  v1::DescribeInputRequest request;
  request.set_channel_id(spec_.channel_id());
  v1::DescribeInputResponse response;
  FAIRLEAD_RETURN_IF_ERROR(Call(pool_->channel(), &Stub::DescribeInput, timeout,
                                request, &response));
  return std::move(*response.mutable_channel());
}

void PoolChannel::Disconnect() {
  keeps_log_ = true;
  consumer_.reset();
  v1::UnregisterInputRequest request;
  request.set_channel_id(spec_.channel_id());
  v1::UnregisterInputResponse response;
  // If it cannot be told, it is found dead next.
  Call(pool_->channel(), &Stub::UnregisterInput, workers_.rpc_timeout, request,
       &response)
      .IgnoreError();
}

void PoolChannel::Kill() {
  keeps_log_ = true;
  consumer_.reset();
  pool_.reset();
}

uint64_t PoolChannel::queued() const {
  return consumer_ == nullptr ? 0 : consumer_->stats().depth_messages;
}

}  // namespace fairlead
