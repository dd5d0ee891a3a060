// A tensor mesh of real processes that meet at a registry: members are killed,
// others take their places or join, and the rest go on.

#include <signal.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "integration_tests/harness/test_cluster.h"
#include "libs/child_process/child_process.h"
#include "libs/child_process/service_process.h"
#include "libs/status/status_matchers.h"
#include "libs/tensor_mesh/test_mesh.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::IsOkAndHolds;
using ::fairlead::testing::kPatience;
using ::fairlead::testing::StartRegistry;

class MeshElasticTest : public ::testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    auto registry = StartRegistry();
    ASSERT_THAT(registry, IsOk());
    registry_.emplace(*std::move(registry));
  }

  // Starts "worker 0" and the like, or another in its place.
  void Start(const std::string& role, uint32_t rank) {
    auto child = ChildProcess::Start(
        {"libs/tensor_mesh/mesh_process", "--elastic",
         absl::StrCat("--registry=", registry_->address()),
         absl::StrCat("--shm_dir=", memory_.path()),
         absl::StrCat("--server=", role == "server" ? "true" : "false"),
         absl::StrCat("--tcp=", GetParam() ? "true" : "false"),
         absl::StrCat("--rank=", rank), "--workers=2", "--servers=2",
         "--stop_timeout=60s",
         absl::StrCat("--founding_servers=", founding_servers_)},
        {});
    ASSERT_THAT(child, IsOk());
    const std::string name = absl::StrCat(role, " ", rank);
    members_.erase(name);
    members_.emplace(name, *std::move(child));
  }

  void StartAll() {
    Start("worker", 0);
    Start("worker", 1);
    Start("server", 0);
    if (founding_servers_ != 1) Start("server", 1);
  }

  void Kill(const std::string& name) {
    members_.at(name).Signal(SIGKILL);
    EXPECT_THAT(members_.at(name).Wait(kPatience), IsOkAndHolds(128 + SIGKILL));
  }

  // Reads what the member says until it says that.
  void ExpectToSay(const std::string& name, const std::string& wanted) {
    while (true) {
      const auto line = members_.at(name).ReadLine(kPatience);
      ASSERT_THAT(line, IsOk()) << name;
      ASSERT_TRUE(line->has_value()) << name << " has ended";
      if (**line == wanted) return;
      ASSERT_TRUE(absl::StartsWith(**line, "served by"))
          << name << ": " << **line;
    }
  }

  // All replies were right, and all members stop in order.
  void ExpectToEndWell() {
    for (auto& [name, member] : members_) member.Signal(SIGTERM);
    for (auto& [name, member] : members_) {
      ExpectToSay(name, "run: OK");
      ExpectToSay(name, "stop: OK");
      EXPECT_THAT(member.Wait(kPatience), IsOkAndHolds(0)) << name;
    }
  }

  uint32_t founding_servers_ = 0;
  const testing::ShmFolder memory_;
  std::optional<ServiceProcess> registry_;
  std::map<std::string, ChildProcess> members_;
};

INSTANTIATE_TEST_SUITE_P(Transport, MeshElasticTest, ::testing::Bool(),
                         [](const auto& info) {
                           return info.param ? "Tcp" : "Shm";
                         });

TEST_P(MeshElasticTest, WorkersGoOnWithTheServerInTheKilledOnesPlace) {
  StartAll();
  ExpectToSay("worker 0", "served by 0 1");
  ExpectToSay("worker 1", "served by 0 1");
  for (int i = 0; i < 2; ++i) {
    Kill("server 1");
    ExpectToSay("worker 0", "served by 0");
    ExpectToSay("worker 1", "served by 0");
    Start("server", 1);
    ExpectToSay("worker 0", "served by 0 1");
    ExpectToSay("worker 1", "served by 0 1");
  }
  ExpectToEndWell();
}

TEST_P(MeshElasticTest, ServerJoinsUnderLoad) {
  founding_servers_ = 1;
  StartAll();
  ExpectToSay("worker 0", "served by 0");
  ExpectToSay("worker 1", "served by 0");
  Start("server", 1);
  ExpectToSay("worker 0", "served by 0 1");
  ExpectToSay("worker 1", "served by 0 1");
  ExpectToEndWell();
}

TEST_P(MeshElasticTest, WorkerComesBack) {
  StartAll();
  ExpectToSay("worker 0", "served by 0 1");
  ExpectToSay("worker 1", "served by 0 1");
  Kill("worker 1");
  Start("worker", 1);
  ExpectToSay("worker 1", "served by 0 1");
  ExpectToEndWell();
}

}  // namespace
}  // namespace fairlead
