// Every kind of loader on batches that are really sampled.

#include <cstdint>
#include <utility>
#include <vector>

#include "ATen/core/Tensor.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/dist_graph/dist_dataset.h"
#include "libs/graph/dataset_writer.h"
#include "libs/loader/batch.h"
#include "libs/loader/batch_data.h"
#include "libs/loader/collocated_loaders_fixture.h"
#include "libs/loader/dist_ablp_loader.h"
#include "libs/loader/dist_neighbor_loader.h"
#include "libs/loader/dist_ppr_loader.h"
#include "libs/loader/dist_subgraph_loader.h"
#include "libs/loader/loader_options.h"
#include "libs/status/status_matchers.h"
#include "libs/type_names/type_names.h"

namespace fairlead {
namespace {

using ::fairlead::testing::CollocatedLoadersTest;
using ::fairlead::testing::Columns;
using ::fairlead::testing::G11;
using ::fairlead::testing::kNegative;
using ::fairlead::testing::kPositive;
using ::fairlead::testing::kTo;
using ::fairlead::testing::Pairs;
using ::fairlead::testing::Values;
using ::fairlead::testing::WithLabels;
using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::Key;
using ::testing::UnorderedElementsAre;

// 2.8: a graph with one node type and one edge type stays one though it has
// labels, so its batches are Data.
TEST_F(CollocatedLoadersTest, AblpBatchOfAHomogeneousGraphIsData) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const DistDataset dataset, Load(WithLabels()));
  auto options = Of<AblpLoaderOptions>({0, 1, 2});
  options.fanout = {-1};
  options.supervision_edge_type = kTo;
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Batch batch,
                                OnlyBatch<DistAblpLoader>(dataset, options));
  EXPECT_FALSE(batch.is_heterogeneous());
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Data data, batch.ToData());
  EXPECT_THAT(Values(data.batch), ElementsAre(0, 1, 2));
  EXPECT_EQ(data.x.size(0), data.n_id.numel());
  ASSERT_THAT(data.y_positive, ElementsAre(Key(kPositive)));
  EXPECT_THAT(
      Columns(data.y_positive.at(kPositive), data.batch, data.n_id),
      UnorderedElementsAre(std::pair(0, 3), std::pair(1, 4), std::pair(1, 0)));
  ASSERT_THAT(data.y_negative, ElementsAre(Key(kNegative)));
  EXPECT_THAT(Columns(data.y_negative.at(kNegative), data.batch, data.n_id),
              ElementsAre(std::pair(0, 4)));
  // The edges are the graph's, and not labels.
  const Pairs edges = Columns(data.edge_index, data.n_id, data.n_id);
  EXPECT_THAT(edges, ::testing::Contains(std::pair(1, 0)));
  EXPECT_THAT(edges, ::testing::Not(::testing::Contains(std::pair(3, 0))));
}

TEST_F(CollocatedLoadersTest, AblpBatchWithoutEdgesIsDataToo) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const DistDataset dataset, Load(WithLabels()));
  auto options = Of<AblpLoaderOptions>({2});
  options.fanout = {0};
  options.supervision_edge_type = kTo;
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Batch batch,
                                OnlyBatch<DistAblpLoader>(dataset, options));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Data data, batch.ToData());
  EXPECT_EQ(data.edge_index.size(1), 0);
  EXPECT_EQ(data.y_positive.at(kPositive).size(1), 0);
}

TEST_F(CollocatedLoadersTest, AblpBatchOfSeveralEdgeTypesIsHeteroData) {
  DatasetContents contents = WithLabels();
  DatasetContents::Edges& other = contents.edges.emplace_back();
  other.name = {"node", "likes", "node"};
  other.edges = {{0, 4}};
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const DistDataset dataset, Load(contents));
  auto options = Of<AblpLoaderOptions>({0, 1});
  options.fanout = {-1};
  options.supervision_edge_type = kTo;
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Batch batch,
                                OnlyBatch<DistAblpLoader>(dataset, options));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const HeteroData data, batch.ToHeteroData());
  const HeteroData::Nodes& nodes = data.nodes.at("node");
  EXPECT_THAT(
      Columns(data.y_positive.at(kPositive), nodes.batch, nodes.n_id),
      UnorderedElementsAre(std::pair(0, 3), std::pair(1, 4), std::pair(1, 0)));
  EXPECT_FALSE(data.edges.contains(kPositive));
}

// To sample nodes, labels are edges like any other.
TEST_F(CollocatedLoadersTest, NeighborBatchOfAGraphWithLabelsIsHeteroData) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const DistDataset dataset, Load(WithLabels()));
  auto options = Of<NeighborLoaderOptions>({0});
  options.fanout = {-1};
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const Batch batch, OnlyBatch<DistNeighborLoader>(dataset, options));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const HeteroData data, batch.ToHeteroData());
  EXPECT_TRUE(data.edges.contains(kPositive));
}

TEST_F(CollocatedLoadersTest, SubGraphBatchHasAllEdgesBetweenItsNodes) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const DistDataset dataset, Load(G11()));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const Batch batch, OnlyBatch<DistSubGraphLoader>(
                             dataset, Of<SubGraphLoaderOptions>({2, 0, 1, 2})));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Data data, batch.ToData());
  EXPECT_THAT(Values(data.n_id), UnorderedElementsAre(0, 1, 2));
  std::vector<int64_t> inputs;
  for (const int64_t local : Values(data.mapping)) {
    inputs.push_back(Values(data.n_id)[static_cast<size_t>(local)]);
  }
  EXPECT_THAT(inputs, ElementsAre(2, 0, 1, 2));
  EXPECT_THAT(
      Columns(data.edge_index, data.n_id, data.n_id),
      UnorderedElementsAre(std::pair(0, 1), std::pair(1, 0), std::pair(0, 2),
                           std::pair(2, 0), std::pair(1, 2), std::pair(2, 1)));
}

// 6.1-G8(e).
TEST_F(CollocatedLoadersTest, PprBatchRanksNodesByPersonalisedPageRank) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const DistDataset dataset, Load(G11()));
  auto options = Of<PprLoaderOptions>({0});
  options.alpha = 0.5;
  options.eps = 1e-7;
  options.max_ppr_nodes = 5;
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Batch batch,
                                OnlyBatch<DistPprLoader>(dataset, options));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Data data, batch.ToData());
  const Pairs ranked = Columns(data.ppr_edge_index, data.batch, data.n_id);
  EXPECT_THAT(ranked, UnorderedElementsAre(std::pair(0, 0), std::pair(0, 1),
                                           std::pair(0, 2), std::pair(0, 3),
                                           std::pair(0, 4)));
  const std::vector<double> expected = {9. / 16, 3. / 16, 3. / 16, 1. / 32,
                                        1. / 32};
  const at::Tensor weights = data.ppr_weight.contiguous();
  ASSERT_EQ(weights.size(0), 5);
  for (size_t i = 0; i < ranked.size(); ++i) {
    EXPECT_THAT(
        weights.data_ptr<double>()[i * weights.size(1)],
        DoubleNear(expected[static_cast<size_t>(ranked[i].second)], 1e-5));
  }
}

}  // namespace
}  // namespace fairlead
