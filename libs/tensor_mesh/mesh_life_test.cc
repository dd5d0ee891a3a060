// Traces, barriers and routes, and how a mesh and its requests end, over each
// transport.

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/status/status_matchers.h"
#include "libs/tensor_mesh/mesh_config.h"
#include "libs/tensor_mesh/mesh_routes.h"
#include "libs/tensor_mesh/mesh_server.h"
#include "libs/tensor_mesh/mesh_trace.h"
#include "libs/tensor_mesh/mesh_worker.h"
#include "libs/tensor_mesh/test_mesh.h"

namespace fairlead::testing {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

using GatherOptions = MeshServer::GatherOptions;
using Floats = std::vector<float>;

class MeshLifeTest : public TransportTest {};

INSTANTIATE_TEST_SUITE_P(Transport, MeshLifeTest, EachTransport(),
                         TransportName);

// --- traces, barriers, routes

TEST_P(MeshLifeTest, TracePointsRiseOnEachClockAndAddUpToTheWhole) {
  TestMesh mesh(Config(1, 2));
  const Floats push(1000, 1);
  Floats from_0(1000), from_1(1000);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const MeshHandler handler,
      mesh.worker().PushPull({{1, View(push)}},
                             {{1, Buffer(from_0)}, {2, Buffer(from_1)}}));
  const std::vector<MeshHandler> messages =
      mesh.worker().GetAllHandlers(handler);
  for (const uint32_t rank : {0u, 1u}) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const MeshServer::Batch batch,
                                  mesh.server(rank).GetBatch());
    EXPECT_THAT(AnswerWithSum(mesh.server(rank), batch.requests[0]), IsOk());
  }
  EXPECT_THAT(mesh.worker().Wait(handler), IsOk());
  ASSERT_THAT(messages, SizeIs(2));
  for (const MeshHandler message : messages) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::vector<MeshTrace> traces,
                                  mesh.worker().FetchTrace(message));
    ASSERT_THAT(traces, SizeIs(2));
    for (const MeshTrace& trace : traces) {
      EXPECT_THAT(trace.ns, Each(::testing::Gt(0)));
      const std::vector<int64_t> parts = {
          trace.request_send(),   trace.network(),    trace.server_receive(),
          trace.server_compute(), trace.reply_send(), trace.reply_receive()};
      EXPECT_THAT(parts, Each(::testing::Ge(0)));
      EXPECT_EQ(std::accumulate(parts.begin(), parts.end(), int64_t{0}),
                trace.total());
    }
  }
}

TEST_P(MeshLifeTest, BarriersWaitForThoseWhoAreToMeet) {
  TestMesh mesh(Config(2, 2));
  mesh.RunAll(
      [](MeshWorker& worker) {
        EXPECT_THAT(worker.Barrier({}, kHang), IsOk());
        EXPECT_THAT(worker.Barrier({.servers = false}, kHang), IsOk());
        EXPECT_THAT(worker.Barrier({}, kHang), IsOk());
      },
      [](MeshServer& server) {
        EXPECT_THAT(server.Barrier({}, kHang), IsOk());
        EXPECT_THAT(server.Barrier({.workers = false}, kHang), IsOk());
        EXPECT_THAT(server.Barrier({}, kHang), IsOk());
      });
  EXPECT_THAT(mesh.worker(0).Barrier({.servers = false}, kSoon),
              StatusIs(absl::StatusCode::kDeadlineExceeded));
  // The others come late: the same barrier again is the same barrier.
  std::thread late([&mesh] {
    EXPECT_THAT(mesh.worker(1).Barrier({.servers = false}), IsOk());
  });
  EXPECT_THAT(mesh.worker(0).Barrier({.servers = false}, kHang), IsOk());
  late.join();
}

TEST_P(MeshLifeTest, NodesMeetByTheirFirstProcess) {
  MeshConfig config = Config(4, 2);
  config.group_size = 2;
  config.routes = MeshRoutes::Paired(2, 1, 2);
  TestMesh mesh(config);
  const MeshBarrier nodes = {.servers = false, .every_process = false};
  std::thread other(
      [&mesh, &nodes] { EXPECT_THAT(mesh.worker(2).Barrier(nodes), IsOk()); });
  EXPECT_THAT(mesh.worker(0).Barrier(nodes, kHang), IsOk());
  other.join();
  EXPECT_THAT(mesh.worker(1).Barrier(nodes),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("only the first")));
  // One server node: it has nobody to wait for.
  EXPECT_THAT(
      mesh.server(0).Barrier({.workers = false, .every_process = false}),
      IsOk());
}

TEST_P(MeshLifeTest, RoutesSayWhoExchangesWithWhom) {
  MeshConfig config = Config(3, 2);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(config.routes,
                                MeshRoutes::Of({{0}, {0, 1}, {1}}, 2));
  TestMesh mesh(config);
  const Floats push = {1};
  for (uint32_t rank = 0; rank < 3; ++rank) {
    EXPECT_THAT(mesh.worker(rank).PushPull({{rank, View(push)}}, {}), IsOk());
  }
  for (const uint32_t rank : {0u, 1u}) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const MeshServer::Batch batch,
                                  mesh.server(rank).GetBatch());
    ASSERT_THAT(batch.requests, SizeIs(2));
    EXPECT_EQ(batch.requests[0].worker, rank);
    EXPECT_EQ(batch.requests[1].worker, rank + 1);
  }
}

// --- ends

TEST_P(MeshLifeTest, LostServerIsAnErrorAndTheOtherRepliesAreGood) {
  TestMesh mesh(Config(1, 2));
  const Floats push = {1};
  Floats from_0(1), from_1(1);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const MeshHandler handler,
      mesh.worker().PushPull({{1, View(push)}},
                             {{1, Buffer(from_0)}, {2, Buffer(from_1)}}));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const MeshServer::Batch batch,
                                mesh.server(0).GetBatch());
  EXPECT_THAT(AnswerWithSum(mesh.server(0), batch.requests[0]), IsOk());
  mesh.EndServer(1);
  EXPECT_THAT(mesh.worker().Wait(handler, kHang),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("server 1")));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::vector<absl::Status> outcomes,
                                mesh.worker().WaitEach(handler));
  EXPECT_THAT(outcomes[0], IsOk());
  EXPECT_THAT(from_0, ElementsAre(1));

  EXPECT_THAT(
      mesh.worker().PushPull({{1, View(push)}}, {}),
      StatusIs(absl::StatusCode::kUnavailable,
               AllOf(HasSubstr("server 1"), HasSubstr("live_servers"))));
  EXPECT_THAT(mesh.worker().live_servers(), ElementsAre(0));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const MeshHandler next,
      mesh.worker().PushPull({{1, View(push)}}, {{1, Buffer(from_0)}},
                             {.servers = mesh.worker().live_servers()}));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const MeshServer::Batch more,
                                mesh.server(0).GetBatch());
  EXPECT_THAT(AnswerWithSum(mesh.server(0), more.requests[0], 2), IsOk());
  EXPECT_THAT(mesh.worker().Wait(next), IsOk());
  EXPECT_THAT(from_0, ElementsAre(2));
}

TEST_P(MeshLifeTest, LostWorkerIsNamedAndTheOthersAreServed) {
  TestMesh mesh(Config(3, 1));
  const Floats push = {1};
  for (const uint32_t rank : {0u, 1u, 2u}) {
    EXPECT_THAT(mesh.worker(rank).PushPull({{1, View(push)}}, {}), IsOk());
  }
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const MeshServer::Batch batch,
                                mesh.server().GetBatch());
  EXPECT_THAT(mesh.worker(0).PushPull({{2, View(push)}}, {}), IsOk());
  mesh.EndWorker(1);
  EXPECT_THAT(mesh.server().GetBatch({.timeout = kHang}),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("worker 1")));
  EXPECT_THAT(mesh.server().Respond({}, batch.requests[1].handler),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("worker 1")));
  EXPECT_THAT(mesh.server().live_workers(), ElementsAre(0, 2));
  const GatherOptions living = {.at_least = GatherOptions::kLiveWorkers,
                                .timeout = kHang};
  EXPECT_THAT(mesh.worker(2).PushPull({{2, View(push)}}, {}), IsOk());
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const MeshServer::Batch rest,
                                mesh.server().GetBatch(living));
  EXPECT_THAT(rest.requests, SizeIs(2));
  EXPECT_THAT(rest.missing, ElementsAre(1));
  mesh.EndWorker(0);
  mesh.EndWorker(2);
  EXPECT_THAT(mesh.server().GetBatch(living),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("worker 2")));
}

TEST_P(MeshLifeTest, StopIsBoundedWhoeverIsMissing) {
  TestMesh mesh(Config(2, 1));
  const Floats push = {1};
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const MeshHandler handler,
                                mesh.worker(0).PushPull({{1, View(push)}}, {}));
  mesh.EndWorker(1);
  std::thread waiter([&mesh, handler] {
    EXPECT_THAT(mesh.worker(0).Wait(handler, kHang),
                StatusIs(absl::StatusCode::kCancelled));
  });
  const auto names_the_missing =
      StatusIs(absl::StatusCode::kUnavailable, HasSubstr("member 1 is gone"));
  std::thread stopper([&mesh, &names_the_missing] {
    EXPECT_THAT(mesh.worker(0).Stop(kHang), names_the_missing);
  });
  waiter.join();
  EXPECT_THAT(mesh.server().Stop(kHang), names_the_missing);
  stopper.join();
}

TEST_P(MeshLifeTest, StopEndsAServersWait) {
  TestMesh mesh(Config(1, 1));
  std::thread waiter([&mesh] {
    // Before or after the stop has begun: it says either.
    const absl::Status status =
        mesh.server().GetBatch({.timeout = kHang}).status();
    EXPECT_TRUE(absl::IsCancelled(status) || absl::IsFailedPrecondition(status))
        << status;
  });
  EXPECT_THAT(mesh.server().Stop(kSoon),
              StatusIs(absl::StatusCode::kDeadlineExceeded));
  waiter.join();
}

TEST_P(MeshLifeTest, CancelledRequestFreesItsKeysWhenItIsAnswered) {
  TestMesh mesh(Config(1, 1));
  const Floats push = {1};
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const MeshHandler handler,
                                mesh.worker().PushPull({{1, View(push)}}, {}));
  EXPECT_THAT(mesh.worker().Cancel(handler), IsOk());
  EXPECT_THAT(mesh.worker().Wait(handler),
              StatusIs(absl::StatusCode::kCancelled));
  EXPECT_THAT(mesh.worker().PushPull({{1, View(push)}}, {}),
              StatusIs(absl::StatusCode::kFailedPrecondition));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const MeshServer::Batch batch,
                                mesh.server().GetBatch());
  EXPECT_THAT(mesh.server().Respond({}, batch.requests[0].handler), IsOk());
  // Once that is seen, which the wait for another request is for.
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const MeshHandler other,
                                mesh.worker().PushPull({{2, View(push)}}, {}));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const MeshServer::Batch more,
                                mesh.server().GetBatch());
  EXPECT_THAT(mesh.server().Respond({}, more.requests[0].handler), IsOk());
  EXPECT_THAT(mesh.worker().Wait(other), IsOk());
  EXPECT_THAT(mesh.worker().Wait(handler),
              StatusIs(absl::StatusCode::kCancelled));
  EXPECT_THAT(mesh.worker().PushPull({{1, View(push)}}, {}), IsOk());
}

TEST_P(MeshLifeTest, ServersErrorIsTheRequests) {
  TestMesh mesh(Config(1, 1));
  const Floats push = {1};
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const MeshHandler handler,
                                mesh.worker().PushPull({{1, View(push)}}, {}));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const MeshServer::Batch batch,
                                mesh.server().GetBatch());
  EXPECT_THAT(mesh.server().RespondError(absl::OutOfRangeError("no such row"),
                                         batch.requests[0].handler),
              IsOk());
  EXPECT_THAT(mesh.worker().Wait(handler),
              StatusIs(absl::StatusCode::kOutOfRange,
                       AllOf(HasSubstr("server 0"), HasSubstr("no such row"))));
}

TEST_P(MeshLifeTest, CallsAfterStopAreErrors) {
  TestMesh mesh({.transports = GetParam(),
                 .arena_bytes = 1 << 20,
                 .init_timeout = kHang});
  const Floats push = {1};
  mesh.RunAll(
      [](MeshWorker& worker) { EXPECT_THAT(worker.Stop(kHang), IsOk()); },
      [](MeshServer& server) { EXPECT_THAT(server.Stop(kHang), IsOk()); });
  const auto was_stopped =
      StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("was stopped"));
  EXPECT_THAT(mesh.worker().PushPull({{1, View(push)}}, {}), was_stopped);
  EXPECT_THAT(mesh.worker().Barrier(), was_stopped);
  EXPECT_THAT(mesh.worker().Stop(), was_stopped);
  EXPECT_THAT(mesh.server().GetBatch(), was_stopped);
  EXPECT_THAT(mesh.server().Respond({}, 1), was_stopped);
  EXPECT_THAT(mesh.server().RespondError(absl::InternalError("x"), 1),
              was_stopped);
  EXPECT_THAT(mesh.server().RespondVec(View(push), {1}, {1}), was_stopped);
  Floats buffer(1);
  EXPECT_THAT(mesh.server().RegisterRecvBuffer(Buffer(buffer), {0}, {1}),
              was_stopped);
  EXPECT_THAT(mesh.server().Barrier(), was_stopped);
  EXPECT_THAT(mesh.server().Stop(), was_stopped);
}

TEST_P(MeshLifeTest, TooManyRequestsAndForgottenHandlersAreErrors) {
  TestMesh mesh({.transports = GetParam(),
                 .arena_bytes = 1 << 20,
                 .max_in_flight = 2,
                 .trace_history = 1,
                 .init_timeout = kHang});
  const Floats push = {1};
  std::vector<MeshHandler> handlers;
  for (uint64_t key = 0; key < 2; ++key) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(
        handlers.emplace_back(),
        mesh.worker().PushPull({{key, View(push)}}, {}));
  }
  EXPECT_THAT(mesh.worker().PushPull({{2, View(push)}}, {}),
              StatusIs(absl::StatusCode::kResourceExhausted,
                       HasSubstr("max_in_flight: 2")));
  for (const MeshHandler handler : handlers) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const MeshServer::Batch batch,
                                  mesh.server().GetBatch());
    EXPECT_THAT(mesh.server().Respond({}, batch.requests[0].handler), IsOk());
    EXPECT_THAT(mesh.worker().Wait(handler), IsOk());
  }
  EXPECT_THAT(mesh.worker().Wait(handlers[0]),
              StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(mesh.worker().Wait(handlers[1]), IsOk());
}

}  // namespace
}  // namespace fairlead::testing
