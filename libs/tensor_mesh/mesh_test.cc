// What requests, answers and batches are, over each transport: with
// mesh_life_test.cc the conformance suite of transports.

#include <cstdint>
#include <memory>
#include <numeric>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/random/philox.h"
#include "libs/status/status_matchers.h"
#include "libs/tensor_mesh/mesh_config.h"
#include "libs/tensor_mesh/mesh_server.h"
#include "libs/tensor_mesh/mesh_tensor.h"
#include "libs/tensor_mesh/mesh_worker.h"
#include "libs/tensor_mesh/test_mesh.h"

namespace fairlead::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

using GatherOptions = MeshServer::GatherOptions;
using Floats = std::vector<float>;

class MeshTest : public TransportTest {};

INSTANTIATE_TEST_SUITE_P(Transport, MeshTest, EachTransport(), TransportName);

TEST_P(MeshTest, ReplyIsMadeOfWhatWasPushed) {
  TestMesh mesh(Config(1, 1));
  const Floats a = {1, 2}, b = {10, 20}, c = {100, 200};
  Floats sum(2);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const MeshHandler handler,
      mesh.worker().PushPull({{1, View(a)}, {2, View(b)}, {3, View(c)}},
                             {{4, Buffer(sum)}}));
  EXPECT_THAT(mesh.worker().GetAllHandlers(handler), SizeIs(4));

  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const MeshServer::Batch batch,
                                mesh.server().GetBatch());
  ASSERT_THAT(batch.requests, SizeIs(1));
  EXPECT_EQ(batch.requests[0].pushes[2].key, 3u);
  EXPECT_THAT(batch.requests[0].pushes[2].tensor.shape, ElementsAre(2));
  EXPECT_EQ(batch.requests[0].pulls[0].key, 4u);
  EXPECT_THAT(AnswerWithSum(mesh.server(), batch.requests[0]), IsOk());

  EXPECT_THAT(mesh.worker().Wait(handler), IsOk());
  EXPECT_THAT(sum, ElementsAre(111, 222));
  EXPECT_THAT(mesh.worker().Wait(handler), IsOk()) << "waiting again";
  EXPECT_THAT(mesh.worker().GetAllHandlers(handler), ElementsAre(handler));
}

TEST_P(MeshTest, EveryServersRepliesLandInItsSlice) {
  constexpr uint32_t kServers = 3;
  TestMesh mesh(Config(2, kServers));
  mesh.RunAll(
      [](MeshWorker& worker) {
        const Floats push = {5, 7};
        std::vector<Floats> replies(2 * kServers, Floats(1));
        std::vector<MeshPull> pulls;
        for (size_t i = 0; i < replies.size(); ++i) {
          pulls.push_back({i, Buffer(replies[i])});
        }
        const auto handler = worker.PushPull({{0, View(push)}}, pulls);
        ASSERT_THAT(handler, IsOk());
        EXPECT_THAT(worker.Wait(*handler, kHang), IsOk());
        EXPECT_THAT(replies, ElementsAre(Floats{0}, Floats{100}, Floats{1},
                                         Floats{101}, Floats{2}, Floats{102}));
        EXPECT_THAT(worker.Stop(kHang), IsOk());
      },
      [&mesh](MeshServer& server) {
        float rank = 0;
        while (&mesh.server(static_cast<uint32_t>(rank)) != &server) ++rank;
        const auto batch = server.GetBatch({.timeout = kHang});
        ASSERT_THAT(batch, IsOk());
        const Floats first = {rank}, second = {100 + rank};
        for (const MeshServerRequest& request : batch->requests) {
          EXPECT_THAT(FloatsOf(request.pushes[0].tensor), ElementsAre(5, 7));
          EXPECT_THAT(
              server.Respond({View(first), View(second)}, request.handler),
              IsOk());
        }
        EXPECT_THAT(server.Stop(kHang), IsOk());
      });
}

TEST_P(MeshTest, RequestWithoutPushesReachesEveryServer) {
  TestMesh mesh(Config(1, 2));
  Floats from_0(1), from_1(1);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const MeshHandler handler,
      mesh.worker().PushPull({}, {{1, Buffer(from_0)}, {2, Buffer(from_1)}}));
  for (const uint32_t rank : {0u, 1u}) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const MeshServer::Batch batch,
                                  mesh.server(rank).GetBatch());
    const Floats reply = {static_cast<float>(rank + 1)};
    EXPECT_THAT(
        mesh.server(rank).Respond({View(reply)}, batch.requests[0].handler),
        IsOk());
  }
  EXPECT_THAT(mesh.worker().Wait(handler), IsOk());
  EXPECT_THAT(from_0, ElementsAre(1));
  EXPECT_THAT(from_1, ElementsAre(2));
}

TEST_P(MeshTest, RequestWithoutPullsIsDoneWhenItIsAnswered) {
  TestMesh mesh(Config(1, 1));
  const Floats push = {1};
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const MeshHandler handler,
                                mesh.worker().PushPull({{1, View(push)}}, {}));
  EXPECT_THAT(mesh.worker().Wait(handler, kSoon),
              StatusIs(absl::StatusCode::kDeadlineExceeded,
                       HasSubstr("no answer of server 0")));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const MeshServer::Batch batch,
                                mesh.server().GetBatch());
  EXPECT_THAT(mesh.server().Respond({}, batch.requests[0].handler), IsOk());
  EXPECT_THAT(mesh.worker().Wait(handler), IsOk()) << "usable after a timeout";
}

TEST_P(MeshTest, TensorsOfMeshMemoryAndEmptyOnesArrive) {
  TestMesh mesh(Config(1, 1));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const MeshMemory pushed,
                                mesh.worker().AllocateBuffer(8));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const MeshMemory pulled,
                                mesh.worker().AllocateBuffer(8));
  const MeshTensorBuffer push = FloatsIn(pushed), pull = FloatsIn(pulled);
  Floats none;
  std::memcpy(push.bytes.data(), Floats{3, 4}.data(), 8);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const MeshHandler handler,
      mesh.worker().PushPull({{1, AsView(push)}, {2, View(none)}},
                             {{1, pull}, {2, Buffer(none)}}));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const MeshServer::Batch batch,
                                mesh.server().GetBatch());
  const std::vector<MeshPush>& got = batch.requests[0].pushes;
  EXPECT_THAT(mesh.server().Respond({got[0].tensor, got[1].tensor},
                                    batch.requests[0].handler),
              IsOk());
  EXPECT_THAT(mesh.worker().Wait(handler), IsOk());
  EXPECT_THAT(FloatsOf(pull), ElementsAre(3, 4));
}

// --- get_batch

TEST_P(MeshTest, BatchHasOneRequestOfEachWorkerByRank) {
  TestMesh mesh(Config(3, 1));
  const Floats push = {1};
  const auto send = [&mesh, &push](uint32_t rank, uint64_t key) {
    EXPECT_THAT(mesh.worker(rank).PushPull({{key, View(push)}}, {}), IsOk());
  };
  send(2, 20);
  send(2, 21);
  send(1, 10);
  send(0, 0);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const MeshServer::Batch first,
                                mesh.server().GetBatch());
  ASSERT_THAT(first.requests, SizeIs(3));
  EXPECT_THAT(first.missing, IsEmpty());
  for (uint32_t rank = 0; rank < 3; ++rank) {
    EXPECT_EQ(first.requests[rank].worker, rank);
    EXPECT_EQ(first.requests[rank].pushes[0].key, 10 * rank);
  }
  EXPECT_THAT(mesh.server().GetBatch({.timeout = kSoon}),
              StatusIs(absl::StatusCode::kDeadlineExceeded,
                       HasSubstr("no request of worker 0, 1")));
  send(0, 1);
  send(1, 11);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const MeshServer::Batch second,
                                mesh.server().GetBatch());
  EXPECT_EQ(second.requests[2].pushes[0].key, 21u) << "stayed queued";
}

TEST_P(MeshTest, AnySoManyWorkersAreEnoughIfThatIsAskedFor) {
  TestMesh mesh(Config(3, 1));
  const Floats push = {1};
  for (const uint32_t rank : {0u, 2u}) {
    EXPECT_THAT(mesh.worker(rank).PushPull({{1, View(push)}}, {}), IsOk());
  }
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const MeshServer::Batch batch,
                                mesh.server().GetBatch({.at_least = 2}));
  EXPECT_EQ(batch.requests[1].worker, 2u);
  EXPECT_THAT(batch.missing, ElementsAre(1));
}

TEST_P(MeshTest, DeadlineHandsOutWhatThereIsIfThatIsAskedFor) {
  TestMesh mesh(Config(2, 1));
  const GatherOptions options = {.timeout = kSoon, .take_some = true};
  EXPECT_THAT(
      mesh.server().GetBatch(options),
      StatusIs(absl::StatusCode::kDeadlineExceeded, HasSubstr("worker 0, 1")));
  const Floats push = {1};
  EXPECT_THAT(mesh.worker(1).PushPull({{1, View(push)}}, {}), IsOk());
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const MeshServer::Batch batch,
                                mesh.server().GetBatch(options));
  EXPECT_THAT(batch.requests, SizeIs(1));
  EXPECT_THAT(batch.missing, ElementsAre(0));
}

TEST_P(MeshTest, FortyWorkersAreGathered) {
  constexpr uint32_t kWorkers = 40;
  TestMesh mesh(Config(kWorkers, 1));
  const Floats push = {1};
  for (uint32_t rank = 0; rank < kWorkers; ++rank) {
    EXPECT_THAT(mesh.worker(rank).PushPull({{1, View(push)}}, {}), IsOk());
  }
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const MeshServer::Batch batch,
                                mesh.server().GetBatch());
  EXPECT_THAT(batch.requests, SizeIs(kWorkers));
}

// --- receive buffers, respond_vec

TEST_P(MeshTest, PushesOfAllWorkersLandInOneTensor) {
  for (const bool in_mesh_memory : {true, false}) {
    TestMesh mesh(Config(3, 1));
    Floats own(6);
    MeshTensorBuffer all = Buffer(own);
    if (in_mesh_memory) {
      FAIRLEAD_ASSERT_OK_AND_ASSIGN(const MeshMemory memory,
                                    mesh.server().AllocateBuffer(24));
      all = FloatsIn(memory);
    }
    EXPECT_THAT(mesh.server().RegisterRecvBuffer(all, {0, 1, 2}, {10, 11, 12}),
                IsOk());
    for (int round = 0; round < 3; ++round) {
      std::vector<Floats> pushes;
      for (const uint32_t rank : {0u, 1u, 2u}) {
        const auto base = static_cast<float>(100 * round + 2 * rank);
        pushes.push_back({base, base + 1});
      }
      std::vector<MeshHandler> handlers(3);
      for (const uint32_t rank : {2u, 0u, 1u}) {
        FAIRLEAD_ASSERT_OK_AND_ASSIGN(
            handlers[rank],
            mesh.worker(rank).PushPull({{10 + rank, View(pushes[rank])}}, {}));
      }
      FAIRLEAD_ASSERT_OK_AND_ASSIGN(const MeshServer::Batch batch,
                                    mesh.server().GetBatch());
      const auto base = static_cast<float>(100 * round);
      EXPECT_THAT(FloatsOf(all), ElementsAre(base, base + 1, base + 2, base + 3,
                                             base + 4, base + 5));
      EXPECT_EQ(batch.requests[1].pushes[0].tensor.bytes.data(),
                all.bytes.data() + 8);
      for (const MeshServerRequest& request : batch.requests) {
        EXPECT_THAT(mesh.server().Respond({}, request.handler), IsOk());
        EXPECT_THAT(mesh.worker(request.worker).Wait(handlers[request.worker]),
                    IsOk());
      }
    }
  }
}

TEST_P(MeshTest, RowsRunThroughTheBufferUnlessTheyAreShared) {
  TestMesh mesh(Config(3, 1));
  Floats rows(12);
  std::iota(rows.begin(), rows.end(), 0);
  MeshTensorView buffer = View(rows);
  buffer.shape = {6, 2};
  using Mode = MeshServer::RowsMode;
  for (const Mode mode : {Mode::kRunning, Mode::kSharedPrefix}) {
    std::vector<Floats> got = {Floats(2), Floats(6), Floats(4)};
    std::vector<MeshHandler> handlers;
    for (uint32_t rank = 0; rank < 3; ++rank) {
      const auto handler =
          mesh.worker(rank).PushPull({}, {{1, Buffer(got[rank])}});
      ASSERT_THAT(handler, IsOk());
      handlers.push_back(*handler);
    }
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const MeshServer::Batch batch,
                                  mesh.server().GetBatch());
    EXPECT_THAT(mesh.server().RespondVec(
                    buffer, {1, 3, 2},
                    {batch.requests[0].handler, batch.requests[1].handler,
                     batch.requests[2].handler},
                    mode),
                IsOk());
    for (uint32_t rank = 0; rank < 3; ++rank) {
      EXPECT_THAT(mesh.worker(rank).Wait(handlers[rank]), IsOk());
    }
    if (mode == Mode::kRunning) {
      Floats joined;
      for (const Floats& part : got) {
        joined.insert(joined.end(), part.begin(), part.end());
      }
      EXPECT_EQ(joined, rows);
    } else {
      EXPECT_THAT(got, ElementsAre(Floats{0, 1}, Floats{0, 1, 2, 3, 4, 5},
                                   Floats{0, 1, 2, 3}));
    }
  }
}

// Random requests of several threads' worth of in-flight work; every reply is
// what a formula says.
TEST_P(MeshTest, AnyMixOfSizesAndRequestsInFlightIsAnsweredRight) {
  static constexpr uint64_t kSeed = 7;
  constexpr int kRounds = 60;
  constexpr uint64_t kInFlight = 4;
  TestMesh mesh(Config(3, 2));
  mesh.RunAll(
      [&mesh](MeshWorker& worker) {
        uint32_t rank = 0;
        while (&mesh.worker(rank) != &worker) ++rank;
        RandomStream random(kSeed, rank, 0);
        struct Sent {
          MeshHandler handler;
          Floats push;
          std::vector<Floats> replies;
        };
        std::vector<std::unique_ptr<Sent>> in_flight;
        const auto settle = [&worker, &in_flight] {
          const std::unique_ptr<Sent> sent = std::move(in_flight.front());
          in_flight.erase(in_flight.begin());
          ASSERT_THAT(worker.Wait(sent->handler, kHang), IsOk());
          for (size_t server = 0; server < 2; ++server) {
            for (size_t i = 0; i < sent->push.size(); ++i) {
              ASSERT_EQ(sent->replies[server][i],
                        static_cast<float>(server + 1) * sent->push[i])
                  << "seed " << kSeed;
            }
          }
        };
        for (uint64_t round = 0; round < kRounds; ++round) {
          if (in_flight.size() == kInFlight) settle();
          auto sent = std::make_unique<Sent>();
          sent->push.resize(random.Below(4000));
          for (float& value : sent->push) {
            value = static_cast<float>(random.Below(1000));
          }
          sent->replies.assign(2, Floats(sent->push.size()));
          const uint64_t key = MeshKey(1, round % kInFlight, rank);
          const auto handler =
              worker.PushPull({{key, View(sent->push)}},
                              {{2 * key, Buffer(sent->replies[0])},
                               {2 * key + 1, Buffer(sent->replies[1])}});
          ASSERT_THAT(handler, IsOk());
          sent->handler = *handler;
          in_flight.push_back(std::move(sent));
        }
        while (!in_flight.empty()) settle();
        EXPECT_THAT(worker.Stop(kHang), IsOk());
      },
      [&mesh](MeshServer& server) {
        const float factor = &server == &mesh.server(0) ? 1 : 2;
        for (int round = 0; round < kRounds; ++round) {
          const auto batch = server.GetBatch({.timeout = kHang});
          ASSERT_THAT(batch, IsOk());
          for (const MeshServerRequest& request : batch->requests) {
            ASSERT_THAT(AnswerWithSum(server, request, factor), IsOk());
          }
        }
        EXPECT_THAT(server.Stop(kHang), IsOk());
      });
  EXPECT_EQ(mesh.server(0).stats().unanswered, 0u);
  EXPECT_EQ(mesh.server(0).stats().queued, 0u);
}

}  // namespace
}  // namespace fairlead::testing
