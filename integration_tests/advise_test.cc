// `fairleadctl advise` names what holds a trainer back, in six clusters that
// are each slow for a reason of their own.

#include <signal.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "integration_tests/harness/running_load.h"
#include "integration_tests/harness/slow_link.h"
#include "integration_tests/harness/test_cluster.h"
#include "integration_tests/harness/test_dataset.h"
#include "libs/child_process/service_process.h"
#include "libs/status/status_macros.h"
#include "libs/status/status_matchers.h"
#include "nlohmann/json.hpp"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::NewFolder;
using ::fairlead::testing::Partition;
using ::fairlead::testing::RunningLoad;
using ::fairlead::testing::RunProgram;
using ::fairlead::testing::SlowLink;
using ::fairlead::testing::TestCluster;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// Large enough for a batch to take some milliseconds.
absl::StatusOr<std::string> MakeGraph() {
  const std::string folder = NewFolder() + "/graph";
  FAIRLEAD_ASSIGN_OR_RETURN(
      const Outcome outcome,
      RunProgram("tools/dataset", {"kronecker", "--scale=13",
                                   "--feature_dim=64", "--out=" + folder}));
  if (outcome.exit_code != 0) return absl::InternalError(outcome.err);
  return folder;
}

class Advise : public ::testing::Test {
 protected:
  void Start(TestCluster::Options options = {}) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(options.dataset, MakeGraph());
    if (options.partitions > 1) {
      FAIRLEAD_ASSERT_OK_AND_ASSIGN(
          options.dataset, Partition(options.dataset, options.partitions));
    }
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(cluster_, TestCluster::Start(options));
  }

  // A load that does not end by itself, once it is under way.
  std::unique_ptr<RunningLoad> Load(std::vector<std::string> flags) {
    flags.insert(flags.end(), {"--epochs=1000000", "--split=all"});
    auto load = RunningLoad::Start(*cluster_, flags);
    EXPECT_THAT(load, IsOk());
    EXPECT_TRUE((*load)->AwaitBatches(5));
    return *std::move(load);
  }

  // What it names, and of each finding the evidence.
  void Look() {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(
        const Outcome outcome,
        RunProgram("tools/fairleadctl",
                   {"advise", "--json", "--interval=3s", "--timeout=20s",
                    "--registry=" + cluster_->registry_addresses()}));
    const auto json = nlohmann::json::parse(outcome.out, nullptr, false);
    ASSERT_FALSE(json.is_discarded()) << outcome.out << outcome.err;
    for (const auto& finding : json["findings"]) {
      bottlenecks_.push_back(finding["bottleneck"]);
      absl::StrAppend(&evidence_, finding["evidence"].get<std::string>(), "\n");
    }
    EXPECT_EQ(outcome.exit_code, bottlenecks_.empty() ? 0 : 1);
    RecordProperty("evidence", evidence_);
  }

  std::unique_ptr<TestCluster> cluster_;
  std::vector<std::string> bottlenecks_;
  std::string evidence_;
};

TEST_F(Advise, NamesTheTrainerThatTakesItsTime) {
  Start();
  const auto load =
      Load({"--batch_size=16", "--fanout=5,5", "--step_time=100ms"});
  Look();
  EXPECT_THAT(bottlenecks_, ElementsAre("trainer")) << evidence_;
}

TEST_F(Advise, NamesTheSamplerThatHasOneWorkerForMuchToDo) {
  Start({.workers = 1});
  const auto load = Load({"--batch_size=128", "--fanout=15,15,15",
                          "--features=false", "--clients=2"});
  Look();
  EXPECT_THAT(bottlenecks_, Each("sampler")) << evidence_;
  EXPECT_THAT(bottlenecks_, Not(IsEmpty()));
}

class AdviseOnASlowLink : public Advise {
 protected:
  void SetUp() override {
    Start();
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(
        link_, SlowLink::Start(*cluster_, {.bytes_per_second = 2 << 20}));
  }

  std::unique_ptr<SlowLink> link_;
};

TEST_F(AdviseOnASlowLink, NamesTheNetwork) {
  // More than the buffers of all sockets in between take.
  const auto load =
      Load({"--batch_size=64", "--fanout=10,10", "--prefetch_size=64"});
  Look();
  EXPECT_THAT(bottlenecks_, ElementsAre("network")) << evidence_;
}

// The buffers in between take all that the trainer has asked for, so that its
// stream never waits for the network, but for credit.
TEST_F(AdviseOnASlowLink, NamesTheNetworkThatHidesBehindASmallPrefetch) {
  const auto load =
      Load({"--batch_size=8", "--fanout=5,5", "--prefetch_size=2"});
  Look();
  EXPECT_THAT(bottlenecks_, ElementsAre("network")) << evidence_;
  EXPECT_THAT(evidence_, HasSubstr("on its way"));
}

// On the same link, a trainer that is slower still.
TEST_F(AdviseOnASlowLink, NamesTheTrainerThatIsSlowerThanTheLink) {
  const auto load = Load({"--batch_size=4", "--fanout=3,3", "--prefetch_size=2",
                          "--step_time=200ms"});
  Look();
  EXPECT_THAT(bottlenecks_, ElementsAre("trainer")) << evidence_;
}

TEST_F(Advise, NamesTheBufferThatHoldsOneMessage) {
  Start();
  const std::vector<std::string> flags = {"--batch_size=64", "--fanout=10,10"};
  std::vector<std::string> few = flags;
  few.insert(few.end(), {"--max_batches=5", "--split=all"});
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const nlohmann::json sizes,
                                cluster_->Load(few));
  const uint64_t message =
      sizes["bytes"].get<uint64_t>() / sizes["batches"].get<uint64_t>();
  std::vector<std::string> small = flags;
  small.insert(small.end(), {absl::StrCat("--buffer_bytes=", message * 3 / 2),
                             "--backend_key=small"});
  const auto load = Load(small);
  Look();
  EXPECT_THAT(bottlenecks_, ElementsAre("ring_too_small")) << evidence_;
}

TEST_F(Advise, NamesThePartitionThatAnswersSlowly) {
  Start({.partitions = 3});
  std::atomic<bool> over = false;
  // It stands still for most of the time.
  std::thread brake([this, &over] {
    ChildProcess& pool = cluster_->service("pool-2").process();
    while (!over) {
      pool.Signal(SIGSTOP);
      absl::SleepFor(absl::Milliseconds(150));
      pool.Signal(SIGCONT);
      absl::SleepFor(absl::Milliseconds(15));
    }
  });
  {
    const auto load =
        Load({"--batch_size=16", "--fanout=5,5", "--server_ranks=0"});
    Look();
  }
  over = true;
  brake.join();
  EXPECT_THAT(bottlenecks_, ElementsAre("slow_partition")) << evidence_;
  EXPECT_THAT(evidence_, HasSubstr("calls to partition 2"));
}

}  // namespace
}  // namespace fairlead
