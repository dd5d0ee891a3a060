// A tensor mesh whose members meet through a real registry.

#include <cstdint>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "integration_tests/harness/test_cluster.h"
#include "libs/child_process/service_process.h"
#include "libs/membership/membership.h"
#include "libs/status/status_matchers.h"
#include "libs/tensor_mesh/mesh_config.h"
#include "libs/tensor_mesh/mesh_rendezvous.h"
#include "libs/tensor_mesh/mesh_server.h"
#include "libs/tensor_mesh/mesh_tensor.h"
#include "libs/tensor_mesh/mesh_worker.h"
#include "libs/tensor_mesh/registry_rendezvous.h"
#include "protos/fairlead/v1/registry.pb.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::kPatience;
using ::fairlead::testing::StartRegistry;
using ::fairlead::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr uint32_t kWorkers = 2;

class MeshTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto registry = StartRegistry();
    ASSERT_THAT(registry, IsOk());
    registry_.emplace(*std::move(registry));
    for (uint32_t i = 0; i < kWorkers + 1; ++i) {
      memberships_.push_back(JoinRegistry(i));
      auto joined = RegistryRendezvous::Join(memberships_[i].get(), "job-1", i);
      ASSERT_THAT(joined, IsOk());
      rendezvous_.push_back(*std::move(joined));
    }
  }

  std::unique_ptr<Membership> JoinRegistry(uint32_t member) {
    Membership::Options options;
    options.registry = registry_->address();
    options.member.set_member_name(RegistryRendezvous::NameOf("job-1", member));
    options.member.set_role(v1::ROLE_TRAINER);
    auto membership = Membership::Start(std::move(options));
    EXPECT_THAT(membership, IsOk());
    return *std::move(membership);
  }

  void StartMesh() {
    auto server = std::async(std::launch::async, [this] {
      return MeshServer::Create(Config(MeshRole::kServer, 0), Meet(kWorkers));
    });
    std::vector<std::future<absl::StatusOr<std::unique_ptr<MeshWorker>>>>
        starts;
    for (uint32_t rank = 0; rank < kWorkers; ++rank) {
      starts.push_back(std::async(std::launch::async, [this, rank] {
        return MeshWorker::Create(Config(MeshRole::kWorker, rank), Meet(rank));
      }));
    }
    for (auto& start : starts) {
      auto worker = start.get();
      ASSERT_THAT(worker, IsOk());
      workers_.push_back(*std::move(worker));
    }
    auto started = server.get();
    ASSERT_THAT(started, IsOk());
    server_ = *std::move(started);
  }

  // Worker 1 goes, which has said nothing, once `member` has said something.
  void LoseWorkerOnceThereIs(uint32_t member) {
    absl::Notification is_there;
    rendezvous_[1]->Watch(
        [&is_there, member](const MeshRendezvous::Lines& lines) {
          const auto line = lines.find(member);
          if (line != lines.end() && !line->second.empty() &&
              !is_there.HasBeenNotified()) {
            is_there.Notify();
          }
        });
    EXPECT_TRUE(is_there.WaitForNotificationWithTimeout(kPatience));
    rendezvous_[1]->Watch(nullptr);
    memberships_[1].reset();
  }

  static MeshConfig Config(MeshRole role, uint32_t rank) {
    return {.mesh = "job-1",
            .role = role,
            .num_workers = kWorkers,
            .rank = rank,
            .transports = MeshConfig::Transports::kTcpOnly,
            .arena_bytes = 4096,
            .init_timeout = kPatience};
  }
  std::shared_ptr<MeshRendezvous> Meet(uint32_t member) {
    return rendezvous_[member];
  }

  std::optional<ServiceProcess> registry_;
  // By member.
  std::vector<std::unique_ptr<Membership>> memberships_;
  std::vector<std::shared_ptr<MeshRendezvous>> rendezvous_;
  std::vector<std::unique_ptr<MeshWorker>> workers_;
  std::unique_ptr<MeshServer> server_;
};

MeshTensorView View(const std::vector<uint8_t>& bytes) {
  return {.dtype = v1::DTYPE_UINT8,
          .shape = {static_cast<int64_t>(bytes.size())},
          .bytes = bytes};
}

TEST_F(MeshTest, MembersMeetExchangeAndStop) {
  StartMesh();
  const std::vector<uint8_t> push = {1, 2, 3};
  for (int round = 0; round < 2; ++round) {
    std::vector<MeshHandler> handlers;
    for (const auto& worker : workers_) {
      FAIRLEAD_ASSERT_OK_AND_ASSIGN(handlers.emplace_back(),
                                    worker->PushPull({{1, View(push)}}, {}));
    }
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const MeshServer::Batch batch,
                                  server_->GetBatch({.timeout = kPatience}));
    for (const MeshServerRequest& request : batch.requests) {
      EXPECT_THAT(request.pushes[0].tensor.bytes, ElementsAre(1, 2, 3));
      EXPECT_THAT(server_->Respond({}, request.handler), IsOk());
    }
    for (uint32_t rank = 0; rank < kWorkers; ++rank) {
      EXPECT_THAT(workers_[rank]->Wait(handlers[rank], kPatience), IsOk());
    }
    auto other = std::async(std::launch::async, [this] {
      return workers_[1]->Barrier({.servers = false}, kPatience);
    });
    EXPECT_THAT(workers_[0]->Barrier({.servers = false}, kPatience), IsOk());
    EXPECT_THAT(other.get(), IsOk());
  }
  auto server = std::async(std::launch::async,
                           [this] { return server_->Stop(kPatience); });
  auto other = std::async(std::launch::async,
                          [this] { return workers_[1]->Stop(kPatience); });
  EXPECT_THAT(workers_[0]->Stop(kPatience), IsOk());
  EXPECT_THAT(other.get(), IsOk());
  EXPECT_THAT(server.get(), IsOk());
}

TEST_F(MeshTest, MemberWhosePlaceIsTakenIsLostThoughItsConnectionStands) {
  StartMesh();
  const auto other = JoinRegistry(1);
  EXPECT_THAT(server_->GetBatch({.timeout = kPatience}),
              StatusIs(absl::StatusCode::kUnavailable,
                       HasSubstr("worker 1: its lease has ended")));
  // Who is gone is not waited for to stop, either.
  auto first = std::async(std::launch::async,
                          [this] { return workers_[0]->Stop(kPatience); });
  EXPECT_THAT(
      server_->Stop(kPatience),
      StatusIs(absl::StatusCode::kUnavailable, HasSubstr("member 1 is gone")));
  EXPECT_THAT(first.get(), StatusIs(absl::StatusCode::kUnavailable));
  // Nor does it take its place back.
  EXPECT_THAT(workers_[1]->Barrier({}, kPatience),
              StatusIs(absl::StatusCode::kAborted));
}

TEST_F(MeshTest, WorkerThatTookAPlaceIsServed) {
  StartMesh();
  const std::vector<uint8_t> push = {1, 2, 3};
  workers_[1].reset();
  rendezvous_[1].reset();
  memberships_[1] = JoinRegistry(1);
  auto joined = RegistryRendezvous::Join(memberships_[1].get(), "job-1", 1);
  ASSERT_THAT(joined, IsOk());
  rendezvous_[1] = *std::move(joined);
  auto worker = MeshWorker::Create(Config(MeshRole::kWorker, 1), Meet(1));
  ASSERT_THAT(worker, IsOk());
  workers_[1] = *std::move(worker);
  EXPECT_THAT(server_->AwaitWorkers({0, 1}, kPatience), IsOk());
  std::vector<MeshHandler> handlers;
  for (const auto& each : workers_) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(handlers.emplace_back(),
                                  each->PushPull({{1, View(push)}}, {}));
  }
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const MeshServer::Batch batch,
                                server_->GetBatch({.timeout = kPatience}));
  for (uint32_t rank = 0; rank < kWorkers; ++rank) {
    EXPECT_THAT(server_->Respond({}, batch.requests[rank].handler), IsOk());
    EXPECT_THAT(workers_[rank]->Wait(handlers[rank], kPatience), IsOk());
  }
}

// One waits in each test: of two, the first to hear of it would leave, and
// could be whom the other misses.
TEST_F(MeshTest, WorkerThatDiesBeforeItSaidAnythingEndsTheStartOfAServer) {
  auto server = std::async(std::launch::async, [this] {
    return MeshServer::Create(Config(MeshRole::kServer, 0), Meet(kWorkers));
  });
  LoseWorkerOnceThereIs(kWorkers);
  EXPECT_THAT(server.get(), StatusIs(absl::StatusCode::kUnavailable,
                                     HasSubstr("member 1 is gone")));
}

TEST_F(MeshTest, WorkerThatDiesBeforeItSaidAnythingEndsTheStartOfAnother) {
  auto worker = std::async(std::launch::async, [this] {
    return MeshWorker::Create(Config(MeshRole::kWorker, 0), Meet(0));
  });
  LoseWorkerOnceThereIs(0);
  EXPECT_THAT(worker.get(), StatusIs(absl::StatusCode::kUnavailable,
                                     HasSubstr("member 1 is gone")));
}

TEST_F(MeshTest, ProcessThatJoinedUnderAnotherNameIsRefused) {
  EXPECT_THAT(RegistryRendezvous::Join(memberships_[0].get(), "job-1", 1),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("join under that name")));
}

}  // namespace
}  // namespace fairlead
