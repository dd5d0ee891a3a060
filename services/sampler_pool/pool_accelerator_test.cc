// A pool with a GPU hands out the batches that one without does: the device is
// one that the CPU stands in for.

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/clock/clock.h"
#include "libs/cuda/accelerator.h"
#include "libs/cuda/device_accelerator.h"
#include "libs/cuda/device_options.h"
#include "libs/cuda/emulated_device.h"
#include "libs/graph/dataset.h"
#include "libs/graph/dataset_writer.h"
#include "libs/sampling/partitioned_dataset.h"
#include "libs/sampling/random_contents.h"
#include "libs/shm_channel/shm_folder.h"
#include "libs/status/status_matchers.h"
#include "libs/telemetry/telemetry.h"
#include "protos/fairlead/v1/registry.pb.h"
#include "protos/fairlead/v1/sampler_pool.pb.h"
#include "services/sampler_pool/channel_reader.h"
#include "services/sampler_pool/pool.h"
#include "services/sampler_pool/pool_metrics.h"

namespace fairlead {
namespace {

using ::fairlead::cuda::DeviceAccelerator;
using ::fairlead::cuda::GraphMode;
using ::fairlead::cuda::testing::EmulatedDevice;
using ::fairlead::testing::ChannelReader;
using ::fairlead::testing::IsOk;
using ::fairlead::testing::RandomContents;
using ::fairlead::testing::ReceivedEpoch;
using ::fairlead::testing::WriteWhole;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

DatasetContents Contents() {
  DatasetContents contents =
      RandomContents({.seed = 4, .max_nodes = 200, .max_edges = 2000});
  DatasetContents::Nodes& nodes = contents.nodes[0];
  nodes.feature_dim = 6;
  for (int64_t i = 0; i < nodes.num_nodes * nodes.feature_dim; ++i) {
    nodes.features.push_back(static_cast<float>(i));
  }
  return contents;
}

v1::ChannelSpec Spec(uint64_t id, bool by_weight) {
  v1::ChannelSpec spec;
  spec.set_channel_id(id);
  spec.set_worker_key(absl::StrCat("trainer ", id));
  spec.mutable_input()->set_split(v1::SPLIT_ALL);
  v1::SamplingConfig& config = *spec.mutable_config();
  config.set_type(v1::SAMPLING_TYPE_NODE);
  config.add_fanout(4);
  config.add_fanout(3);
  config.set_batch_size(8);
  config.set_shuffle(true);
  config.set_collect_features(true);
  config.set_with_edge(true);
  config.set_with_weight(by_weight);
  spec.mutable_options()->set_buffer_bytes(1 << 20);
  return spec;
}

class PoolAcceleratorTest : public ::testing::Test {
 protected:
  // An epoch of a channel that draws by weight, and of one that does not.
  std::pair<ReceivedEpoch, ReceivedEpoch> Run(cuda::Accelerator* accelerator,
                                              Telemetry& telemetry) {
    PoolMetrics metrics(telemetry);
    auto pool = Pool::Start(*dataset_,
                            {.shm_dir = directory_,
                             .shm_budget_bytes = 64 << 20,
                             .workers = 3,
                             .accelerator = accelerator},
                            clock_, metrics);
    EXPECT_THAT(pool, IsOk());
    std::pair<ReceivedEpoch, ReceivedEpoch> epochs;
    for (const bool by_weight : {true, false}) {
      const uint64_t id = by_weight ? 1 : 2;
      EXPECT_THAT((*pool)->RegisterInput(Spec(id, by_weight)), IsOk());
      const auto reader = ChannelReader::Open(**pool, directory_, id);
      EXPECT_THAT(reader, IsOk());
      v1::StartEpochRequest request;
      request.set_channel_id(id);
      EXPECT_THAT((*pool)->StartEpoch(request), IsOk());
      (by_weight ? epochs.first : epochs.second) = (*reader)->Drain(0);
    }
    return epochs;
  }

  const std::unique_ptr<const Dataset> dataset_ = *WriteWhole(Contents());
  const RealClock clock_{};
  const testing::ShmFolder folder_;
  const std::string& directory_ = folder_.path();
};

TEST_F(PoolAcceleratorTest, BatchesAreThoseOfAPoolWithout) {
  Telemetry without;
  const auto expected = Run(/*accelerator=*/nullptr, without);
  EXPECT_EQ(expected.second.digests.size(), expected.second.end.batches());
  EXPECT_GT(expected.second.digests.size(), 3U);
  EXPECT_THAT(without.Expose(),
              HasSubstr("fairlead_pool_device_batches_total 0\n"));
  for (const GraphMode mode :
       {GraphMode::kCuda, GraphMode::kZeroCopy, GraphMode::kCpu}) {
    SCOPED_TRACE(static_cast<int>(mode));
    EmulatedDevice device;
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(
        const auto accelerator,
        DeviceAccelerator::Create(*dataset_,
                                  {.graph_mode = mode,
                                   .features = true,
                                   .memory_budget_bytes = 1 << 20},
                                  device.device()));
    Telemetry telemetry;
    const auto actual = Run(accelerator.get(), telemetry);
    EXPECT_EQ(actual.first.digests, expected.first.digests);
    EXPECT_EQ(actual.second.digests, expected.second.digests);
    EXPECT_EQ(actual.second.seed_digest, expected.second.seed_digest);
    EXPECT_THAT(actual.first.errors, IsEmpty());
    EXPECT_THAT(actual.second.errors, IsEmpty());
    // What draws by weight, the CPU did.
    const uint64_t on_device =
        mode == GraphMode::kCpu ? 0 : actual.second.digests.size();
    EXPECT_THAT(telemetry.Expose(),
                HasSubstr(absl::StrCat("fairlead_pool_device_batches_total ",
                                       on_device, "\n")));
    EXPECT_LE(device.sessions(), 3U);  // one for each worker
  }
}

}  // namespace
}  // namespace fairlead
