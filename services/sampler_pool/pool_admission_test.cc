// What a pool says before it takes a channel: how much it would need, of how
// much, and whether there is that.

#include <stdlib.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/clock/clock.h"
#include "libs/graph/dataset.h"
#include "libs/graph/dataset_writer.h"
#include "libs/shm_channel/shm_folder.h"
#include "libs/status/status_matchers.h"
#include "libs/telemetry/telemetry.h"
#include "services/sampler_pool/pool.h"
#include "services/sampler_pool/pool_metrics.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr int64_t kNodes = 100;

std::unique_ptr<const Dataset> MakeDataset() {
  DatasetContents contents;
  contents.name = "test";
  DatasetContents::Nodes& nodes = contents.nodes.emplace_back();
  nodes.name = "node";
  nodes.num_nodes = kNodes;
  DatasetContents::Edges& edges = contents.edges.emplace_back();
  edges.name = {"node", "to", "node"};
  edges.edges.emplace_back(0, 1);
  std::string folder = ::testing::TempDir() + "/dataset-XXXXXX";
  EXPECT_NE(mkdtemp(folder.data()), nullptr);
  EXPECT_THAT(WriteDataset(folder, std::move(contents)), IsOk());
  return Dataset::Load(folder).value();
}

// A pool with room for two small buffers, and for the seeds of 150 nodes.
class PoolAdmissionTest : public ::testing::Test {
 protected:
  static constexpr uint64_t kBufferBytes = 8192;

  PoolAdmissionTest() : dataset_(MakeDataset()), metrics_(telemetry_) {
    auto pool = Pool::Start(*dataset_,
                            {.shm_dir = directory_,
                             .shm_budget_bytes = 2 * kBufferBytes,
                             .memory_budget_bytes = 150 * sizeof(int64_t),
                             .max_channels = 3},
                            clock_, metrics_);
    EXPECT_THAT(pool, IsOk());
    pool_ = *std::move(pool);
  }

  // All nodes of the graph: as a list of ids, or by name.
  static v1::ChannelSpec Spec(uint64_t id, bool as_list,
                              uint64_t buffer_bytes = kBufferBytes) {
    v1::ChannelSpec spec;
    spec.set_channel_id(id);
    spec.set_worker_key("trainer");
    if (as_list) {
      for (int64_t i = 0; i < kNodes; ++i) {
        spec.mutable_input()->mutable_ids()->add_id(i);
      }
    } else {
      spec.mutable_input()->set_split(v1::SPLIT_ALL);
    }
    spec.mutable_config()->set_type(v1::SAMPLING_TYPE_NODE);
    spec.mutable_config()->add_fanout(4);
    spec.mutable_config()->set_batch_size(32);
    spec.mutable_options()->set_buffer_bytes(buffer_bytes);
    return spec;
  }

  const std::unique_ptr<const Dataset> dataset_;
  const RealClock clock_;
  Telemetry telemetry_;
  PoolMetrics metrics_;
  const testing::ShmFolder folder_;
  const std::string& directory_ = folder_.path();
  std::unique_ptr<Pool> pool_;
};

TEST_F(PoolAdmissionTest, DryRunSaysWhatIsNeededAndTakesNothing) {
  for (int i = 0; i < 10; ++i) {
    const auto plan = pool_->PlanInput(Spec(0, /*as_list=*/true));
    ASSERT_THAT(plan, IsOk());
    EXPECT_EQ(plan->seeds(), 100u);
    EXPECT_EQ(plan->batches(), 4u);
    EXPECT_EQ(plan->shm().needed(), kBufferBytes);
    EXPECT_EQ(plan->shm().used(), 0u);
    EXPECT_EQ(plan->shm().budget(), 2 * kBufferBytes);
    EXPECT_EQ(plan->memory().needed(), 100 * sizeof(int64_t));
    EXPECT_EQ(plan->channels().budget(), 3u);
    EXPECT_EQ(plan->refusal(), "");
  }
  EXPECT_TRUE(pool_->channel_ids().empty());
}

TEST_F(PoolAdmissionTest, WhatDryRunRefusesRegistrationRefusesWithTheNumbers) {
  ASSERT_THAT(pool_->RegisterInput(Spec(1, /*as_list=*/true)), IsOk());
  const auto memory = pool_->PlanInput(Spec(2, /*as_list=*/true));
  ASSERT_THAT(memory, IsOk());
  EXPECT_THAT(memory->refusal(),
              AllOf(HasSubstr("--memory_budget"), HasSubstr("800 bytes"),
                    HasSubstr("400 left")));
  EXPECT_THAT(pool_->RegisterInput(Spec(2, /*as_list=*/true)),
              StatusIs(absl::StatusCode::kResourceExhausted,
                       HasSubstr(memory->refusal())));
  const auto shm =
      pool_->PlanInput(Spec(2, /*as_list=*/false, 2 * kBufferBytes));
  ASSERT_THAT(shm, IsOk());
  EXPECT_THAT(shm->refusal(),
              AllOf(HasSubstr("--shm_budget"), HasSubstr("8192 left")));
  EXPECT_EQ(shm->shm().used(), kBufferBytes);
  // A split takes no memory, and what was refused has left nothing behind.
  EXPECT_THAT(pool_->RegisterInput(Spec(2, /*as_list=*/false)), IsOk());
  pool_->UnregisterInput(1);
  EXPECT_THAT(pool_->RegisterInput(Spec(3, /*as_list=*/true)), IsOk());
}

TEST_F(PoolAdmissionTest, ConfigThatMakesNoSenseIsAnErrorOfTheDryRunToo) {
  v1::ChannelSpec spec = Spec(0, /*as_list=*/false);
  spec.mutable_config()->set_batch_size(0);
  EXPECT_THAT(
      pool_->PlanInput(spec),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("batch_size")));
  EXPECT_THAT(
      pool_->PlanInput(Spec(0, /*as_list=*/false, 1)),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("buffer_bytes")));
}

}  // namespace
}  // namespace fairlead
