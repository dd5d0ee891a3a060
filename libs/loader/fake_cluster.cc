#include "libs/loader/fake_cluster.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "libs/loader/fake_cluster_services.h"
#include "libs/rpc/server.h"
#include "libs/rpc/status_conversion.h"
#include "libs/sync/mutex.h"

namespace fairlead {

FakeCluster::Services::Services(Options options)
    : options_(std::move(options)) {
  auto server = rpc::Server::Start(
      {.listen = "127.0.0.1:0"},
      {static_cast<v1::RegistryService::Service*>(this),
       static_cast<v1::ChannelGatewayService::Service*>(this)});
  EXPECT_TRUE(server.ok()) << server.status();
  server_ = *std::move(server);
}

void FakeCluster::Services::DestroyChannels() {
  MutexLock lock(&mutex_);
  channels_.clear();
}

void FakeCluster::Services::EndLeases() {
  DestroyChannels();
  MutexLock lock(&mutex_);
  members_.clear();
}

size_t FakeCluster::Services::num_members() const {
  MutexLock lock(&mutex_);
  return members_.size();
}

std::set<uint64_t> FakeCluster::Services::channels() const {
  MutexLock lock(&mutex_);
  std::set<uint64_t> ids;
  for (const auto& [id, channel] : channels_) ids.insert(id);
  return ids;
}

std::vector<v1::StartEpochRequest> FakeCluster::Services::started() const {
  MutexLock lock(&mutex_);
  return started_;
}

std::vector<v1::ConsumedBatch> FakeCluster::Services::consumed() const {
  MutexLock lock(&mutex_);
  return consumed_;
}

std::vector<v1::RegisterSamplingInputRequest>
FakeCluster::Services::registered() const {
  MutexLock lock(&mutex_);
  return registered_;
}

grpc::Status FakeCluster::Services::Join(grpc::ServerContext* /*context*/,
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

grpc::Status FakeCluster::Services::Heartbeat(
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

grpc::Status FakeCluster::Services::Leave(grpc::ServerContext* /*context*/,
                                          const v1::LeaveRequest* request,
                                          v1::LeaveResponse* /*response*/) {
  MutexLock lock(&mutex_);
  members_.erase(request->member_id());
  return grpc::Status::OK;
}

grpc::Status FakeCluster::Services::ListMembers(
    grpc::ServerContext* /*context*/, const v1::ListMembersRequest* request,
    v1::ListMembersResponse* response) {
  EXPECT_EQ(request->role(), v1::ROLE_SAMPLER_POOL);
  for (int rank = 0; rank < options_.pools; ++rank) {
    response->add_members()->set_rank(rank);
  }
  return grpc::Status::OK;
}

grpc::Status FakeCluster::Services::InitSamplingBackend(
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

grpc::Status FakeCluster::Services::RegisterSamplingInput(
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

grpc::Status FakeCluster::Services::StartEpoch(
    grpc::ServerContext* /*context*/, const v1::StartEpochRequest* request,
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

grpc::Status FakeCluster::Services::DestroySamplingInput(
    grpc::ServerContext* /*context*/,
    const v1::DestroySamplingInputRequest* request,
    v1::DestroySamplingInputResponse* /*response*/) {
  MutexLock lock(&mutex_);
  channels_.erase(request->channel_id());
  return grpc::Status::OK;
}

grpc::Status FakeCluster::Services::DescribeChannel(
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

grpc::Status FakeCluster::Services::Receive(grpc::ServerContext* /*context*/,
                                            Stream::Rpc* rpc) {
  v1::ReceiveRequest request;
  if (!rpc->Read(&request) || !request.has_subscribe()) {
    return {grpc::StatusCode::INVALID_ARGUMENT, "not a Subscribe"};
  }
  Stream stream(this, rpc, request.subscribe());
  return options_.script(stream);
}

FakeCluster::FakeCluster(Options options)
    : services_(std::make_unique<Services>(std::move(options))) {}

FakeCluster::~FakeCluster() = default;

const std::string& FakeCluster::address() const { return services_->address(); }

void FakeCluster::DestroyChannels() { services_->DestroyChannels(); }

void FakeCluster::EndLeases() { services_->EndLeases(); }

size_t FakeCluster::num_members() const { return services_->num_members(); }

std::set<uint64_t> FakeCluster::channels() const {
  return services_->channels();
}

std::vector<v1::StartEpochRequest> FakeCluster::started() const {
  return services_->started();
}

std::vector<v1::RegisterSamplingInputRequest> FakeCluster::registered() const {
  return services_->registered();
}

std::vector<v1::ConsumedBatch> FakeCluster::consumed() const {
  return services_->consumed();
}

}  // namespace fairlead
