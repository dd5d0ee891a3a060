// What a gateway's stream says, and the messages on it.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "libs/loader/fake_cluster.h"
#include "libs/loader/fake_cluster_services.h"
#include "libs/random/philox.h"
#include "libs/sync/mutex.h"
#include "libs/tensor_message/tensor_message.h"
#include "protos/fairlead/v1/channel_gateway.pb.h"
#include "protos/fairlead/v1/messages.pb.h"

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

FakeCluster::Stream::Stream(Services* cluster, Rpc* rpc,
                            v1::Subscribe subscribe)
    : cluster_(cluster),
      rpc_(rpc),
      subscribe_(std::move(subscribe)),
      granted_(subscribe_.credit().messages()) {
  MutexLock lock(&cluster_->mutex_);
  const Services::Channel& channel =
      cluster_->channels_[subscribe_.channel_id()];
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

bool FakeCluster::Stream::Send(const v1::ReceiveResponse& response) {
  return rpc_->Write(response);
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

}  // namespace fairlead
