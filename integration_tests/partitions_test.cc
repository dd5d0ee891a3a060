// A graph in several partitions, over real processes: what is sampled from them
// is what is sampled from the whole, to the byte, and a partition that is gone
// is an error that says so.

#include <csignal>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "integration_tests/harness/papers_dataset.h"
#include "integration_tests/harness/test_cluster.h"
#include "libs/graph/dataset_writer.h"
#include "libs/loader/remote_dist_dataset.h"
#include "libs/status/status_matchers.h"
#include "libs/type_names/type_names.h"
#include "nlohmann/json.hpp"

namespace fairlead::testing {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using ::testing::TestParamInfo;

constexpr int kPartitions = 4;

// Papers of every partition, repeats among them.
std::string Ids() {
  std::vector<int64_t> ids;
  for (int64_t i = 0; i < 60; ++i) ids.push_back(i * 37 % kPapers);
  ids.push_back(ids[3]);
  return absl::StrCat("--ids=", absl::StrJoin(ids, ","));
}

std::string Edges() {
  std::vector<std::string> edges;
  for (int64_t i = 0; i < 40; ++i) {
    edges.push_back(absl::StrCat(i * 41 % kPapers, ":", i * 53 % kPapers));
  }
  return absl::StrCat("--edges=", absl::StrJoin(edges, ","));
}

// Of each of Ids().
std::string Times() {
  std::vector<int64_t> times;
  for (int64_t i = 0; i < 61; ++i) times.push_back(30 + i);
  return absl::StrCat("--times=", absl::StrJoin(times, ","));
}

struct Kind {
  const char* name;
  std::vector<std::string> flags;
};

class PartitionsTest : public ::testing::TestWithParam<Kind> {
 protected:
  static void SetUpTestSuite() {
    const std::string whole = NewFolder();
    ASSERT_THAT(WriteDataset(whole, PapersDataset()), IsOk());
    whole_ = Start(whole, 1).release();
    for (const char* method : {"range", "random"}) {
      const std::string parts = NewFolder() + "/parts";
      FAIRLEAD_ASSERT_OK_AND_ASSIGN(
          const Outcome outcome,
          RunProgram("tools/dataset",
                     {"partition", "--in=" + whole, "--out=" + parts,
                      absl::StrCat("--parts=", kPartitions),
                      absl::StrCat("--method=", method)}));
      ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
      partitioned_.push_back(Start(parts, kPartitions).release());
    }
  }

  static void TearDownTestSuite() {
    for (TestCluster* cluster : partitioned_) {
      EXPECT_THAT(cluster->Stop(), IsOk());
      delete cluster;
    }
    partitioned_.clear();
    EXPECT_THAT(whole_->Stop(), IsOk());
    delete whole_;
  }

  static std::unique_ptr<TestCluster> Start(const std::string& dataset,
                                            int partitions) {
    auto cluster = TestCluster::Start(
        {.dataset = dataset,
         .partitions = partitions,
         .pool_flags = {"--peer_give_up=2s", "--peer_deadline=2s"}});
    EXPECT_THAT(cluster, IsOk());
    return *std::move(cluster);
  }

  static TestCluster* whole_;
  static std::vector<TestCluster*> partitioned_;
};

TestCluster* PartitionsTest::whole_ = nullptr;
std::vector<TestCluster*> PartitionsTest::partitioned_;

// Design invariant 2, parity W-43: nobody runs in lock step, and four
// partitions give what one does.
TEST_P(PartitionsTest, GiveTheBatchesOfTheWholeGraph) {
  std::vector<std::string> flags = {"--batch_size=16", "--fanout=4,3",
                                    "--epochs=2",      "--shuffle",
                                    "--seed=5",        "--server_ranks=0"};
  flags.insert(flags.end(), GetParam().flags.begin(), GetParam().flags.end());
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const nlohmann::json whole,
                                whole_->Load(flags));
  EXPECT_GT(whole["batches"], 4);
  for (TestCluster* cluster : partitioned_) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const nlohmann::json parts,
                                  cluster->Load(flags));
    EXPECT_EQ(parts["digest"], whole["digest"]);
    EXPECT_EQ(parts["edges"], whole["edges"]);
    EXPECT_EQ(parts["bytes"], whole["bytes"]);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, PartitionsTest,
    ::testing::Values(
        Kind{"node", {"--node_type=paper", Ids()}},
        Kind{"node_without_features",
             {"--node_type=paper", Ids(), "--nofeatures"}},
        Kind{"all_neighbours", {"--node_type=paper", Ids(), "--fanout=-1,2"}},
        Kind{"replace", {"--node_type=paper", Ids(), "--replace"}},
        Kind{"edges_with_features",
             {"--node_type=paper", Ids(), "--with_edge"}},
        Kind{"in", {"--node_type=paper", Ids(), "--edge_dir=in"}},
        Kind{"weighted", {"--node_type=paper", Ids(), "--with_weight"}},
        Kind{"weighted_replace",
             {"--node_type=paper", Ids(), "--with_weight", "--replace"}},
        Kind{"temporal_uniform",
             {"--node_type=paper", Ids(), Times(), "--temporal=uniform"}},
        Kind{"temporal_last",
             {"--node_type=paper", Ids(), Times(), "--temporal=last"}},
        Kind{
            "subgraph",
            {"--node_type=paper", Ids(), "--sampling=subgraph", "--with_edge"}},
        Kind{"link",
             {"--sampling=link", "--edge_type=paper__cites__paper", Edges()}},
        Kind{"link_binary",
             {"--sampling=link", "--edge_type=paper__cites__paper", Edges(),
              "--negatives=binary"}},
        Kind{"link_triplet",
             {"--sampling=link", "--edge_type=paper__cites__paper", Edges(),
              "--negatives=triplet"}},
        Kind{"ablp",
             {"--node_type=paper", Ids(), "--sampling=ablp",
              "--edge_type=paper__by__author"}},
        Kind{"ppr", {"--node_type=paper", Ids(), "--sampling=ppr"}}),
    [](const TestParamInfo<Kind>& info) { return info.param.name; });

// The nodes of a partition have timestamps there, and so are seeds of it.
TEST_F(PartitionsTest, TemporalSamplingStartsFromEachPartitionsOwnNodes) {
  for (const char* strategy : {"uniform", "last"}) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(
        const nlohmann::json report,
        partitioned_[0]->Load({"--node_type=paper", "--batch_size=16",
                               "--fanout=4,3",
                               absl::StrCat("--temporal=", strategy)}));
    EXPECT_EQ(report["seeds"], 266);
    EXPECT_EQ(report["missing"], 0);
  }
}

// A split is sampled by each server from the nodes that it holds.
TEST_F(PartitionsTest, TogetherHaveEverySeedOfASplitOnce) {
  for (TestCluster* cluster : partitioned_) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(
        const nlohmann::json report,
        cluster->Load({"--node_type=paper", "--batch_size=16"}));
    EXPECT_EQ(report["seeds"], 266);
    EXPECT_EQ(report["unique_seeds"], 266);
    EXPECT_EQ(report["duplicates"], 0);
  }
}

// Parity DS-20 to DS-36, DS-63 to DS-65, over the network.
TEST_F(PartitionsTest, AnswerEveryQuestionOfATrainer) {
  for (TestCluster* cluster : partitioned_) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(
        const std::unique_ptr<RemoteDistDataset> dataset,
        RemoteDistDataset::Connect(
            {.registry = cluster->registry().address()}));
    ASSERT_EQ(dataset->num_servers(), static_cast<size_t>(kPartitions));
    EXPECT_THAT(dataset->node_types(), ElementsAre("author", "paper"));
    EXPECT_THAT(dataset->edge_types(), SizeIs(5));
    EXPECT_EQ(dataset->edge_dir(), v1::EDGE_DIR_OUT);
    EXPECT_TRUE(dataset->edge_weights_registered());
    EXPECT_EQ(dataset->node_feature_info().at("paper").columns(), 16U);
    EXPECT_THAT(dataset->node_feature_info().at("author").scale(),
                ElementsAre(0.5F));
    EXPECT_THAT(dataset->edge_feature_info(), SizeIs(5));

    // Three ranks together have every node of the split once, and each node is
    // where the partition book says.
    std::set<int64_t> train;
    for (uint32_t rank = 0; rank < 3; ++rank) {
      FAIRLEAD_ASSERT_OK_AND_ASSIGN(
          const auto by_server, dataset->FetchNodeIds({.rank = rank,
                                                       .world_size = 3,
                                                       .split = v1::SPLIT_TRAIN,
                                                       .node_type = "paper"}));
      EXPECT_THAT(by_server, SizeIs(kPartitions));
      for (const auto& [server, ids] : by_server) {
        for (const int64_t id : ids) EXPECT_TRUE(train.insert(id).second);
        FAIRLEAD_ASSERT_OK_AND_ASSIGN(
            const std::vector<uint32_t> owners,
            dataset->GetNodePartitionId(ids, "paper"));
        EXPECT_THAT(owners, ::testing::Each(dataset->partition(server)));
        FAIRLEAD_ASSERT_OK_AND_ASSIGN(
            const v1::GetRowsResponse rows,
            dataset->GetNodeFeature(server, ids, "paper"));
        EXPECT_EQ(rows.rows().size(), ids.size() * 16 * sizeof(float));
      }
    }
    EXPECT_THAT(train, SizeIs(266));

    int64_t edges = 0;
    const EdgeTypeName cites = {"paper", "cites", "paper"};
    for (size_t server = 0; server < dataset->num_servers(); ++server) {
      EXPECT_THAT(dataset->GetEdgeIndex(server, cites, "coo",
                                        [&edges](const auto& chunk) {
                                          edges += chunk.rows_size();
                                          return true;
                                        }),
                  IsOk());
    }
    EXPECT_EQ(edges, 3000);
    EXPECT_THAT(dataset->GetEdgeSize(0, cites, "coo"),
                IsOkAndHolds(std::pair<uint64_t, uint64_t>(400, 400)));
    EXPECT_THAT(dataset->GetEdgeSize(0, cites, "csr"),
                StatusIs(absl::StatusCode::kInvalidArgument));
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(
        const auto labels, dataset->FetchAblpInput(
                               {.split = v1::SPLIT_TRAIN, .node_type = "paper"},
                               {"paper", "by", "author"}, 2));
    size_t anchors = 0;
    for (const auto& [server, input] : labels) {
      anchors += input.anchors.size();
      EXPECT_LE(input.positive_columns, 2);
      EXPECT_THAT(input.positives,
                  SizeIs(input.anchors.size() *
                         static_cast<size_t>(input.positive_columns)));
      EXPECT_TRUE(input.negatives.has_value());
    }
    EXPECT_EQ(anchors, 266U);
    // The ranks' shares of it are the same anchors with the same labels, in the
    // same order; a server that a rank has no part of is there with none.
    const auto pairs_of = [](const RemoteDistDataset::AblpInput& input) {
      std::vector<std::pair<int64_t, int64_t>> pairs;
      for (size_t i = 0; i < input.anchors.size(); ++i) {
        const auto columns = static_cast<size_t>(input.positive_columns);
        for (size_t j = 0; j < columns; ++j) {
          const int64_t label = input.positives[i * columns + j];
          if (label >= 0) pairs.emplace_back(input.anchors[i], label);
        }
      }
      return pairs;
    };
    std::map<size_t, std::vector<std::pair<int64_t, int64_t>>> dealt;
    std::map<size_t, int> without;
    for (uint32_t rank = 0; rank < 3; ++rank) {
      FAIRLEAD_ASSERT_OK_AND_ASSIGN(
          const auto share,
          dataset->FetchAblpInput({.rank = rank,
                                   .world_size = 3,
                                   .split = v1::SPLIT_TRAIN,
                                   .node_type = "paper"},
                                  {"paper", "by", "author"}, 2));
      EXPECT_THAT(share, SizeIs(kPartitions));
      for (const auto& [server, input] : share) {
        if (input.anchors.empty()) ++without[server];
        for (const auto& pair : pairs_of(input)) {
          dealt[server].push_back(pair);
        }
      }
    }
    EXPECT_THAT(without, ::testing::Not(::testing::IsEmpty()));
    for (const auto& [server, input] : labels) {
      EXPECT_EQ(dealt[server], pairs_of(input));
    }
    EXPECT_THAT(dataset->FetchAblpInput({.world_size = 2, .node_type = "paper"},
                                        {"paper", "by", "author"}),
                StatusIs(absl::StatusCode::kInvalidArgument));
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const v1::PartitionBookChunk book,
                                  dataset->GetNodePartitionBook("paper"));
    EXPECT_EQ(book.num_partitions(), static_cast<uint32_t>(kPartitions));
    EXPECT_EQ(book.num_ids(), static_cast<uint64_t>(kPapers));
    EXPECT_THAT(dataset->GetNodeFeature(0, {{kPapers}}, "paper"),
                StatusIs(absl::StatusCode::kNotFound, HasSubstr("server 0")));
    for (const RemoteDistDataset::NodeQuery& half :
         {RemoteDistDataset::NodeQuery{.rank = 1},
          RemoteDistDataset::NodeQuery{.world_size = 2}}) {
      EXPECT_THAT(dataset->FetchNodeIds(half),
                  StatusIs(absl::StatusCode::kInvalidArgument,
                           AllOf(HasSubstr("rank"), HasSubstr("world_size"))));
    }
  }
}

TEST_F(PartitionsTest, PartitionThatIsGoneIsNamedAndItsReturnEnough) {
  TestCluster& cluster = *partitioned_[1];
  const std::vector<std::string> flags = {"--node_type=paper", Ids(),
                                          "--server_ranks=0", "--fanout=4,3"};
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const nlohmann::json before,
                                cluster.Load(flags));
  // Of the others the last: partition 3.
  const size_t last = cluster.services().size() - 1;
  cluster.services()[last].process().Signal(SIGKILL);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Outcome gone, cluster.RunLoadgen(flags));
  EXPECT_NE(gone.exit_code, 0);
  EXPECT_THAT(gone.err, HasSubstr("partition 3 of dataset papers"));
  ASSERT_THAT(cluster.KillAndRestart(last), IsOk());
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const nlohmann::json after,
                                cluster.Load(flags));
  EXPECT_EQ(after["digest"], before["digest"]);
}

}  // namespace
}  // namespace fairlead::testing
