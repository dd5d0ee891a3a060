#ifndef FAIRLEAD_LIBS_LOADER_FAKE_CLUSTER_SERVICES_H_
#define FAIRLEAD_LIBS_LOADER_FAKE_CLUSTER_SERVICES_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "grpcpp/grpcpp.h"
#include "libs/loader/fake_cluster.h"
#include "libs/rpc/server.h"
#include "libs/sync/mutex.h"
#include "protos/fairlead/v1/channel_gateway.grpc.pb.h"
#include "protos/fairlead/v1/registry.grpc.pb.h"

namespace fairlead {

// The two services, and what they hold.
class FakeCluster::Services final : private v1::RegistryService::Service,
                                    private v1::ChannelGatewayService::Service {
 public:
  explicit Services(Options options);
  ~Services() override { server_.reset(); }

  const std::string& address() const { return server_->address(); }

  void DestroyChannels() ABSL_LOCKS_EXCLUDED(mutex_);
  void EndLeases() ABSL_LOCKS_EXCLUDED(mutex_);
  size_t num_members() const ABSL_LOCKS_EXCLUDED(mutex_);
  std::set<uint64_t> channels() const ABSL_LOCKS_EXCLUDED(mutex_);
  std::vector<v1::StartEpochRequest> started() const
      ABSL_LOCKS_EXCLUDED(mutex_);
  std::vector<v1::RegisterSamplingInputRequest> registered() const
      ABSL_LOCKS_EXCLUDED(mutex_);
  std::vector<v1::ConsumedBatch> consumed() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  friend class FakeCluster::Stream;

  struct Channel {
    uint64_t batches = 0;
    bool started = false;
    v1::StartEpochRequest last;
  };

  grpc::Status Join(grpc::ServerContext*, const v1::JoinRequest*,
                    v1::JoinResponse*) override;
  grpc::Status Heartbeat(
      grpc::ServerContext*,
      grpc::ServerReaderWriter<v1::HeartbeatResponse, v1::HeartbeatRequest>*)
      override;
  grpc::Status Leave(grpc::ServerContext*, const v1::LeaveRequest*,
                     v1::LeaveResponse*) override;
  grpc::Status ListMembers(grpc::ServerContext*, const v1::ListMembersRequest*,
                           v1::ListMembersResponse*) override;
  grpc::Status InitSamplingBackend(grpc::ServerContext*,
                                   const v1::InitSamplingBackendRequest*,
                                   v1::InitSamplingBackendResponse*) override;
  grpc::Status RegisterSamplingInput(
      grpc::ServerContext*, const v1::RegisterSamplingInputRequest*,
      v1::RegisterSamplingInputResponse*) override;
  grpc::Status StartEpoch(grpc::ServerContext*, const v1::StartEpochRequest*,
                          v1::StartEpochResponse*) override;
  grpc::Status DestroySamplingInput(grpc::ServerContext*,
                                    const v1::DestroySamplingInputRequest*,
                                    v1::DestroySamplingInputResponse*) override;
  grpc::Status DescribeChannel(grpc::ServerContext*,
                               const v1::DescribeChannelRequest*,
                               v1::DescribeChannelResponse*) override;
  grpc::Status Receive(grpc::ServerContext*, Stream::Rpc*) override;

  const Options options_;

  mutable Mutex mutex_;
  std::set<uint64_t> members_ ABSL_GUARDED_BY(mutex_);
  std::map<uint64_t, Channel> channels_ ABSL_GUARDED_BY(mutex_);
  std::map<std::pair<std::string, uint32_t>, uint64_t> by_worker_
      ABSL_GUARDED_BY(mutex_);
  std::vector<v1::StartEpochRequest> started_ ABSL_GUARDED_BY(mutex_);
  std::vector<v1::RegisterSamplingInputRequest> registered_
      ABSL_GUARDED_BY(mutex_);
  std::vector<v1::ConsumedBatch> consumed_ ABSL_GUARDED_BY(mutex_);
  uint64_t next_id_ ABSL_GUARDED_BY(mutex_) = 1;

  std::unique_ptr<rpc::Server> server_;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_LOADER_FAKE_CLUSTER_SERVICES_H_
