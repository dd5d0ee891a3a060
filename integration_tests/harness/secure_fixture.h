#ifndef FAIRLEAD_INTEGRATION_TESTS_HARNESS_SECURE_FIXTURE_H_
#define FAIRLEAD_INTEGRATION_TESTS_HARNESS_SECURE_FIXTURE_H_

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "integration_tests/harness/secure_cluster.h"
#include "integration_tests/harness/test_cluster.h"
#include "integration_tests/harness/test_dataset.h"
#include "libs/child_process/service_process.h"
#include "libs/rpc/channel.h"
#include "libs/rpc/status_conversion.h"
#include "libs/status/status_matchers.h"

namespace fairlead::testing {

// One call, of a server that is there or refuses. With so much metadata on top.
template <typename Stub, typename Request, typename Response>
absl::Status Ask(Stub& stub,
                 grpc::Status (Stub::*method)(grpc::ClientContext*,
                                              const Request&, Response*),
                 const Request& request, Response* response,
                 size_t header_bytes = 0) {
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + kPatience));
  if (header_bytes > 0) {
    context.AddMetadata("x-large", std::string(header_bytes, 'x'));
  }
  return rpc::ToAbslStatus((stub.*method)(&context, request, response));
}
// The same where nobody looks at the answer.
template <typename Stub, typename Request, typename Response>
absl::Status Ask(Stub& stub,
                 grpc::Status (Stub::*method)(grpc::ClientContext*,
                                              const Request&, Response*),
                 const Request& request) {
  Response response;
  return Ask(stub, method, request, &response);
}

// A test of a cluster with TLS, which must end cleanly.
class SecureFixture : public ::testing::Test {
 protected:
  // Of a small graph, unless `options` name one.
  void Start(TestCluster::Options options = {}) {
    if (options.dataset.empty()) {
      FAIRLEAD_ASSERT_OK_AND_ASSIGN(options.dataset, MakeKronecker());
    }
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(secure_,
                                  SecureCluster::Start(std::move(options)));
  }
  void TearDown() override {
    if (secure_ == nullptr) return;
    EXPECT_THAT(cluster().Stop(), IsOk());
  }

  TestCluster& cluster() { return secure_->cluster(); }

  std::shared_ptr<grpc::Channel> Connect(ServiceProcess& service,
                                         const std::string& identity) {
    return rpc::MakeChannel(service.address(), secure_->As(identity));
  }

  // Flags of loadgen as a trainer of a job ("trainer/a").
  std::vector<std::string> LoadAs(const std::string& identity,
                                  std::vector<std::string> flags) {
    for (const std::string& tls : secure_->FlagsOf(identity)) {
      flags.push_back(tls);
    }
    return flags;
  }

  std::unique_ptr<SecureCluster> secure_;
};

}  // namespace fairlead::testing

#endif  // FAIRLEAD_INTEGRATION_TESTS_HARNESS_SECURE_FIXTURE_H_
