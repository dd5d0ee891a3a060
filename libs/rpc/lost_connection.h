#ifndef FAIRLEAD_LIBS_RPC_LOST_CONNECTION_H_
#define FAIRLEAD_LIBS_RPC_LOST_CONNECTION_H_

#include "absl/status/status.h"

namespace fairlead::rpc {

// Whether a call or stream that ended so may have lost its peer, or the way to
// it. Besides UNAVAILABLE, these are how a connection's death can look.
inline bool MayBeLostConnection(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kCancelled:
    case absl::StatusCode::kInternal:
    case absl::StatusCode::kUnknown:
      return true;
    default:
      return false;
  }
}

}  // namespace fairlead::rpc

#endif  // FAIRLEAD_LIBS_RPC_LOST_CONNECTION_H_
