// A storage server as GLT's clients know it, over real services: what a fetch
// may answer, and how a server ends; and whom to ask for a partition.

#include "libs/loader/dist_server.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "integration_tests/harness/test_cluster.h"
#include "integration_tests/harness/test_dataset.h"
#include "libs/clock/clock.h"
#include "libs/dist_rpc/data_partitions.h"
#include "libs/dist_rpc/rpc_data_partition_router.h"
#include "libs/event_loop/event_loop.h"
#include "libs/graph/npy.h"
#include "libs/loader/input_nodes.h"
#include "libs/loader/loader_options.h"
#include "libs/loader/registry_session.h"
#include "libs/loader/remote_dist_dataset.h"
#include "libs/loader/request_server.h"
#include "libs/loader/sample_stream.h"
#include "libs/membership/member_watch.h"
#include "libs/rpc/channel.h"
#include "libs/rpc/status_conversion.h"
#include "libs/status/status_matchers.h"
#include "protos/fairlead/v1/registry.grpc.pb.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::kPatience;
using ::fairlead::testing::MakeKronecker;
using ::fairlead::testing::NewFolder;
using ::fairlead::testing::Partition;
using ::fairlead::testing::StatusIs;
using ::fairlead::testing::TestCluster;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

using Answer = FetchedMessage::Answer;

constexpr absl::Duration kShort = absl::Milliseconds(20);

class DistServerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    TestCluster::Options options;
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::string whole, MakeKronecker());
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(options.dataset, Partition(whole, 2));
    options.partitions = 2;
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(cluster_, TestCluster::Start(options));
    const std::string registry = cluster_->registry().address();
    registry_ = v1::RegistryService::NewStub(rpc::MakeChannel(registry));
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(
        session_, RegistrySession::Create({.registry = registry,
                                           .member_name = "trainer",
                                           .lease = kPatience}));
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(
        dataset_, RemoteDistDataset::Connect({.registry = registry}));
    server_.emplace(session_.get(), dataset_.get(), 1);
  }

  void TearDown() override {
    server_.reset();  // or the services would wait for us to hang up
    dataset_.reset();
    session_.reset();
    registry_.reset();
    EXPECT_THAT(cluster_->Stop(), IsOk());
  }

  static v1::RegisterSamplingInputRequest Input(uint32_t batch_size) {
    v1::RegisterSamplingInputRequest input;
    input.mutable_input()->set_split(v1::SPLIT_TRAIN);
    input.mutable_config()->set_type(v1::SAMPLING_TYPE_NODE);
    input.mutable_config()->set_batch_size(batch_size);
    input.mutable_config()->add_fanout(3);
    return input;
  }

  static v1::RegisterSamplingInputRequest Paused() {
    v1::RegisterSamplingInputRequest input = Input(64);
    input.mutable_control()->set_paused(true);
    return input;
  }

  // What the registry has.
  std::vector<v1::ChannelDescription> Channels() {
    v1::ListChannelsResponse response;
    grpc::ClientContext context;
    EXPECT_THAT(rpc::ToAbslStatus(registry_->ListChannels(
                    &context, v1::ListChannelsRequest(), &response)),
                IsOk());
    return {response.channels().begin(), response.channels().end()};
  }
  std::vector<v1::BackendDescription> Backends() {
    v1::ListBackendsResponse response;
    grpc::ClientContext context;
    EXPECT_THAT(rpc::ToAbslStatus(registry_->ListBackends(
                    &context, v1::ListBackendsRequest(), &response)),
                IsOk());
    return {response.backends().begin(), response.backends().end()};
  }

  // Expects (nothing, true).
  void ExpectEndAsInS2(uint64_t channel) {
    const auto fetched = server_->FetchOneSampledMessage(channel, kPatience);
    ASSERT_THAT(fetched, IsOk());
    EXPECT_FALSE(fetched->first.has_value());
    EXPECT_TRUE(fetched->second);
  }

  std::unique_ptr<TestCluster> cluster_;
  std::unique_ptr<v1::RegistryService::Stub> registry_;
  std::unique_ptr<RegistrySession> session_;
  std::unique_ptr<RemoteDistDataset> dataset_;
  std::optional<DistServer> server_;
};

TEST_F(DistServerTest, EpochIsItsMessagesAndThenDone) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const uint64_t channel,
                                server_->CreateSamplingProducer(Input(64), {}));
  for (uint64_t epoch : {0, 1}) {
    ASSERT_THAT(server_->StartNewEpochSampling(channel, epoch), IsOk());
    ASSERT_THAT(server_->StartNewEpochSampling(channel, epoch), IsOk());
    uint64_t messages = 0;
    while (true) {
      const auto fetched = server_->FetchOneSampledMessage(channel, kPatience);
      ASSERT_THAT(fetched, IsOk());
      if (fetched->second) break;
      ASSERT_TRUE(fetched->first.has_value());
      EXPECT_EQ(fetched->first->header().epoch(), epoch);
      ++messages;
    }
    const FetchedMessage end = server_->Fetch(channel, kPatience);
    EXPECT_EQ(end.answer, Answer::kDone);
    EXPECT_THAT(end.status, IsOk());
    ASSERT_TRUE(end.epoch_end.has_value());
    EXPECT_EQ(end.epoch_end->batches(), messages);
  }
  EXPECT_THAT(server_->DestroySamplingProducer(channel), IsOk());
  EXPECT_THAT(server_->DestroySamplingProducer(channel), IsOk());
  EXPECT_THAT(server_->StartNewEpochSampling(channel + 1000, 0),  // never was
              StatusIs(absl::StatusCode::kNotFound,
                       HasSubstr(absl::StrCat("channel ", channel + 1000))));
}

TEST_F(DistServerTest, NothingYetIsNoEnd) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const uint64_t channel,
                                server_->CreateSamplingProducer(Paused(), {}));
  ASSERT_THAT(server_->StartNewEpochSampling(channel, 0), IsOk());
  const FetchedMessage fetched = server_->Fetch(channel, kShort);
  EXPECT_EQ(fetched.answer, Answer::kNotYet);
  EXPECT_THAT(server_->FetchOneSampledMessage(channel, kShort),
              StatusIs(absl::StatusCode::kDeadlineExceeded));
}

TEST_F(DistServerTest, CancelledEpochSaysSoAndIsAnEndInS2) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const uint64_t channel,
                                server_->CreateSamplingProducer(Paused(), {}));
  ASSERT_THAT(server_->StartNewEpochSampling(channel, 0), IsOk());
  v1::CancelEpochRequest request;
  request.set_channel_id(channel);
  v1::CancelEpochResponse response;
  grpc::ClientContext context;
  ASSERT_THAT(
      rpc::ToAbslStatus(registry_->CancelEpoch(&context, request, &response)),
      IsOk());
  const FetchedMessage fetched = server_->Fetch(channel, kPatience);
  EXPECT_EQ(fetched.answer, Answer::kCancelled);
  EXPECT_THAT(fetched.status, StatusIs(absl::StatusCode::kCancelled,
                                       HasSubstr("epoch 0 was cancelled")));
  ExpectEndAsInS2(channel);
}

TEST_F(DistServerTest, ChannelThatIsGoneSaysSoAndIsAnEndInS2) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const uint64_t channel,
                                server_->CreateSamplingProducer(Input(64), {}));
  // By another hand, so that it is the gateway who says it.
  ASSERT_THAT(session_->DestroySamplingInput(channel), IsOk());
  const FetchedMessage fetched = server_->Fetch(channel, kPatience);
  EXPECT_EQ(fetched.answer, Answer::kGone);
  EXPECT_THAT(fetched.status, StatusIs(absl::StatusCode::kNotFound));
  ExpectEndAsInS2(channel);
  ExpectEndAsInS2(channel + 1000);  // never was
}

TEST_F(DistServerTest, BatchThatCannotBeMadeIsAnErrorAndNoEnd) {
  v1::BackendOptions smallest;
  smallest.set_buffer_bytes(4096);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const uint64_t channel,
      server_->CreateSamplingProducer(Input(512), smallest));
  ASSERT_THAT(server_->StartNewEpochSampling(channel, 0), IsOk());
  const FetchedMessage fetched = server_->Fetch(channel, kPatience);
  EXPECT_EQ(fetched.answer, Answer::kFailed);
  EXPECT_THAT(std::string(fetched.status.message()),
              AllOf(HasSubstr("batch 0 of epoch 0"), HasSubstr("bytes")));
  ASSERT_THAT(server_->StartNewEpochSampling(channel, 1), IsOk());
  EXPECT_FALSE(server_->FetchOneSampledMessage(channel, kPatience).ok());
}

TEST_F(DistServerTest, ProducersWithoutKeysAreApartAndALostOneIsReported) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const uint64_t one,
                                server_->CreateSamplingProducer(Input(64), {}));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const uint64_t two,
                                server_->CreateSamplingProducer(Input(64), {}));
  EXPECT_NE(one, two);
  v1::RegisterSamplingInputRequest named = Input(64);
  named.set_worker_key("loader_0");
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const uint64_t three,
                                server_->CreateSamplingProducer(named, {}));
  ASSERT_THAT(server_->DestroySamplingProducer(three), IsOk());
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const uint64_t four,
                                server_->CreateSamplingProducer(named, {}));
  EXPECT_NE(three, four);
  ASSERT_THAT(server_->DestroySamplingProducer(one), IsOk());
  ASSERT_THAT(server_->DestroySamplingProducer(two), IsOk());
  EXPECT_THAT(
      server_->Shutdown(/*strict=*/true),
      StatusIs(absl::StatusCode::kFailedPrecondition,
               AllOf(HasSubstr("leaked_channels=1"), HasSubstr("loader_0"))));
  EXPECT_EQ(server_->Fetch(four, kPatience).answer, Answer::kGone);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const uint64_t five,
                                server_->CreateSamplingProducer(named, {}));
  const auto leaked = server_->Shutdown(/*strict=*/false);
  ASSERT_THAT(leaked, IsOk());
  ASSERT_THAT(*leaked, SizeIs(1));
  EXPECT_EQ(leaked->front().channel_id, five);
  EXPECT_THAT(*server_->Shutdown(/*strict=*/true), SizeIs(0));

  EXPECT_FALSE(server_->WaitForExit(absl::Now()));
  EXPECT_TRUE(server_->Exit());
  EXPECT_TRUE(server_->Exit());
  EXPECT_TRUE(server_->WaitForExit(absl::InfiniteFuture()));
}

TEST_F(DistServerTest, AnswersQueriesOfItsOwnPartition) {
  EXPECT_EQ(server_->GetDatasetMeta().partition(), 1u);
  EXPECT_EQ(server_->GetDatasetMeta().num_partitions(), 2u);
  EXPECT_THAT(server_->GetNodeTypes(), ElementsAre("node"));
  v1::GetNodeIdsRequest request;
  request.set_split(v1::SPLIT_TRAIN);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::vector<int64_t> ids,
                                server_->GetNodeIds(request));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::vector<uint32_t> owners,
                                server_->GetNodePartitionId("node", ids));
  EXPECT_THAT(owners, ::testing::Each(1u));
  EXPECT_THAT(server_->GetNodeQuantizationMetadata(), SizeIs(0));
  request.set_split(v1::SPLIT_UNSPECIFIED);
  request.set_node_type("nobody");
  EXPECT_THAT(server_->GetNodeIds(request), ::testing::Not(IsOk()));
}

TEST_F(DistServerTest, MethodsAreRequestedByNameNowOrAsFutures) {
  EventLoop loop({.name = "requests", .max_concurrency = 2});
  ASSERT_THAT(loop.Start(), IsOk());
  const absl::Time deadline = absl::Now() + kPatience;
  v1::GetNodeIdsRequest request;
  request.set_split(v1::SPLIT_TRAIN);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const std::vector<int64_t> ids,
      RequestServer(*server_, &DistServer::GetNodeIds, request));
  auto again = AsyncRequestServer(loop, deadline, *server_,
                                  &DistServer::GetNodeIds, request);
  auto owners = AsyncRequestServer(
      loop, deadline, *server_, &DistServer::GetNodePartitionId, "node", ids);
  auto nothing = AsyncRequestServer(loop, deadline, *server_,
                                    &DistServer::GetTensorSize, "nobody");
  EXPECT_EQ(again.get().value(), ids);
  EXPECT_EQ(owners.get().value().size(), ids.size());
  EXPECT_THAT(nothing.get(),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("nobody")));
}

// DS-69: loaders of two backends, one with nothing on the second server.
TEST_F(DistServerTest, ClosedLoadersLeaveNeitherChannelsNorBackends) {
  NeighborLoaderOptions all;
  all.registry = cluster_->registry().address();
  all.fanout = {2};
  all.batch_size = 64;
  NeighborLoaderOptions few = all;
  few.backend_key = "another";
  few.input_nodes = InputNodes::Ids({5});
  {
    std::vector<std::unique_ptr<SampleStream>> loaders;
    for (const NeighborLoaderOptions& options : {all, all, few}) {
      FAIRLEAD_ASSERT_OK_AND_ASSIGN(auto loader, SampleStream::Create(options));
      ASSERT_THAT(loader->StartEpoch(), IsOk());
      ASSERT_THAT(loader->Next(), IsOk());
      loaders.push_back(std::move(loader));
    }
    EXPECT_THAT(Channels(), SizeIs(6));
    EXPECT_THAT(Backends(), SizeIs(2));
  }
  EXPECT_THAT(Channels(), SizeIs(0));
  EXPECT_THAT(Backends(), SizeIs(0));
}

// DS-68: the second server has no such node.
TEST_F(DistServerTest, LoaderThatOneServerRefusesLeavesNoChannelOnTheOthers) {
  const auto save = [](int64_t id) {
    const std::string path = absl::StrCat(NewFolder(), "/ids.npy");
    EXPECT_THAT(WriteNpy<int64_t>(path, "i8", {1}, {{id}}), IsOk());
    return path;
  };
  NeighborLoaderOptions options;
  options.registry = cluster_->registry().address();
  options.input_nodes = InputNodes::Files({save(5), save(1 << 20)});
  EXPECT_THAT(SampleStream::Create(options),
              StatusIs(absl::StatusCode::kOutOfRange, HasSubstr("1048576")));
  EXPECT_THAT(Channels(), SizeIs(0));
  EXPECT_THAT(Backends(), SizeIs(0));
}

TEST_F(DistServerTest, PartitionsAreFoundAndTheDeadPassedOver) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const auto watch,
      MemberWatch::Start({.registry = cluster_->registry().address(),
                          .role = v1::ROLE_SAMPLER_POOL}));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      PartitionToWorkers workers,
      SyncDataPartitions(*watch, "", 2, absl::Now() + kPatience));
  ASSERT_THAT(workers, ElementsAre(SizeIs(1), SizeIs(1)));
  EXPECT_THAT(SyncDataPartitions(*watch, "", 3, absl::InfiniteFuture()),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       AllOf(HasSubstr("is 3 here"), HasSubstr("in 2"))));
  EXPECT_THAT(SyncDataPartitions(*watch, "other", 2, absl::Now()),
              StatusIs(absl::StatusCode::kDeadlineExceeded,
                       HasSubstr("2 partitions: 0, 1")));

  const RealClock clock;
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const auto router,
      RpcDataPartitionRouter::Create(
          {workers[0], {workers[0][0], workers[1][0]}},
          {.is_there =
               [&watch](const std::string& name) { return watch->Has(name); }},
          &clock));
  EXPECT_EQ(router->GetToWorker(0)->worker(), workers[0][0]);
  ASSERT_THAT(cluster_->Kill(cluster_->IndexOf("pool-0")), IsOk());
  ASSERT_TRUE(watch->Await(
      [&](const MemberWatch::Members& members) {
        return !members.contains(workers[0][0]);
      },
      absl::Now() + kPatience));
  EXPECT_THAT(router->GetToWorker(0), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_EQ(router->GetToWorker(1)->worker(), workers[1][0]);
  ASSERT_THAT(cluster_->Restart(cluster_->IndexOf("pool-0")), IsOk());
}

}  // namespace
}  // namespace fairlead
