#ifndef FAIRLEAD_LIBS_RPC_CLIENTS_H_
#define FAIRLEAD_LIBS_RPC_CLIENTS_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "grpcpp/server_context.h"
#include "libs/rpc/open_streams.h"
#include "libs/rpc/refusals.h"
#include "libs/rpc/security.h"
#include "libs/security/identity.h"

namespace fairlead::rpc {

// The clients of a server, as its services see them: who calls, how many
// streams each has open, and how often they were refused. Main makes it before
// the services and the server, which it must outlive. Thread-safe.
class Clients {
 public:
  // `security` is the server's: null without TLS.
  Clients(std::shared_ptr<Security> security, int64_t max_streams_per_client)
      : security_(std::move(security)), streams_(max_streams_per_client) {}

  // See libs/rpc/security.h.
  std::optional<security::Identity> CallerOf(
      const grpc::ServerContextBase& context) const {
    return rpc::CallerOf(security_, context);
  }

  // A place for one more stream of whoever makes this call. Errors as
  // OpenStreams::Open, and counted.
  absl::StatusOr<OpenStreams::Place> OpenStream(
      const grpc::ServerContextBase& context) {
    absl::StatusOr<OpenStreams::Place> place =
        streams_.Open(ClientOf(security_, context));
    refusals_.Count(place.status());
    return place;
  }

  // To be told of what a service refuses by itself.
  Refusals& refusals() { return refusals_; }

 private:
  const std::shared_ptr<Security> security_;
  OpenStreams streams_;
  Refusals refusals_;
};

}  // namespace fairlead::rpc

#endif  // FAIRLEAD_LIBS_RPC_CLIENTS_H_
