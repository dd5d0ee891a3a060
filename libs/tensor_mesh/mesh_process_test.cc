// Sixteen workers and four servers, a process each: they run to completion,
// and when one is killed at random the others end in bounded time, with an
// error that names it.

#include <signal.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/child_process/child_process.h"
#include "libs/random/philox.h"
#include "libs/shm_channel/shm_folder.h"
#include "libs/status/status_matchers.h"
#include "libs/tensor_mesh/test_mesh.h"

namespace fairlead::testing {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr uint32_t kWorkers = 16;
constexpr uint32_t kServers = 4;
// Twenty processes on a few cores.
constexpr absl::Duration kPlenty = absl::Minutes(4);

class MeshProcessTest : public ::testing::TestWithParam<bool> {
 protected:
  // Starts all members; `rounds` 0 is without end.
  void StartAll(uint64_t rounds) {
    for (uint32_t i = 0; i < kWorkers + kServers; ++i) {
      const bool is_server = i >= kWorkers;
      FAIRLEAD_ASSERT_OK_AND_ASSIGN(
          ChildProcess child,
          ChildProcess::Start(
              {"libs/tensor_mesh/mesh_process",
               absl::StrCat("--folder=", meeting_.path()),
               absl::StrCat("--shm_dir=", memory_.path()),
               absl::StrCat("--server=", is_server ? "true" : "false"),
               absl::StrCat("--tcp=", GetParam() ? "true" : "false"),
               absl::StrCat("--rank=", is_server ? i - kWorkers : i),
               absl::StrCat("--workers=", kWorkers),
               absl::StrCat("--servers=", kServers),
               absl::StrCat("--rounds=", rounds)},
              {}));
      children_.push_back(std::move(child));
    }
  }

  std::string NextLine(uint32_t child) {
    const auto line = children_[child].ReadLine(kPlenty);
    EXPECT_THAT(line, IsOk()) << "member " << child;
    return line.ok() ? line->value_or("(ended)") : "(none)";
  }

  const ShmFolder meeting_;
  const ShmFolder memory_;
  std::vector<ChildProcess> children_;
};

INSTANTIATE_TEST_SUITE_P(Transport, MeshProcessTest, ::testing::Bool(),
                         [](const auto& info) {
                           return info.param ? "Tcp" : "Shm";
                         });

TEST_P(MeshProcessTest, AllRunToCompletion) {
  StartAll(/*rounds=*/50);
  for (uint32_t i = 0; i < children_.size(); ++i) {
    EXPECT_EQ(NextLine(i), "busy");
  }
  for (uint32_t i = 0; i < children_.size(); ++i) {
    EXPECT_EQ(NextLine(i), "run: OK") << "member " << i;
    EXPECT_EQ(NextLine(i), "stop: OK") << "member " << i;
    EXPECT_THAT(children_[i].Wait(kPlenty), IsOkAndHolds(0));
  }
}

TEST_P(MeshProcessTest, KilledMemberEndsTheOthersInBoundedTime) {
  const auto seed = static_cast<uint64_t>(absl::ToUnixNanos(absl::Now()));
  SCOPED_TRACE(absl::StrCat("seed ", seed));
  StartAll(/*rounds=*/0);
  for (uint32_t i = 0; i < children_.size(); ++i) {
    ASSERT_EQ(NextLine(i), "busy");
  }
  const auto victim = static_cast<uint32_t>(
      RandomStream(seed, 0, 0).Below(kWorkers + kServers));
  SCOPED_TRACE(absl::StrCat("member ", victim, " was killed"));
  children_[victim].Signal(SIGKILL);
  for (uint32_t i = 0; i < children_.size(); ++i) {
    if (i == victim) continue;
    // Who meets the dead one learns it of it, the rest of those who then stop.
    EXPECT_THAT(NextLine(i), StartsWith("run: UNAVAILABLE")) << "member " << i;
    EXPECT_THAT(NextLine(i),
                AnyOf(HasSubstr("UNAVAILABLE"), HasSubstr("DEADLINE")))
        << "member " << i;
    EXPECT_THAT(children_[i].Wait(kPlenty), IsOkAndHolds(0));
  }
}

}  // namespace
}  // namespace fairlead::testing
