#ifndef FAIRLEAD_LIBS_RPC_SERVER_H_
#define FAIRLEAD_LIBS_RPC_SERVER_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "grpcpp/grpcpp.h"

namespace fairlead::rpc {

struct ServerOptions {
  std::string listen;  // host:port; port 0 takes a free one
};

// A gRPC server with health checking and reflection on, unlimited message
// size, and a port that nobody shares.
class Server {
 public:
  // `services` must outlive the server. UNAVAILABLE, naming the address, if
  // the port is in use; INVALID_ARGUMENT if `listen` is no host:port.
  static absl::StatusOr<std::unique_ptr<Server>> Start(
      const ServerOptions& options,
      const std::vector<grpc::Service*>& services);
  virtual ~Server() = default;  // stops at once

  virtual const std::string& address() const = 0;  // host:port, with the port taken

  // What the health service says from now on.
  virtual void SetServing(bool serving) = 0;

  // Refuses new calls and gives the open ones `grace` to end; then cancels.
  virtual void Drain(absl::Duration grace) = 0;
};

}  // namespace fairlead::rpc

#endif  // FAIRLEAD_LIBS_RPC_SERVER_H_
