// GLT's names for the streams of collocated and multi-process workers.

#include <signal.h>
#include <sys/types.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "integration_tests/harness/mp_workers.h"
#include "integration_tests/harness/test_cluster.h"
#include "libs/loader/dist_collocated_sampling_producer.h"
#include "libs/loader/dist_mp_sampling_producer.h"
#include "libs/loader/input_nodes.h"
#include "libs/loader/loader_options.h"
#include "libs/loader/mp_sample_stream.h"
#include "libs/loader/worker_options.h"
#include "libs/status/status_matchers.h"
#include "libs/tensor_message/tensor_message.h"

namespace fairlead::testing {
namespace {

using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

TEST_F(MpSampleStreamTest, ProducersOfGltAreViewsOfTheStreams) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Digests expected, Expected(0));
  NeighborLoaderOptions options = Options();
  DistMpSamplingProducer mp(dataset_, options);
  ASSERT_THAT(mp.Init(), IsOk());
  EXPECT_THAT(mp.IsAllSamplingCompleted(), IsOkAndHolds(false));
  EXPECT_FALSE(mp.IsAllSamplingCompletedAndConsumed());
  ASSERT_THAT(mp.ProduceAll(), IsOk());
  EXPECT_FALSE(mp.IsAllSamplingCompletedAndConsumed());
  EXPECT_THAT(Drain(mp.output_channel()), IsOkAndHolds(expected));
  EXPECT_THAT(mp.IsAllSamplingCompleted(), IsOkAndHolds(true));
  EXPECT_TRUE(mp.IsAllSamplingCompletedAndConsumed());
  mp.Shutdown();
  EXPECT_THAT(LeftInShm(), IsEmpty());
}

// GL-097: each epoch in an order of its own, and an end that stays.
TEST_F(MpSampleStreamTest, CollocatedProducerGoesThroughThreeEpochs) {
  DistCollocatedSamplingProducer producer(dataset_, Options());
  ASSERT_THAT(producer.Init(), IsOk());
  EXPECT_THAT(producer.Sample(),
              StatusIs(absl::StatusCode::kFailedPrecondition));
  for (int epoch = 0; epoch < 3; ++epoch) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Digests expected, Expected(epoch));
    ASSERT_THAT(producer.Reset(), IsOk());
    Digests digests;
    while (true) {
      FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto batch, producer.Sample());
      if (!batch.has_value()) break;
      digests[batch->message.header.batch_index()] =
          ContentDigest(batch->message);
    }
    EXPECT_EQ(digests, expected);
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto end, producer.Sample());
    EXPECT_FALSE(end.has_value());
  }
  producer.Shutdown();
}

// GL-096: the original may lose what came at the very end of an epoch.
TEST_F(MpSampleStreamTest, ManyShortEpochsLoseNothing) {
  const int epochs = IsFullScale() ? 100'000 : 300;
  NeighborLoaderOptions options = Options();
  options.input_nodes = InputNodes::Ids({7, 8, 9});
  options.fanout = {2};
  options.batch_size = 2;
  DistMpSamplingProducer producer(dataset_, options);
  ASSERT_THAT(producer.Init(), IsOk());
  for (int epoch = 0; epoch < epochs; ++epoch) {
    ASSERT_THAT(producer.ProduceAll(), IsOk());
    std::vector<int64_t> seeds;
    while (true) {
      FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto batch,
                                    producer.output_channel().Next());
      if (!batch.has_value()) break;
      for (const int64_t seed : batch->message.Find("batch")->As<int64_t>()) {
        seeds.push_back(seed);
      }
    }
    ASSERT_THAT(seeds, UnorderedElementsAre(7, 8, 9)) << "epoch " << epoch;
    ASSERT_TRUE(producer.IsAllSamplingCompletedAndConsumed());
  }
}

// GL-081: so much memory, and so many batches in it beside the two that the
// trainer may keep there.
TEST_F(MpSampleStreamTest, ChannelHasRoomForWhatItsWorkersMake) {
  for (const uint32_t num_workers : {1, 2}) {
    SCOPED_TRACE(num_workers);
    NeighborLoaderOptions options = Options();
    MpWorkerOptions workers = Workers();
    workers.num_workers = num_workers;
    workers.worker_concurrency = 3;
    workers.channel_size = 0;
    options.worker_options = workers;
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(
        const auto stream, MpSampleStream::Create(dataset_, *Resolve(options)));
    uint64_t largest = 0;
    for (const std::string& name : LeftInShm()) {
      largest = std::max<uint64_t>(
          largest, std::filesystem::file_size(shm_dir_ + "/" + name));
    }
    constexpr uint64_t kMiB = 1 << 20;
    EXPECT_GE(largest, num_workers * 64 * kMiB);
    EXPECT_LT(largest, num_workers * 64 * kMiB + kMiB);
    ASSERT_THAT(stream->StartEpoch(), IsOk());
    const uint64_t room = num_workers * 3 + 2;
    while (stream->stats().queued < room) std::this_thread::yield();
    while (true) {
      EXPECT_LE(stream->stats().queued, room);
      FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto batch, stream->Next());
      if (!batch.has_value()) break;
    }
  }
}

// GL-094.
TEST_F(MpSampleStreamTest, ShutdownEndsAPoolThatIsFrozenAndTakesItsMemory) {
  DistMpSamplingProducer producer(dataset_, Options());
  ASSERT_THAT(producer.Init(), IsOk());
  ASSERT_THAT(producer.ProduceAll(), IsOk());
  const pid_t pool =
      static_cast<MpSampleStream&>(producer.output_channel()).pool_pid();
  ASSERT_EQ(kill(pool, SIGSTOP), 0);
  producer.Shutdown();
  EXPECT_NE(kill(pool, 0), 0);
  EXPECT_THAT(LeftInShm(), IsEmpty());
}

}  // namespace
}  // namespace fairlead::testing
