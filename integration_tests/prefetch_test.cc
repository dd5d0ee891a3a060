// What prefetch_size does on a link that is slow, and what one does that finds
// itself. Prints batches a second; asserts nothing about time.

#include <cstdint>
#include <cstdio>
#include <memory>
#include <set>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "integration_tests/harness/slow_link.h"
#include "integration_tests/harness/slow_proxy.h"
#include "integration_tests/harness/test_cluster.h"
#include "libs/child_process/child_process.h"
#include "libs/status/status_matchers.h"
#include "nlohmann/json.hpp"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::NewFolder;
using ::fairlead::testing::RunProgram;
using ::fairlead::testing::SlowLink;
using ::fairlead::testing::SlowProxy;
using ::fairlead::testing::TestCluster;
using ::testing::AllOf;
using ::testing::Ge;
using ::testing::Gt;
using ::testing::Le;
using ::testing::SizeIs;

// Batches of some 60 KiB.
class Prefetch : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::string folder = NewFolder() + "/graph";
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(
        const Outcome made,
        RunProgram("tools/dataset", {"kronecker", "--scale=11",
                                     "--feature_dim=64", "--out=" + folder}));
    ASSERT_EQ(made.exit_code, 0) << made.err;
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(cluster_,
                                  TestCluster::Start({.dataset = folder}));
  }

  // What the cluster's one gateway sends comes so.
  void Over(const SlowProxy::Link& link) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(link_, SlowLink::Start(*cluster_, link));
  }

  // The prefetch at the end of a load.
  uint64_t Load(const std::string& prefetch_size) {
    const absl::StatusOr<nlohmann::json> report =
        cluster_->Load({"--batch_size=8", "--fanout=5,5", "--split=all",
                        "--epochs=2", "--prefetch_size=" + prefetch_size});
    EXPECT_THAT(report, IsOk());
    if (!report.ok()) return 0;
    digests_.insert((*report)["digest"].get<std::string>());
    const uint64_t prefetch = (*report)["prefetch"];
    printf(
        "prefetch_size %s: %.1f batches/s, %.0f us waited (median), %d at "
        "the end\n",
        prefetch_size.c_str(), (*report)["batches_per_s"].get<double>(),
        (*report)["wait_p50_us"].get<double>(), static_cast<int>(prefetch));
    return prefetch;
  }

  std::unique_ptr<TestCluster> cluster_;
  std::unique_ptr<SlowLink> link_;
  std::set<std::string> digests_;
};

TEST_F(Prefetch, ThatFindsItselfHidesALongLink) {
  Over({.length = absl::Milliseconds(50)});
  for (const uint64_t fixed : {2, 4, 64}) {
    EXPECT_EQ(Load(std::to_string(fixed)), fixed);
  }
  EXPECT_THAT(Load("auto"), AllOf(Gt(4u), Le(64u)));
  EXPECT_THAT(digests_, SizeIs(1));
}

TEST_F(Prefetch, ThatFindsItselfCostsANarrowLinkNothing) {
  Over({.bytes_per_second = 2 << 20});
  for (const uint64_t fixed : {2, 64}) {
    EXPECT_EQ(Load(std::to_string(fixed)), fixed);
  }
  EXPECT_THAT(Load("auto"), AllOf(Ge(2u), Le(64u)));
  EXPECT_THAT(digests_, SizeIs(1));
}

TEST_F(Prefetch, ThatFindsItselfMakesTheSameBatches) {
  EXPECT_EQ(Load("4"), 4u);
  EXPECT_THAT(Load("auto"), AllOf(Ge(2u), Le(64u)));
  EXPECT_THAT(digests_, SizeIs(1));
}

}  // namespace
}  // namespace fairlead
