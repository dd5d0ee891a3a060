// The examples print over a mesh what they print in one process.

#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/child_process/child_process.h"
#include "libs/shm_channel/shm_folder.h"
#include "libs/status/status_matchers.h"
#include "libs/tensor_mesh/test_mesh.h"

namespace fairlead::testing {
namespace {

using ::testing::IsEmpty;
using ::testing::Not;

constexpr absl::Duration kPlenty = absl::Minutes(4);
constexpr uint32_t kWorkers = 2;
constexpr uint32_t kServers = 2;
using Lines = std::vector<std::string>;

std::string Program(const std::string& example) {
  return absl::StrCat("libs/tensor_mesh/examples/", example);
}

// What the example prints in one process, of one worker.
Lines LocalLines(const std::string& example, uint32_t worker) {
  const auto outcome = RunToEnd({Program(example), "--role=local"}, kPlenty,
                                getenv("TEST_TMPDIR"));
  EXPECT_THAT(outcome, IsOk());
  Lines lines;
  for (const auto line : absl::StrSplit(outcome->out, '\n')) {
    if (absl::StartsWith(line, absl::StrCat("worker ", worker, " "))) {
      lines.emplace_back(line);
    }
  }
  return lines;
}

std::vector<ChildProcess> StartAll(const std::string& example,
                                   const ShmFolder& folder,
                                   const ShmFolder& memory) {
  std::vector<ChildProcess> children;
  for (uint32_t i = 0; i < kWorkers + kServers; ++i) {
    const bool is_worker = i < kWorkers;
    auto child = ChildProcess::Start(
        {Program(example),
         absl::StrCat("--role=", is_worker ? "worker" : "server"),
         absl::StrCat("--rank=", is_worker ? i : i - kWorkers),
         absl::StrCat("--folder=", folder.path()),
         absl::StrCat("--shm_dir=", memory.path())},
        {});
    EXPECT_THAT(child, IsOk());
    children.push_back(*std::move(child));
  }
  return children;
}

class ExamplesTest : public ::testing::TestWithParam<std::string> {};

INSTANTIATE_TEST_SUITE_P(Example, ExamplesTest,
                         ::testing::Values("two_stage_model",
                                           "sparse_embedding"),
                         [](const auto& info) { return info.param; });

TEST_P(ExamplesTest, OutputIsThatOfOneProcessToTheLastBit) {
  const ShmFolder folder;
  const ShmFolder memory;
  std::vector<ChildProcess> children = StartAll(GetParam(), folder, memory);
  for (uint32_t worker = 0; worker < kWorkers; ++worker) {
    Lines lines;
    while (true) {
      const auto line = children[worker].ReadLine(kPlenty);
      ASSERT_THAT(line, IsOk());
      if (!line->has_value()) break;
      lines.push_back(**line);
    }
    EXPECT_THAT(lines, Not(IsEmpty()));
    EXPECT_EQ(lines, LocalLines(GetParam(), worker));
  }
  for (ChildProcess& child : children) {
    EXPECT_THAT(child.Wait(kPlenty), IsOkAndHolds(0));
  }
}

TEST(SparseEmbeddingTest, LossFalls) {
  const Lines lines = LocalLines("sparse_embedding", 0);
  ASSERT_GT(lines.size(), 10u);
  const auto loss = [](const std::string& line) {
    return std::strtod(line.substr(line.rfind(' ') + 1).c_str(), nullptr);
  };
  EXPECT_LT(loss(lines.back()), 0.5 * loss(lines.front()));
}

}  // namespace
}  // namespace fairlead::testing
