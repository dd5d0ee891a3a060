// The three kinds of workers of a loader, as real processes: what they make is
// the same to the byte.

#include "libs/loader/worker_options.h"

#include <signal.h>
#include <stdlib.h>

#include <cstdint>
#include <filesystem>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "integration_tests/harness/mp_workers.h"
#include "integration_tests/harness/papers_dataset.h"
#include "integration_tests/harness/test_cluster.h"
#include "integration_tests/harness/test_dataset.h"
#include "libs/child_process/child_process.h"
#include "libs/dist_context/dist_session.h"
#include "libs/dist_graph/dist_dataset.h"
#include "libs/graph/dataset_writer.h"
#include "libs/loader/loader_options.h"
#include "libs/loader/mp_sample_stream.h"
#include "libs/loader/remote_dist_dataset.h"
#include "libs/loader/sample_stream.h"
#include "libs/status/status_matchers.h"
#include "protos/fairlead/v1/registry.pb.h"
#include "protos/fairlead/v1/sampling.pb.h"

namespace fairlead::testing {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Gt;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// --- the same in all three --------------------------------------------------

struct Kind {
  const char* name;
  bool is_heterogeneous;
  SampleStreamOptions options;
};

class WorkerOptionsTest : public MpTest,
                          public ::testing::WithParamInterface<Kind> {};

TEST_P(WorkerOptionsTest, AllThreeMakeTheSameBatches) {
  std::string folder;
  if (GetParam().is_heterogeneous) {
    folder = NewFolder();
    ASSERT_THAT(WriteDataset(folder, PapersDataset()), IsOk());
  } else {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(folder, MakeKronecker());
  }
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const DistDataset dataset,
                                DistDataset::Load(folder, 0));
  SampleStreamOptions options = GetParam().options;
  options.config.set_seed(11);

  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::unique_ptr<TestCluster> cluster,
                                TestCluster::Start({.dataset = folder}));
  options.registry = cluster->registry().address();
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(auto remote, SampleStream::Create(options));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::vector<Digests> expected,
                                Epochs(*remote, 2));
  ASSERT_THAT(expected, Each(SizeIs(Gt(1))));

  const std::vector<std::pair<const char*, WorkerOptions>> others = {
      {"collocated", CollocatedWorkerOptions()},
      {"collocated, ahead", CollocatedWorkerOptions{.prefetch_size = 3}},
      {"multi-process", Workers()}};
  for (const auto& [name, workers] : others) {
    SCOPED_TRACE(name);
    options.worker_options = workers;
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(auto stream,
                                  SampleStream::Create(&dataset, options));
    EXPECT_EQ(stream->batches(), remote->batches());
    EXPECT_EQ(stream->seeds(), remote->seeds());
    EXPECT_THAT(Epochs(*stream, 2), IsOkAndHolds(expected));
    EXPECT_EQ(stream->stats().batches, 2 * stream->batches());
    EXPECT_EQ(stream->stats().missing, 0u);
  }
  EXPECT_THAT(LeftInShm(), IsEmpty());
}

// Options of a loader, but for the seeds.
template <typename Options>
Options Base() {
  Options options;
  options.batch_size = 32;
  options.shuffle = true;
  if constexpr (std::is_base_of_v<NeighborhoodOptions, Options>) {
    options.fanout = {7, 3};
    options.with_edge = true;
  }
  return options;
}

std::vector<Kind> Kinds() {
  const auto nodes = Base<NeighborLoaderOptions>();
  NeighborLoaderOptions papers = nodes;
  papers.input_nodes.node_type = "paper";
  NeighborLoaderOptions drop_last = nodes;
  drop_last.drop_last = true;
  NeighborLoaderOptions ids = papers;
  ids.input_nodes.ids.emplace();
  for (int64_t i = 0; i < 70; ++i) ids.input_nodes.ids->push_back(i * 37 % 400);
  ids.replace = true;
  NeighborLoaderOptions bare = papers;
  bare.with_edge = false;
  bare.collect_features = false;
  const auto subgraph = Base<SubGraphLoaderOptions>();
  auto link = Base<LinkNeighborLoaderOptions>();
  link.negatives = v1::NEGATIVE_MODE_TRIPLET;
  link.amount = 2;
  link.input_edges.edges.emplace();
  for (int64_t i = 0; i < 70; ++i) {
    link.input_edges.edges->src.push_back(i * 41 % 1024);
    link.input_edges.edges->dst.push_back(i * 53 % 1024);
  }
  auto ablp = Base<AblpLoaderOptions>();
  ablp.input_nodes.node_type = "paper";
  ablp.supervision_edge_type = {"paper", "by", "author"};
  ablp.max_labels_per_anchor_node = 3;
  auto ppr = Base<PprLoaderOptions>();
  ppr.input_nodes.node_type = "paper";
  ppr.max_ppr_nodes = 10;
  return {{"nodes", false, *Resolve(nodes)},
          {"hetero", true, *Resolve(papers)},
          {"drop_last", false, *Resolve(drop_last)},
          {"ids", true, *Resolve(ids)},
          {"bare", true, *Resolve(bare)},
          {"subgraph", false, *Resolve(subgraph)},
          {"link", false, *Resolve(link)},
          {"ablp", true, *Resolve(ablp)},
          {"ppr", true, *Resolve(ppr)}};
}

INSTANTIATE_TEST_SUITE_P(Sampling, WorkerOptionsTest,
                         ::testing::ValuesIn(Kinds()),
                         [](const ::testing::TestParamInfo<Kind>& info) {
                           return info.param.name;
                         });

// --- of one partition, with the rest of the graph elsewhere -----------------

class MpOfPartitionsTest : public MpTest {
 protected:
  void SetUp() override {
    ASSERT_THAT(WriteDataset(whole_, PapersDataset()), IsOk());
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(parts_, Partition(whole_, 2));
  }

  // Seeds of both partitions.
  static NeighborLoaderOptions Options() {
    auto options = Base<NeighborLoaderOptions>();
    options.input_nodes.node_type = "paper";
    options.input_nodes.ids.emplace();
    for (int64_t i = 0; i < 100; ++i) {
      options.input_nodes.ids->push_back(i * 37 % kPapers);
    }
    options.server_ranks = {0};
    return options;
  }

  const std::string whole_ = NewFolder();
  std::string parts_;
};

TEST_F(MpOfPartitionsTest, MakesTheBatchesOfTheClusterAndOfTheWholeGraph) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const std::unique_ptr<TestCluster> cluster,
      TestCluster::Start({.dataset = parts_, .partitions = 2}));
  NeighborLoaderOptions options = Options();
  options.registry = cluster->registry().address();
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto remote,
                                SampleStream::Create(options));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::vector<Digests> expected,
                                Epochs(*remote, 2));
  ASSERT_THAT(expected, Each(SizeIs(Gt(1))));

  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const DistDataset whole,
                                DistDataset::Load(whole_, 0));
  options.worker_options = CollocatedWorkerOptions();
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto collocated,
                                SampleStream::Create(&whole, options));
  EXPECT_THAT(Epochs(*collocated, 2), IsOkAndHolds(expected));

  MpWorkerOptions workers = Workers();
  workers.peers_from = cluster->registry().address();
  options.worker_options = workers;
  for (const uint32_t partition : {0, 1}) {
    SCOPED_TRACE(partition);
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const DistDataset part,
                                  DistDataset::Load(parts_, partition));
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto mp,
                                  SampleStream::Create(&part, options));
    EXPECT_THAT(Epochs(*mp, 2), IsOkAndHolds(expected));
  }
  EXPECT_THAT(LeftInShm(), IsEmpty());
}

TEST_F(MpOfPartitionsTest, PeerThatDoesNotAnswerIsAnErrorInTime) {  // GL-088
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const std::unique_ptr<TestCluster> cluster,
      TestCluster::Start({.dataset = parts_, .partitions = 2}));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const DistDataset part,
                                DistDataset::Load(parts_, 0));
  NeighborLoaderOptions options = Options();
  options.failure_policy = v1::FAILURE_POLICY_FAIL;
  MpWorkerOptions workers = Workers();
  workers.peers_from = cluster->registry().address();
  workers.rpc_timeout = absl::Seconds(2);
  options.worker_options = workers;
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto stream,
                                SampleStream::Create(&part, options));
  EXPECT_THAT(Epochs(*stream, 1), IsOk());
  const ChildProcess& peer = cluster->service("pool-1").process();
  ASSERT_EQ(kill(peer.pid(), SIGSTOP), 0);
  ASSERT_THAT(stream->StartEpoch(), IsOk());
  EXPECT_THAT(Drain(*stream),
              StatusIs(absl::StatusCode::kUnavailable,
                       AllOf(HasSubstr("partition 1"), HasSubstr("2s"))));
  ASSERT_EQ(kill(peer.pid(), SIGCONT), 0);
}

TEST_F(MpOfPartitionsTest, WantsToKnowWhoHasTheOtherPartitions) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const DistDataset part,
                                DistDataset::Load(parts_, 0));
  NeighborLoaderOptions options = Options();
  options.worker_options = Workers();
  EXPECT_THAT(SampleStream::Create(&part, options),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("peers_from"), HasSubstr("papers"),
                             HasSubstr("2 partitions"))));
}

}  // namespace
}  // namespace fairlead::testing
