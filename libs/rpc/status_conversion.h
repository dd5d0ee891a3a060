#ifndef FAIRLEAD_LIBS_RPC_STATUS_CONVERSION_H_
#define FAIRLEAD_LIBS_RPC_STATUS_CONVERSION_H_

#include <string>

#include "absl/status/status.h"
#include "grpcpp/support/status.h"

namespace fairlead::rpc {

// The one place where the two meet. Their codes are the same numbers.

inline grpc::Status ToGrpcStatus(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  return {static_cast<grpc::StatusCode>(status.code()),
          std::string(status.message())};
}

inline absl::Status ToAbslStatus(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  return {static_cast<absl::StatusCode>(status.error_code()),
          status.error_message()};
}

}  // namespace fairlead::rpc

#endif  // FAIRLEAD_LIBS_RPC_STATUS_CONVERSION_H_
