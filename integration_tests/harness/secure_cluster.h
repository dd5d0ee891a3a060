#ifndef FAIRLEAD_INTEGRATION_TESTS_HARNESS_SECURE_CLUSTER_H_
#define FAIRLEAD_INTEGRATION_TESTS_HARNESS_SECURE_CLUSTER_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "grpcpp/grpcpp.h"
#include "integration_tests/harness/test_cluster.h"
#include "libs/security/test_authority.h"

namespace fairlead::testing {

// A TestCluster in which every link is TLS, with certificates of the test's own
// authority; and clients of it that are anybody.
class SecureCluster {
 public:
  // The flags of TLS are put before those of `options`.
  static absl::StatusOr<std::unique_ptr<SecureCluster>> Start(
      TestCluster::Options options);

  TestCluster& cluster() { return *cluster_; }
  const TestAuthority& authority() const { return authority_; }

  // The flags of a program that is `identity` ("pool", "trainer/a"), whose
  // files are made, or made anew.
  std::vector<std::string> FlagsOf(absl::string_view identity) const;
  std::string FolderOf(absl::string_view identity) const;

  // What a client that is `identity` connects with.
  std::shared_ptr<grpc::ChannelCredentials> As(
      absl::string_view identity) const;
  // The same of one that shows just this, and takes any server.
  static std::shared_ptr<grpc::ChannelCredentials> Showing(
      const std::optional<KeyPair>& shown, const std::string& ca);

 private:
  SecureCluster() = default;

  const TestAuthority authority_;
  std::string folder_;
  std::unique_ptr<TestCluster> cluster_;
};

}  // namespace fairlead::testing

#endif  // FAIRLEAD_INTEGRATION_TESTS_HARNESS_SECURE_CLUSTER_H_
