#ifndef FAIRLEAD_SERVICES_CHANNEL_GATEWAY_CHANNEL_ATTACHER_H_
#define FAIRLEAD_SERVICES_CHANNEL_GATEWAY_CHANNEL_ATTACHER_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "libs/rpc/security.h"
#include "libs/sync/mutex.h"
#include "protos/fairlead/v1/registry.grpc.pb.h"
#include "protos/fairlead/v1/sampler_pool.grpc.pb.h"
#include "services/channel_gateway/delivery.h"

namespace fairlead {

// Finds channels in the cluster: asks the registry which sampler pool serves
// one, and that pool for its segment. No thread waits for the answers.
// Thread-safe.
class ChannelAttacher final : public ChannelFinder {
 public:
  // `shm_domain` is this gateway's (libs/shm_channel/shm_domain.h).
  // Null `security` is plain text.
  ChannelAttacher(const std::string& registry,
                  std::shared_ptr<rpc::Security> security,
                  std::string shm_domain);

  // Waits for the calls under way; each has a deadline.
  ~ChannelAttacher() override;

  // UNAVAILABLE if the registry or the pool is away, or the pool does not share
  // this host's shared memory folder; NOT_FOUND if there is no such channel.
  // The pool is asked only if `may_attach` of what the registry says.
  void Find(uint64_t channel_id, const v1::Doorbell& wake_consumer,
            Check may_attach, Callback done) override;

 private:
  struct Search;

  void OnResolved(std::shared_ptr<Search> search, const grpc::Status& status);
  void AskPool(std::shared_ptr<Search> search);
  void End(std::shared_ptr<Search> search,
           absl::StatusOr<ChannelAttachment> found);

  const std::shared_ptr<rpc::Security> security_;
  const std::unique_ptr<v1::RegistryService::Stub> registry_;
  const std::string shm_domain_;

  Mutex mutex_;
  int under_way_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<std::string, std::shared_ptr<v1::SamplerPoolService::Stub>> pools_
      ABSL_GUARDED_BY(mutex_);  // by address
};

}  // namespace fairlead

#endif  // FAIRLEAD_SERVICES_CHANNEL_GATEWAY_CHANNEL_ATTACHER_H_
