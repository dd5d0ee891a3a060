// Configs that are none, and members that do not come, or come twice (parity
// SM-01).

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/shm_channel/shm_folder.h"
#include "libs/status/status_matchers.h"
#include "libs/tensor_mesh/in_memory_rendezvous.h"
#include "libs/tensor_mesh/mesh_config.h"
#include "libs/tensor_mesh/mesh_routes.h"
#include "libs/tensor_mesh/mesh_server.h"
#include "libs/tensor_mesh/mesh_worker.h"
#include "libs/tensor_mesh/test_mesh.h"

namespace fairlead::testing {
namespace {

using ::testing::HasSubstr;
using Code = absl::StatusCode;

struct BadConfig {
  std::string text;
  MeshConfig config;
};

TEST(MeshStartTest, BadConfigsNameTheField) {
  const std::vector<BadConfig> bad = {
      {"mesh: is empty", {.mesh = ""}},
      {"num_workers: 0", {.num_workers = 0}},
      {"num_servers: 0", {.num_servers = 0}},
      {"rank: 2 is none of 2 workers", {.num_workers = 2, .rank = 2}},
      {"founding_workers", {.num_workers = 2, .founding_workers = 3}},
      {"founding_servers", {.founding_servers = 2}},
      {"group_size: 2", {.num_workers = 2, .group_size = 2}},
      {"routes: are for 3", {.routes = MeshRoutes::AllToAll(3, 1)}},
      {"max_in_flight: 0", {.max_in_flight = 0}},
      {"max_in_flight: 10000", {.max_in_flight = 10000}},
      {"max_keys", {.max_keys = 0}},
      {"spin: 2s", {.spin = absl::Seconds(2)}},
      {"init_timeout", {.init_timeout = absl::ZeroDuration()}},
  };
  auto meeting = std::make_shared<InMemoryRendezvous::Meeting>();
  auto rendezvous = std::make_shared<InMemoryRendezvous>(meeting, 0);
  for (const BadConfig& each : bad) {
    EXPECT_THAT(MeshWorker::Create(each.config, rendezvous),
                StatusIs(Code::kInvalidArgument, HasSubstr(each.text)));
  }
  EXPECT_THAT(MeshWorker::Create({.role = MeshRole::kServer}, rendezvous),
              StatusIs(Code::kInvalidArgument, HasSubstr("role")));
  EXPECT_THAT(MeshServer::Create({.role = MeshRole::kWorker}, rendezvous),
              StatusIs(Code::kInvalidArgument, HasSubstr("role")));
}

TEST(MeshStartTest, BadRoutesSayWhy) {
  EXPECT_THAT(MeshRoutes::Of({{0}, {2}}, 2),
              StatusIs(Code::kInvalidArgument, HasSubstr("names server 2")));
  EXPECT_THAT(MeshRoutes::Of({{0, 0}}, 1),
              StatusIs(Code::kInvalidArgument, HasSubstr("twice")));
  EXPECT_THAT(MeshRoutes::Of({{0}, {}}, 1),
              StatusIs(Code::kInvalidArgument, HasSubstr("worker 1 has no")));
  EXPECT_THAT(MeshRoutes::Of({{0}, {0}}, 2),
              StatusIs(Code::kInvalidArgument, HasSubstr("server 1 has no")));
}

TEST(MeshStartTest, MissingPeerIsNamedAtTheDeadline) {
  const ShmFolder folder;
  auto meeting = std::make_shared<InMemoryRendezvous::Meeting>();
  auto rendezvous = std::make_shared<InMemoryRendezvous>(meeting, 0);
  EXPECT_THAT(MeshWorker::Create({.num_workers = 2,
                                  .shm_dir = folder.path(),
                                  .arena_bytes = 4096,
                                  .init_timeout = kSoon},
                                 rendezvous),
              StatusIs(Code::kDeadlineExceeded, HasSubstr("members 1, 2 ")));
}

TEST(MeshStartTest, SecondProcessOfARankIsRefused) {
  const ShmFolder folder;
  auto meeting = std::make_shared<InMemoryRendezvous::Meeting>();
  const MeshConfig config = {
      .shm_dir = folder.path(), .arena_bytes = 4096, .init_timeout = kSoon};
  auto first = std::make_shared<InMemoryRendezvous>(meeting, 0);
  EXPECT_THAT(MeshWorker::Create(config, first),
              StatusIs(Code::kDeadlineExceeded));
  auto second = std::make_shared<InMemoryRendezvous>(meeting, 0);
  EXPECT_THAT(MeshWorker::Create(config, second),
              StatusIs(Code::kAlreadyExists, HasSubstr("one role and rank")));
}

}  // namespace
}  // namespace fairlead::testing
