#include "libs/loader/fake_cluster.h"

#include <cstdint>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "gtest/gtest.h"
#include "libs/random/philox.h"
#include "libs/rpc/server.h"
#include "libs/rpc/status_conversion.h"

namespace fairlead {
namespace {

template <typename T>
std::string BytesOf(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()),
          values.size() * sizeof(T)};
}

std::vector<int64_t> SeedsOf(uint64_t batch_index) {
  const auto first = static_cast<int64_t>(batch_index) * 10;
  return {first, first + 1};
}

}  // namespace

FakeTensor::FakeTensor(std::string name, std::vector<int64_t> values)
    : spec{std::move(name),
           v1::DTYPE_INT64,
           {static_cast<int64_t>(values.size())}},
      bytes(BytesOf(values)) {}

FakeTensor::FakeTensor(std::string name, std::vector<int64_t> values,
                       int64_t columns)
    : spec{std::move(name),
           v1::DTYPE_INT64,
           {static_cast<int64_t>(values.size()) / columns, columns}},
      bytes(BytesOf(values)) {}

FakeTensor::FakeTensor(std::string name, std::vector<float> values,
                       int64_t columns)
    : spec{std::move(name),
           v1::DTYPE_FLOAT32,
           {static_cast<int64_t>(values.size()) / columns, columns}},
      bytes(BytesOf(values)) {}

FakeTensor::FakeTensor(std::string name, std::vector<double> values,
                       int64_t columns)
    : spec{std::move(name),
           v1::DTYPE_FLOAT64,
           {static_cast<int64_t>(values.size()) / columns, columns}},
      bytes(BytesOf(values)) {}

std::string EncodeMessage(const v1::MessageHeader& header,
                          const std::vector<FakeTensor>& tensors) {
  std::vector<TensorSpec> specs;
  specs.reserve(tensors.size());
  for (const FakeTensor& tensor : tensors) specs.push_back(tensor.spec);
  const auto layout = MessageLayout::Plan(header, specs);
  EXPECT_TRUE(layout.ok()) << layout.status();
  std::string message(layout->total_bytes(), '\0');
  const absl::Span<uint8_t> bytes(reinterpret_cast<uint8_t*>(message.data()),
                                  message.size());
  layout->WriteFrame(bytes);
  for (size_t i = 0; i < tensors.size(); ++i) {
    if (tensors[i].bytes.empty()) continue;
    std::memcpy(layout->tensor_bytes(bytes, static_cast<int>(i)).data(),
                tensors[i].bytes.data(), tensors[i].bytes.size());
  }
  return message;
}

FakeCluster::Stream::Stream(FakeCluster* cluster, Rpc* rpc,
                            v1::Subscribe subscribe)
    : cluster_(cluster),
      rpc_(rpc),
      subscribe_(std::move(subscribe)),
      granted_(subscribe_.credit().messages()) {
  MutexLock lock(&cluster_->mutex_);
  const Channel& channel = cluster_->channels_[subscribe_.channel_id()];
  batches_ = channel.batches;
  for (const v1::BatchRange& range : channel.last.held()) {
    for (uint64_t i = range.begin(); i < range.end(); ++i) held_.insert(i);
  }
}

bool FakeCluster::Stream::IsHeld(uint64_t batch_index) const {
  return held_.count(batch_index) > 0;
}

v1::MessageHeader FakeCluster::Stream::MakeHeader(uint64_t batch_index) const {
  v1::MessageHeader header;
  header.set_channel_id(subscribe_.channel_id());
  header.set_epoch(subscribe_.epoch());
  header.set_attempt(subscribe_.attempt());
  header.set_batch_index(batch_index);
  return header;
}

bool FakeCluster::Stream::SendBatch(uint64_t batch_index) {
  std::vector<FakeTensor> tensors;
  if (cluster_->options_.tensors != nullptr) {
    tensors = cluster_->options_.tensors(batch_index);
  } else {
    const std::vector<int64_t> seeds = SeedsOf(batch_index);
    tensors = {{"#IS_HETERO", {0}},
               {"ids", seeds},
               {"rows", {0}},
               {"cols", {1}},
               {"batch", seeds}};
  }
  return SendEncoded(EncodeMessage(MakeHeader(batch_index), tensors));
}

bool FakeCluster::Stream::SendEncoded(const std::string& message) {
  if (!AwaitCredit(sent_ + 1)) return false;
  ++sent_;
  // Field 2, length-delimited: kept as bytes, so that malformed ones get out.
  v1::ReceiveResponse response;
  if (!response.mutable_batch()->ParseFromString(message) ||
      response.batch().SerializeAsString() != message) {
    ADD_FAILURE() << "not a SampleMessage as protobuf writes it";
    return false;
  }
  response.mutable_delivery()->set_sent_ns(sent_);
  response.mutable_delivery()->set_timeline(cluster_->options_.timelines);
  return Send(response);
}

bool FakeCluster::Stream::SendError(uint64_t batch_index,
                                    const absl::Status& status) {
  if (!AwaitCredit(sent_ + 1)) return false;
  ++sent_;
  v1::ReceiveResponse response;
  v1::BatchError& error = *response.mutable_batch_error();
  error.set_channel_id(subscribe_.channel_id());
  error.set_epoch(subscribe_.epoch());
  error.set_attempt(subscribe_.attempt());
  error.set_batch_index(batch_index);
  error.set_code(static_cast<int>(status.code()));
  error.set_message(std::string(status.message()));
  return Send(response);
}

v1::EpochEnd FakeCluster::Stream::MakeEnd() const {
  v1::EpochEnd end;
  end.set_channel_id(subscribe_.channel_id());
  end.set_epoch(subscribe_.epoch());
  end.set_attempt(subscribe_.attempt());
  end.set_batches(batches());
  uint64_t digest = 0;
  for (uint64_t i = 0; i < batches(); ++i) {
    for (const int64_t seed : SeedsOf(i)) digest += SplitMix64(seed);
  }
  end.set_seed_digest(digest);
  return end;
}

bool FakeCluster::Stream::SendEnd() { return SendEnd(MakeEnd()); }

bool FakeCluster::Stream::SendEnd(const v1::EpochEnd& end) {
  v1::ReceiveResponse response;
  *response.mutable_epoch_end() = end;
  return Send(response);
}

bool FakeCluster::Stream::SendAll() {
  for (uint64_t i = 0; i < batches(); ++i) {
    if (!IsHeld(i) && !SendBatch(i)) return false;
  }
  return SendEnd();
}

bool FakeCluster::Stream::ReadCredit() {
  v1::ReceiveRequest request;
  if (!rpc_->Read(&request)) return false;
  granted_ += request.credit().messages();
  MutexLock lock(&cluster_->mutex_);
  cluster_->consumed_.insert(cluster_->consumed_.end(),
                             request.consumed().begin(),
                             request.consumed().end());
  return true;
}

bool FakeCluster::Stream::AwaitCredit(uint64_t messages) {
  while (granted_ < messages) {
    if (!ReadCredit()) return false;
  }
  return true;
}

grpc::Status FakeCluster::Stream::AwaitClose() {
  while (ReadCredit()) {
  }
  return grpc::Status::CANCELLED;
}

FakeCluster::FakeCluster(Options options) : options_(std::move(options)) {
  auto server = rpc::Server::Start(
      {.listen = "127.0.0.1:0"},
      {static_cast<v1::RegistryService::Service*>(this),
       static_cast<v1::ChannelGatewayService::Service*>(this)});
  EXPECT_TRUE(server.ok()) << server.status();
  server_ = *std::move(server);
}

FakeCluster::~FakeCluster() { server_.reset(); }

void FakeCluster::DestroyChannels() {
  MutexLock lock(&mutex_);
  channels_.clear();
}

void FakeCluster::EndLeases() {
  DestroyChannels();
  MutexLock lock(&mutex_);
  members_.clear();
}

size_t FakeCluster::num_members() const {
  MutexLock lock(&mutex_);
  return members_.size();
}

std::set<uint64_t> FakeCluster::channels() const {
  MutexLock lock(&mutex_);
  std::set<uint64_t> ids;
  for (const auto& [id, channel] : channels_) ids.insert(id);
  return ids;
}

std::vector<v1::StartEpochRequest> FakeCluster::started() const {
  MutexLock lock(&mutex_);
  return started_;
}

std::vector<v1::ConsumedBatch> FakeCluster::consumed() const {
  MutexLock lock(&mutex_);
  return consumed_;
}

std::vector<v1::RegisterSamplingInputRequest> FakeCluster::registered() const {
  MutexLock lock(&mutex_);
  return registered_;
}

grpc::Status FakeCluster::Join(grpc::ServerContext* /*context*/,
                               const v1::JoinRequest* request,
                               v1::JoinResponse* response) {
  MutexLock lock(&mutex_);
  EXPECT_EQ(request->role(), v1::ROLE_TRAINER);
  const uint64_t id = next_id_++;
  members_.insert(id);
  response->set_member_id(id);
  response->mutable_lease()->set_seconds(3600);
  return grpc::Status::OK;
}

grpc::Status FakeCluster::Heartbeat(
    grpc::ServerContext* /*context*/,
    grpc::ServerReaderWriter<v1::HeartbeatResponse, v1::HeartbeatRequest>*
        stream) {
  v1::HeartbeatRequest beat;
  v1::HeartbeatResponse response;
  response.mutable_lease()->set_seconds(3600);
  while (stream->Read(&beat)) {
    {
      MutexLock lock(&mutex_);
      if (members_.count(beat.member_id()) == 0) {
        return {grpc::StatusCode::NOT_FOUND, "no such member"};
      }
    }
    stream->Write(response);
  }
  return grpc::Status::OK;
}

grpc::Status FakeCluster::Leave(grpc::ServerContext* /*context*/,
                                const v1::LeaveRequest* request,
                                v1::LeaveResponse* /*response*/) {
  MutexLock lock(&mutex_);
  members_.erase(request->member_id());
  return grpc::Status::OK;
}

grpc::Status FakeCluster::ListMembers(grpc::ServerContext* /*context*/,
                                      const v1::ListMembersRequest* request,
                                      v1::ListMembersResponse* response) {
  EXPECT_EQ(request->role(), v1::ROLE_SAMPLER_POOL);
  for (int rank = 0; rank < options_.pools; ++rank) {
    response->add_members()->set_rank(rank);
  }
  return grpc::Status::OK;
}

grpc::Status FakeCluster::InitSamplingBackend(
    grpc::ServerContext* /*context*/,
    const v1::InitSamplingBackendRequest* request,
    v1::InitSamplingBackendResponse* response) {
  MutexLock lock(&mutex_);
  if (members_.count(request->member_id()) == 0) {
    return {grpc::StatusCode::NOT_FOUND, "no such member"};
  }
  response->set_backend_id(1);
  return grpc::Status::OK;
}

grpc::Status FakeCluster::RegisterSamplingInput(
    grpc::ServerContext* /*context*/,
    const v1::RegisterSamplingInputRequest* request,
    v1::RegisterSamplingInputResponse* response) {
  if (options_.on_register != nullptr) {
    const absl::Status status = options_.on_register(*request);
    if (!status.ok()) return rpc::ToGrpcStatus(status);
  }
  MutexLock lock(&mutex_);
  if (members_.count(request->member_id()) == 0) {
    return {grpc::StatusCode::NOT_FOUND, "no such member"};
  }
  registered_.push_back(*request);
  uint64_t& id = by_worker_[{request->worker_key(), request->server_rank()}];
  response->set_existed(channels_.count(id) != 0);
  if (!response->existed()) {
    id = next_id_++;
    const auto own = options_.batches_of_pool.find(request->server_rank());
    channels_[id].batches =
        own == options_.batches_of_pool.end() ? options_.batches : own->second;
  }
  response->set_channel_id(id);
  response->set_gateway_address(server_->address());
  response->set_batches(channels_[id].batches);
  response->set_seeds(channels_[id].batches * 2);
  return grpc::Status::OK;
}

grpc::Status FakeCluster::StartEpoch(grpc::ServerContext* /*context*/,
                                     const v1::StartEpochRequest* request,
                                     v1::StartEpochResponse* response) {
  if (options_.on_start_epoch != nullptr) {
    const absl::Status status = options_.on_start_epoch(*request);
    if (!status.ok()) return rpc::ToGrpcStatus(status);
  }
  MutexLock lock(&mutex_);
  const auto channel = channels_.find(request->channel_id());
  if (channel == channels_.end()) {
    return {grpc::StatusCode::NOT_FOUND, "no such channel"};
  }
  v1::StartEpochRequest& last = channel->second.last;
  if (!channel->second.started ||
      std::pair(request->epoch(), request->attempt()) >
          std::pair(last.epoch(), last.attempt())) {
    last = *request;
    channel->second.started = true;
    started_.push_back(*request);
  }
  response->set_epoch(last.epoch());
  response->set_attempt(last.attempt());
  response->set_batches(channel->second.batches);
  return grpc::Status::OK;
}

grpc::Status FakeCluster::DestroySamplingInput(
    grpc::ServerContext* /*context*/,
    const v1::DestroySamplingInputRequest* request,
    v1::DestroySamplingInputResponse* /*response*/) {
  MutexLock lock(&mutex_);
  channels_.erase(request->channel_id());
  return grpc::Status::OK;
}

grpc::Status FakeCluster::DescribeChannel(
    grpc::ServerContext* /*context*/, const v1::DescribeChannelRequest* request,
    v1::DescribeChannelResponse* response) {
  MutexLock lock(&mutex_);
  const auto channel = channels_.find(request->channel_id());
  if (channel == channels_.end()) {
    return {grpc::StatusCode::NOT_FOUND, "no such channel"};
  }
  response->mutable_channel()->set_started(channel->second.started);
  return grpc::Status::OK;
}

grpc::Status FakeCluster::Receive(grpc::ServerContext* /*context*/,
                                  Stream::Rpc* rpc) {
  v1::ReceiveRequest request;
  if (!rpc->Read(&request) || !request.has_subscribe()) {
    return {grpc::StatusCode::INVALID_ARGUMENT, "not a Subscribe"};
  }
  Stream stream(this, rpc, request.subscribe());
  return options_.script(stream);
}

}  // namespace fairlead
