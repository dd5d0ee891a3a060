#include "libs/loader/dist_server.h"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "google/protobuf/util/time_util.h"
#include "grpcpp/grpcpp.h"
#include "libs/rpc/channel.h"
#include "libs/rpc/status_conversion.h"
#include "libs/status/status_macros.h"

namespace fairlead {
namespace {

// The gateway says that nothing came a little before the call would end.
constexpr absl::Duration kToAnswer = absl::Seconds(10);

FetchedMessage ReadEnd(const v1::EpochEnd& end) {
  using Answer = FetchedMessage::Answer;
  if (!end.cancelled()) return {.answer = Answer::kDone, .epoch_end = end};
  return {.answer = Answer::kCancelled,
          .epoch_end = end,
          .status = absl::CancelledError(
              absl::StrCat("channel ", end.channel_id(), ": epoch ",
                           end.epoch(), " was cancelled; start the next"))};
}

FetchedMessage Read(v1::FetchMessageResponse response) {
  using Answer = FetchedMessage::Answer;
  v1::ReceiveResponse& message = *response.mutable_message();
  if (message.has_batch()) {
    return {.answer = Answer::kMessage,
            .message = std::move(*message.mutable_batch())};
  }
  if (message.has_epoch_end()) return ReadEnd(message.epoch_end());
  const v1::BatchError& error = message.batch_error();
  return {.status = absl::Status(
              static_cast<absl::StatusCode>(error.code()),
              absl::StrCat("channel ", error.channel_id(), ": batch ",
                           error.batch_index(), " of epoch ", error.epoch(),
                           " was not made: ", error.message()))};
}

FetchedMessage NotRead(absl::Status status) {
  using Answer = FetchedMessage::Answer;
  return {.answer = absl::IsNotFound(status)           ? Answer::kGone
                    : absl::IsDeadlineExceeded(status) ? Answer::kNotYet
                                                       : Answer::kFailed,
          .status = std::move(status)};
}

std::vector<float> Scales(const v1::RowsMeta& rows) {
  return {rows.scale().begin(), rows.scale().end()};
}

}  // namespace

std::map<std::string, std::vector<float>>
DistServer::GetNodeQuantizationMetadata() const {
  std::map<std::string, std::vector<float>> scales;
  for (const auto& [type, rows] : dataset_.node_feature_info()) {
    if (rows.scale_size() > 0) scales[type] = Scales(rows);
  }
  return scales;
}

std::map<EdgeTypeName, std::vector<float>>
DistServer::GetEdgeQuantizationMetadata() const {
  std::map<EdgeTypeName, std::vector<float>> scales;
  for (const auto& [type, rows] : dataset_.edge_feature_info()) {
    if (rows.scale_size() > 0) scales[type] = Scales(rows);
  }
  return scales;
}

absl::StatusOr<uint64_t> DistServer::InitSamplingBackend(
    const std::string& backend_key, const v1::BackendOptions& options) {
  v1::InitSamplingBackendRequest request;
  request.set_backend_key(backend_key);
  *request.mutable_options() = options;
  FAIRLEAD_ASSIGN_OR_RETURN(const v1::InitSamplingBackendResponse response,
                            session_.InitSamplingBackend(std::move(request)));
  return response.backend_id();
}

absl::StatusOr<uint64_t> DistServer::RegisterSamplingInput(
    v1::RegisterSamplingInputRequest request) {
  request.set_server_rank(dataset_.server_rank(server_));
  const std::string worker_key = request.worker_key();
  FAIRLEAD_ASSIGN_OR_RETURN(const v1::RegisterSamplingInputResponse response,
                            session_.RegisterSamplingInput(std::move(request)));
  MutexLock lock(&mutex_);
  std::shared_ptr<GatewayStub>& gateway = gateways_[response.gateway_address()];
  if (gateway == nullptr) {
    gateway = v1::ChannelGatewayService::NewStub(
        rpc::MakeChannel(response.gateway_address(), session_.security()));
  }
  channels_[response.channel_id()] = {.worker_key = worker_key,
                                      .gateway = gateway};
  return response.channel_id();
}

absl::Status DistServer::DestroySamplingInput(uint64_t channel_id) {
  FAIRLEAD_RETURN_IF_ERROR(session_.DestroySamplingInput(channel_id));
  MutexLock lock(&mutex_);
  channels_.erase(channel_id);
  return absl::OkStatus();
}

absl::Status DistServer::StartNewEpochSampling(uint64_t channel_id,
                                               uint64_t epoch) {
  v1::StartEpochRequest request;
  request.set_channel_id(channel_id);
  request.set_epoch(epoch);
  FAIRLEAD_ASSIGN_OR_RETURN(const v1::StartEpochResponse response,
                            session_.StartEpoch(request));
  MutexLock lock(&mutex_);
  const auto it = channels_.find(channel_id);
  if (it == channels_.end()) return absl::OkStatus();
  if (it->second.epoch != response.epoch()) it->second.end.reset();
  it->second.epoch = response.epoch();
  it->second.attempt = response.attempt();
  return absl::OkStatus();
}

FetchedMessage DistServer::Fetch(uint64_t channel_id, absl::Duration wait) {
  v1::FetchMessageRequest request;
  request.set_channel_id(channel_id);
  *request.mutable_wait() =
      google::protobuf::util::TimeUtil::NanosecondsToDuration(
          absl::ToInt64Nanoseconds(wait));
  std::shared_ptr<GatewayStub> gateway;
  {
    MutexLock lock(&mutex_);
    const auto it = channels_.find(channel_id);
    if (it == channels_.end()) {
      return NotRead(absl::NotFoundError(
          absl::StrCat("channel ", channel_id,
                       ": was not registered here, or is destroyed")));
    }
    if (it->second.end.has_value()) return ReadEnd(*it->second.end);
    gateway = it->second.gateway;
    request.set_epoch(it->second.epoch);
    request.set_attempt(it->second.attempt);
  }
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + wait + kToAnswer));
  v1::FetchMessageResponse response;
  absl::Status status =
      rpc::ToAbslStatus(gateway->Fetch(&context, request, &response));
  if (!status.ok()) return NotRead(std::move(status));
  FetchedMessage fetched = Read(std::move(response));
  if (!fetched.epoch_end.has_value()) return fetched;
  // The gateway says it once; whoever asks again is to hear the same.
  MutexLock lock(&mutex_);
  const auto it = channels_.find(channel_id);
  if (it != channels_.end() && it->second.epoch == fetched.epoch_end->epoch()) {
    it->second.end = fetched.epoch_end;
  }
  return fetched;
}

absl::StatusOr<std::pair<std::optional<v1::SampleMessage>, bool>>
DistServer::FetchOneSampledMessage(uint64_t channel_id, absl::Duration wait) {
  using Answer = FetchedMessage::Answer;
  FetchedMessage fetched = Fetch(channel_id, wait);
  switch (fetched.answer) {
    case Answer::kMessage:
      return std::pair(std::move(fetched.message), false);
    case Answer::kDone:
    case Answer::kCancelled:
    case Answer::kGone:
      return std::pair(std::optional<v1::SampleMessage>(), true);
    case Answer::kNotYet:
    case Answer::kFailed:
      break;
  }
  return fetched.status;
}

absl::StatusOr<uint64_t> DistServer::CreateSamplingProducer(
    v1::RegisterSamplingInputRequest input, const v1::BackendOptions& options) {
  if (input.worker_key().empty()) {
    MutexLock lock(&mutex_);
    input.set_worker_key(absl::StrCat(session_.member_name(), "/producer-",
                                      server_, "-", producers_++));
  }
  FAIRLEAD_ASSIGN_OR_RETURN(const uint64_t backend_id,
                            InitSamplingBackend(input.worker_key(), options));
  input.set_backend_id(backend_id);
  return RegisterSamplingInput(std::move(input));
}

bool DistServer::Exit() {
  MutexLock lock(&mutex_);
  was_told_to_exit_ = true;
  return true;
}

bool DistServer::WaitForExit(absl::Time deadline) const {
  MutexLock lock(&mutex_);
  return mutex_.AwaitWithDeadline(absl::Condition(&was_told_to_exit_),
                                  deadline);
}

absl::StatusOr<std::vector<DistServer::Leaked>> DistServer::Shutdown(
    bool strict) {
  std::vector<Leaked> leaked;
  {
    MutexLock lock(&mutex_);
    for (const auto& [id, channel] : channels_) {
      leaked.push_back({id, channel.worker_key});
    }
    channels_.clear();
  }
  absl::Status status;
  for (const Leaked& channel : leaked) {
    status.Update(session_.DestroySamplingInput(channel.channel_id));
  }
  FAIRLEAD_RETURN_IF_ERROR(status);
  if (!strict || leaked.empty()) return leaked;
  return absl::FailedPreconditionError(absl::StrCat(
      "leaked_channels=", leaked.size(),
      ": these were not destroyed by who registered them: ",
      absl::StrJoin(leaked, ", ", [](std::string* out, const Leaked& channel) {
        absl::StrAppend(out, channel.channel_id, " (", channel.worker_key, ")");
      })));
}

}  // namespace fairlead
