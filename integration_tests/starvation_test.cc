// A client that takes all that it may, holds what it got, reads nothing, or
// floods with calls, has others wait for nothing. The tests of threads fail
// where one client may have them all: with --max_server_threads below 4.

#include <chrono>
#include <csignal>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "integration_tests/harness/bare_trainer.h"
#include "integration_tests/harness/secure_fixture.h"
#include "integration_tests/harness/test_cluster.h"
#include "integration_tests/harness/test_dataset.h"
#include "libs/child_process/child_process.h"
#include "libs/child_process/service_process.h"
#include "libs/status/status_macros.h"
#include "libs/status/status_matchers.h"
#include "nlohmann/json.hpp"
#include "protos/fairlead/v1/channel_gateway.grpc.pb.h"
#include "protos/fairlead/v1/graph_store.grpc.pb.h"
#include "protos/fairlead/v1/registry.grpc.pb.h"

namespace fairlead {
namespace {

using ::fairlead::testing::Ask;
using ::fairlead::testing::BareTrainer;
using ::fairlead::testing::Call;
using ::fairlead::testing::IsOk;
using ::fairlead::testing::kPatience;
using ::fairlead::testing::NewFolder;
using ::fairlead::testing::RunProgram;
using ::fairlead::testing::SecureFixture;
using ::fairlead::testing::TestCluster;

using Registry = v1::RegistryService::Stub;
using Gateway = v1::ChannelGatewayService::Stub;
using Store = v1::GraphStoreService::Stub;

// Of which a client may have three.
constexpr char kFourThreads[] = "--max_server_threads=4";

class StarvationTest : public SecureFixture {
 protected:
  // A whole load of a trainer of job a.
  absl::Status Load() {
    return cluster()
        .Load(LoadAs("trainer/a", {"--fanout=5,3", "--batch_size=64"}))
        .status();
  }

  // What such a client does not read stays with the server.
  std::shared_ptr<grpc::Channel> ConnectLazily(ServiceProcess& service,
                                               const std::string& identity) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
    arguments.SetInt(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, 65'535);
    return grpc::CreateCustomChannel(service.address(), secure_->As(identity),
                                     arguments);
  }
};

// One whose lists of edges do not fit into what a network holds of a stream.
absl::StatusOr<std::string> MakeLargerGraph() {
  const std::string folder = NewFolder() + "/larger";
  FAIRLEAD_ASSIGN_OR_RETURN(
      const Outcome made,
      RunProgram("tools/dataset",
                 {"kronecker", absl::StrCat("--out=", folder), "--scale=14",
                  "--edge_factor=16", "--feature_dim=4", "--seed=7"}));
  return made.exit_code == 0 ? absl::StatusOr<std::string>(folder)
                             : absl::InternalError(made.err);
}

// Each of these streams keeps a thread of the pool waiting for its reader.
TEST_F(StarvationTest, ClientThatHoldsThreadsLeavesSomeToOthers) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::string graph, MakeLargerGraph());
  Start({.dataset = graph, .pool_flags = {kFourThreads}});
  Store hostile(ConnectLazily(cluster().pool(), "trainer/hostile"));
  struct Opened {
    grpc::ClientContext context;
    v1::EdgeIndexChunk chunk;
    std::unique_ptr<grpc::ClientAsyncReader<v1::EdgeIndexChunk>> edges;
    bool is_sent = false;
  };
  v1::GetEdgeIndexRequest everything;
  everything.set_layout("coo");
  grpc::CompletionQueue events;
  std::vector<std::unique_ptr<Opened>> all;
  for (int i = 0; i < 32; ++i) {
    Opened& opened = *all.emplace_back(std::make_unique<Opened>());
    opened.edges = hostile.AsyncGetEdgeIndex(&opened.context, everything,
                                             &events, &opened);
  }
  // Any three of them run, and have more to say.
  void* tag = nullptr;
  bool ok = false;
  for (int running = 0; running < 3;) {
    ASSERT_TRUE(events.Next(&tag, &ok) && ok);
    Opened& opened = *static_cast<Opened*>(tag);
    if (opened.is_sent) {
      const auto rows = static_cast<uint64_t>(opened.chunk.rows_size());
      ASSERT_LT(rows, opened.chunk.edges() / 2);
      ++running;
    } else {
      opened.is_sent = true;
      opened.edges->Read(&opened.chunk, &opened);
    }
  }
  Store other(Connect(cluster().pool(), "trainer/a"));
  EXPECT_THAT(Ask(other, &Store::GetDatasetMeta, v1::GetDatasetMetaRequest()),
              IsOk());
  EXPECT_THAT(Load(), IsOk());
  for (const auto& opened : all) opened->context.TryCancel();
  events.Shutdown();
  while (events.Next(&tag, &ok)) {
  }
}

// Calls about a channel whose pool stands still are held for a minute.
TEST_F(StarvationTest, ClientThatFloodsWithSlowCallsLeavesThreadsToOthers) {
  // (The pool keeps its lease.)
  Start({.registry_flags = {kFourThreads, "--default_lease=5m"}});
  Registry hostile(Connect(cluster().registry(), "trainer/hostile"));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const BareTrainer trainer,
                                BareTrainer::Join(hostile));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const auto input,
      Call(hostile, &Registry::RegisterSamplingInput, trainer.Input()));
  cluster().pool().process().Signal(SIGSTOP);

  struct Start {
    grpc::ClientContext context;
    v1::StartEpochResponse response;
    grpc::Status status;
    std::unique_ptr<grpc::ClientAsyncResponseReader<v1::StartEpochResponse>>
        call;
  };
  constexpr int kCalls = 2000;
  grpc::CompletionQueue answers;
  std::vector<std::unique_ptr<Start>> starts;
  v1::StartEpochRequest request;
  request.set_channel_id(input.channel_id());
  for (int i = 0; i < kCalls; ++i) {
    Start& start = *starts.emplace_back(std::make_unique<Start>());
    start.call = hostile.AsyncStartEpoch(&start.context, request, &answers);
    start.call->Finish(&start.response, &start.status, &start);
  }
  Registry other(Connect(cluster().registry(), "trainer/a"));
  void* tag = nullptr;
  bool ok = false;
  for (int i = 0; i < 50; ++i) {
    ASSERT_THAT(Ask(other, &Registry::ListMembers, v1::ListMembersRequest()),
                IsOk());
    // It is not that the hostile client's calls are over.
    ASSERT_EQ(answers.AsyncNext(&tag, &ok, std::chrono::system_clock::now()),
              grpc::CompletionQueue::TIMEOUT);
  }
  for (const auto& start : starts) start->context.TryCancel();
  for (int i = 0; i < kCalls; ++i) ASSERT_TRUE(answers.Next(&tag, &ok));
  cluster().pool().process().Signal(SIGCONT);
  EXPECT_THAT(Load(), IsOk());
}

// A trainer that never reads has its own channel stand still: its buffer is
// full, and no worker waits for room in it.
TEST_F(StarvationTest, ReaderThatReadsNothingDelaysNobody) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::string graph, MakeLargerGraph());
  TestCluster::Options options;
  options.dataset = graph;
  options.workers = 1;
  Start(options);
  Registry registry(Connect(cluster().registry(), "trainer/slow"));
  v1::BackendOptions small_buffer;
  small_buffer.set_buffer_bytes(16 << 10);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const BareTrainer slow,
                                BareTrainer::Join(registry, small_buffer));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const auto input,
      Call(registry, &Registry::RegisterSamplingInput, slow.Input()));
  v1::StartEpochRequest start;
  start.set_channel_id(input.channel_id());
  ASSERT_THAT(Ask(registry, &Registry::StartEpoch, start), IsOk());
  Gateway gateway(ConnectLazily(cluster().gateway(), "trainer/slow"));
  grpc::ClientContext context;
  const auto stream = gateway.Receive(&context);
  v1::ReceiveRequest subscribe;
  subscribe.mutable_subscribe()->set_channel_id(input.channel_id());
  subscribe.mutable_subscribe()->mutable_credit()->set_messages(1'000'000);
  subscribe.mutable_subscribe()->mutable_credit()->set_bytes(1'000'000'000);
  ASSERT_TRUE(stream->Write(subscribe));
  v1::DescribeChannelRequest describe;
  describe.set_channel_id(input.channel_id());
  v1::DescribeChannelResponse described;
  const auto await_state = [&](v1::ChannelState state) {
    const absl::Time deadline = absl::Now() + kPatience;
    do {
      ASSERT_THAT(
          Ask(registry, &Registry::DescribeChannel, describe, &described),
          IsOk());
    } while (described.channel().state() != state && absl::Now() < deadline);
    ASSERT_EQ(described.channel().state(), state) << described.DebugString();
  };
  await_state(v1::CHANNEL_STATE_PARKED);
  ASSERT_LT(described.channel().submitted_batches(), input.batches());
  EXPECT_THAT(Load(), IsOk());
  await_state(v1::CHANNEL_STATE_PARKED);
  EXPECT_LT(described.channel().submitted_batches(), input.batches());
  context.TryCancel();
  stream->Finish().error_code();
}

}  // namespace
}  // namespace fairlead
