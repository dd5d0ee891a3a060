#ifndef FAIRLEAD_INTEGRATION_TESTS_HARNESS_SLOW_LINK_H_
#define FAIRLEAD_INTEGRATION_TESTS_HARNESS_SLOW_LINK_H_

#include <memory>
#include <utility>

#include "absl/status/statusor.h"
#include "integration_tests/harness/slow_proxy.h"
#include "integration_tests/harness/test_cluster.h"
#include "libs/membership/membership.h"

namespace fairlead::testing {

// From now on trainers receive from a cluster's gateway over a link like that.
class SlowLink {
 public:
  // REQUIRES that `cluster` has one gateway.
  static absl::StatusOr<std::unique_ptr<SlowLink>> Start(
      TestCluster& cluster, const SlowProxy::Link& link);

 private:
  SlowLink(std::unique_ptr<SlowProxy> proxy,
           std::unique_ptr<Membership> membership)
      : proxy_(std::move(proxy)), membership_(std::move(membership)) {}

  const std::unique_ptr<SlowProxy> proxy_;
  const std::unique_ptr<Membership> membership_;  // of the proxy, as a gateway
};

}  // namespace fairlead::testing

#endif  // FAIRLEAD_INTEGRATION_TESTS_HARNESS_SLOW_LINK_H_
