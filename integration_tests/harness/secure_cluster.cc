#include "integration_tests/harness/secure_cluster.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "grpcpp/grpcpp.h"
#include "grpcpp/security/tls_certificate_provider.h"
#include "grpcpp/security/tls_certificate_verifier.h"
#include "grpcpp/security/tls_credentials_options.h"
#include "integration_tests/harness/test_cluster.h"
#include "libs/rpc/security.h"
#include "libs/security/test_authority.h"
#include "libs/status/status_macros.h"

namespace fairlead::testing {
namespace {

rpc::SecurityOptions FilesIn(const std::string& folder) {
  return {.tls_cert = folder + "/tls.crt",
          .tls_key = folder + "/tls.key",
          .tls_ca = folder + "/ca.crt",
          .token_file = {},
          .tokens = {},
          .refresh = absl::Seconds(1)};
}

}  // namespace

absl::StatusOr<std::unique_ptr<SecureCluster>> SecureCluster::Start(
    TestCluster::Options options) {
  // The constructor is private, so std::make_unique cannot call it.
  std::unique_ptr<SecureCluster> secure(new SecureCluster());
  secure->folder_ = NewFolder();
  for (const auto& [identity, flags] :
       {std::pair("registry", &options.registry_flags),
        std::pair("pool", &options.pool_flags),
        std::pair("gateway", &options.gateway_flags)}) {
    const std::vector<std::string> tls = secure->FlagsOf(identity);
    flags->insert(flags->begin(), tls.begin(), tls.end());
  }
  FAIRLEAD_ASSIGN_OR_RETURN(secure->cluster_, TestCluster::Start(options));
  return secure;
}

std::string SecureCluster::FolderOf(absl::string_view identity) const {
  return absl::StrCat(folder_, "/", identity);
}

std::vector<std::string> SecureCluster::FlagsOf(
    absl::string_view identity) const {
  authority_.IssueTo(FolderOf(identity), identity);
  return rpc::FlagsOf(FilesIn(FolderOf(identity)));
}

std::shared_ptr<grpc::ChannelCredentials> SecureCluster::As(
    absl::string_view identity) const {
  authority_.IssueTo(FolderOf(identity), identity);
  return rpc::Security::Create(FilesIn(FolderOf(identity)))
      .value()
      ->ChannelCredentials(rpc::Peer::kService);
}

std::shared_ptr<grpc::ChannelCredentials> SecureCluster::Showing(
    const std::optional<KeyPair>& shown, const std::string& ca) {
  std::vector<grpc::experimental::IdentityKeyCertPair> pairs;
  if (shown.has_value()) pairs = {{shown->key, shown->certificate}};
  grpc::experimental::TlsChannelCredentialsOptions options;
  options.set_certificate_provider(
      std::make_shared<grpc::experimental::StaticDataCertificateProvider>(
          ca, pairs));
  options.watch_root_certs();
  if (shown.has_value()) options.watch_identity_key_cert_pairs();
  options.set_certificate_verifier(
      std::make_shared<grpc::experimental::NoOpCertificateVerifier>());
  options.set_check_call_host(false);
  return grpc::experimental::TlsCredentials(options);
}

}  // namespace fairlead::testing
