#ifndef FAIRLEAD_LIBS_PARTITION_CLIENT_PEER_SOURCE_H_
#define FAIRLEAD_LIBS_PARTITION_CLIENT_PEER_SOURCE_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace fairlead {

// Who serves a partition: one of its replicas.
struct Peer {
  uint32_t partition = 0;
  std::string address;  // host:port of its gRPC service
};

// Says who serves what, as of now. Thread-safe.
class PeerSource {
 public:
  virtual ~PeerSource() = default;

  // Calls `done`, once, on any thread, maybe before it returns.
  virtual void List(
      std::function<void(absl::StatusOr<std::vector<Peer>>)> done) = 0;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_PARTITION_CLIENT_PEER_SOURCE_H_
