// How many batches of one channel a pool makes at a time.

#include <stdlib.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/clock/clock.h"
#include "libs/graph/dataset.h"
#include "libs/graph/dataset_writer.h"
#include "libs/status/status_matchers.h"
#include "libs/sync/mutex.h"
#include "libs/telemetry/telemetry.h"
#include "services/sampler_pool/pool.h"
#include "services/sampler_pool/pool_metrics.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;

std::unique_ptr<const Dataset> MakeDataset() {
  DatasetContents contents;
  contents.name = "test";
  DatasetContents::Nodes& nodes = contents.nodes.emplace_back();
  nodes.name = "node";
  nodes.num_nodes = 100;
  DatasetContents::Edges& edges = contents.edges.emplace_back();
  edges.name = {"node", "to", "node"};
  edges.edges.emplace_back(0, 1);
  std::string folder = ::testing::TempDir() + "/dataset-XXXXXX";
  EXPECT_NE(mkdtemp(folder.data()), nullptr);
  EXPECT_THAT(WriteDataset(folder, std::move(contents)), IsOk());
  return Dataset::Load(folder).value();
}

// Holds the workers that come, until it lets them go.
class Gate {
 public:
  void Enter() {
    MutexLock lock(&mutex_);
    ++inside_;
    mutex_.Await(absl::Condition(&is_open_));
  }
  // Whether so many are inside at once.
  bool Await(int workers) {
    MutexLock lock(&mutex_);
    wanted_ = workers;
    return mutex_.AwaitWithTimeout(absl::Condition(this, &Gate::HasThem),
                                   absl::Minutes(1));
  }
  void Open() {
    MutexLock lock(&mutex_);
    is_open_ = true;
  }

 private:
  bool HasThem() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return inside_ >= wanted_;
  }

  Mutex mutex_;
  int inside_ ABSL_GUARDED_BY(mutex_) = 0;
  int wanted_ ABSL_GUARDED_BY(mutex_) = 0;
  bool is_open_ ABSL_GUARDED_BY(mutex_) = false;
};

// With more workers than the four batches that the originals make at a time.
TEST(PoolConcurrency, OneTrainerAloneMayHaveEveryWorker) {
  constexpr int kWorkers = 6;
  const std::unique_ptr<const Dataset> dataset = MakeDataset();
  const RealClock clock;
  Telemetry telemetry;
  PoolMetrics metrics(telemetry);
  std::string directory = "/dev/shm/fairlead-test-XXXXXX";
  ASSERT_NE(mkdtemp(directory.data()), nullptr);
  Gate gate;
  {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::unique_ptr<Pool> pool,
                                  Pool::Start(*dataset,
                                              {.shm_dir = directory,
                                               .shm_budget_bytes = 1 << 20,
                                               .workers = kWorkers,
                                               .inject_failure =
                                                   [&gate](uint64_t, uint64_t) {
                                                     gate.Enter();
                                                     return absl::OkStatus();
                                                   }},
                                              clock, metrics));
    v1::ChannelSpec spec;
    spec.set_channel_id(1);
    spec.set_worker_key("trainer");
    spec.mutable_input()->set_split(v1::SPLIT_ALL);
    spec.mutable_config()->set_type(v1::SAMPLING_TYPE_NODE);
    spec.mutable_config()->add_fanout(4);
    spec.mutable_config()->set_batch_size(10);
    spec.mutable_options()->set_buffer_bytes(1 << 19);
    ASSERT_THAT(pool->RegisterInput(spec), IsOk());
    v1::StartEpochRequest start;
    start.set_channel_id(1);
    ASSERT_THAT(pool->StartEpoch(start), IsOk());
    EXPECT_TRUE(gate.Await(kWorkers));
    gate.Open();
  }
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace fairlead
