#include "libs/loader/collocated_sample_stream.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/cuda/device_accelerator.h"
#include "libs/cuda/device_options.h"
#include "libs/cuda/emulated_device.h"
#include "libs/dist_graph/fake_partitions.h"
#include "libs/graph/dataset.h"
#include "libs/graph/dataset_writer.h"
#include "libs/loader/loader_options.h"
#include "libs/loader/received_batch.h"
#include "libs/loader/sample_stream_options.h"
#include "libs/loader/worker_options.h"
#include "libs/partition_client/remote_partitions.h"
#include "libs/random/philox.h"
#include "libs/sampling/partitioned_dataset.h"
#include "libs/status/status_macros.h"
#include "libs/status/status_matchers.h"
#include "libs/tensor_message/tensor_message.h"
#include "protos/fairlead/v1/loader_cursor.pb.h"
#include "protos/fairlead/v1/registry.pb.h"

namespace fairlead {
namespace {

using ::fairlead::testing::BookKind;
using ::fairlead::testing::FakePartitions;
using ::fairlead::testing::IsOk;
using ::fairlead::testing::IsOkAndHolds;
using ::fairlead::testing::PartitionedDataset;
using ::fairlead::testing::StatusIs;
using ::fairlead::testing::WriteWhole;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

using Digests = std::map<uint64_t, uint64_t>;  // by batch index

DatasetContents Contents() {
  RandomStream random(3, 0, 0);
  DatasetContents contents;
  contents.name = "nodes";
  contents.nodes = {{.name = "node", .num_nodes = 50, .feature_dim = 3}};
  DatasetContents::Nodes& nodes = contents.nodes[0];
  nodes.train.emplace();
  for (int64_t i = 0; i < nodes.num_nodes; ++i) {
    for (int64_t c = 0; c < 3; ++c) {
      nodes.features.push_back(static_cast<float>(10 * i + c));
    }
    nodes.labels.push_back(i % 5);
    if (i % 2 == 0) nodes.train->push_back(i);  // 25
  }
  DatasetContents::Edges& edges = contents.edges.emplace_back();
  edges.name = {"node", "to", "node"};
  for (int i = 0; i < 300; ++i) {
    edges.edges.emplace_back(random.Below(50), random.Below(50));
  }
  return contents;
}

// The argument is prefetch_size.
class CollocatedSampleStreamTest : public ::testing::TestWithParam<uint64_t> {
 protected:
  NeighborLoaderOptions Options() const {
    NeighborLoaderOptions options;
    options.fanout = {4, 2};
    options.batch_size = 4;
    options.shuffle = true;
    options.worker_options =
        CollocatedWorkerOptions{.prefetch_size = GetParam()};
    return options;
  }

  absl::StatusOr<std::unique_ptr<CollocatedSampleStream>> Create(
      const NeighborLoaderOptions& options) const {
    return CollocatedSampleStream::Create(*whole_, *Resolve(options),
                                          /*remote=*/nullptr);
  }

  static absl::StatusOr<Digests> Drain(CollocatedSampleStream& stream) {
    Digests digests;
    while (true) {
      FAIRLEAD_ASSIGN_OR_RETURN(const std::optional<ReceivedBatch> batch,
                                stream.Next());
      if (!batch.has_value()) return digests;
      digests[batch->message.header.batch_index()] =
          ContentDigest(batch->message);
    }
  }

  static absl::StatusOr<Digests> DrainNext(CollocatedSampleStream& stream) {
    FAIRLEAD_RETURN_IF_ERROR(stream.StartEpoch());
    return Drain(stream);
  }

  // The seeds of an epoch, in the order in which they come.
  static std::vector<int64_t> Seeds(CollocatedSampleStream& stream) {
    std::vector<int64_t> seeds;
    EXPECT_THAT(stream.StartEpoch(), IsOk());
    while (true) {
      const auto batch = stream.Next();
      EXPECT_THAT(batch, IsOk());
      if (!batch->has_value()) return seeds;
      const auto more = (*batch)->message.Find("batch")->As<int64_t>();
      seeds.insert(seeds.end(), more.begin(), more.end());
    }
  }

  const std::unique_ptr<const Dataset> whole_ = *WriteWhole(Contents());
  const PartitionedDataset parts_ =
      *PartitionedDataset::Create(*whole_, 3, BookKind::kTable);
};

INSTANTIATE_TEST_SUITE_P(Ahead, CollocatedSampleStreamTest,
                         ::testing::Values(0, 1, 3));

TEST_P(CollocatedSampleStreamTest, NeedsAnEpochFirst) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto stream, Create(Options()));
  EXPECT_THAT(stream->Next(), StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(stream->cursor(),
              StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST_P(CollocatedSampleStreamTest, ShufflesEachEpochAnewAndAlikeInEachStream) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto stream, Create(Options()));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto other, Create(Options()));
  const std::vector<int64_t> first = Seeds(*stream);
  const std::vector<int64_t> second = Seeds(*stream);
  EXPECT_NE(first, second);
  EXPECT_EQ(first, Seeds(*other));
  EXPECT_EQ(second, Seeds(*other));
  std::vector<int64_t> sorted = second;
  std::sort(sorted.begin(), sorted.end());
  EXPECT_EQ(sorted, *Contents().nodes[0].train);
}

TEST_P(CollocatedSampleStreamTest, GpuMakesTheSameBatches) {
  cuda::testing::EmulatedDevice device;
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const auto accelerator,
      cuda::DeviceAccelerator::Create(*whole_,
                                      {.graph_mode = cuda::GraphMode::kCuda,
                                       .features = true,
                                       .memory_budget_bytes = 1 << 20},
                                      device.device()));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto on_cpu, Create(Options()));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const auto stream,
      CollocatedSampleStream::Create(*whole_, *Resolve(Options()),
                                     /*remote=*/nullptr, accelerator.get()));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Digests expected, DrainNext(*on_cpu));
  EXPECT_THAT(expected, SizeIs(7));
  EXPECT_THAT(DrainNext(*stream), IsOkAndHolds(expected));
  EXPECT_EQ(device.sessions(), 1u);
}

TEST_P(CollocatedSampleStreamTest, LeavesOutALastBatchThatIsNotFull) {
  NeighborLoaderOptions options = Options();
  options.drop_last = true;
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto stream, Create(options));
  EXPECT_EQ(stream->batches(), 6u);
  EXPECT_THAT(Seeds(*stream), SizeIs(24));
  EXPECT_EQ(stream->stats().batches, 6u);
  EXPECT_EQ(stream->stats().queued, 0u);
}

TEST_P(CollocatedSampleStreamTest, EpochThatIsBrokenOffLeavesNothing) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto whole, Create(Options()));
  Seeds(*whole);
  Seeds(*whole);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto stream, Create(Options()));
  for (int epoch = 0; epoch < 2; ++epoch) {
    ASSERT_THAT(stream->StartEpoch(), IsOk());
    ASSERT_THAT(stream->Next(), IsOk());
  }
  EXPECT_EQ(Seeds(*stream), Seeds(*whole));
}

TEST_P(CollocatedSampleStreamTest, GoesOnFromACursor) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto whole, Create(Options()));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(Digests expected, DrainNext(*whole));

  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto stream, Create(Options()));
  ASSERT_THAT(stream->StartEpoch(), IsOk());
  for (int i = 0; i < 3; ++i) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto batch, stream->Next());
    expected.erase(batch->message.header.batch_index());
  }
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(v1::LoaderCursor cursor, stream->cursor());
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto other, Create(Options()));
  ASSERT_THAT(other->ResumeEpoch(cursor), IsOk());
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Digests rest, Drain(*other));
  EXPECT_EQ(rest, expected);

  cursor.add_servers();
  EXPECT_THAT(
      other->ResumeEpoch(cursor),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("2 servers")));
  EXPECT_THAT(other->Next(), StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST_P(CollocatedSampleStreamTest, BatchThatFindsNoRoomComesFromTheCursor) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto whole, Create(Options()));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Digests expected, DrainNext(*whole));

  for (const bool in_memory : {false, true}) {
    SCOPED_TRACE(in_memory);
    // The third time there is none.
    const auto asked = std::make_shared<std::atomic<int>>(0);
    const auto room = [asked]() -> absl::Status {
      return ++*asked == 3 ? absl::ResourceExhaustedError("it is full")
                           : absl::OkStatus();
    };
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(SampleStreamOptions options,
                                  Resolve(Options()));
    if (in_memory) {
      options.landing.allocate =
          [room](size_t bytes) -> absl::StatusOr<std::shared_ptr<uint8_t>> {
        FAIRLEAD_RETURN_IF_ERROR(room());
        return std::shared_ptr<uint8_t>(
            static_cast<uint8_t*>(aligned_alloc(64, (bytes + 63) / 64 * 64)),
            free);
      };
    } else {
      options.landing.copy = [room](absl::Span<const uint8_t> bytes)
          -> absl::StatusOr<std::shared_ptr<const void>> {
        FAIRLEAD_RETURN_IF_ERROR(room());
        return std::make_shared<const size_t>(bytes.size());
      };
    }
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(
        const auto stream,
        CollocatedSampleStream::Create(*whole_, options, nullptr));
    ASSERT_THAT(stream->StartEpoch(), IsOk());
    Digests digests;
    std::vector<ReceivedBatch> kept;  // so that no memory is used again
    std::vector<absl::Status> errors;
    while (true) {
      absl::StatusOr<std::optional<ReceivedBatch>> batch = stream->Next();
      if (!batch.ok()) {
        errors.push_back(batch.status());
        continue;
      }
      if (!batch->has_value()) break;
      digests[(*batch)->message.header.batch_index()] =
          ContentDigest((*batch)->message);
      kept.push_back(**std::move(batch));
    }
    EXPECT_THAT(
        errors,
        ElementsAre(
            StatusIs(absl::StatusCode::kResourceExhausted,
                     AllOf(HasSubstr("batch 2"), HasSubstr("full"))),
            StatusIs(absl::StatusCode::kDataLoss, HasSubstr("1 of 7"))));
    EXPECT_THAT(digests, SizeIs(expected.size() - 1));
    EXPECT_EQ(stream->stats().missing, 1u);
    EXPECT_EQ(stream->stats().failed, 0u);
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const v1::LoaderCursor cursor,
                                  stream->cursor());
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto other, Create(Options()));
    ASSERT_THAT(other->ResumeEpoch(cursor), IsOk());
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Digests rest, Drain(*other));
    EXPECT_THAT(rest, ElementsAre(std::pair(2, expected.at(2))));
  }
}

TEST_P(CollocatedSampleStreamTest, NeedsSomebodyToAskForOtherPartitions) {
  EXPECT_THAT(CollocatedSampleStream::Create(parts_.partition(0),
                                             *Resolve(Options()), nullptr),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("remote"), HasSubstr("3 partitions"))));
}

// Answers out of the other partitions.
class Answering final : public RemotePartitions {
 public:
  explicit Answering(const PartitionedDataset& parts)
      : parts_(parts), rows_(parts) {}

  void Fetch(const RemoteFetches& fetches,
             std::function<void(absl::Status)> done) override {
    if (fetches.neighbors != nullptr) {
      const absl::Status status = parts_.Answer(*fetches.neighbors);
      if (!status.ok()) return done(status);
    }
    if (fetches.rows == nullptr) return done(absl::OkStatus());
    rows_.Fetch(fetches, std::move(done));
  }

 private:
  const PartitionedDataset& parts_;
  FakePartitions rows_;
};

TEST_P(CollocatedSampleStreamTest, SeveralPartitionsGiveWhatOneGives) {
  NeighborLoaderOptions options = Options();
  options.input_nodes.ids = {3, 44, 7, 7, 12, 31, 0, 49, 21};
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto whole, Create(options));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Digests expected, DrainNext(*whole));
  Answering remote(parts_);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const auto stream, CollocatedSampleStream::Create(
                             parts_.partition(1), *Resolve(options), &remote));
  EXPECT_THAT(DrainNext(*stream), IsOkAndHolds(expected));
}

// Never has two questions at a time.
class OneAtATime final : public RemotePartitions {
 public:
  explicit OneAtATime(const PartitionedDataset& parts) : answering_(parts) {}

  void Fetch(const RemoteFetches& fetches,
             std::function<void(absl::Status)> done) override {
    EXPECT_EQ(under_way_++, 0);
    thread_ = std::this_thread::get_id();
    answering_.Fetch(fetches,
                     [this, done = std::move(done)](absl::Status status) {
                       --under_way_;
                       done(std::move(status));
                     });
  }

  std::thread::id thread() const { return thread_; }

 private:
  Answering answering_;
  std::atomic<int> under_way_ = 0;
  std::atomic<std::thread::id> thread_;
};

// GL-080: one worker, one batch at a time, of the trainer's own thread unless
// it works ahead.
TEST_P(CollocatedSampleStreamTest, IsOneWorkerWithOneBatchInTheMaking) {
  NeighborLoaderOptions options = Options();
  options.input_nodes.split = "all";
  OneAtATime remote(parts_);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const auto stream, CollocatedSampleStream::Create(
                             parts_.partition(1), *Resolve(options), &remote));
  EXPECT_THAT(DrainNext(*stream), IsOk());
  EXPECT_EQ(remote.thread() == std::this_thread::get_id(), GetParam() == 0);
}

// Answers nobody.
class Unreachable final : public RemotePartitions {
 public:
  void Fetch(const RemoteFetches& /*fetches*/,
             std::function<void(absl::Status)> done) override {
    done(absl::UnavailableError("partition 1: nobody answers"));
  }
};

TEST_P(CollocatedSampleStreamTest, ErrorStandsInThePlaceOfItsBatch) {
  Unreachable remote;
  for (const v1::FailurePolicy policy :
       {v1::FAILURE_POLICY_SKIP, v1::FAILURE_POLICY_FAIL}) {
    NeighborLoaderOptions options = Options();
    options.failure_policy = policy;
    options.input_nodes.split = "all";
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(
        const auto stream,
        CollocatedSampleStream::Create(parts_.partition(0), *Resolve(options),
                                       &remote));
    ASSERT_THAT(stream->StartEpoch(), IsOk());
    EXPECT_THAT(stream->Next(), StatusIs(absl::StatusCode::kUnavailable,
                                         AllOf(HasSubstr("epoch 0, batch 0"),
                                               HasSubstr("partition 1"))));
    uint64_t failed = 1;
    while (true) {
      const auto batch = stream->Next();
      if (batch.ok() && !batch->has_value()) break;
      if (!batch.ok()) ++failed;
    }
    const bool stops = policy == v1::FAILURE_POLICY_FAIL;
    EXPECT_EQ(failed == 1, stops);
    EXPECT_EQ(stream->stats().failed, stops ? stream->batches() : failed);
  }
}

}  // namespace
}  // namespace fairlead
