#ifndef FAIRLEAD_LIBS_SECURITY_CERTIFICATE_H_
#define FAIRLEAD_LIBS_SECURITY_CERTIFICATE_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "libs/security/identity.h"

namespace fairlead::security {

// What a process should know of its certificate before it shows it to others.
struct OwnCertificate {
  Identity identity;
  absl::Time not_after;
};

// Reads the first certificate of `certificate_pem` and checks that `key_pem` is
// its key. INVALID_ARGUMENT, saying which of --tls_cert and --tls_key, if one
// is no PEM, they do not go together, or the certificate names nobody
// (IdentityOfUris); FAILED_PRECONDITION if it is not valid at `now`.
absl::StatusOr<OwnCertificate> ReadOwnCertificate(
    absl::string_view certificate_pem, absl::string_view key_pem,
    absl::Time now);

}  // namespace fairlead::security

#endif  // FAIRLEAD_LIBS_SECURITY_CERTIFICATE_H_
