#ifndef FAIRLEAD_LIBS_PARTITION_CLIENT_REGISTRY_PEERS_H_
#define FAIRLEAD_LIBS_PARTITION_CLIENT_REGISTRY_PEERS_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/partition_client/peer_source.h"

namespace grpc {
class Channel;
}

namespace fairlead::rpc {
class Security;
}

namespace fairlead {

// The sampler pools of a dataset that the registry knows. Thread-safe.
class RegistryPeers final : public PeerSource {
 public:
  // `registry` is its host:port; null `security` is plain text.
  RegistryPeers(const std::string& registry,
                const std::shared_ptr<rpc::Security>& security,
                std::string dataset_name);

  void List(
      std::function<void(absl::StatusOr<std::vector<Peer>>)> done) override;

 private:
  const std::string dataset_name_;
  const std::shared_ptr<grpc::Channel> registry_;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_PARTITION_CLIENT_REGISTRY_PEERS_H_
