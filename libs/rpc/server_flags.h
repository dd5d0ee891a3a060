#ifndef FAIRLEAD_LIBS_RPC_SERVER_FLAGS_H_
#define FAIRLEAD_LIBS_RPC_SERVER_FLAGS_H_

#include <cstdint>
#include <memory>
#include <optional>

#include "absl/status/statusor.h"
#include "libs/rpc/server.h"
#include "libs/security/identity.h"

namespace fairlead::rpc {

// Flags that every server of ours has, besides those of security_flags.h:
// --listen is each one's own.

// As SecurityFromFlags, with --tokens.
absl::StatusOr<std::shared_ptr<Security>> ServerSecurityFromFlags(
    std::optional<security::Role> role);

// Everything but `listen`, `security` and `readiness`. `max_request_bytes` is
// what
// --max_request is by default. INVALID_ARGUMENT names the flag.
absl::StatusOr<ServerOptions> ServerOptionsFromFlags(
    uint64_t max_request_bytes);

// --max_streams_per_client.
int64_t MaxStreamsPerClientFromFlags();

}  // namespace fairlead::rpc

#endif  // FAIRLEAD_LIBS_RPC_SERVER_FLAGS_H_
