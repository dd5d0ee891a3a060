#ifndef FAIRLEAD_LIBS_RPC_SECURITY_FLAGS_H_
#define FAIRLEAD_LIBS_RPC_SECURITY_FLAGS_H_

#include <memory>
#include <optional>

#include "absl/status/statusor.h"
#include "libs/rpc/security.h"
#include "libs/security/identity.h"

namespace fairlead::rpc {

// The flags --tls_cert, --tls_key, --tls_ca, --tls_refresh and --token_file of
// every program that links this.
SecurityOptions SecurityOptionsFromFlags();

// Security as `options` say; null if they say nothing. FAILED_PRECONDITION if
// the certificate is of another role than `role`, where one is given; otherwise
// as Security::Create.
absl::StatusOr<std::shared_ptr<Security>> MakeSecurity(
    const SecurityOptions& options,
    std::optional<security::Role> role = std::nullopt);

// The same as the flags say.
inline absl::StatusOr<std::shared_ptr<Security>> SecurityFromFlags(
    std::optional<security::Role> role = std::nullopt) {
  return MakeSecurity(SecurityOptionsFromFlags(), role);
}

}  // namespace fairlead::rpc

#endif  // FAIRLEAD_LIBS_RPC_SECURITY_FLAGS_H_
