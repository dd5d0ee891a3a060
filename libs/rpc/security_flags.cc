#include "libs/rpc/security_flags.h"

#include <memory>
#include <optional>
#include <string>

#include "absl/flags/flag.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "libs/rpc/security.h"
#include "libs/security/identity.h"
#include "libs/status/status_macros.h"

ABSL_FLAG(std::string, tls_cert, "",
          "PEM file: the certificate that this program shows others, whose "
          "subject alternative names have a URI such as "
          "fairlead://role/trainer/JOB; see libs/security/README.md. Without "
          "it, nothing is encrypted and nobody asked who they are.");
ABSL_FLAG(std::string, tls_key, "", "PEM file: the key of --tls_cert.");
ABSL_FLAG(std::string, tls_ca, "",
          "PEM file: certificates of the authorities that others' certificates "
          "must be of.");
ABSL_FLAG(absl::Duration, tls_refresh, absl::Seconds(10),
          "How often it is looked whether the files of TLS and tokens were "
          "replaced.");
ABSL_FLAG(std::string, token_file, "",
          "File with a trainer's token, which it shows in place of a "
          "certificate: then --tls_ca alone is needed.");

namespace fairlead::rpc {

SecurityOptions SecurityOptionsFromFlags() {
  return {.tls_cert = absl::GetFlag(FLAGS_tls_cert),
          .tls_key = absl::GetFlag(FLAGS_tls_key),
          .tls_ca = absl::GetFlag(FLAGS_tls_ca),
          .token_file = absl::GetFlag(FLAGS_token_file),
          .tokens = {},
          .refresh = absl::GetFlag(FLAGS_tls_refresh)};
}

absl::StatusOr<std::shared_ptr<Security>> MakeSecurity(
    const SecurityOptions& options, std::optional<security::Role> role) {
  if (options.tls_cert.empty() && options.tls_key.empty() &&
      options.tls_ca.empty() && options.token_file.empty() &&
      options.tokens.empty()) {
    return std::shared_ptr<Security>();
  }
  FAIRLEAD_ASSIGN_OR_RETURN(std::shared_ptr<Security> security,
                            Security::Create(options));
  if (role.has_value() && !options.tls_cert.empty() &&
      security->self().role != *role) {
    return absl::FailedPreconditionError(absl::StrCat(
        "--tls_cert=", options.tls_cert, ": is that of ",
        security::ToString(security->self()), "; this program needs one of ",
        security::ToString({.role = *role, .job = "JOB"})));
  }
  return security;
}

}  // namespace fairlead::rpc
