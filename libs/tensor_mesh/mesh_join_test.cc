// Processes that take the place of lost ones, or join a mesh that grows, over
// each transport.

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/status/status_matchers.h"
#include "libs/tensor_mesh/bell.h"
#include "libs/tensor_mesh/in_memory_rendezvous.h"
#include "libs/tensor_mesh/mesh_config.h"
#include "libs/tensor_mesh/mesh_line.h"
#include "libs/tensor_mesh/mesh_server.h"
#include "libs/tensor_mesh/mesh_worker.h"
#include "libs/tensor_mesh/receive_buffers.h"
#include "libs/tensor_mesh/tcp_server_transport.h"
#include "libs/tensor_mesh/tcp_worker_transport.h"
#include "libs/tensor_mesh/test_mesh.h"
#include "libs/tensor_mesh/transport.h"

namespace fairlead::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

using Floats = std::vector<float>;

class MeshJoinTest : public TransportTest {};

INSTANTIATE_TEST_SUITE_P(Transport, MeshJoinTest, EachTransport(),
                         TransportName);

// Takes a batch and answers each request with its push, times `factor`.
void AnswerBatch(MeshServer& server, float factor) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const MeshServer::Batch batch,
                                server.GetBatch({.timeout = kHang}));
  for (const MeshServerRequest& request : batch.requests) {
    EXPECT_THAT(AnswerWithSum(server, request, factor), IsOk());
  }
}

TEST_P(MeshJoinTest, LostServersPlaceIsTakenAndTheNextRequestReachesIt) {
  TestMesh mesh(Config(2, 2));
  const Floats push = {1};
  Floats from_0(1), from_1(1);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const MeshHandler in_flight,
      mesh.worker().PushPull({{1, View(push)}},
                             {{1, Buffer(from_0)}, {2, Buffer(from_1)}}));
  mesh.EndServer(1);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const MeshServer::Batch batch,
                                mesh.server(0).GetBatch({.at_least = 1}));
  EXPECT_THAT(AnswerWithSum(mesh.server(0), batch.requests[0], 3), IsOk());
  EXPECT_THAT(mesh.worker().Wait(in_flight, kHang),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("server 1")));
  EXPECT_THAT(from_0, ElementsAre(3));
  EXPECT_THAT(mesh.worker().AwaitServers({0, 1}, kSoon),
              StatusIs(absl::StatusCode::kDeadlineExceeded, HasSubstr("1")));

  mesh.JoinServer(1);
  for (const uint32_t rank : {0u, 1u}) {
    EXPECT_THAT(mesh.worker(rank).AwaitServers({0, 1}, kHang), IsOk());
  }
  std::vector<MeshHandler> handlers;
  std::vector<Floats> replies(4, Floats(1));
  for (const uint32_t rank : {0u, 1u}) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(
        handlers.emplace_back(),
        mesh.worker(rank).PushPull({{1, View(push)}},
                                   {{1, Buffer(replies[2 * rank])},
                                    {2, Buffer(replies[2 * rank + 1])}}));
  }
  AnswerBatch(mesh.server(0), 4);
  AnswerBatch(mesh.server(1), 5);
  for (const uint32_t rank : {0u, 1u}) {
    EXPECT_THAT(mesh.worker(rank).Wait(handlers[rank], kHang), IsOk());
    EXPECT_THAT(replies[2 * rank], ElementsAre(4));
    EXPECT_THAT(replies[2 * rank + 1], ElementsAre(5));
  }
  // What became of the request to the one before it stays as it was.
  EXPECT_THAT(mesh.worker().Wait(in_flight),
              StatusIs(absl::StatusCode::kUnavailable));
}

TEST_P(MeshJoinTest, AnswerForALostWorkerDoesNotReachTheOneInItsPlace) {
  TestMesh mesh(Config(2, 1));
  const Floats push = {1};
  Floats old_reply(1), reply(1), of_0(1);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const MeshHandler handler_0,
      mesh.worker(0).PushPull({{1, View(push)}}, {{1, Buffer(of_0)}}));
  EXPECT_THAT(
      mesh.worker(1).PushPull({{1, View(push)}}, {{1, Buffer(old_reply)}}),
      IsOk());
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const MeshServer::Batch old,
                                mesh.server().GetBatch({.timeout = kHang}));
  mesh.EndWorker(1);
  mesh.JoinWorker(1);
  EXPECT_THAT(mesh.server().AwaitWorkers({0, 1}, kHang), IsOk());
  // The new one's first request has the number of the old one's.
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const MeshHandler handler_1,
      mesh.worker(1).PushPull({{1, View(push)}}, {{1, Buffer(reply)}}));
  EXPECT_THAT(AnswerWithSum(mesh.server(), old.requests[0], 2), IsOk());
  EXPECT_THAT(AnswerWithSum(mesh.server(), old.requests[1], 9),
              StatusIs(absl::StatusCode::kUnavailable,
                       HasSubstr("another has its place")));
  EXPECT_THAT(mesh.worker(0).Wait(handler_0, kHang), IsOk());
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const MeshHandler next_0,
      mesh.worker(0).PushPull({{1, View(push)}}, {{1, Buffer(of_0)}}));
  AnswerBatch(mesh.server(), 3);
  EXPECT_THAT(mesh.worker(1).Wait(handler_1, kHang), IsOk());
  EXPECT_THAT(mesh.worker(0).Wait(next_0, kHang), IsOk());
  EXPECT_THAT(reply, ElementsAre(3));
}

TEST_P(MeshJoinTest, ReceiveBuffersAreForWhoeverHasThePlace) {
  TestMesh mesh(Config(2, 1));
  const auto exchange = [&mesh](const MeshMemory& buffer, float second) {
    const Floats pushes[2] = {{1, 2}, {second, 4}};
    std::vector<MeshHandler> handlers;
    for (const uint32_t rank : {0u, 1u}) {
      FAIRLEAD_ASSERT_OK_AND_ASSIGN(
          handlers.emplace_back(),
          mesh.worker(rank).PushPull({{7, View(pushes[rank])}}, {}));
    }
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const MeshServer::Batch batch,
                                  mesh.server().GetBatch({.timeout = kHang}));
    EXPECT_THAT(FloatsOf(FloatsIn(buffer)), ElementsAre(1, 2, second, 4));
    for (const uint32_t rank : {0u, 1u}) {
      EXPECT_THAT(mesh.server().Respond({}, batch.requests[rank].handler),
                  IsOk());
      EXPECT_THAT(mesh.worker(rank).Wait(handlers[rank], kHang), IsOk());
    }
  };
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      MeshMemory buffer, mesh.server().AllocateBuffer(4 * sizeof(float)));
  EXPECT_THAT(
      mesh.server().RegisterRecvBuffer(FloatsIn(buffer), {0, 1}, {7, 7}),
      IsOk());
  exchange(buffer, 3);
  mesh.EndWorker(1);
  mesh.JoinWorker(1);
  EXPECT_THAT(mesh.server().AwaitWorkers({0, 1}, kHang), IsOk());
  exchange(buffer, 5);

  // A server registers its own before anybody can push to it.
  buffer = {};
  mesh.EndServer(0);
  mesh.JoinServer(0, [&buffer](MeshServer& server) -> absl::Status {
    auto memory = server.AllocateBuffer(4 * sizeof(float));
    if (!memory.ok()) return memory.status();
    buffer = *memory;
    return server.RegisterRecvBuffer(FloatsIn(buffer), {0, 1}, {7, 7});
  });
  for (const uint32_t rank : {0u, 1u}) {
    EXPECT_THAT(mesh.worker(rank).AwaitServers({0}, kHang), IsOk());
  }
  exchange(buffer, 6);
}

TEST_P(MeshJoinTest, ServerThatCannotBePreparedIsNotSeen) {
  MeshConfig config = Config(1, 2);
  config.founding_servers = 1;
  TestMesh mesh(config);
  config.role = MeshRole::kServer;
  config.rank = 1;
  auto meeting = std::make_shared<InMemoryRendezvous::Meeting>();
  EXPECT_THAT(MeshServer::Create(
                  config, std::make_shared<InMemoryRendezvous>(meeting, 2),
                  [](MeshServer& server) {
                    return server.AllocateBuffer(1 << 30).status();
                  }),
              StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_THAT(mesh.worker().known_servers(), ElementsAre(0));
}

TEST_P(MeshJoinTest, MeshGrowsWhileMicroBatchesAreInFlight) {
  MeshConfig config = Config(2, 2);
  config.founding_workers = 1;
  config.founding_servers = 1;
  TestMesh mesh(config);
  EXPECT_THAT(mesh.worker().known_servers(), ElementsAre(0));
  EXPECT_THAT(mesh.worker().PushPull({}, {}, {.servers = {0, 1}}),
              StatusIs(absl::StatusCode::kInvalidArgument));
  const Floats push = {1};
  EXPECT_THAT(
      mesh.worker().PushPull({{1, View(push)}}, {}, {.servers = {1}}),
      StatusIs(absl::StatusCode::kUnavailable, HasSubstr("has not joined")));

  // Three micro-batches in flight, all the time.
  struct MicroBatch {
    MeshHandler handler = 0;
    std::vector<uint32_t> servers;
    Floats replies[2] = {Floats(1), Floats(1)};
  };
  std::deque<MicroBatch> flying;
  uint64_t key = 0;
  const auto send = [&] {
    MicroBatch& batch = flying.emplace_back();
    batch.servers = mesh.worker(0).live_servers();
    std::vector<MeshPull> pulls;
    for (size_t i = 0; i < batch.servers.size(); ++i) {
      pulls.push_back({2 * (key % 3) + i, Buffer(batch.replies[i])});
    }
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(
        batch.handler,
        mesh.worker(0).PushPull({{key++ % 3, View(push)}}, std::move(pulls),
                                {.servers = batch.servers}));
  };
  const auto finish = [&] {
    MicroBatch batch = std::move(flying.front());
    flying.pop_front();
    for (const uint32_t server : batch.servers) {
      AnswerBatch(mesh.server(server), static_cast<float>(server + 1));
    }
    EXPECT_THAT(mesh.worker(0).Wait(batch.handler, kHang), IsOk());
    for (size_t i = 0; i < batch.servers.size(); ++i) {
      EXPECT_THAT(batch.replies[i],
                  ElementsAre(static_cast<float>(batch.servers[i] + 1)));
    }
    return batch.servers.size();
  };
  for (int i = 0; i < 3; ++i) send();
  mesh.JoinServer(1);
  EXPECT_THAT(mesh.worker(0).AwaitServers({1}, kHang), IsOk());
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(finish(), 1u);  // sent before
    send();
  }
  while (!flying.empty()) EXPECT_EQ(finish(), 2u);

  mesh.JoinWorker(1);
  EXPECT_THAT(mesh.server(0).AwaitWorkers({0, 1}, kHang), IsOk());
  EXPECT_THAT(mesh.worker(1).known_servers(), ElementsAre(0, 1));
  // From now on a whole batch has a request of each.
  send();
  EXPECT_THAT(
      mesh.server(0).GetBatch({.timeout = kSoon}),
      StatusIs(absl::StatusCode::kDeadlineExceeded, HasSubstr("worker 1")));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const MeshHandler other,
      mesh.worker(1).PushPull({{1, View(push)}}, {}, {.servers = {0, 1}}));
  for (const uint32_t rank : {0u, 1u}) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const MeshServer::Batch batch,
                                  mesh.server(rank).GetBatch());
    ASSERT_THAT(batch.requests, SizeIs(2));
    EXPECT_THAT(AnswerWithSum(mesh.server(rank), batch.requests[0]), IsOk());
    EXPECT_THAT(mesh.server(rank).Respond({}, batch.requests[1].handler),
                IsOk());
  }
  EXPECT_THAT(mesh.worker(0).Wait(flying.front().handler, kHang), IsOk());
  EXPECT_THAT(mesh.worker(1).Wait(other, kHang), IsOk());
}

TEST_P(MeshJoinTest, BarriersCountThoseWhoLive) {
  TestMesh mesh(Config(2, 1));
  mesh.RunAll(
      [](MeshWorker& worker) {
        EXPECT_THAT(worker.Barrier({}, kHang), IsOk());
      },
      [](MeshServer& server) {
        EXPECT_THAT(server.Barrier({}, kHang), IsOk());
      });
  // One that dies is not waited for, though the others wait already.
  std::thread first(
      [&mesh] { EXPECT_THAT(mesh.worker(0).Barrier({}, kHang), IsOk()); });
  std::thread second(
      [&mesh] { EXPECT_THAT(mesh.server(0).Barrier({}, kHang), IsOk()); });
  mesh.EndWorker(1);
  first.join();
  second.join();
  // One that joins is waited for.
  mesh.JoinWorker(1);
  std::thread third(
      [&mesh] { EXPECT_THAT(mesh.server(0).Barrier({}, kHang), IsOk()); });
  EXPECT_THAT(
      mesh.worker(0).Barrier({}, kSoon),
      StatusIs(absl::StatusCode::kDeadlineExceeded, HasSubstr("members 1")));
  EXPECT_THAT(mesh.worker(1).Barrier({}, kHang), IsOk());
  EXPECT_THAT(mesh.worker(0).Barrier({}, kHang), IsOk());
  third.join();
}

TEST_P(MeshJoinTest, MeshWhoseLostAreReplacedStopsInOrder) {
  TestMesh mesh(Config(2, 2));
  mesh.EndWorker(0);
  mesh.EndServer(1);
  mesh.JoinWorker(0);
  mesh.JoinServer(1);
  mesh.RunAll(
      [](MeshWorker& worker) { EXPECT_THAT(worker.Stop(kHang), IsOk()); },
      [](MeshServer& server) { EXPECT_THAT(server.Stop(kHang), IsOk()); });
}

// --- what an earlier process knew

class NoServerListener final : public internal::ServerListener {
 public:
  void OnLinked(uint32_t /*worker*/, uint64_t /*life*/) override {}
  void OnRequest(internal::ServerTransport& /*from*/,
                 internal::IncomingRequest /*request*/) override {}
  void OnLost(uint32_t /*worker*/, const absl::Status& /*why*/) override {}
};

class NoWorkerListener final : public internal::WorkerListener {
 public:
  void OnLinked(uint32_t /*server*/, uint64_t /*life*/) override {}
  std::shared_ptr<const internal::MeshRequest> FindAwaited(
      uint32_t /*server*/, uint64_t /*id*/) override {
    return nullptr;
  }
  void OnReply(uint32_t /*server*/, uint64_t /*id*/,
               const internal::WireReply& /*reply*/,
               int64_t /*received_ns*/) override {}
  void OnLost(uint32_t /*server*/, const absl::Status& /*why*/) override {}
};

TEST(TcpLifeTest, OnlyTheLifeThatIsExpectedMayConnectAndOnlyOnce) {
  const MeshConfig config;
  internal::ReceiveBuffers buffers({0}, config);
  const auto bell = std::make_shared<internal::MeshBell>();
  NoServerListener server_listener;
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto server,
                                internal::TcpServerTransport::Create(
                                    config, buffers, bell, server_listener));
  NoWorkerListener worker_listener;
  const auto connect = [&](uint64_t life, const std::string& token) {
    auto worker = internal::TcpWorkerTransport::Create(
        /*worker=*/0, life, config.peer_timeout, bell, worker_listener);
    EXPECT_THAT(worker, IsOk());
    const absl::Status status =
        (*worker)->Connect(/*server=*/0, /*life=*/1, server->address(), token,
                           absl::Now() + kHang);
    return status;
  };
  const auto is_refused = StatusIs(absl::StatusCode::kPermissionDenied);
  EXPECT_THAT(connect(5, server->token()), is_refused);  // nobody is expected
  EXPECT_THAT(server->Expect(0, 6), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT(connect(5, server->token()), is_refused);
  EXPECT_THAT(connect(6, "of another server"), is_refused);
  EXPECT_THAT(connect(6, server->token()), IsOk());
  EXPECT_THAT(server->Expect(0, 6), IsOk());
  EXPECT_THAT(connect(6, server->token()), is_refused);
}

TEST(MeshLineTest, LineIsReadAsItWasWritten) {
  internal::MeshLine line{.life = ~uint64_t{0},
                          .shm_domain = "domain:1/2",
                          .segment = "segment",
                          .token = "secret"};
  line.reached = {2, 1, 0, 7, 1, 0, 0, ~uint64_t{0}};
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const internal::MeshLine read,
                                internal::MeshLine::Parse(line.Encode()));
  EXPECT_EQ(read.Encode(), line.Encode());
  EXPECT_EQ(read.reached, line.reached);
  EXPECT_EQ(read.shm_domain, line.shm_domain);
  EXPECT_EQ(read.address, "");
  const std::string text = line.Encode();
  for (const std::string& bad : {std::string("?"), "x" + text, text + "|1",
                                 text + "x", internal::MeshLine().Encode()}) {
    EXPECT_THAT(internal::MeshLine::Parse(bad),
                StatusIs(absl::StatusCode::kInvalidArgument))
        << bad;
  }
}

}  // namespace
}  // namespace fairlead::testing
