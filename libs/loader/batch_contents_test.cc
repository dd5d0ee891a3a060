// What is in a batch, and what is not, by the options that say so: which nodes
// and edges (GL-052, GL-054, GL-060), their ids and features (GL-055), features
// and labels of nodes (GL-056).

#include <algorithm>
#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "ATen/core/Tensor.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/dist_graph/dist_dataset.h"
#include "libs/graph/dataset_writer.h"
#include "libs/loader/batch.h"
#include "libs/loader/batch_data.h"
#include "libs/loader/collocated_loaders_fixture.h"
#include "libs/loader/dist_neighbor_loader.h"
#include "libs/loader/loader_options.h"
#include "libs/status/status_matchers.h"
#include "libs/tensor_message/tensor_message.h"
#include "libs/type_names/type_names.h"

namespace fairlead {
namespace {

using ::fairlead::testing::CollocatedLoadersTest;
using ::fairlead::testing::Columns;
using ::fairlead::testing::G11;
using ::fairlead::testing::Pairs;
using ::fairlead::testing::Values;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

using Keys = std::set<std::string>;

const EdgeTypeName kWrites = {"author", "writes", "paper"};
const EdgeTypeName kBy = {"paper", "by", "author"};

Keys KeysOf(const Batch& batch) {
  Keys keys;
  for (const TensorView& tensor : batch.received().message.tensors) {
    keys.emplace(tensor.name);
  }
  return keys;
}

float FeatureOf(const std::pair<int64_t, int64_t>& edge) {
  return static_cast<float>(100 * edge.first + edge.second);
}

void AddFeatures(DatasetContents::Edges* edges) {
  edges->features.columns = 1;
  for (const auto& edge : edges->edges) {
    edges->features.values.push_back(FeatureOf(edge));
  }
}

// G11 with all there can be: node i has the label 50 + i.
DatasetContents WithAll() {
  DatasetContents contents = G11();
  contents.nodes[0].labels = {50, 51, 52, 53, 54};
  AddFeatures(&contents.edges[0]);
  return contents;
}

// Authors have no features, and edges from papers back to them have none;
// both types have labels.
DatasetContents Library() {
  DatasetContents contents;
  contents.name = "library";
  DatasetContents::Nodes& authors = contents.nodes.emplace_back();
  authors.name = "author";
  authors.num_nodes = 3;
  authors.labels = {70, 71, 72};
  DatasetContents::Nodes& papers = contents.nodes.emplace_back();
  papers.name = "paper";
  papers.num_nodes = 4;
  papers.feature_dim = 2;
  papers.features = {0, 1, 10, 11, 20, 21, 30, 31};
  papers.labels = {80, 81, 82, 83};
  DatasetContents::Edges& writes = contents.edges.emplace_back();
  writes.name = kWrites;
  writes.edges = {{0, 0}, {0, 1}, {1, 1}, {2, 3}};
  AddFeatures(&writes);
  DatasetContents::Edges& by = contents.edges.emplace_back();
  by.name = kBy;
  by.edges = {{0, 2}, {1, 1}};
  return contents;
}

class BatchContentsTest : public CollocatedLoadersTest {
 protected:
  static NeighborLoaderOptions Around(std::vector<int64_t> seeds) {
    auto options = Of<NeighborLoaderOptions>(std::move(seeds));
    options.fanout = {-1, -1};
    return options;
  }
  static NeighborLoaderOptions AroundAuthor(int64_t author) {
    NeighborLoaderOptions options = Around({author});
    options.input_nodes.node_type = "author";
    return options;
  }

  static Batch Only(const DistDataset& dataset,
                    const NeighborLoaderOptions& options) {
    return OnlyBatch<DistNeighborLoader>(dataset, options).value();
  }
};

// 6.4, of a graph with one node type and one edge type.
TEST_F(BatchContentsTest, KeysAreThoseThatTheOptionsAskFor) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const DistDataset dataset, Load(WithAll()));
  for (const bool with_edge : {false, true}) {
    for (const bool collect_features : {false, true}) {
      SCOPED_TRACE(absl::StrCat(with_edge, collect_features));
      NeighborLoaderOptions options = Around({0});
      options.with_edge = with_edge;
      options.collect_features = collect_features;
      const Batch batch = Only(dataset, options);
      Keys keys = {"#IS_HETERO",
                   "ids",
                   "batch",
                   "batch_locals",
                   "rows",
                   "cols",
                   "num_sampled_nodes",
                   "num_sampled_edges",
                   "nlabels"};  // whatever is asked for
      if (with_edge) keys.insert("eids");
      if (collect_features) keys.insert("nfeats");
      if (with_edge && collect_features) keys.insert("efeats");
      EXPECT_EQ(KeysOf(batch), keys);
      FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Data data, batch.ToData());
      EXPECT_EQ(data.e_id.defined(), with_edge);
      EXPECT_EQ(data.x.defined(), collect_features);
      EXPECT_EQ(data.edge_attr.defined(), with_edge && collect_features);
      EXPECT_TRUE(data.y.defined());
    }
  }
}

TEST_F(BatchContentsTest, KeysOfSeveralTypesAreThoseOfWhatEachHas) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const DistDataset dataset, Load(Library()));
  for (const bool with_edge : {false, true}) {
    for (const bool collect_features : {false, true}) {
      SCOPED_TRACE(absl::StrCat(with_edge, collect_features));
      NeighborLoaderOptions options = AroundAuthor(0);
      options.with_edge = with_edge;
      options.collect_features = collect_features;
      Keys keys = {"#IS_HETERO",
                   "author.ids",
                   "author.num_sampled_nodes",
                   "author.batch",
                   "author.batch_locals",
                   "author.nlabels",  // the seeds' type, and no other
                   "paper.ids",
                   "paper.num_sampled_nodes"};
      for (const std::string type :
           {"author__writes__paper", "paper__by__author"}) {
        for (const char* key : {".rows", ".cols", ".num_sampled_edges"}) {
          keys.insert(type + key);
        }
        if (with_edge) keys.insert(type + ".eids");
      }
      if (collect_features) keys.insert("paper.nfeats");
      if (with_edge && collect_features) {
        keys.insert("author__writes__paper.efeats");
      }
      EXPECT_EQ(KeysOf(Only(dataset, options)), keys);
    }
  }
}

TEST_F(BatchContentsTest, WhatTheDatasetHasNotIsInNoBatch) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const DistDataset dataset, Load(G11()));
  NeighborLoaderOptions options = Around({0});
  options.with_edge = true;
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Data data,
                                Only(dataset, options).ToData());
  EXPECT_FALSE(data.y.defined());
  EXPECT_FALSE(data.edge_attr.defined());
  EXPECT_TRUE(data.e_id.defined());
  EXPECT_TRUE(data.x.defined());
}

// GL-055: an id is the edge's place in the graph, by source and destination.
TEST_F(BatchContentsTest, EdgeIdsAndFeaturesAreOfTheEdgesBesideThem) {
  DatasetContents contents = WithAll();
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const DistDataset dataset, Load(contents));
  Pairs& all = contents.edges[0].edges;
  std::sort(all.begin(), all.end());
  NeighborLoaderOptions options = Around({4, 0});
  options.fanout = {2, 1};
  options.with_edge = true;
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Data data,
                                Only(dataset, options).ToData());
  // (From the neighbour to the node that drew it, against the edge.)
  const Pairs drawn = Columns(data.edge_index, data.n_id, data.n_id);
  const std::vector<int64_t> ids = Values(data.e_id);
  ASSERT_EQ(ids.size(), drawn.size());
  ASSERT_THAT(ids, SizeIs(::testing::Gt(3)));
  EXPECT_THAT(data.edge_attr.sizes(), ElementsAre(drawn.size(), 1));
  for (size_t i = 0; i < ids.size(); ++i) {
    const std::pair<int64_t, int64_t> edge = {drawn[i].second, drawn[i].first};
    EXPECT_EQ(all[static_cast<size_t>(ids[i])], edge);
    EXPECT_EQ(data.edge_attr[static_cast<int64_t>(i)][0].item<float>(),
              FeatureOf(edge));
  }
}

TEST_F(BatchContentsTest, EdgeIdsAndFeaturesOfSeveralTypesAreOfTheirOwn) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const DistDataset dataset, Load(Library()));
  NeighborLoaderOptions options = AroundAuthor(2);
  options.with_edge = true;
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const HeteroData data,
      Only(dataset, options).ToHeteroData(EdgeDirection::kNatural));
  const HeteroData::Edges& writes = data.edges.at(kWrites);
  EXPECT_THAT(Values(writes.e_id), ElementsAre(3));
  EXPECT_EQ(writes.edge_attr[0][0].item<float>(), FeatureOf({2, 3}));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const HeteroData more,
      Only(dataset, AroundAuthor(0)).ToHeteroData(EdgeDirection::kNatural));
  EXPECT_FALSE(more.edges.at(kBy).e_id.defined());
  EXPECT_FALSE(more.edges.at(kBy).edge_attr.defined());
}

// GL-056.
TEST_F(BatchContentsTest, FeaturesAndLabelsAreOfAllNodesAndNotOfSeedsAlone) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const DistDataset dataset, Load(WithAll()));
  for (const bool collect_features : {false, true}) {
    NeighborLoaderOptions options = Around({3});
    options.collect_features = collect_features;
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Data data,
                                  Only(dataset, options).ToData());
    const std::vector<int64_t> nodes = Values(data.n_id);
    EXPECT_THAT(nodes, UnorderedElementsAre(0, 1, 2, 3));
    const std::vector<int64_t> labels = Values(data.y);
    ASSERT_EQ(labels.size(), nodes.size());
    for (size_t i = 0; i < nodes.size(); ++i) {
      EXPECT_EQ(labels[i], 50 + nodes[i]);
      if (!collect_features) continue;
      EXPECT_EQ(data.x[static_cast<int64_t>(i)][0].item<float>(),
                static_cast<float>(10 * nodes[i]));
    }
  }
}

TEST_F(BatchContentsTest, LabelsOfSeveralTypesAreOfAllNodesOfTheSeedsType) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const DistDataset dataset, Load(Library()));
  for (const bool collect_features : {false, true}) {
    NeighborLoaderOptions options = AroundAuthor(0);
    options.collect_features = collect_features;
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const HeteroData data,
                                  Only(dataset, options).ToHeteroData());
    const HeteroData::Nodes& authors = data.nodes.at("author");
    const HeteroData::Nodes& papers = data.nodes.at("paper");
    EXPECT_THAT(Values(authors.n_id), UnorderedElementsAre(0, 1, 2));
    std::vector<int64_t> labels;
    for (const int64_t author : Values(authors.n_id)) {
      labels.push_back(70 + author);
    }
    EXPECT_EQ(Values(authors.y), labels);
    EXPECT_FALSE(authors.x.defined());
    EXPECT_FALSE(papers.y.defined());
    ASSERT_EQ(papers.x.defined(), collect_features);
    if (!collect_features) continue;
    EXPECT_THAT(papers.x.sizes(), ElementsAre(2, 2));
    EXPECT_EQ(papers.x[0][1].item<float>(),
              static_cast<float>(10 * Values(papers.n_id)[0] + 1));
  }
}

// GL-060, 6.1-G11.
TEST_F(BatchContentsTest, GoldenNeighbourhoodIsSampledInItsOrder) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const DistDataset dataset, Load(G11()));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Data data,
                                Only(dataset, Around({0})).ToData());
  EXPECT_THAT(Values(data.n_id), ElementsAre(0, 1, 2, 3, 4));
  EXPECT_THAT(Values(data.edge_index),
              ElementsAre(1, 2, 0, 2, 3, 0, 1, 4,    // from
                          0, 0, 1, 1, 1, 2, 2, 2));  // to
  EXPECT_THAT(Values(data.num_sampled_nodes), ElementsAre(1, 2, 2));
  EXPECT_THAT(Values(data.num_sampled_edges), ElementsAre(2, 6));
  EXPECT_THAT(Values(data.batch), ElementsAre(0));
}

// GL-052, of seed 0 with two neighbours. Counts are padded (C-06).
TEST_F(BatchContentsTest, FanoutIsNeighboursPerNodeHopByHop) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const DistDataset dataset, Load(G11()));
  struct Row {
    std::vector<int32_t> fanout;
    std::vector<int64_t> nodes;
    std::vector<int64_t> edges;
  };
  const std::vector<Row> table = {
      {{}, {1}, {}},
      {{-1}, {1, 2}, {2}},  // all
      {{9}, {1, 2}, {2}},   // more than there are
      {{1}, {1, 1}, {1}},   // some
      {{-1, -1}, {1, 2, 2}, {2, 6}},
      {{-1, 0}, {1, 2, 0}, {2, 0}},
      {{0, -1}, {1, 0, 0}, {0, 0}},  // nothing to go on from
      {{-1, -1, -1}, {1, 2, 2, 0}, {2, 6, 2}}};
  for (const Row& row : table) {
    SCOPED_TRACE(::testing::PrintToString(row.fanout));
    NeighborLoaderOptions options = Around({0});
    options.fanout = row.fanout;
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Data data,
                                  Only(dataset, options).ToData());
    EXPECT_EQ(Values(data.num_sampled_nodes), row.nodes);
    EXPECT_EQ(Values(data.num_sampled_edges), row.edges);
  }
}

// C-04: node 0 has two neighbours.
TEST_F(BatchContentsTest, NeighboursAreDrawnTwiceOnlyIfAskedFor) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const DistDataset dataset, Load(G11()));
  NeighborLoaderOptions options = Around({0});
  options.fanout = {9};
  EXPECT_EQ(Only(dataset, options).ToData()->edge_index.size(1), 2);
  options.replace = true;
  EXPECT_EQ(Only(dataset, options).ToData()->edge_index.size(1), 9);
}

// GL-052: author 0 wrote papers 0 and 1, which are by authors 2 and 1; of whom
// 2 wrote paper 3.
TEST_F(BatchContentsTest, FanoutOfEdgeTypesIsEachForItself) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const DistDataset dataset, Load(Library()));
  using Fanouts = decltype(NeighborLoaderOptions::edge_type_fanouts);
  const auto reached = [&](const Fanouts& fanouts) {
    NeighborLoaderOptions options = AroundAuthor(0);
    options.fanout = {};
    options.edge_type_fanouts = fanouts;
    const HeteroData data = Only(dataset, options).ToHeteroData().value();
    std::pair<std::vector<int64_t>, std::vector<int64_t>> nodes;
    if (data.nodes.contains("author")) {
      nodes.first = Values(data.nodes.at("author").n_id);
    }
    if (data.nodes.contains("paper")) {
      nodes.second = Values(data.nodes.at("paper").n_id);
    }
    std::sort(nodes.first.begin(), nodes.first.end());
    std::sort(nodes.second.begin(), nodes.second.end());
    return nodes;
  };
  const auto [authors, papers] =
      reached({{kWrites, {-1, -1, -1}}, {kBy, {-1, -1, -1}}});
  EXPECT_THAT(authors, ElementsAre(0, 1, 2));
  EXPECT_THAT(papers, ElementsAre(0, 1, 3));
  // A list that is shorter ends earlier.
  EXPECT_THAT(reached({{kWrites, {-1}}, {kBy, {-1, -1, -1}}}).second,
              ElementsAre(0, 1));
  // A type that is absent is not gone along.
  EXPECT_THAT(reached({{kWrites, {-1, -1, -1}}}).first, ElementsAre(0));
  EXPECT_THAT(reached({{kBy, {-1, -1, -1}}}).second, IsEmpty());
}

// GL-054.
TEST_F(BatchContentsTest, TenSeedsByFourAreThreeBatchesOrTwo) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const DistDataset dataset, Load(G11()));
  for (const bool drop_last : {false, true}) {
    NeighborLoaderOptions options = Around({0, 1, 2, 3, 4, 0, 1, 2, 3, 4});
    options.batch_size = 4;
    options.drop_last = drop_last;
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(
        const std::vector<Batch> batches,
        Batches<DistNeighborLoader>(dataset, options));
    std::vector<int64_t> sizes;
    for (const Batch& batch : batches) {
      sizes.push_back(batch.ToData().value().batch.numel());
    }
    if (drop_last) {
      EXPECT_THAT(sizes, ElementsAre(4, 4));
    } else {
      EXPECT_THAT(sizes, ElementsAre(4, 4, 2));
    }
  }
}

}  // namespace
}  // namespace fairlead
