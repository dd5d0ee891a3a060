// What the example trainers are made of, against real services: ranks that
// average their gradients at a registry, and what a cluster says of its graph.

#include <cstdint>
#include <functional>
#include <future>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "integration_tests/harness/test_cluster.h"
#include "integration_tests/harness/test_dataset.h"
#include "libs/child_process/service_process.h"
#include "libs/graph/dataset_writer.h"
#include "libs/status/status_matchers.h"
#include "libs/type_names/type_names.h"
#include "tools/examples/data_parallel.h"
#include "tools/examples/training_loop.h"
#include "torch/types.h"

namespace fairlead::testing {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

// --- gradients of several ranks ---------------------------------------------

class DataParallelTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto registry = StartRegistry();
    ASSERT_THAT(registry, IsOk());
    registry_.emplace(*std::move(registry));
  }

  // Runs `body` as each of so many ranks, all at once.
  void AsRanks(uint32_t ranks,
               const std::function<void(DataParallel&)>& body) const {
    std::vector<std::future<void>> running;
    for (uint32_t rank = 0; rank < ranks; ++rank) {
      running.push_back(std::async(std::launch::async, [=, this] {
        const auto joined =
            DataParallel::Join({.registry = registry_->address(),
                                .job = "job",
                                .rank = rank,
                                .world_size = ranks,
                                .timeout = kPatience});
        ASSERT_THAT(joined, IsOk());
        EXPECT_EQ((*joined)->rank(), rank);
        body(**joined);
      }));
    }
    for (std::future<void>& rank : running) rank.get();
  }

  std::optional<ServiceProcess> registry_;
};

// Two parameters, whose gradients are `value` and ten times that.
std::vector<torch::Tensor> WithGradients(double value) {
  std::vector<torch::Tensor> parameters = {torch::zeros({2, 3}),
                                           torch::zeros({4})};
  parameters[0].mutable_grad() = torch::full({2, 3}, value);
  parameters[1].mutable_grad() = torch::full({4}, 10 * value);
  return parameters;
}

void ExpectGradients(const std::vector<torch::Tensor>& parameters,
                     double value) {
  EXPECT_TRUE(parameters[0].grad().allclose(torch::full({2, 3}, value)))
      << parameters[0].grad();
  EXPECT_TRUE(parameters[1].grad().allclose(torch::full({4}, 10 * value)))
      << parameters[1].grad();
}

TEST_F(DataParallelTest, GradientsAreTheAverageOverTheExamplesOfAllRanks) {
  AsRanks(3, [](DataParallel& ranks) {
    // 1, 2 and 3, of so many examples each.
    const int64_t mine = ranks.rank() + 1;
    const auto parameters = WithGradients(static_cast<double>(mine));
    EXPECT_THAT(ranks.AverageGradients(parameters, mine), IsOkAndHolds(true));
    ExpectGradients(parameters, 14.0 / 6);
  });
}

TEST_F(DataParallelTest, RankWithoutExamplesAddsNothing) {
  AsRanks(3, [](DataParallel& ranks) {
    // What is the mean over nothing is not a number.
    const auto parameters = WithGradients(
        ranks.rank() == 0 ? 5 : std::numeric_limits<double>::quiet_NaN());
    std::optional<int64_t> examples;
    if (ranks.rank() == 0) examples = 7;
    if (ranks.rank() == 1) examples = 0;  // a batch, and nothing in it
    EXPECT_THAT(ranks.AverageGradients(parameters, examples),
                IsOkAndHolds(true));
    ExpectGradients(parameters, 5);
  });
}

TEST_F(DataParallelTest, ParameterThatNoBatchReachedHasNoGradientToAdd) {
  AsRanks(2, [](DataParallel& ranks) {
    auto parameters = WithGradients(8);
    if (ranks.rank() == 1) {
      for (torch::Tensor& parameter : parameters) {
        parameter.mutable_grad() = torch::Tensor();
      }
    }
    EXPECT_THAT(ranks.AverageGradients(parameters, 1), IsOkAndHolds(true));
    ExpectGradients(parameters, 4);
  });
}

TEST_F(DataParallelTest, GoesOnUntilNoRankHasABatch) {
  AsRanks(2, [](DataParallel& ranks) {
    // Rank 0 has one batch, and rank 1 two.
    for (uint32_t step = 0; step < 3; ++step) {
      std::optional<int64_t> examples;
      if (step <= ranks.rank()) examples = 1;
      EXPECT_THAT(ranks.AverageGradients(WithGradients(1), examples),
                  IsOkAndHolds(step < 2));
    }
  });
}

TEST_F(DataParallelTest, SumsWhatTakesSeveralRounds) {
  AsRanks(2, [](DataParallel& ranks) {
    const torch::Tensor mine = torch::arange(150000, torch::kDouble);
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(
        const torch::Tensor sum,
        ranks.Sum(ranks.rank() == 0 ? mine : 2 * mine));
    EXPECT_TRUE(sum.equal(mine * 3));
  });
}

TEST_F(DataParallelTest, DifferentSizesAreAnErrorOnEveryRank) {
  AsRanks(2, [](DataParallel& ranks) {
    EXPECT_THAT(ranks.Sum(torch::zeros({3 + ranks.rank()}, torch::kFloat)),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         AllOf(HasSubstr(ranks.rank() == 0
                                             ? "job-rank-1 gave 16 bytes"
                                             : "job-rank-0 gave 12 bytes"),
                               HasSubstr("same flags"))));
  });
}

TEST_F(DataParallelTest, DigestIsOfParametersThatAllHave) {
  AsRanks(2, [](DataParallel& ranks) {
    EXPECT_THAT(ranks.CommonDigest({torch::ones({5}), torch::zeros({2})}),
                IsOk());
    const auto mine = static_cast<double>(ranks.rank());
    EXPECT_THAT(
        ranks.CommonDigest({torch::full({5}, mine)}),
        StatusIs(absl::StatusCode::kInternal,
                 AllOf(HasSubstr("job-rank-0"), HasSubstr("job-rank-1"))));
  });
}

TEST(DataParallel, RankThatIsNoneOfTheWorldsIsNamed) {
  EXPECT_THAT(
      DataParallel::Join({.registry = "127.0.0.1:1",  // nobody
                          .job = "job",
                          .rank = 2,
                          .world_size = 2}),
      StatusIs(absl::StatusCode::kInvalidArgument,
               AllOf(HasSubstr("--rank=2"), HasSubstr("--world_size=2"))));
}

// --- what is asked of a cluster before the first batch ----------------------

class AskForGraphTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    DatasetContents contents;
    contents.name = "words";
    contents.nodes.resize(1);
    DatasetContents::Nodes& words = contents.nodes[0];
    words.name = "word";
    words.num_nodes = 4;
    words.feature_dim = 3;
    words.features.resize(12);
    words.labels = {0, 1, 4, 0};
    words.num_classes = 5;
    for (const char* relation : {"above", "above_gigl_negative",
                                 "above_gigl_positive", "below", "like"}) {
      contents.edges.push_back(
          {.name = {"word", relation, "word"}, .edges = {{0, 1}, {2, 3}}});
    }
    const std::string folder = NewFolder();
    ASSERT_THAT(WriteDataset(folder, std::move(contents)), IsOk());
    auto cluster = TestCluster::Start({.dataset = folder});
    ASSERT_THAT(cluster, IsOk());
    cluster_ = std::move(cluster)->release();
  }
  static void TearDownTestSuite() { delete cluster_; }

  static absl::StatusOr<ServedGraph> Ask(
      const std::vector<std::string>& left_out) {
    return AskForGraph({.registry = cluster_->registry().address()}, {6, 2},
                       left_out);
  }

  static TestCluster* cluster_;
};

TestCluster* AskForGraphTest::cluster_ = nullptr;

TEST_F(AskForGraphTest, LabelsAreNotPassedAlong) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const ServedGraph graph, Ask({}));
  EXPECT_EQ(graph.shape.node_type, "word");
  EXPECT_EQ(graph.shape.classes, 5);
  EXPECT_EQ(graph.features, 3);
  EXPECT_THAT(graph.shape.relations, ElementsAre(Pair("word__above__word", 0),
                                                 Pair("word__below__word", 1),
                                                 Pair("word__like__word", 2)));
}

TEST_F(AskForGraphTest, EdgeTypesThatAreLeftOutHaveNoNumberAndNoFanout) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const ServedGraph graph, Ask({"word__below__word", "word__above__word"}));
  EXPECT_THAT(graph.shape.relations, ElementsAre(Pair("word__like__word", 0)));
  EXPECT_THAT(graph.fanouts,
              ElementsAre(Pair(EdgeTypeName{"word", "like", "word"},
                               ElementsAre(6, 2))));
}

TEST_F(AskForGraphTest, EdgeTypeThatIsNotThereIsNamed) {
  EXPECT_THAT(Ask({"word__like__word", "word__unlike__word"}),
              StatusIs(absl::StatusCode::kNotFound,
                       AllOf(HasSubstr("dataset words"),
                             HasSubstr("word__unlike__word"))));
}

TEST_F(AskForGraphTest, SomethingMustBePassedAlong) {
  EXPECT_THAT(
      Ask({"word__above__word", "word__below__word", "word__like__word"}),
      StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("no edges")));
}

TEST(AskForGraph, GraphOfTwoNodeTypesIsRefusedByName) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::string folder, MakeLibrary());
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::unique_ptr<TestCluster> cluster,
                                TestCluster::Start({.dataset = folder}));
  EXPECT_THAT(AskForGraph({.registry = cluster->registry().address()}, {6}, {}),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       AllOf(HasSubstr("dataset library"),
                             HasSubstr("one node type"))));
}

}  // namespace
}  // namespace fairlead::testing
