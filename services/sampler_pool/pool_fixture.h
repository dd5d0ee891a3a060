#ifndef FAIRLEAD_SERVICES_SAMPLER_POOL_POOL_FIXTURE_H_
#define FAIRLEAD_SERVICES_SAMPLER_POOL_POOL_FIXTURE_H_

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/clock/clock.h"
#include "libs/graph/dataset.h"
#include "libs/graph/dataset_writer.h"
#include "libs/random/philox.h"
#include "libs/sampling/epoch_plan.h"
#include "libs/sampling/partitioned_dataset.h"
#include "libs/shm_channel/shm_folder.h"
#include "libs/status/status_matchers.h"
#include "libs/telemetry/telemetry.h"
#include "services/sampler_pool/channel_reader.h"
#include "services/sampler_pool/pool.h"
#include "services/sampler_pool/pool_metrics.h"

namespace fairlead::testing {

inline constexpr int64_t kNodes = 500;
inline constexpr uint64_t kBatchSize = 32;
inline constexpr uint64_t kBatches = (kNodes + kBatchSize - 1) / kBatchSize;

// Nodes with features and labels, and edges between them.
inline std::unique_ptr<const Dataset> MakeDataset() {
  DatasetContents contents;
  contents.name = "test";
  DatasetContents::Nodes& nodes = contents.nodes.emplace_back();
  nodes.name = "node";
  nodes.num_nodes = kNodes;
  nodes.feature_dim = 8;
  for (int64_t i = 0; i < kNodes; ++i) {
    for (int64_t j = 0; j < 8; ++j) {
      nodes.features.push_back(static_cast<float>(i * 8 + j));
    }
    nodes.labels.push_back(i % 3);
  }
  DatasetContents::Edges& edges = contents.edges.emplace_back();
  edges.name = {"node", "to", "node"};
  for (int64_t i = 0; i < 10 * kNodes; ++i) {
    RandomStream random(1, static_cast<uint64_t>(i), 0);
    edges.edges.emplace_back(random.Below(kNodes), random.Below(kNodes));
  }
  return WriteWhole(std::move(contents)).value();
}

// A pool, and this test as the consumer of its channels.
class PoolFixture : public ::testing::Test {
 protected:
  PoolFixture() : dataset_(MakeDataset()), metrics_(telemetry_) {}
  ~PoolFixture() override {
    readers_.clear();
    pool_.reset();
    EXPECT_TRUE(std::filesystem::is_empty(directory_));
  }

  void StartPool(int workers,
                 decltype(PoolOptions::inject_failure) failure = {},
                 uint64_t max_channels = 1024) {
    StartPool({.workers = workers,
               .max_channels = max_channels,
               .inject_failure = std::move(failure)});
  }

  // With whatever of the options says nothing of shared memory.
  void StartPool(PoolOptions options) {
    options.shm_dir = directory_;
    options.shm_budget_bytes = 64 << 20;
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(
        pool_, Pool::Start(*dataset_, options, clock_, metrics_));
  }

  static v1::ChannelSpec Spec(uint64_t id, uint64_t buffer_bytes = 1 << 20) {
    v1::ChannelSpec spec;
    spec.set_channel_id(id);
    spec.set_worker_key("trainer");
    spec.mutable_input()->set_split(v1::SPLIT_ALL);
    spec.mutable_config()->set_type(v1::SAMPLING_TYPE_NODE);
    spec.mutable_config()->add_fanout(4);
    spec.mutable_config()->add_fanout(3);
    spec.mutable_config()->set_batch_size(kBatchSize);
    spec.mutable_config()->set_shuffle(true);
    spec.mutable_config()->set_collect_features(true);
    spec.mutable_options()->set_buffer_bytes(buffer_bytes);
    return spec;
  }

  // Registers a channel and opens its other end.
  void Register(const v1::ChannelSpec& spec) {
    ASSERT_THAT(pool_->RegisterInput(spec), IsOk());
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(
        readers_[spec.channel_id()],
        ChannelReader::Open(*pool_, directory_, spec.channel_id()));
  }

  absl::Status StartEpoch(uint64_t channel, uint64_t epoch,
                          uint32_t attempt = 0,
                          std::vector<BatchIndexRange> held = {}) {
    v1::StartEpochRequest request;
    request.set_channel_id(channel);
    request.set_epoch(epoch);
    request.set_attempt(attempt);
    for (const BatchIndexRange& range : held) {
      v1::BatchRange* added = request.add_held();
      added->set_begin(range.begin);
      added->set_end(range.end);
    }
    return pool_->StartEpoch(request).status();
  }

  ReceivedEpoch Drain(uint64_t channel, uint64_t epoch, uint32_t attempt = 0) {
    return readers_.at(channel)->Drain(epoch, attempt);
  }

  const std::unique_ptr<const Dataset> dataset_;
  const RealClock clock_;
  Telemetry telemetry_;
  PoolMetrics metrics_;
  const testing::ShmFolder folder_;
  const std::string& directory_ = folder_.path();
  std::unique_ptr<Pool> pool_;
  std::map<uint64_t, std::unique_ptr<ChannelReader>> readers_;
};

}  // namespace fairlead::testing

#endif  // FAIRLEAD_SERVICES_SAMPLER_POOL_POOL_FIXTURE_H_
