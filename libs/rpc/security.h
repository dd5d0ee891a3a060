#ifndef FAIRLEAD_LIBS_RPC_SECURITY_H_
#define FAIRLEAD_LIBS_RPC_SECURITY_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "libs/clock/clock.h"
#include "libs/rpc/refusals.h"
#include "libs/security/identity.h"

// Everything that speaks gRPC names a Security, and most of it no more: what
// these are is for security.cc.
namespace grpc {
class AuthContext;
class ChannelCredentials;
class ServerContextBase;
class ServerCredentials;
namespace experimental {
class CertificateProviderInterface;
}  // namespace experimental
}  // namespace grpc

namespace fairlead::security {
class OwnToken;
class Tokens;
}  // namespace fairlead::security

namespace fairlead::rpc {

// Files of one process, in PEM form; see libs/security/README.md.
struct SecurityOptions {
  std::string tls_cert;  // its certificate, and those between it and the CA's
  std::string tls_key;
  std::string tls_ca;      // whom it trusts
  std::string token_file;  // a trainer's, in place of certificate and key
  std::string tokens;      // a server's: those that it takes
  // How often it is looked whether the files are others.
  absl::Duration refresh = absl::Seconds(10);
};

// Whom a client expects to find at an address.
enum class Peer {
  kService,  // a registry, pool or gateway
  kOwnJob,   // another process of the trainer's own job
  kHost,     // another program, by the name of its host: etcd
};

// What a process shows others over TLS, and whom it believes. Connections made
// after the files have changed use what they hold then; those that are open go
// on. Thread-safe.
//
// Main makes one, if any, and hands it to whatever makes channels or servers:
// options that name an address have a field for it. Null there is plain text,
// for one host alone.
class Security : public std::enable_shared_from_this<Security> {
 public:
  // INVALID_ARGUMENT, naming the flag, if files are missing that are needed, or
  // do not go together; FAILED_PRECONDITION if the certificate has expired;
  // NOT_FOUND or PERMISSION_DENIED for a file that cannot be read.
  static absl::StatusOr<std::shared_ptr<Security>> Create(
      const SecurityOptions& options);
  ~Security();

  const SecurityOptions& options() const { return options_; }

  // Who this process is: nobody, if it has a token alone.
  const security::Identity& self() const { return self_; }

  std::shared_ptr<grpc::ChannelCredentials> ChannelCredentials(Peer peer);

  // Every call is checked against the table of libs/security/access.h before
  // its method sees it, and `refusals`, if not null, told of those that are
  // refused: it must outlive the server. FAILED_PRECONDITION without a
  // certificate.
  absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> ServerCredentials(
      Refusals* refusals = nullptr);

  // Who calls, by certificate or else by token. UNAUTHENTICATED, saying what is
  // missing.
  absl::StatusOr<security::Identity> Identify(
      const grpc::AuthContext& connection, absl::string_view authorization);

 private:
  explicit Security(const SecurityOptions& options);

  const RealClock clock_;
  const SecurityOptions options_;
  security::Identity self_;
  std::unique_ptr<security::Tokens> tokens_;       // may be null
  std::shared_ptr<security::OwnToken> own_token_;  // may be null
  std::shared_ptr<grpc::experimental::CertificateProviderInterface> provider_;
};

// The flags that give a program that this one starts the same security.
std::vector<std::string> FlagsOf(const SecurityOptions& options);

// Who makes this call of a server with that security: nobody if it cannot be
// told. Null where there is no TLS: then everybody is anybody, and may do
// anything.
std::optional<security::Identity> CallerOf(
    const std::shared_ptr<Security>& security,
    const grpc::ServerContextBase& context);

// What tells clients apart: the job of a trainer; otherwise the host, and over
// TLS the role.
std::string ClientOf(const std::shared_ptr<Security>& security,
                     const grpc::ServerContextBase& context);

}  // namespace fairlead::rpc

#endif  // FAIRLEAD_LIBS_RPC_SECURITY_H_
