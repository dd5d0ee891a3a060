#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/clock/clock.h"
#include "libs/clock/fake_clock.h"
#include "libs/graph/dataset.h"
#include "libs/graph/dataset_writer.h"
#include "libs/graph/element_type.h"
#include "libs/sampling/partitioned_dataset.h"
#include "libs/sampling/random_contents.h"
#include "libs/shm_channel/shm_folder.h"
#include "libs/status/status_matchers.h"
#include "libs/telemetry/telemetry.h"
#include "services/sampler_pool/channel_reader.h"
#include "services/sampler_pool/fake_remote.h"
#include "services/sampler_pool/pool.h"
#include "services/sampler_pool/pool_metrics.h"

// Pools of which each has a part of the graph, and asks the others.
namespace fairlead {
namespace {

using ::fairlead::testing::BookKind;
using ::fairlead::testing::ChannelReader;
using ::fairlead::testing::FakeRemote;
using ::fairlead::testing::IsOk;
using ::fairlead::testing::PartitionedDataset;
using ::fairlead::testing::RandomContents;
using ::fairlead::testing::ReceivedEpoch;
using ::fairlead::testing::StatusIs;
using ::fairlead::testing::WriteWhole;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr uint32_t kPartitions = 3;
constexpr uint64_t kBatchSize = 4;

// With rows of every kind.
DatasetContents Contents(bool heterogeneous) {
  DatasetContents contents = RandomContents({.seed = 11,
                                             .heterogeneous = heterogeneous,
                                             .max_nodes = 80,
                                             .max_edges = 600});
  DatasetContents::Nodes& nodes = contents.nodes[0];
  nodes.feature_dim = 5;
  for (int64_t i = 0; i < nodes.num_nodes; ++i) {
    for (int j = 0; j < 5; ++j) {
      nodes.features.push_back(static_cast<float>(10 * i + j));
    }
    nodes.labels.push_back(i % 4);
  }
  if (heterogeneous) {
    DatasetContents::Nodes& other = contents.nodes[1];
    other.other_features = {
        .element_type = ElementType::kInt8, .columns = 2, .scale = {0.5F, 2}};
    for (int64_t i = 0; i < 2 * other.num_nodes; ++i) {
      other.other_features.bytes.push_back(static_cast<uint8_t>(i));
    }
  }
  DatasetContents::Edges& edges = contents.edges[0];
  edges.features.columns = 3;
  for (const int64_t id : edges.ids) {
    for (int j = 0; j < 3; ++j) {
      edges.features.values.push_back(static_cast<float>(id) / 4 +
                                      static_cast<float>(j));
    }
  }
  return contents;
}

class PoolPartitionsTest : public ::testing::Test {
 protected:
  PoolPartitionsTest() : metrics_(telemetry_) {}
  ~PoolPartitionsTest() override {
    StopPool();
    EXPECT_TRUE(std::filesystem::is_empty(directory_));
  }

  void MakeDataset(bool heterogeneous = false,
                   BookKind kind = BookKind::kTable) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(whole_, WriteWhole(Contents(heterogeneous)));
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(
        parts_, PartitionedDataset::Create(*whole_, kPartitions, kind));
  }

  // The pool of a dataset; one before it is gone.
  void StartPool(const Dataset& dataset, PoolOptions options = {},
                 FakeRemote* remote = nullptr) {
    StopPool();
    options.shm_dir = directory_;
    options.shm_budget_bytes = 64 << 20;
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(
        pool_, Pool::Start(dataset, options, *clock_, metrics_,
                           remote == nullptr ? nullptr : remote->NewClient()));
  }
  // One that outlives the pools that use it.
  FakeRemote& NewRemote(FakeRemote::Mode mode) {
    StopPool();
    remote_ = std::make_unique<FakeRemote>(parts_, mode);
    return *remote_;
  }
  void StopPool() {
    readers_.clear();
    pool_.reset();
  }

  // All nodes of the first type, whoever has them.
  v1::ChannelSpec Spec(uint64_t id = 1) const {
    v1::ChannelSpec spec;
    spec.set_channel_id(id);
    spec.set_worker_key(absl::StrCat("trainer", id));
    const NodeType& seeds = whole_->node_types()[0];
    spec.mutable_input()->set_node_type(seeds.name);
    for (int64_t row = 0; row < seeds.num_nodes; ++row) {
      spec.mutable_input()->mutable_ids()->add_id(seeds.ids.Id(row));
    }
    v1::SamplingConfig& config = *spec.mutable_config();
    config.set_type(v1::SAMPLING_TYPE_NODE);
    config.add_fanout(4);
    config.add_fanout(-1);
    config.add_fanout(2);
    config.set_batch_size(kBatchSize);
    config.set_shuffle(true);
    config.set_with_edge(true);
    config.set_collect_features(true);
    config.set_seed(5);
    spec.mutable_options()->set_buffer_bytes(1 << 20);
    return spec;
  }
  size_t NumBatches() const {
    const auto seeds = static_cast<size_t>(whole_->node_types()[0].num_nodes);
    return (seeds + kBatchSize - 1) / kBatchSize;
  }

  void Begin(const v1::ChannelSpec& spec, uint64_t epoch = 0) {
    const uint64_t id = spec.channel_id();
    ASSERT_THAT(pool_->RegisterInput(spec), IsOk());
    if (readers_.count(id) == 0) {
      FAIRLEAD_ASSERT_OK_AND_ASSIGN(
          readers_[id], ChannelReader::Open(*pool_, directory_, id));
    }
    v1::StartEpochRequest request;
    request.set_channel_id(id);
    request.set_epoch(epoch);
    ASSERT_THAT(pool_->StartEpoch(request), IsOk());
  }
  ReceivedEpoch Drain(uint64_t channel = 1, uint64_t epoch = 0) {
    return readers_.at(channel)->Drain(epoch);
  }

  // What a pool of the whole graph makes of it.
  ReceivedEpoch MakeWhole(const v1::ChannelSpec& spec) {
    StartPool(*whole_);
    Begin(spec);
    ReceivedEpoch epoch = Drain();
    EXPECT_EQ(epoch.digests.size(), NumBatches());
    StopPool();
    return epoch;
  }

  std::shared_ptr<const Clock> clock_ = std::make_shared<RealClock>();
  Telemetry telemetry_;
  PoolMetrics metrics_;
  const testing::ShmFolder folder_;
  const std::string& directory_ = folder_.path();
  std::unique_ptr<const Dataset> whole_;
  PartitionedDataset parts_;
  std::unique_ptr<FakeRemote> remote_;
  std::unique_ptr<Pool> pool_;
  std::map<uint64_t, std::unique_ptr<ChannelReader>> readers_;
};

// Design invariant 2: a batch does not depend on how the graph is partitioned.
TEST_F(PoolPartitionsTest, BatchesAreThoseOfTheWholeGraph) {
  for (const bool heterogeneous : {false, true}) {
    for (const BookKind kind :
         {BookKind::kRange, BookKind::kTable, BookKind::kHash}) {
      MakeDataset(heterogeneous, kind);
      const ReceivedEpoch whole = MakeWhole(Spec());
      for (uint32_t p = 0; p < kPartitions; ++p) {
        SCOPED_TRACE(
            absl::StrCat(heterogeneous, " ", static_cast<int>(kind), " ", p));
        FakeRemote& remote = NewRemote(p == 1 ? FakeRemote::Mode::kAtOnce
                                              : FakeRemote::Mode::kElsewhere);
        StartPool(parts_.partition(p), {.workers = 2}, &remote);
        Begin(Spec());
        const ReceivedEpoch epoch = Drain();
        EXPECT_THAT(epoch.errors, IsEmpty());
        EXPECT_EQ(epoch.digests, whole.digests);
        EXPECT_EQ(epoch.seed_digest, whole.seed_digest);
        EXPECT_GT(remote.num_fetches(), NumBatches());
        StopPool();
      }
    }
  }
}

TEST_F(PoolPartitionsTest, SoTheyAreHoweverTheyAreSampled) {
  MakeDataset(/*heterogeneous=*/true);
  const std::function<void(v1::SamplingConfig*)> changes[] = {
      [](auto* config) { config->set_edge_dir(v1::EDGE_DIR_IN); },
      [](auto* config) { config->set_replace(true); },
      [](auto* config) { config->set_with_weight(true); },
      [](auto* config) { config->set_with_edge(false); },
      [](auto* config) { config->set_collect_features(false); },
      [](auto* config) { config->clear_fanout(); },
      [](auto* config) { config->set_type(v1::SAMPLING_TYPE_SUBGRAPH); }};
  FakeRemote& remote = NewRemote(FakeRemote::Mode::kElsewhere);
  for (size_t i = 0; i < std::size(changes); ++i) {
    SCOPED_TRACE(i);
    v1::ChannelSpec spec = Spec();
    changes[i](spec.mutable_config());
    const ReceivedEpoch whole = MakeWhole(spec);
    StartPool(parts_.partition(2), {.workers = 2}, &remote);
    Begin(spec);
    EXPECT_EQ(Drain().digests, whole.digests);
    StopPool();
  }
}

TEST_F(PoolPartitionsTest, CachedRowsAreTheSameAndAskedForLess) {
  MakeDataset();
  const ReceivedEpoch whole = MakeWhole(Spec());
  FakeRemote& remote = NewRemote(FakeRemote::Mode::kElsewhere);
  StartPool(parts_.partition(0), {.workers = 2, .feature_cache_bytes = 1 << 20},
            &remote);
  v1::ChannelSpec spec = Spec();
  Begin(spec);
  EXPECT_EQ(Drain().digests, whole.digests);
  // Another channel, with the same seeds in the same order.
  Begin(Spec(/*id=*/2));
  EXPECT_EQ(Drain(2).digests, whole.digests);
  EXPECT_GT(pool_->cache_counts().hits, 0u);
}

// A worker waits for nobody: one alone asks for all that may be in the making.
TEST_F(PoolPartitionsTest, OneWorkerAsksForEveryBatchBeforeAnyIsAnswered) {
  MakeDataset();
  const ReceivedEpoch whole = MakeWhole(Spec());
  ASSERT_GT(NumBatches(), 8u);
  FakeRemote& remote = NewRemote(FakeRemote::Mode::kHold);
  StartPool(parts_.partition(0), {.workers = 1}, &remote);
  v1::ChannelSpec spec = Spec();
  spec.mutable_options()->set_worker_concurrency(8);
  Begin(spec);
  remote.AwaitHeld(8);
  EXPECT_EQ(remote.num_held(), 8u);  // and not more than it may
  EXPECT_EQ(pool_->num_put_aside(), 8u);
  EXPECT_EQ(pool_->DescribeInput(1)->in_flight_batches(), 8u);
  remote.Release();
  EXPECT_EQ(Drain().digests, whole.digests);
  EXPECT_EQ(pool_->num_put_aside(), 0u);
}

TEST_F(PoolPartitionsTest, ErrorOfAPartitionCostsItsBatchAlone) {
  MakeDataset();
  const ReceivedEpoch whole = MakeWhole(Spec());
  FakeRemote& remote = NewRemote(FakeRemote::Mode::kElsewhere);
  remote.FailIf([](uint64_t fetch) {
    return fetch == 3 ? absl::UnavailableError("partition 2 of dataset random")
                      : absl::OkStatus();
  });
  StartPool(parts_.partition(1), {.workers = 2}, &remote);
  Begin(Spec());
  const ReceivedEpoch epoch = Drain();
  ASSERT_EQ(epoch.errors.size(), 1u);
  EXPECT_THAT(epoch.errors.begin()->second.message(),
              HasSubstr("partition 2 of dataset random"));
  EXPECT_EQ(epoch.digests.size(), NumBatches() - 1);
  for (const auto& [index, digest] : epoch.digests) {
    EXPECT_EQ(digest, whole.digests.at(index));
  }
  EXPECT_EQ(epoch.end.failed_batches(), 1u);
  // The next epoch knows nothing of it.
  Begin(Spec(), /*epoch=*/1);
  EXPECT_EQ(Drain(1, 1).digests.size(), NumBatches());
}

TEST_F(PoolPartitionsTest, PoolThatCanAskNobodySaysSo) {
  MakeDataset();
  StartPool(parts_.partition(0));
  Begin(Spec());
  const ReceivedEpoch epoch = Drain();
  ASSERT_FALSE(epoch.errors.empty());
  EXPECT_THAT(epoch.errors.begin()->second.message(),
              HasSubstr("other partitions"));
  EXPECT_EQ(epoch.errors.size() + epoch.digests.size(), NumBatches());
}

// A worker makes one batch after another in the same memory.
TEST_F(PoolPartitionsTest, BatchDoesNotAnswerForWhatAnEarlierOneWaited) {
  MakeDataset();
  FakeRemote& remote = NewRemote(FakeRemote::Mode::kHold);
  const auto clock = std::make_shared<FakeClock>();
  clock_ = clock;
  StartPool(parts_.partition(0), {.workers = 1}, &remote);
  v1::ChannelSpec spec = Spec();
  spec.mutable_options()->set_worker_concurrency(1);
  Begin(spec);
  remote.AwaitHeld(1);
  clock->Advance(absl::Seconds(7));  // the first waits, and no other
  remote.Release();
  EXPECT_EQ(Drain().digests.size(), NumBatches());
  EXPECT_THAT(
      telemetry_.Expose(),
      HasSubstr("fairlead_pool_stage_seconds_sum{stage=\"remote\"} 7\n"));
}

// --- batches that wait, and what becomes of them ----------------------------

TEST_F(PoolPartitionsTest, ChannelMayGoWhileItsBatchesWait) {
  MakeDataset();
  const ReceivedEpoch whole = MakeWhole(Spec());
  FakeRemote& remote = NewRemote(FakeRemote::Mode::kHold);
  StartPool(parts_.partition(0), {.workers = 1}, &remote);
  Begin(Spec(1));
  remote.AwaitHeld(4);
  pool_->UnregisterInput(1);
  EXPECT_THAT(readers_.at(1)->AwaitClosed(),
              StatusIs(absl::StatusCode::kCancelled));
  Begin(Spec(2));
  remote.AwaitHeld(8);
  remote.Release();
  EXPECT_EQ(Drain(2).digests, whole.digests);
  // Once the last of its batches has come to its end, it may come again.
  while (pool_->DescribeInput(1).ok()) std::this_thread::yield();
  readers_.erase(1);
  Begin(Spec(1));
  EXPECT_EQ(Drain(1).digests, whole.digests);
}

TEST_F(PoolPartitionsTest, EpochMayBeCancelledWhileItsBatchesWait) {
  MakeDataset();
  FakeRemote& remote = NewRemote(FakeRemote::Mode::kHold);
  StartPool(parts_.partition(0), {.workers = 1}, &remote);
  Begin(Spec());
  remote.AwaitHeld(4);
  ASSERT_THAT(pool_->CancelEpoch(1, 0), IsOk());
  remote.Release();
  const ReceivedEpoch epoch = Drain();
  EXPECT_TRUE(epoch.end.cancelled());
  EXPECT_THAT(epoch.digests, IsEmpty());
  Begin(Spec(), /*epoch=*/1);
  EXPECT_EQ(Drain(1, 1).digests.size(), NumBatches());
}

TEST_F(PoolPartitionsTest, PoolMayGoWhileBatchesWait) {
  MakeDataset();
  for (const FakeRemote::Mode mode :
       {FakeRemote::Mode::kHold, FakeRemote::Mode::kElsewhere}) {
    FakeRemote& remote = NewRemote(mode);
    StartPool(parts_.partition(0), {.workers = 2}, &remote);
    Begin(Spec(1));
    Begin(Spec(2));
    if (mode == FakeRemote::Mode::kHold) remote.AwaitHeld(8);
    StopPool();
  }
}

}  // namespace
}  // namespace fairlead
