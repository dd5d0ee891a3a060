// What all kinds of loaders have in common: an epoch as a range, devices, and
// GLT's receiving channel.

#include "libs/loader/dist_loader.h"

#include <atomic>
#include <cstdint>
#include <iterator>
#include <memory>
#include <ranges>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/loader/batch_receiving_channel.h"
#include "libs/loader/dist_ablp_loader.h"
#include "libs/loader/dist_link_neighbor_loader.h"
#include "libs/loader/dist_neighbor_loader.h"
#include "libs/loader/dist_ppr_loader.h"
#include "libs/loader/dist_subgraph_loader.h"
#include "libs/loader/fake_cluster.h"
#include "libs/loader/loader_options.h"
#include "libs/loader/placement.h"
#include "libs/loader/received_batch.h"
#include "libs/loader/registry_session.h"
#include "libs/loader/sampling_input.h"
#include "libs/status/status_matchers.h"
#include "libs/telemetry/telemetry.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::StatusIs;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

static_assert(std::input_iterator<EpochRange::Iterator>);

template <typename Options = NeighborLoaderOptions>
Options On(const FakeCluster& cluster) {
  Options options;
  options.registry = cluster.address();
  options.to_device = "cpu";
  return options;
}

// How many batches a loop over the range has.
int Count(EpochRange& epoch) {
  int count = 0;
  for ([[maybe_unused]] const Batch& batch : epoch) ++count;
  return count;
}

TEST(EpochRange, HasEveryBatchOnce) {
  FakeCluster cluster({.batches = 5, .pools = 2});
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto loader,
                                DistNeighborLoader::Create(On(cluster)));
  for (uint64_t i = 0; i < 3; ++i) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(EpochRange epoch, loader->Epoch());
    std::set<std::pair<size_t, uint64_t>> had;
    for (const Batch& batch : epoch) {
      EXPECT_EQ(batch.epoch(), i);
      had.emplace(batch.received().server, batch.index());
    }
    EXPECT_THAT(epoch.status(), IsOk());
    EXPECT_THAT(had, SizeIs(10));
  }
}

TEST(EpochRange, LoopThatIsLeftEarlyLeavesTheNextEpochClean) {  // RC-10, W-11
  FakeCluster cluster({.batches = 10});
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto loader,
                                DistNeighborLoader::Create(On(cluster)));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(EpochRange first, loader->Epoch());
  for ([[maybe_unused]] const Batch& batch : first) break;
  EXPECT_THAT(first.status(), IsOk());
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(EpochRange second, loader->Epoch());
  int count = 0;
  for (const Batch& batch : second) {
    EXPECT_EQ(batch.epoch(), 1u);
    ++count;
  }
  EXPECT_EQ(count, 10);
  EXPECT_THAT(second.status(), IsOk());
}

TEST(EpochRange, AnotherLoopGoesOnWhereOneWasLeft) {
  FakeCluster cluster({.batches = 4});
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto loader,
                                DistNeighborLoader::Create(On(cluster)));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(EpochRange epoch, loader->Epoch());
  for ([[maybe_unused]] const Batch& batch : epoch) break;
  EXPECT_EQ(Count(epoch), 3);
  EXPECT_THAT(epoch.status(), IsOk());
}

TEST(EpochRange, FailedBatchEndsTheLoopAndIsItsStatus) {  // RC-09, RC-14
  FakeCluster cluster({.batches = 3, .script = [](FakeCluster::Stream& stream) {
                         stream.SendBatch(0);
                         stream.SendError(1, absl::InternalError("no luck"));
                         stream.SendBatch(2);
                         stream.SendEnd();
                         return stream.AwaitClose();
                       }});
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto loader,
                                DistNeighborLoader::Create(On(cluster)));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(EpochRange epoch, loader->Epoch());
  EXPECT_EQ(Count(epoch), 1);
  EXPECT_THAT(epoch.status(),
              StatusIs(absl::StatusCode::kInternal, HasSubstr("no luck")));
  for (const Batch& batch : epoch) {
    EXPECT_EQ(batch.index(), 2u);
    break;
  }
}

TEST(EpochRange, OfAnEpochThatIsOverSaysSo) {
  FakeCluster cluster({.batches = 2});
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto loader,
                                DistNeighborLoader::Create(On(cluster)));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(EpochRange first, loader->Epoch());
  EXPECT_EQ(Count(first), 2);
  EXPECT_EQ(Count(first), 0);
  EXPECT_THAT(first.status(), StatusIs(absl::StatusCode::kFailedPrecondition,
                                       HasSubstr("call Epoch()")));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(EpochRange second, loader->Epoch());
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(EpochRange third, loader->Epoch());
  EXPECT_EQ(Count(second), 0);
  EXPECT_THAT(second.status(), StatusIs(absl::StatusCode::kFailedPrecondition,
                                        HasSubstr("ended by a later one")));
  EXPECT_EQ(Count(third), 2);  // of which the second took nothing
}

TEST(EpochRange, RestOfAnEpochGoesOnFromACursor) {
  FakeCluster cluster({.batches = 6});
  NeighborLoaderOptions options = On(cluster);
  v1::LoaderCursor cursor;
  {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto loader,
                                  DistNeighborLoader::Create(options));
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(EpochRange epoch, loader->Epoch());
    for ([[maybe_unused]] const Batch& batch : epoch) break;
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(cursor, loader->cursor());
  }
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto loader,
                                DistNeighborLoader::Create(options));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(EpochRange rest, loader->RestOfEpoch(cursor));
  EXPECT_EQ(Count(rest), 5);
  EXPECT_THAT(rest.status(), IsOk());
}

TEST(DistLoader, LoopOverItIsTheNextEpoch) {
  static_assert(std::ranges::input_range<DistNeighborLoader>);
  FakeCluster cluster({.batches = 10});
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto loader,
                                DistNeighborLoader::Create(On(cluster)));
  for (const uint64_t taken : {10, 1, 0, 10}) {
    SCOPED_TRACE(taken);
    const uint64_t epoch = cluster.started().size();
    uint64_t count = 0;
    std::set<uint64_t> had;
    for (const Batch& batch : *loader) {
      EXPECT_EQ(batch.epoch(), epoch);
      if (count++ == taken) break;  // with the rest on its way
      had.insert(batch.index());
    }
    EXPECT_THAT(loader->status(), IsOk());
    EXPECT_THAT(had, SizeIs(taken));
    EXPECT_EQ(cluster.started().size(), epoch + 1);
  }
}

TEST(DistLoader, LoopOverAnEpochThatCannotBeStartedHasNoBatch) {
  std::atomic<bool> refuses = true;
  FakeCluster cluster(
      {.batches = 2, .on_start_epoch = [&](const v1::StartEpochRequest&) {
         return refuses ? absl::AbortedError("channel 1: is another's")
                        : absl::OkStatus();
       }});
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto loader,
                                DistNeighborLoader::Create(On(cluster)));
  const auto count = [&loader] {
    int batches = 0;
    for ([[maybe_unused]] const Batch& batch : *loader) ++batches;
    return batches;
  };
  EXPECT_EQ(count(), 0);
  EXPECT_THAT(loader->status(),
              StatusIs(absl::StatusCode::kAborted, HasSubstr("another's")));
  refuses = false;
  EXPECT_EQ(count(), 2);
  EXPECT_THAT(loader->status(), IsOk());
}

TEST(DistLoader, EachKindAsksForItsKindOfSampling) {
  FakeCluster cluster({.batches = 1});
  const auto last = [&] { return cluster.registered().back().config(); };
  ASSERT_THAT(DistNeighborLoader::Create(On(cluster)), IsOk());
  EXPECT_EQ(last().type(), v1::SAMPLING_TYPE_NODE);
  ASSERT_THAT(
      DistLinkNeighborLoader::Create(On<LinkNeighborLoaderOptions>(cluster)),
      IsOk());
  EXPECT_EQ(last().type(), v1::SAMPLING_TYPE_LINK);
  ASSERT_THAT(DistSubGraphLoader::Create(On<SubGraphLoaderOptions>(cluster)),
              IsOk());
  EXPECT_EQ(last().type(), v1::SAMPLING_TYPE_SUBGRAPH);
  auto ablp = On<AblpLoaderOptions>(cluster);
  ablp.supervision_edge_type = {"user", "buys", "item"};
  ASSERT_THAT(DistAblpLoader::Create(ablp), IsOk());
  EXPECT_EQ(last().type(), v1::SAMPLING_TYPE_ABLP);
  ASSERT_THAT(DistPprLoader::Create(On<PprLoaderOptions>(cluster)), IsOk());
  EXPECT_EQ(last().type(), v1::SAMPLING_TYPE_PPR);
}

TEST(DistLoader, ServerThatHasNoBatchIsNotAsked) {  // C-24
  FakeCluster cluster({.pools = 2, .batches_of_pool = {{0, 0}, {1, 3}}});
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto loader,
                                DistNeighborLoader::Create(On(cluster)));
  EXPECT_EQ(loader->batches(), 3u);
  EXPECT_EQ(loader->seeds(), 6u);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(EpochRange epoch, loader->Epoch());
  EXPECT_EQ(Count(epoch), 3);
  EXPECT_THAT(epoch.status(), IsOk());
  EXPECT_THAT(cluster.channels(), SizeIs(2));
  EXPECT_THAT(cluster.started(), SizeIs(1));
}

class ReceivingChannel : public ::testing::Test {
 protected:
  void Register(const FakeCluster& cluster) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(
        session_, RegistrySession::Create({.registry = cluster.address()}));
    SamplingInput::Options options{.worker_key = "rank_0"};
    options.seeds.emplace_back().set_split(v1::SPLIT_TRAIN);
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(
        input_, SamplingInput::Register(session_.get(), std::move(options)));
  }

  uint64_t id(size_t server) const {
    return input_->channel(server).channel_id;
  }

  std::unique_ptr<RegistrySession> session_;
  std::unique_ptr<SamplingInput> input_;
};

TEST_F(ReceivingChannel, TakesAScalarOrAList) {  // RC-01, RC-02
  FakeCluster cluster({.batches = 3, .pools = 2});
  Register(cluster);
  const std::vector<BatchReceivingChannel::Options> both = {
      {.server_rank = 1, .channel_id = id(1)},
      {.server_rank = {1}, .channel_id = {id(1)}}};
  for (uint64_t epoch = 0; epoch < both.size(); ++epoch) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(
        const auto channel,
        BatchReceivingChannel::Create(input_.get(), both[epoch]));
    ASSERT_THAT(channel->Reset(epoch), IsOk());
    for (int i = 0; i < 3; ++i) {
      FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto batch, channel->Recv());
      ASSERT_TRUE(batch.has_value());
    }
    for (int i = 0; i < 3; ++i) {  // RC-08
      FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto end, channel->Recv());
      EXPECT_FALSE(end.has_value());
    }
  }
  for (const auto& started : cluster.started()) {
    EXPECT_EQ(started.channel_id(), id(1));
  }
}

TEST_F(ReceivingChannel, MaskedServersAreNeverAsked) {  // RC-04
  FakeCluster cluster({.batches = 3, .pools = 2});
  Register(cluster);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const auto channel, BatchReceivingChannel::Create(
                              input_.get(), {.server_rank = {0, 1},
                                             .channel_id = {id(0), id(1)},
                                             .active_mask = {false, false}}));
  ASSERT_THAT(channel->Reset(0), IsOk());
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto end, channel->Recv());
  EXPECT_FALSE(end.has_value());
  EXPECT_THAT(cluster.started(), SizeIs(0));
}

template <typename Channel>
constexpr bool kCanSend = requires(Channel& channel, ReceivedBatch batch) {
  channel.Send(batch);
}
|| requires(Channel& channel, ReceivedBatch batch) { channel.send(batch); };

TEST_F(ReceivingChannel, OnlyReceives) {  // RC-06
  EXPECT_FALSE(kCanSend<BatchReceivingChannel>);
}

// The value of a metric, of which there is one, in what is exposed.
double Exposed(const std::string& text, const std::string& name) {
  const size_t at = text.find("\n" + name + "{");
  const size_t begin = text.find("} ", at) + 2;
  double value = -1;
  EXPECT_TRUE(at != std::string::npos &&
              absl::SimpleAtod(
                  text.substr(begin, text.find('\n', begin) - begin), &value))
      << name << " in " << text;
  return value;
}

TEST_F(ReceivingChannel, TellsTheFiveValues) {  // RC-12
  FakeCluster cluster({.batches = 3});
  Register(cluster);
  Telemetry telemetry;
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const auto channel,
      BatchReceivingChannel::Create(
          input_.get(),
          {.server_rank = 0, .channel_id = id(0), .telemetry = &telemetry}));
  ASSERT_THAT(channel->Reset(0), IsOk());
  while (channel->stats().queued < 2) std::this_thread::yield();
  EXPECT_EQ(Exposed(telemetry.Expose(), "fairlead_loader_queued_batches"), 2);
  while (true) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto batch, channel->Recv());
    if (!batch.has_value()) break;
  }
  const ReceiveStats stats = channel->stats();
  EXPECT_GT(stats.starting, absl::ZeroDuration());
  const std::string text = telemetry.Expose();
  EXPECT_EQ(Exposed(text, "fairlead_loader_batches_total"), 3);
  EXPECT_EQ(Exposed(text, "fairlead_loader_requested_batches_total"),
            static_cast<double>(stats.requested));
  EXPECT_GE(stats.requested, 3u);
  EXPECT_NEAR(Exposed(text, "fairlead_loader_start_seconds_total"),
              absl::ToDoubleSeconds(stats.starting), 1e-5);
  EXPECT_EQ(Exposed(text, "fairlead_loader_queued_batches"), 0);
  EXPECT_NEAR(Exposed(text, "fairlead_loader_wait_seconds_total"),
              absl::ToDoubleSeconds(stats.waited), 1e-5);
  // And where the time went otherwise.
  EXPECT_THAT(text,
              AllOf(HasSubstr("fairlead_loader_stalls_total{channel"),
                    HasSubstr("fairlead_loader_decode_seconds_total{channel"),
                    HasSubstr("fairlead_loader_copy_seconds_total{channel")));
}

}  // namespace
}  // namespace fairlead
