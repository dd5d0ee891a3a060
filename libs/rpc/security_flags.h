#ifndef FAIRLEAD_LIBS_RPC_SECURITY_FLAGS_H_
#define FAIRLEAD_LIBS_RPC_SECURITY_FLAGS_H_

#include <optional>

#include "absl/status/status.h"
#include "libs/rpc/security.h"
#include "libs/security/identity.h"

namespace fairlead::rpc {

// The flags --tls_cert, --tls_key, --tls_ca, --tls_refresh and --token_file of
// every program that links this.
SecurityOptions SecurityOptionsFromFlags();

// Makes what `options` say the security of this process (SetProcessSecurity);
// nothing if they say nothing. FAILED_PRECONDITION if the certificate is of
// another role than `role`, where one is given; otherwise as Security::Create.
absl::Status UseSecurity(const SecurityOptions& options,
                         std::optional<security::Role> role = std::nullopt);

}  // namespace fairlead::rpc

#endif  // FAIRLEAD_LIBS_RPC_SECURITY_FLAGS_H_
