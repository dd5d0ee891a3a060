#include "libs/partition_client/fetch_encoding.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/graph/dataset.h"
#include "libs/graph/dataset_writer.h"
#include "libs/graph/table.h"
#include "libs/partition_client/remote_partitions.h"
#include "libs/sampling/neighbor_draw.h"
#include "libs/sampling/neighbor_sampler.h"
#include "libs/sampling/partitioned_dataset.h"
#include "libs/sampling/random_contents.h"
#include "libs/status/status_matchers.h"
#include "protos/fairlead/v1/graph_store.pb.h"

namespace fairlead {
namespace {

using ::fairlead::testing::BookKind;
using ::fairlead::testing::IsOk;
using ::fairlead::testing::PartitionedDataset;
using ::fairlead::testing::RandomContents;
using ::fairlead::testing::StatusIs;
using ::fairlead::testing::WriteWhole;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

// Node types a, with features and labels, and b, with neither; edges of the
// first type, (a, ab, b), have features.
DatasetContents Contents() {
  DatasetContents contents = RandomContents({.seed = 4, .heterogeneous = true});
  DatasetContents::Nodes& nodes = contents.nodes[0];
  nodes.feature_dim = 3;
  for (int64_t id = 0; id < nodes.num_nodes; ++id) {
    for (int column = 0; column < 3; ++column) {
      nodes.features.push_back(static_cast<float>(10 * id + column));
    }
    nodes.labels.push_back(7 * id);
  }
  DatasetContents::Edges& edges = contents.edges[0];
  edges.features.columns = 1;
  for (const int64_t id : edges.ids) {
    edges.features.values.push_back(static_cast<float>(-id));
  }
  return contents;
}

class FetchEncodingTest : public ::testing::Test {
 protected:
  void SetUp() override {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(dataset_, WriteWhole(Contents()));
  }

  // Every node of a type, and the first once more.
  std::vector<int64_t> NodesOf(int type) const {
    const NodeType& nodes = dataset_->node_types()[static_cast<size_t>(type)];
    std::vector<int64_t> ids;
    for (int64_t row = 0; row < nodes.num_nodes; ++row) {
      ids.push_back(nodes.ids.Id(row));
    }
    ids.push_back(ids[0]);
    return ids;
  }

  // What a fetch's answer should be.
  DrawnNeighbors DrawHere(const NeighborFetch& fetch) const {
    const EdgeType& type =
        dataset_->edge_types()[static_cast<size_t>(fetch.edge_type)];
    const auto row_type = static_cast<size_t>(type.row_type(fetch.direction));
    NeighborDrawer drawer;
    DrawnNeighbors drawn;
    EXPECT_THAT(drawer.Draw(*type.topology(fetch.direction),
                            dataset_->node_types()[row_type].ids, fetch.nodes,
                            {.times = fetch.times, .salts = fetch.salts},
                            fetch.spec, &drawn),
                IsOk());
    return drawn;
  }

  // There and back, with bytes in between.
  absl::Status Answer(const PartitionFetches& fetches) const {
    v1::PeerFetchRequest request;
    EXPECT_TRUE(
        request.ParseFromString(EncodeFetches(fetches).SerializeAsString()));
    absl::StatusOr<v1::PeerFetchResponse> answer =
        AnswerFetches(*dataset_, request);
    if (!answer.ok()) return answer.status();
    v1::PeerFetchResponse response;
    EXPECT_TRUE(response.ParseFromString(answer->SerializeAsString()));
    return DecodeAnswers(&response, fetches);
  }

  std::unique_ptr<const Dataset> dataset_;
};

TEST_F(FetchEncodingTest, RequestSaysAllThatAFetchSays) {
  NeighborFetch fetch{.partition = 2,
                      .edge_type = 3,
                      .direction = EdgeDir::kIn,
                      .spec = {.fanout = -1,
                               .replace = true,
                               .weighted = true,
                               .temporal = TemporalStrategy::kLast,
                               .with_edge_ids = true,
                               .key = uint64_t{1} << 63,
                               .lane = 9},
                      .nodes = {5, 1},
                      .times = {-4, 8},
                      .salts = {6, INT64_MAX}};
  RowFetch labels{.type = 1, .kind = RowKind::kLabels, .ids = {3}};
  RowFetch edges{.of_edges = true, .type = 2, .ids = {4, 4}};
  const v1::PeerFetchRequest request =
      EncodeFetches({.neighbors = {&fetch}, .rows = {&labels, &edges}});
  ASSERT_EQ(request.draws_size(), 1);
  const v1::DrawRequest& draw = request.draws(0);
  EXPECT_EQ(draw.edge_type(), 3u);
  EXPECT_EQ(draw.edge_dir(), v1::EDGE_DIR_IN);
  EXPECT_EQ(draw.spec().fanout(), -1);
  EXPECT_TRUE(draw.spec().replace());
  EXPECT_TRUE(draw.spec().weighted());
  EXPECT_EQ(draw.spec().temporal(), v1::TEMPORAL_STRATEGY_LAST);
  EXPECT_TRUE(draw.spec().with_edge_ids());
  EXPECT_EQ(draw.spec().key(), uint64_t{1} << 63);
  EXPECT_EQ(draw.spec().lane(), 9u);
  EXPECT_THAT(draw.nodes(), ElementsAre(5, 1));
  EXPECT_THAT(draw.times(), ElementsAre(-4, 8));
  EXPECT_THAT(draw.salts(), ElementsAre(6, INT64_MAX));
  ASSERT_EQ(request.rows_size(), 2);
  EXPECT_FALSE(request.rows(0).of_edges());
  EXPECT_EQ(request.rows(0).type(), 1u);
  EXPECT_EQ(request.rows(0).kind(), v1::ROW_KIND_LABELS);
  EXPECT_TRUE(request.rows(1).of_edges());
  EXPECT_EQ(request.rows(1).kind(), v1::ROW_KIND_FEATURES);
  EXPECT_THAT(request.rows(1).ids(), ElementsAre(4, 4));
}

// Design invariant 2: whoever draws, it is the same.
TEST_F(FetchEncodingTest, AnswersAreWhatWouldBeDrawnHereWhateverTheSpec) {
  std::vector<NeighborFetch> fetches;
  for (const TemporalStrategy temporal :
       {TemporalStrategy::kNone, TemporalStrategy::kUniform,
        TemporalStrategy::kLast}) {
    for (const int32_t fanout : {-1, 1, 4}) {
      for (int flags = 0; flags < 32; ++flags) {
        const int edge_type = static_cast<int>(fetches.size()) % 4;
        const EdgeDir direction =
            (flags & 1) != 0 ? EdgeDir::kIn : EdgeDir::kOut;
        const EdgeType& type =
            dataset_->edge_types()[static_cast<size_t>(edge_type)];
        NeighborFetch& fetch = fetches.emplace_back(
            NeighborFetch{.edge_type = edge_type,
                          .direction = direction,
                          .spec = {.fanout = fanout,
                                   .replace = (flags & 2) != 0,
                                   .weighted = (flags & 4) != 0,
                                   .temporal = temporal,
                                   .with_edge_ids = (flags & 8) != 0,
                                   .key = fetches.size(),
                                   .lane = static_cast<uint32_t>(flags)},
                          .nodes = NodesOf(type.row_type(direction))});
        for (size_t i = 0; i < fetch.nodes.size(); ++i) {
          if ((flags & 16) != 0) fetch.salts.push_back(fetch.nodes[i] % 3);
          if (temporal == TemporalStrategy::kNone) continue;
          fetch.times.push_back(static_cast<int64_t>(i % 20));
        }
      }
    }
  }
  PartitionFetches asked;
  for (NeighborFetch& fetch : fetches) asked.neighbors.push_back(&fetch);
  ASSERT_THAT(Answer(asked), IsOk());
  size_t drawn = 0;
  for (const NeighborFetch& fetch : fetches) {
    SCOPED_TRACE(fetch.spec.key);
    const DrawnNeighbors expected = DrawHere(fetch);
    drawn += expected.neighbors.size();
    EXPECT_EQ(fetch.answer.counts, expected.counts);
    EXPECT_EQ(fetch.answer.neighbors, expected.neighbors);
    EXPECT_EQ(fetch.answer.edge_ids, expected.edge_ids);
  }
  EXPECT_GT(drawn, 1000u);  // it is about something
}

TEST_F(FetchEncodingTest, RowsAreThoseOfTheIdsInTheirOrderWithRepeats) {
  const RowStore& edges = *dataset_->edge_types()[0].features;
  RowFetch features{.ids = {4, 0, 4}, .row_bytes = 12};
  RowFetch labels{.kind = RowKind::kLabels, .ids = {1}, .row_bytes = 8};
  RowFetch of_edges{.of_edges = true,
                    .ids = {edges.ids.Id(1), edges.ids.Id(0)},
                    .row_bytes = 4};
  RowFetch none{.row_bytes = 12};
  ASSERT_THAT(Answer({.rows = {&features, &labels, &of_edges, &none}}), IsOk());
  const auto floats = [](const RowFetch& fetch) {
    return absl::MakeConstSpan(
        reinterpret_cast<const float*>(fetch.answer.data()),
        fetch.answer.size() / sizeof(float));
  };
  EXPECT_THAT(floats(features), ElementsAre(40, 41, 42, 0, 1, 2, 40, 41, 42));
  EXPECT_EQ(*reinterpret_cast<const int64_t*>(labels.answer.data()), 7);
  EXPECT_THAT(floats(of_edges),
              ElementsAre(static_cast<float>(-edges.ids.Id(1)),
                          static_cast<float>(-edges.ids.Id(0))));
  EXPECT_THAT(none.answer, IsEmpty());
}

TEST_F(FetchEncodingTest, DrawsThatMakeNoSenseAreRefusedByField) {
  const NeighborFetch good{
      .spec = {.fanout = 2, .temporal = TemporalStrategy::kLast},
      .nodes = {0, 1},
      .times = {1, 1}};
  const auto refuses = [&](const auto& spoil, const char* why) {
    NeighborFetch fetch = good;
    v1::PeerFetchRequest request = EncodeFetches({.neighbors = {&fetch}});
    ASSERT_THAT(AnswerFetches(*dataset_, request), IsOk());
    spoil(request.mutable_draws(0));
    EXPECT_THAT(AnswerFetches(*dataset_, request),
                StatusIs(kInvalid, HasSubstr(why)));
  };
  refuses([](auto* draw) { draw->set_edge_type(4); }, "edge_type: 4");
  refuses([](auto* draw) { draw->set_edge_type(UINT32_MAX); }, "edge_type");
  refuses([](auto* draw) { draw->mutable_spec()->set_fanout(-2); },
          "spec.fanout: -2");
  refuses([](auto* draw) { draw->clear_times(); }, "times");
  refuses([](auto* draw) { draw->add_times(1); }, "times");
  refuses([](auto* draw) { draw->add_salts(1); }, "salts");
  refuses([](auto* draw) { draw->mutable_spec()->clear_temporal(); }, "times");
  refuses(
      [](auto* draw) {
        draw->mutable_spec()->set_temporal(
            static_cast<v1::TemporalStrategy>(9));
      },
      "spec.temporal: 9");
}

TEST_F(FetchEncodingTest, DrawsThatTheDatasetCannotMakeAreRefused) {
  DatasetContents contents = Contents();
  for (DatasetContents::Edges& edges : contents.edges) {
    edges.by_dst = false;
    edges.weights.clear();
    edges.timestamps.clear();
  }
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(dataset_, WriteWhole(std::move(contents)));
  NeighborFetch in{.direction = EdgeDir::kIn, .nodes = {0}};
  EXPECT_THAT(Answer({.neighbors = {&in}}),
              StatusIs(kInvalid, HasSubstr("edge_dir")));
  NeighborFetch weighted{.spec = {.weighted = true}, .nodes = {0}};
  EXPECT_THAT(Answer({.neighbors = {&weighted}}),
              StatusIs(kInvalid, HasSubstr("weights")));
  NeighborFetch temporal{.spec = {.temporal = TemporalStrategy::kLast},
                         .nodes = {0},
                         .times = {0}};
  EXPECT_THAT(Answer({.neighbors = {&temporal}}),
              StatusIs(kInvalid, HasSubstr("timestamps")));
}

TEST_F(FetchEncodingTest, RowsThatThereAreNoneOfAreRefused) {
  RowFetch of_b{.type = 1};
  EXPECT_THAT(Answer({.rows = {&of_b}}),
              StatusIs(kInvalid, AllOf(HasSubstr("ROW_KIND_FEATURES"),
                                       HasSubstr("node type 1"))));
  RowFetch edge_labels{.of_edges = true, .kind = RowKind::kLabels};
  EXPECT_THAT(Answer({.rows = {&edge_labels}}), StatusIs(kInvalid));
  RowFetch no_type{.type = 2};
  EXPECT_THAT(Answer({.rows = {&no_type}}), StatusIs(kInvalid));
  RowFetch no_edge_type{.of_edges = true, .type = 4};
  EXPECT_THAT(Answer({.rows = {&no_edge_type}}), StatusIs(kInvalid));
  v1::PeerFetchRequest request;
  request.add_rows();  // of no kind
  EXPECT_THAT(AnswerFetches(*dataset_, request),
              StatusIs(kInvalid, HasSubstr("ROW_KIND_UNSPECIFIED")));
}

// Parity W-31: never another's row.
TEST_F(FetchEncodingTest, IdsOfOtherPartitionsAreNotFoundByName) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const PartitionedDataset parts,
      PartitionedDataset::Create(*dataset_, 2, BookKind::kTable));
  const IdSpace& there = parts.partition(1).node_types()[0].ids;
  ASSERT_GT(there.size(), 0);
  const int64_t id = there.Id(0);
  for (const int64_t elsewhere : {id, int64_t{-1}, int64_t{1} << 40}) {
    NeighborFetch draw{.spec = {.fanout = 1}, .nodes = {elsewhere}};
    EXPECT_THAT(AnswerFetches(parts.partition(0),
                              EncodeFetches({.neighbors = {&draw}})),
                StatusIs(absl::StatusCode::kNotFound,
                         HasSubstr(std::to_string(elsewhere))));
    RowFetch rows{.ids = {elsewhere}};
    EXPECT_THAT(
        AnswerFetches(parts.partition(0), EncodeFetches({.rows = {&rows}})),
        StatusIs(absl::StatusCode::kNotFound,
                 HasSubstr(std::to_string(elsewhere))));
  }
}

TEST_F(FetchEncodingTest, AnswersOfTheWrongSizeAreInternalErrors) {
  NeighborFetch draw{.spec = {.fanout = 1}, .nodes = {0}};
  RowFetch rows{.ids = {0, 1}, .row_bytes = 12};
  const PartitionFetches asked{.neighbors = {&draw}, .rows = {&rows}};
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const v1::PeerFetchResponse good,
                                AnswerFetches(*dataset_, EncodeFetches(asked)));
  const auto refuses = [&](const auto& spoil, const char* why) {
    v1::PeerFetchResponse response = good;
    spoil(&response);
    EXPECT_THAT(DecodeAnswers(&response, asked),
                StatusIs(absl::StatusCode::kInternal, HasSubstr(why)));
  };
  refuses([](auto* response) { response->add_draws(); }, "2 draws");
  refuses([](auto* response) { response->clear_draws(); }, "0 draws");
  refuses([](auto* response) { response->clear_rows(); }, "0 blocks of rows");
  refuses([](auto* response) { response->mutable_rows(0)->pop_back(); },
          "23 bytes for 2 rows of 12 bytes");
  refuses([](auto* response) { response->mutable_rows(0)->push_back(0); },
          "25 bytes");
  v1::PeerFetchResponse response = good;
  EXPECT_THAT(DecodeAnswers(&response, asked), IsOk());
}

}  // namespace
}  // namespace fairlead
