#ifndef FAIRLEAD_LIBS_RPC_REFUSALS_H_
#define FAIRLEAD_LIBS_RPC_REFUSALS_H_

#include <atomic>
#include <cstdint>

#include "absl/status/status.h"

namespace fairlead::rpc {

// How often a server has refused its clients: for who they are, or for how much
// they have already. (Of messages and headers that are too large it does not
// know: gRPC refuses these before it sees them.) Thread-safe.
class Refusals {
 public:
  // Counts it if it is one.
  void Count(const absl::Status& status) {
    if (absl::IsUnauthenticated(status)) unauthenticated_.fetch_add(1);
    if (absl::IsPermissionDenied(status)) permission_denied_.fetch_add(1);
    if (absl::IsResourceExhausted(status)) resource_exhausted_.fetch_add(1);
  }

  // By the status that was answered.
  uint64_t unauthenticated() const { return unauthenticated_.load(); }
  uint64_t permission_denied() const { return permission_denied_.load(); }
  uint64_t resource_exhausted() const { return resource_exhausted_.load(); }

 private:
  std::atomic<uint64_t> unauthenticated_ = 0;
  std::atomic<uint64_t> permission_denied_ = 0;
  std::atomic<uint64_t> resource_exhausted_ = 0;
};

}  // namespace fairlead::rpc

#endif  // FAIRLEAD_LIBS_RPC_REFUSALS_H_
