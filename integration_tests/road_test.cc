// The whole road, from files to tensors in a trainer's hands: every seed once
// in each epoch, the same bytes whoever makes them, and nothing left behind.

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "integration_tests/harness/test_cluster.h"
#include "integration_tests/harness/test_dataset.h"
#include "libs/graph/dataset.h"
#include "libs/loader/loader_options.h"
#include "libs/loader/received_batch.h"
#include "libs/loader/sample_stream.h"
#include "libs/status/status_macros.h"
#include "libs/status/status_matchers.h"
#include "libs/tensor_message/tensor_message.h"
#include "nlohmann/json.hpp"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::IsOkAndHolds;
using ::fairlead::testing::MakeKronecker;
using ::fairlead::testing::MakeLibrary;
using ::fairlead::testing::RunProgram;
using ::fairlead::testing::TestCluster;
using ::testing::HasSubstr;

struct Graph {
  std::string name;
  absl::StatusOr<std::string> (*make)();
  std::string node_type;  // of the seeds

  friend std::ostream& operator<<(std::ostream& out, const Graph& graph) {
    return out << graph.name;
  }
};

class Road : public ::testing::TestWithParam<Graph> {
 protected:
  void SetUp() override {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(dataset_, GetParam().make());
  }

  std::unique_ptr<TestCluster> StartCluster(int workers) {
    auto cluster =
        TestCluster::Start({.dataset = dataset_, .workers = workers});
    EXPECT_THAT(cluster, IsOk());
    return cluster.ok() ? *std::move(cluster) : nullptr;
  }

  // The training split, in ascending order.
  std::vector<int64_t> TrainSeeds() {
    const auto dataset = Dataset::Load(dataset_);
    EXPECT_THAT(dataset, IsOk());
    for (const NodeType& type : (*dataset)->node_types()) {
      if (type.name != GetParam().node_type) continue;
      std::vector<int64_t> seeds(type.train->begin(), type.train->end());
      std::sort(seeds.begin(), seeds.end());
      return seeds;
    }
    ADD_FAILURE() << "no node type " << GetParam().node_type;
    return {};
  }

  NeighborLoaderOptions Options(TestCluster& cluster) {
    NeighborLoaderOptions options;
    options.registry = cluster.registry().address();
    options.input_nodes.node_type = GetParam().node_type;
    options.fanout = {5, 3};
    options.batch_size = 32;
    options.shuffle = true;
    return options;
  }

  std::vector<std::string> LoadgenFlags(uint64_t seed) {
    return {"--fanout=5,3",
            "--batch_size=32",
            "--clients=2",
            "--epochs=2",
            "--shuffle",
            absl::StrCat("--node_type=", GetParam().node_type),
            absl::StrCat("--seed=", seed)};
  }

  std::string dataset_;
};

// The seeds of the rest of an epoch, in ascending order.
absl::StatusOr<std::vector<int64_t>> DrainSeeds(SampleStream& stream) {
  std::vector<int64_t> seeds;
  while (true) {
    FAIRLEAD_ASSIGN_OR_RETURN(const std::optional<ReceivedBatch> batch,
                              stream.Next());
    if (!batch.has_value()) break;
    for (const TensorView& tensor : batch->message.tensors) {
      if (tensor.name != "batch" && !absl::EndsWith(tensor.name, ".batch")) {
        continue;
      }
      const absl::Span<const int64_t> ids = tensor.As<int64_t>();
      seeds.insert(seeds.end(), ids.begin(), ids.end());
    }
  }
  std::sort(seeds.begin(), seeds.end());
  return seeds;
}

TEST_P(Road, DeliversEverySeedOnceInEachEpochToEachClient) {
  const std::unique_ptr<TestCluster> cluster = StartCluster(/*workers=*/2);
  ASSERT_NE(cluster, nullptr);
  const std::vector<int64_t> expected = TrainSeeds();
  ASSERT_FALSE(expected.empty());

  const auto train = [&] {
    auto stream = SampleStream::Create(Options(*cluster));
    ASSERT_THAT(stream, IsOk());
    EXPECT_EQ((*stream)->seeds(), expected.size());
    for (int epoch = 0; epoch < 2; ++epoch) {
      ASSERT_THAT((*stream)->StartEpoch(), IsOk());
      EXPECT_THAT(DrainSeeds(**stream), IsOkAndHolds(expected))
          << "epoch " << epoch;
    }
    EXPECT_EQ((*stream)->stats().batches, 2 * (*stream)->batches());
    EXPECT_EQ((*stream)->stats().duplicates, 0);
    EXPECT_EQ((*stream)->stats().missing, 0);
  };
  std::thread other(train);
  train();
  other.join();

  EXPECT_THAT(cluster->Stop(), IsOk());
}

// What loadgen reports of a cluster of its own.
nlohmann::json LoadOf(TestCluster* cluster,
                      const std::vector<std::string>& flags) {
  if (cluster == nullptr) return {};
  auto report = cluster->Load(flags);
  EXPECT_THAT(report, IsOk());
  EXPECT_THAT(cluster->Stop(), IsOk());
  return report.ok() ? *report : nlohmann::json();
}

TEST_P(Road, HasTheSameBytesAgainAndWithOtherWorkers) {
  const uint64_t seeds = TrainSeeds().size();
  const nlohmann::json first = LoadOf(StartCluster(1).get(), LoadgenFlags(7));
  ASSERT_TRUE(first.is_object());
  EXPECT_EQ(first["seeds"], seeds * 2 * 2);  // clients, epochs
  EXPECT_EQ(first["unique_seeds"], seeds);
  EXPECT_EQ(first["batches"], (seeds + 31) / 32 * 2 * 2);
  EXPECT_EQ(first["duplicates"], 0);
  EXPECT_EQ(first["missing"], 0);
  EXPECT_GT(first["edges"], 0);

  const nlohmann::json again = LoadOf(StartCluster(1).get(), LoadgenFlags(7));
  const nlohmann::json three = LoadOf(StartCluster(3).get(), LoadgenFlags(7));
  const nlohmann::json other = LoadOf(StartCluster(3).get(), LoadgenFlags(8));
  for (const nlohmann::json& same : {again, three}) {
    EXPECT_EQ(same["digest"], first["digest"]);
    EXPECT_EQ(same["edges"], first["edges"]);
    EXPECT_EQ(same["bytes"], first["bytes"]);
  }
  EXPECT_NE(other["digest"], first["digest"]);
}

TEST_P(Road, LeavesNothingBehindWhenStoppedAmidAnEpoch) {
  const std::unique_ptr<TestCluster> cluster = StartCluster(/*workers=*/2);
  ASSERT_NE(cluster, nullptr);
  NeighborLoaderOptions options = Options(*cluster);
  options.prefetch_size = 1;  // most of the epoch stays in shared memory
  options.recovery_timeout = absl::ZeroDuration();  // the cluster is gone then
  auto stream = SampleStream::Create(options);
  ASSERT_THAT(stream, IsOk());
  ASSERT_THAT((*stream)->StartEpoch(), IsOk());
  ASSERT_THAT((*stream)->Next(), IsOk());

  EXPECT_THAT(cluster->Stop(), IsOk());
}

INSTANTIATE_TEST_SUITE_P(
    Graphs, Road,
    ::testing::Values(Graph{"Kronecker", MakeKronecker, "node"},
                      Graph{"Library", MakeLibrary, "paper"}),
    ::testing::PrintToStringParamName());

// The README's trainer, as it stands there (see readme_test).
TEST(ExampleTrainer, TrainsAnEpoch) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::string dataset, MakeKronecker());
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::unique_ptr<TestCluster> cluster,
                                TestCluster::Start({.dataset = dataset}));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Outcome outcome,
                                RunProgram("libs/loader:example_trainer",
                                           {cluster->registry().address()}));
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("batch 0: 512 seeds, "));
  EXPECT_THAT(outcome.out, HasSubstr("batch 1: 102 seeds, "));
  EXPECT_THAT(cluster->Stop(), IsOk());
}

}  // namespace
}  // namespace fairlead
