#include "services/channel_gateway/channel_attacher.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "grpcpp/grpcpp.h"
#include "libs/rpc/channel.h"
#include "libs/rpc/status_conversion.h"
#include "protos/fairlead/v1/registry.pb.h"
#include "protos/fairlead/v1/sampler_pool.pb.h"

namespace fairlead {
namespace {

constexpr std::chrono::seconds kDeadline(5);

}  // namespace

// One search, kept alive by the call that is under way for it.
struct ChannelAttacher::Search {
  uint64_t channel_id = 0;
  v1::Doorbell wake_consumer;
  Check may_attach;
  Callback done;

  grpc::ClientContext resolve_context;
  v1::ResolveChannelRequest resolve_request;
  v1::ResolveChannelResponse resolved;

  std::shared_ptr<v1::SamplerPoolService::Stub> pool;
  grpc::ClientContext attach_context;
  v1::AttachConsumerRequest attach_request;
  v1::AttachConsumerResponse attached;
};

ChannelAttacher::ChannelAttacher(const std::string& registry,
                                 std::shared_ptr<rpc::Security> security,
                                 std::string shm_domain)
    : security_(std::move(security)),
      registry_(
          v1::RegistryService::NewStub(rpc::MakeChannel(registry, security_))),
      shm_domain_(std::move(shm_domain)) {}

ChannelAttacher::~ChannelAttacher() {
  MutexLock lock(&mutex_);
  const auto is_idle = [](int* under_way) { return *under_way == 0; };
  mutex_.Await(absl::Condition(+is_idle, &under_way_));
}

void ChannelAttacher::Find(uint64_t channel_id,
                           const v1::Doorbell& wake_consumer, Check may_attach,
                           Callback done) {
  {
    MutexLock lock(&mutex_);
    ++under_way_;
  }
  auto search = std::make_shared<Search>();
  search->channel_id = channel_id;
  search->wake_consumer = wake_consumer;
  search->may_attach = std::move(may_attach);
  search->done = std::move(done);
  search->resolve_request.set_channel_id(channel_id);
  search->resolve_context.set_deadline(std::chrono::system_clock::now() +
                                       kDeadline);
  registry_->async()->ResolveChannel(
      &search->resolve_context, &search->resolve_request, &search->resolved,
      [this, search](const grpc::Status& status) {
        OnResolved(search, status);
      });
}

void ChannelAttacher::OnResolved(std::shared_ptr<Search> search,
                                 const grpc::Status& status) {
  if (!status.ok()) {
    End(search, absl::Status(static_cast<absl::StatusCode>(status.error_code()),
                             absl::StrCat("channel ", search->channel_id,
                                          ": the registry says: ",
                                          status.error_message())));
    return;
  }
  // First of all: whose channel it is not learns nothing else of it.
  const absl::Status may = search->may_attach(search->resolved.job());
  if (!may.ok()) {
    End(search, may);
  } else if (search->resolved.shm_domain() != shm_domain_) {
    // It may have moved: whoever asks the registry again finds it.
    End(search,
        absl::UnavailableError(absl::StrCat(
            "channel ", search->channel_id,
            ": its sampler pool does not share this gateway's --shm_dir; "
            "receive from the gateway that the registry names now")));
  } else {
    AskPool(search);
  }
}

void ChannelAttacher::AskPool(std::shared_ptr<Search> search) {
  {
    MutexLock lock(&mutex_);
    auto& stub = pools_[search->resolved.pool_address()];
    if (stub == nullptr) {
      stub = v1::SamplerPoolService::NewStub(
          rpc::MakeChannel(search->resolved.pool_address(), security_));
    }
    search->pool = stub;
  }
  search->attach_request.set_channel_id(search->channel_id);
  *search->attach_request.mutable_wake_consumer() = search->wake_consumer;
  search->attach_context.set_deadline(std::chrono::system_clock::now() +
                                      kDeadline);
  search->pool->async()->AttachConsumer(
      &search->attach_context, &search->attach_request, &search->attached,
      [this, search](const grpc::Status& status) {
        if (!status.ok()) {
          End(search,
              absl::Status(static_cast<absl::StatusCode>(status.error_code()),
                           absl::StrCat("channel ", search->channel_id,
                                        ": its sampler pool says: ",
                                        status.error_message())));
          return;
        }
        End(search, ChannelAttachment{search->attached.segment(),
                                      search->attached.wake_producer(),
                                      search->resolved.job()});
      });
}

void ChannelAttacher::End(std::shared_ptr<Search> search,
                          absl::StatusOr<ChannelAttachment> found) {
  search->done(std::move(found));
  MutexLock lock(&mutex_);
  --under_way_;
}

}  // namespace fairlead
