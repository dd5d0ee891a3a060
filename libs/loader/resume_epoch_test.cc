// A trainer that ends in the midst of an epoch, and another that goes on from
// the cursor which the first one left.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/loader/fake_cluster.h"
#include "libs/loader/loader_options.h"
#include "libs/loader/remote_receiving_channel.h"
#include "libs/loader/sample_stream.h"
#include "libs/status/status_matchers.h"
#include "protos/fairlead/v1/loader_cursor.pb.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::StatusIs;
using ::testing::HasSubstr;

std::unique_ptr<SampleStream> NewTrainer(const FakeCluster& cluster,
                                         uint64_t seed = 1) {
  NeighborLoaderOptions options;
  options.registry = cluster.address();
  options.seed = seed;
  absl::StatusOr<std::unique_ptr<SampleStream>> stream =
      SampleStream::Create(options);
  EXPECT_THAT(stream, IsOk());
  return *std::move(stream);
}

// A batch or the error in its place, by server and index.
using Had = std::pair<size_t, uint64_t>;

// Takes up to `most` batches. Errors count as the batch 99 of server 99.
std::multiset<Had> Take(SampleStream& stream, size_t most) {
  std::multiset<Had> had;
  while (had.size() < most) {
    const absl::StatusOr<std::optional<ReceivedBatch>> batch = stream.Next();
    if (!batch.ok()) {
      had.emplace(99, 99);
    } else if (batch->has_value()) {
      had.emplace((*batch)->server, (*batch)->message.header.batch_index());
    } else {
      break;
    }
  }
  return had;
}

// What a checkpoint keeps.
std::string Save(const SampleStream& stream) {
  const absl::StatusOr<v1::LoaderCursor> cursor = stream.cursor();
  EXPECT_THAT(cursor, IsOk());
  return cursor->SerializeAsString();
}

v1::LoaderCursor Load(const std::string& saved) {
  v1::LoaderCursor cursor;
  EXPECT_TRUE(cursor.ParseFromString(saved));
  return cursor;
}

TEST(ResumeEpoch, WhatWasNotHadComesOnceWhereverTheTrainerEnded) {
  constexpr uint64_t kBatches = 7;
  constexpr int kPools = 2;
  FakeCluster cluster({.batches = kBatches, .pools = kPools});
  for (size_t first = 0; first <= kBatches * kPools; ++first) {
    SCOPED_TRACE(first);
    std::string saved;
    std::multiset<Had> had;
    {
      const auto trainer = NewTrainer(cluster);
      ASSERT_THAT(trainer->StartEpoch(), IsOk());
      had = Take(*trainer, first);
      saved = Save(*trainer);
    }
    const auto trainer = NewTrainer(cluster);
    ASSERT_THAT(trainer->ResumeEpoch(Load(saved)), IsOk());
    had.merge(Take(*trainer, 1000));
    EXPECT_EQ(had.size(), kBatches * kPools);
    EXPECT_EQ(std::set<Had>(had.begin(), had.end()).size(), had.size());
    EXPECT_EQ(trainer->stats().missing, 0u);
    ASSERT_THAT(trainer->StartEpoch(), IsOk());
    EXPECT_EQ(Load(Save(*trainer)).epoch(), 1u);
    EXPECT_EQ(Take(*trainer, 1000).size(), kBatches * kPools);
  }
}

TEST(ResumeEpoch, FailedBatchThatTheTrainerHeardOfDoesNotComeAgain) {
  FakeCluster cluster({.batches = 3, .script = [](FakeCluster::Stream& stream) {
                         if (!stream.IsHeld(1)) {
                           stream.SendError(
                               1, absl::InternalError("no such seed"));
                         }
                         for (const uint64_t index : {0, 2}) {
                           if (!stream.IsHeld(index)) stream.SendBatch(index);
                         }
                         v1::EpochEnd end = stream.MakeEnd();
                         end.set_failed_batches(1);
                         stream.SendEnd(end);
                         return stream.AwaitClose();
                       }});
  std::string saved;
  {
    const auto trainer = NewTrainer(cluster);
    ASSERT_THAT(trainer->StartEpoch(), IsOk());
    EXPECT_THAT(trainer->Next(), StatusIs(absl::StatusCode::kInternal));
    saved = Save(*trainer);
  }
  EXPECT_EQ(Load(saved).servers(0).failed_batches(), 1u);
  const auto trainer = NewTrainer(cluster);
  ASSERT_THAT(trainer->ResumeEpoch(Load(saved)), IsOk());
  EXPECT_EQ(Take(*trainer, 10), (std::multiset<Had>{{0, 0}, {0, 2}}));
}

// What is under way of the epoch as it was first started, its end above all, is
// not of the one that goes on from a cursor.
TEST(ResumeEpoch, EpochThatIsStartedOnceMoreIsAnotherAttempt) {
  FakeCluster cluster({.batches = 5});
  const auto trainer = NewTrainer(cluster);
  ASSERT_THAT(trainer->StartEpoch(), IsOk());
  std::multiset<Had> had = Take(*trainer, 2);
  const v1::LoaderCursor cursor = Load(Save(*trainer));
  for (uint32_t attempt = 1; attempt < 4; ++attempt) {
    ASSERT_THAT(trainer->ResumeEpoch(cursor), IsOk());
    EXPECT_EQ(cluster.started().back().attempt(), attempt);
    EXPECT_EQ(cluster.started().back().epoch(), 0u);
  }
  had.merge(Take(*trainer, 10));
  EXPECT_EQ(had.size(), 5u);
  EXPECT_EQ(std::set<Had>(had.begin(), had.end()).size(), had.size());
}

TEST(ResumeEpoch, CursorOfAnotherInputIsRefused) {
  FakeCluster cluster({.batches = 3});
  const auto trainer = NewTrainer(cluster);
  EXPECT_THAT(trainer->cursor(),
              StatusIs(absl::StatusCode::kFailedPrecondition));
  ASSERT_THAT(trainer->StartEpoch(), IsOk());
  const v1::LoaderCursor cursor = Load(Save(*trainer));
  EXPECT_THAT(NewTrainer(cluster, /*seed=*/2)->ResumeEpoch(cursor),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("another sampling config")));
  v1::LoaderCursor of_more_servers = cursor;
  of_more_servers.add_servers();
  EXPECT_THAT(
      trainer->ResumeEpoch(of_more_servers),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("2 servers")));
  v1::LoaderCursor damaged = cursor;
  damaged.mutable_servers(0)->set_batches(99);
  EXPECT_THAT(
      trainer->ResumeEpoch(damaged),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("99 batches")));
  EXPECT_THAT(trainer->ResumeEpoch(cursor), IsOk());
}

}  // namespace
}  // namespace fairlead
