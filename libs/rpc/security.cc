#include "libs/rpc/security.h"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "grpc/grpc_security_constants.h"
#include "grpcpp/security/auth_context.h"
#include "grpcpp/security/auth_metadata_processor.h"
#include "grpcpp/security/credentials.h"
#include "grpcpp/security/server_credentials.h"
#include "grpcpp/security/tls_certificate_provider.h"
#include "grpcpp/security/tls_certificate_verifier.h"
#include "grpcpp/security/tls_credentials_options.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/status.h"
#include "libs/rpc/status_conversion.h"
#include "libs/security/access.h"
#include "libs/security/certificate.h"
#include "libs/security/identity.h"
#include "libs/security/tokens.h"
#include "libs/security/watched_file.h"
#include "libs/status/status_macros.h"

namespace fairlead::rpc {
namespace {

using ::fairlead::security::Identity;
using ::fairlead::security::Role;
using ::grpc::experimental::CertificateVerifier;
using ::grpc::experimental::ExternalCertificateVerifier;
using ::grpc::experimental::TlsCustomVerificationCheckRequest;

constexpr char kAuthorization[] = "authorization";
constexpr char kBearer[] = "Bearer ";

absl::string_view ToView(grpc::string_ref text) {
  return {text.data(), text.size()};
}

// Looks at who a server is, once its certificate has been found good. Hosts'
// names say nothing here: an address is what a member told the registry.
class PeerVerifier final : public ExternalCertificateVerifier {
 public:
  PeerVerifier(Peer peer, Identity self)
      : peer_(peer), self_(std::move(self)) {}

  bool Verify(TlsCustomVerificationCheckRequest* request,
              std::function<void(grpc::Status)> /*callback*/,
              grpc::Status* sync_status) override {
    std::vector<std::string> uris;
    for (const grpc::string_ref& uri : request->uri_names()) {
      uris.emplace_back(uri.data(), uri.size());
    }
    *sync_status = ToGrpcStatus(Check(uris));
    return true;  // and no callback
  }
  void Cancel(TlsCustomVerificationCheckRequest* /*request*/) override {}

 private:
  absl::Status Check(const std::vector<std::string>& uris) const {
    const absl::StatusOr<Identity> found = security::IdentityOfUris(uris);
    if (!found.ok()) {
      return absl::UnauthenticatedError(
          absl::StrCat("the server: ", std::string(found.status().message())));
    }
    const bool is_expected = peer_ == Peer::kOwnJob
                                 ? *found == self_
                                 : found->role == Role::kRegistry ||
                                       found->role == Role::kPool ||
                                       found->role == Role::kGateway;
    if (is_expected) return absl::OkStatus();
    return absl::UnauthenticatedError(
        absl::StrCat("the server is ", security::ToString(*found), ", and ",
                     peer_ == Peer::kOwnJob ? security::ToString(self_)
                                            : "a registry, pool or gateway",
                     " was expected"));
  }

  const Peer peer_;
  const Identity self_;
};

// Shows a server the client's token, with each call.
class TokenShower final : public grpc::MetadataCredentialsPlugin {
 public:
  explicit TokenShower(std::shared_ptr<security::OwnToken> token)
      : token_(std::move(token)) {}

  // (The file is read at times.)
  bool IsBlocking() const override { return true; }
  grpc::Status GetMetadata(
      grpc::string_ref /*service_url*/, grpc::string_ref /*method_name*/,
      const grpc::AuthContext& /*channel_auth_context*/,
      std::multimap<std::string, std::string>* metadata) override {
    metadata->emplace(kAuthorization, absl::StrCat(kBearer, token_->Get()));
    return grpc::Status::OK;
  }
  std::string DebugString() override { return "a token"; }

 private:
  const std::shared_ptr<security::OwnToken> token_;
};

// Asks of each call, before anything else sees it, whether it may be made.
class CallChecker final : public grpc::AuthMetadataProcessor {
 public:
  CallChecker(std::shared_ptr<Security> security, Refusals* refusals)
      : security_(std::move(security)), refusals_(refusals) {}

  bool IsBlocking() const override { return false; }
  grpc::Status Process(const InputMetadata& metadata,
                       grpc::AuthContext* context, OutputMetadata* /*consumed*/,
                       OutputMetadata* /*response*/) override {
    const auto path = metadata.find(":path");
    if (path == metadata.end()) {
      return {grpc::StatusCode::UNIMPLEMENTED, "the call names no method"};
    }
    const auto authorization = metadata.find(kAuthorization);
    const absl::StatusOr<Identity> caller =
        security_->Identify(*context, authorization == metadata.end()
                                          ? absl::string_view()
                                          : ToView(authorization->second));
    const absl::Status status = security::CheckAccess(
        ToView(path->second), caller.ok() ? *caller : Identity(),
        security_->self());
    if (refusals_ != nullptr) refusals_->Count(status);
    return ToGrpcStatus(absl::IsUnauthenticated(status) ? caller.status()
                                                        : status);
  }

 private:
  const std::shared_ptr<Security> security_;
  Refusals* const refusals_;
};

}  // namespace

Security::Security(const SecurityOptions& options) : options_(options) {}

Security::~Security() = default;

absl::StatusOr<std::shared_ptr<Security>> Security::Create(
    const SecurityOptions& options) {
  // The constructor is private, so std::make_shared cannot call it.
  std::shared_ptr<Security> made(new Security(options));
  if (options.tls_ca.empty()) {
    return absl::InvalidArgumentError(
        "--tls_ca: must be given with --tls_cert, --tls_key, --tokens and "
        "--token_file");
  }
  if (options.tls_cert.empty() != options.tls_key.empty()) {
    return absl::InvalidArgumentError(
        "--tls_cert, --tls_key: one is of no use without the other");
  }
  if (options.tls_cert.empty() == options.token_file.empty()) {
    return absl::InvalidArgumentError(
        "--tls_cert, --token_file: give one of the two");
  }
  if (options.refresh < absl::Seconds(1)) {
    return absl::InvalidArgumentError("--tls_refresh: must be at least 1s");
  }
  FAIRLEAD_RETURN_IF_ERROR(security::ReadSmallFile(options.tls_ca).status());
  const auto seconds =
      static_cast<unsigned>(absl::ToInt64Seconds(options.refresh));
  if (options.tls_cert.empty()) {
    FAIRLEAD_ASSIGN_OR_RETURN(
        made->own_token_,
        security::OwnToken::Open(options.token_file, options.refresh,
                                 made->clock_));
    made->provider_ =
        std::make_shared<grpc::experimental::FileWatcherCertificateProvider>(
            options.tls_ca, seconds);
  } else {
    FAIRLEAD_ASSIGN_OR_RETURN(const std::string certificate,
                              security::ReadSmallFile(options.tls_cert));
    FAIRLEAD_ASSIGN_OR_RETURN(const std::string key,
                              security::ReadSmallFile(options.tls_key));
    FAIRLEAD_ASSIGN_OR_RETURN(
        const security::OwnCertificate own,
        security::ReadOwnCertificate(certificate, key, made->clock_.Now()));
    made->self_ = own.identity;
    made->provider_ =
        std::make_shared<grpc::experimental::FileWatcherCertificateProvider>(
            options.tls_key, options.tls_cert, options.tls_ca, seconds);
  }
  if (!options.tokens.empty()) {
    FAIRLEAD_ASSIGN_OR_RETURN(
        made->tokens_,
        security::Tokens::Open(options.tokens, options.refresh, made->clock_));
  }
  return made;
}

std::shared_ptr<grpc::ChannelCredentials> Security::ChannelCredentials(
    Peer peer) {
  grpc::experimental::TlsChannelCredentialsOptions options;
  options.set_certificate_provider(provider_);
  options.watch_root_certs();
  if (own_token_ == nullptr) options.watch_identity_key_cert_pairs();
  options.set_verify_server_certs(true);
  if (peer == Peer::kHost) {
    options.set_certificate_verifier(
        std::make_shared<grpc::experimental::HostNameCertificateVerifier>());
  } else {
    options.set_certificate_verifier(
        ExternalCertificateVerifier::Create<PeerVerifier>(peer, self_));
    options.set_check_call_host(false);
  }
  std::shared_ptr<grpc::ChannelCredentials> credentials =
      grpc::experimental::TlsCredentials(options);
  if (own_token_ == nullptr || peer == Peer::kHost) return credentials;
  return grpc::CompositeChannelCredentials(
      credentials, grpc::MetadataCredentialsFromPlugin(
                       std::make_unique<TokenShower>(own_token_)));
}

absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>>
Security::ServerCredentials(Refusals* refusals) {
  if (own_token_ != nullptr) {
    return absl::FailedPreconditionError(
        "--tls_cert: must be given by whoever serves; a token is for clients");
  }
  grpc::experimental::TlsServerCredentialsOptions options(provider_);
  options.watch_root_certs();
  options.watch_identity_key_cert_pairs();
  // A certificate that is shown must be good. Who shows none, nor a token, is
  // told so by each call: a broken connection would not say why.
  options.set_cert_request_type(GRPC_SSL_REQUEST_CLIENT_CERTIFICATE_AND_VERIFY);
  std::shared_ptr<grpc::ServerCredentials> credentials =
      grpc::experimental::TlsServerCredentials(options);
  credentials->SetAuthMetadataProcessor(
      std::make_shared<CallChecker>(shared_from_this(), refusals));
  return credentials;
}

absl::StatusOr<Identity> Security::Identify(const grpc::AuthContext& connection,
                                            absl::string_view authorization) {
  if (!connection.FindPropertyValues(GRPC_X509_PEM_CERT_PROPERTY_NAME)
           .empty()) {
    std::vector<std::string> uris;
    for (const grpc::string_ref& uri :
         connection.FindPropertyValues(GRPC_PEER_URI_PROPERTY_NAME)) {
      uris.emplace_back(uri.data(), uri.size());
    }
    absl::StatusOr<Identity> identity = security::IdentityOfUris(uris);
    if (identity.ok()) return identity;
    return absl::UnauthenticatedError(
        absl::StrCat("the client: ", std::string(identity.status().message())));
  }
  absl::string_view token = authorization;
  if (!absl::ConsumePrefix(&token, kBearer)) {
    return absl::UnauthenticatedError(
        "the client shows neither a certificate (--tls_cert, --tls_key) nor a "
        "token (--token_file)");
  }
  Identity identity;
  if (tokens_ != nullptr) identity = tokens_->Find(token);
  if (identity.role != Role::kNobody) return identity;
  return absl::UnauthenticatedError(
      tokens_ == nullptr ? "the client shows a token, and this server has no "
                           "--tokens; show a certificate"
                         : "the client's token is none of the server's "
                           "--tokens; it may have been taken back");
}

std::vector<std::string> FlagsOf(const SecurityOptions& options) {
  std::vector<std::string> flags;
  for (const auto& [name, value] :
       {std::pair("tls_cert", options.tls_cert),
        std::pair("tls_key", options.tls_key),
        std::pair("tls_ca", options.tls_ca),
        std::pair("token_file", options.token_file),
        std::pair("tokens", options.tokens),
        std::pair("tls_refresh", absl::FormatDuration(options.refresh))}) {
    if (!value.empty()) flags.push_back(absl::StrCat("--", name, "=", value));
  }
  return flags;
}

std::optional<Identity> CallerOf(const std::shared_ptr<Security>& security,
                                 const grpc::ServerContextBase& context) {
  if (security == nullptr) return std::nullopt;
  const auto authorization = context.client_metadata().find(kAuthorization);
  return security
      ->Identify(*context.auth_context(),
                 authorization == context.client_metadata().end()
                     ? absl::string_view()
                     : ToView(authorization->second))
      .value_or(Identity());
}

std::string ClientOf(const std::shared_ptr<Security>& security,
                     const grpc::ServerContextBase& context) {
  const std::optional<Identity> caller = CallerOf(security, context);
  if (caller.has_value() && caller->role == Role::kTrainer) {
    return security::ToString(*caller);
  }
  const std::string peer = context.peer();  // ipv4:10.0.0.1:4711
  const std::string host = peer.substr(0, peer.rfind(':'));
  return caller.has_value()
             ? absl::StrCat(security::ToString(*caller), " at ", host)
             : host;
}

}  // namespace fairlead::rpc
