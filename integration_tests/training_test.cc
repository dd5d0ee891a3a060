// The examples of tools/examples as a user runs them: WordNet in two partitions
// on two storage hosts, and two trainer processes that train one network.

#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "integration_tests/harness/test_cluster.h"
#include "integration_tests/harness/test_dataset.h"
#include "libs/child_process/child_process.h"
#include "libs/status/status_macros.h"
#include "libs/status/status_matchers.h"

namespace fairlead::testing {
namespace {

using ::testing::HasSubstr;

constexpr char kWordNet[] = "/usr/share/wordnet";
constexpr int kPartitions = 2;
constexpr int kRanks = 2;

std::string ReadAll(const std::string& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

// WordNet with hypernyms as labels too.
absl::StatusOr<std::string> MakeWordNet() {
  const std::string folder = NewFolder() + "/wordnet";
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{
           {"wordnet", "--out=" + folder, "--feature_dim=60"},
           {"add_labels", "--in=" + folder,
            "--edge_type=synset__hypernym__synset"}}) {
    FAIRLEAD_ASSIGN_OR_RETURN(const Outcome outcome,
                              RunProgram("tools/dataset", arguments));
    if (outcome.exit_code != 0) return absl::InternalError(outcome.err);
  }
  return folder;
}

// The command of a program that finds the registry by the environment (parity
// GL-086).
std::vector<std::string> WithMasterOf(const std::string& registry,
                                      const std::string& program) {
  const std::pair<std::string, std::string> address =
      absl::StrSplit(registry, absl::MaxSplits(':', 1));
  int port = 0;
  EXPECT_TRUE(absl::SimpleAtoi(address.second, &port)) << registry;
  return {"/usr/bin/env", "MASTER_ADDR=" + address.first,
          absl::StrCat("MASTER_PORT=", port - 1), Program(program),
          "--registry="};
}

// Runs a trainer for each rank, side by side; how each ended, by rank. The
// first is told where the registry is, the others find it.
std::vector<Outcome> RunRanks(const std::string& program,
                              const std::string& registry,
                              const std::vector<std::string>& flags) {
  const std::string folder = NewFolder();
  std::vector<ChildProcess> ranks;
  for (int rank = 0; rank < kRanks; ++rank) {
    std::vector<std::string> command =
        rank == 0 ? std::vector<std::string>{Program(program),
                                             "--registry=" + registry}
                  : WithMasterOf(registry, program);
    command.insert(command.end(), flags.begin(), flags.end());
    command.push_back(absl::StrCat("--world_size=", kRanks));
    command.push_back(absl::StrCat("--rank=", rank));
    auto process = ChildProcess::Start(
        command, {.out = absl::StrCat(folder, "/", rank, ".out"),
                  .err = absl::StrCat(folder, "/", rank, ".err")});
    EXPECT_THAT(process, IsOk());
    ranks.push_back(*std::move(process));
  }
  std::vector<Outcome> outcomes;
  for (int rank = 0; rank < kRanks; ++rank) {
    const auto exit_code = ranks[static_cast<size_t>(rank)].Wait(kPatience);
    EXPECT_THAT(exit_code, IsOk());
    outcomes.push_back(
        {.exit_code = exit_code.value_or(-1),
         .out = ReadAll(absl::StrCat(folder, "/", rank, ".out")),
         .err = ReadAll(absl::StrCat(folder, "/", rank, ".err"))});
    std::cout << outcomes.back().out << outcomes.back().err;
  }
  return outcomes;
}

// The value behind "name=" in what a program printed; empty if it is not there.
std::string Value(const std::string& out, absl::string_view name) {
  std::string value;
  for (const absl::string_view word :
       absl::StrSplit(out, absl::ByAnyChar(" \n"))) {
    if (absl::StartsWith(word, absl::StrCat(name, "="))) {
      value = std::string(word.substr(name.size() + 1));
    }
  }
  return value;
}

double Number(const std::string& out, absl::string_view name) {
  double number = 0;
  EXPECT_TRUE(absl::SimpleAtod(Value(out, name), &number)) << name;
  return number;
}

class TrainingTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (!std::filesystem::exists(kWordNet)) return;
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::string whole, MakeWordNet());
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::string dataset,
                                  Partition(whole, kPartitions));
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(
        cluster_, TestCluster::Start({.dataset = dataset,
                                      .partitions = kPartitions,
                                      .host_per_partition = true,
                                      .workers = 1}));
  }

  static void TearDownTestSuite() {
    if (cluster_ == nullptr) return;
    EXPECT_THAT(cluster_->Stop(), IsOk());
    cluster_.reset();
  }

  void SetUp() override {
    if (!std::filesystem::exists(kWordNet)) {
      GTEST_SKIP() << "there is no " << kWordNet
                   << "; the package wordnet-base has it";
    }
    ASSERT_NE(cluster_, nullptr);
  }

  static std::vector<Outcome> Run(const std::string& program,
                                  const std::vector<std::string>& flags) {
    return RunRanks(program, cluster_->registry().address(), flags);
  }

  static std::unique_ptr<TestCluster> cluster_;
};

std::unique_ptr<TestCluster> TrainingTest::cluster_;

void ExpectSameParameters(const std::vector<Outcome>& ranks) {
  for (const Outcome& rank : ranks) {
    ASSERT_EQ(rank.exit_code, 0) << rank.err;
    EXPECT_NE(Value(rank.out, "parameters"), "");
    EXPECT_EQ(Value(rank.out, "parameters"), Value(ranks[0].out, "parameters"));
  }
}

// Of 45 classes, the most frequent has an eighth of all nodes.
TEST_F(TrainingTest, TwoTrainersLearnTheClassesOfNodes) {
  const std::vector<Outcome> ranks =
      Run("tools/examples/node_classification",
          {"--epochs=1", "--steps=25", "--batch_size=256", "--fanout=5,3"});
  ExpectSameParameters(ranks);
  EXPECT_GT(Number(ranks[0].out, "test_accuracy"), 0.3);
}

TEST_F(TrainingTest, TwoTrainersLearnLinksFromAnchors) {
  const std::vector<Outcome> ranks =
      Run("tools/examples/link_prediction",
          {"--epochs=1", "--steps=25", "--batch_size=256", "--fanout=5,3"});
  ExpectSameParameters(ranks);
  EXPECT_GT(Number(ranks[0].out, "test_auc"), 0.6);
}

// 17,684 of the second partition's 35,369 training nodes are the first rank's,
// and one more the second's, which hence has a batch more. Both end.
TEST_F(TrainingTest, RanksMayHaveDifferentNumbersOfBatches) {
  const std::vector<Outcome> ranks =
      Run("tools/examples/node_classification",
          {"--job=uneven", "--epochs=1", "--batch_size=17684", "--fanout=0"});
  ExpectSameParameters(ranks);
}

TEST_F(TrainingTest, RankThatIsNoneOfTheWorldsIsRefused) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const Outcome outcome,
      RunProgram("tools/examples/link_prediction",
                 {"--registry=" + cluster_->registry().address(), "--rank=2",
                  "--world_size=2"}));
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("--rank=2"));
}

}  // namespace
}  // namespace fairlead::testing
