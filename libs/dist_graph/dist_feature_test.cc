#include "libs/dist_graph/dist_feature.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/dist_graph/fake_partitions.h"
#include "libs/dist_graph/row_gather.h"
#include "libs/graph/dataset.h"
#include "libs/graph/dataset_writer.h"
#include "libs/graph/element_type.h"
#include "libs/graph/id_space.h"
#include "libs/graph/table.h"
#include "libs/random/philox.h"
#include "libs/sampling/partitioned_dataset.h"
#include "libs/status/status_matchers.h"

namespace fairlead {
namespace {

using ::fairlead::testing::BookKind;
using ::fairlead::testing::FakePartitions;
using ::fairlead::testing::IsOk;
using ::fairlead::testing::PapersAndAuthors;
using ::fairlead::testing::PartitionedDataset;
using ::fairlead::testing::StatusIs;
using ::fairlead::testing::WriteWhole;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using Of = DistFeature::Of;

constexpr char kWrites[] = "author__writes__paper";

class DistFeatureTest : public ::testing::Test {
 protected:
  void SetUp() override {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(whole_, WriteWhole(PapersAndAuthors()));
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(
        parts_, PartitionedDataset::Create(*whole_, 3, BookKind::kTable));
  }

  const RowStore& Store(Of of, absl::string_view type) const {
    if (of == Of::kEdges) return *whole_->edge_types()[0].features;
    return *whole_->node_types()[type == "author" ? 0 : 1].features;
  }

  std::vector<int64_t> RandomIds(const IdSpace& ids, size_t count) {
    std::vector<int64_t> drawn;
    for (size_t i = 0; i < count; ++i) {
      drawn.push_back(ids.Id(static_cast<int64_t>(
          random_.Below(static_cast<uint64_t>(ids.size())))));
    }
    return drawn;
  }

  // The rows of the dense matrix.
  void ExpectRows(const absl::StatusOr<FeatureRows>& rows,
                  const RowStore& store,
                  const std::vector<int64_t>& ids) const {
    ASSERT_THAT(rows, IsOk());
    EXPECT_EQ(rows->rows, static_cast<int64_t>(ids.size()));
    EXPECT_EQ(rows->columns, store.table.columns);
    EXPECT_EQ(rows->element_type, store.table.element_type);
    EXPECT_EQ(rows->scale,
              std::vector<float>(store.scale.begin(), store.scale.end()));
    std::vector<uint8_t> expected(ids.size() *
                                  static_cast<size_t>(store.table.row_bytes()));
    ASSERT_THAT(store.Gather(ids, absl::MakeSpan(expected)), IsOk());
    EXPECT_EQ(rows->data, expected);
  }

  std::unique_ptr<const Dataset> whole_;
  PartitionedDataset parts_;
  RandomStream random_{1, 0, 0};
};

// Parity GL-033.
TEST_F(DistFeatureTest, RandomIdsOverPartitionsEqualTheDenseMatrix) {
  const std::pair<Of, const char*> types[] = {
      {Of::kNodes, "paper"}, {Of::kNodes, "author"}, {Of::kEdges, kWrites}};
  for (const auto& [of, type] : types) {
    for (uint32_t p = 0; p < 3; ++p) {
      SCOPED_TRACE(absl::StrCat(type, " at ", p));
      FakePartitions remote(parts_);
      const DistFeature feature(parts_.partition(p), of, &remote, nullptr);
      // More than there are, so some come twice.
      for (const size_t count : {1, 40, 1'000}) {
        const std::vector<int64_t> ids = RandomIds(Store(of, type).ids, count);
        ExpectRows(feature.Get(ids, type), Store(of, type), ids);
      }
    }
  }
}

TEST_F(DistFeatureTest, AnswersFromOtherThreadsAreWaitedFor) {
  std::vector<std::thread> threads;
  FakePartitions remote(parts_, [&threads](std::function<void()> answer) {
    threads.emplace_back(std::move(answer));
  });
  const DistFeature feature(parts_.partition(0), Of::kNodes, &remote, nullptr);
  for (int i = 0; i < 20; ++i) {
    const std::vector<int64_t> ids =
        RandomIds(Store(Of::kNodes, "paper").ids, 50);
    ExpectRows(feature.Get(ids, "paper"), Store(Of::kNodes, "paper"), ids);
  }
  for (std::thread& thread : threads) thread.join();
}

TEST_F(DistFeatureTest, AnswersMayComeInAnyOrder) {
  std::vector<std::function<void()>> answers;
  FakePartitions remote(parts_, [&answers](std::function<void()> answer) {
    answers.push_back(std::move(answer));
  });
  const DistFeature feature(parts_.partition(0), Of::kNodes, &remote, nullptr);
  std::vector<std::vector<int64_t>> ids;
  std::vector<std::optional<absl::StatusOr<FeatureRows>>> rows(8);
  for (size_t i = 0; i < rows.size(); ++i) {
    ids.push_back(RandomIds(Store(Of::kNodes, "paper").ids, 30));
    feature.AsyncGet(ids[i], "paper",
                     [&rows, i](absl::StatusOr<FeatureRows> got) {
                       EXPECT_FALSE(rows[i].has_value()) << "called twice";
                       rows[i] = std::move(got);
                     });
    EXPECT_FALSE(rows[i].has_value());
  }
  std::reverse(answers.begin(), answers.end());
  std::swap(answers[1], answers[5]);
  for (const std::function<void()>& answer : answers) answer();
  for (size_t i = 0; i < rows.size(); ++i) {
    ASSERT_TRUE(rows[i].has_value());
    ExpectRows(*rows[i], Store(Of::kNodes, "paper"), ids[i]);
  }
}

// Parity GL-032, GL-035.
TEST_F(DistFeatureTest, NoIdsGiveNoRowsOfAllColumns) {
  FakePartitions remote(parts_);
  const DistFeature feature(parts_.partition(0), Of::kNodes, &remote, nullptr);
  for (const auto& rows :
       {feature.Get({}, "paper"), feature.LocalGet({}, "paper")}) {
    ASSERT_THAT(rows, IsOk());
    EXPECT_EQ(rows->rows, 0);
    EXPECT_EQ(rows->columns, 5);
    EXPECT_THAT(rows->data, IsEmpty());
  }
  EXPECT_EQ(remote.num_fetches, 0U);
}

TEST_F(DistFeatureTest, LocalGetHasRowsOfThisPartitionAlone) {
  const Dataset& here = parts_.partition(1);
  const DistFeature feature(here, Of::kNodes, nullptr, nullptr);
  const IdSpace& own = here.node_types()[1].ids;
  const std::vector<int64_t> ids = {own.Id(4), own.Id(0), own.Id(4)};
  ExpectRows(feature.LocalGet(ids, "paper"), Store(Of::kNodes, "paper"), ids);
  const int64_t other = parts_.partition(2).node_types()[1].ids.Id(0);
  EXPECT_THAT(feature.LocalGet({own.Id(0), other}, "paper"),
              StatusIs(absl::StatusCode::kNotFound,
                       HasSubstr(absl::StrCat("id ", other))));
}

// In GLT it asserts even if all ids are local.
TEST_F(DistFeatureTest, LocalOnlyGetsWhatIsLocalAndNothingElse) {
  const Dataset& here = parts_.partition(1);
  const DistFeature feature(here, Of::kNodes, nullptr, nullptr);
  const IdSpace& own = here.node_types()[1].ids;
  const std::vector<int64_t> ids = {own.Id(1), own.Id(0)};
  ExpectRows(feature.Get(ids, "paper"), Store(Of::kNodes, "paper"), ids);
  const int64_t other = parts_.partition(2).node_types()[1].ids.Id(0);
  EXPECT_THAT(
      feature.Get({own.Id(0), other}, "paper"),
      StatusIs(absl::StatusCode::kFailedPrecondition,
               AllOf(HasSubstr("partition 2"), HasSubstr("partition 1"))));
}

// Parity W-31: in GLT these are zeros.
TEST_F(DistFeatureTest, IdWithoutOwnerIsNotFound) {
  FakePartitions remote(parts_);
  const DistFeature papers(parts_.partition(0), Of::kNodes, &remote, nullptr);
  for (const int64_t wrong : {int64_t{300}, int64_t{-1}, INT64_MAX}) {
    EXPECT_THAT(
        papers.Get({1, 2, wrong}, "paper"),
        StatusIs(absl::StatusCode::kNotFound, HasSubstr(absl::StrCat(wrong))));
  }
  EXPECT_THAT(papers.Get({2}, "author"),  // in a gap
              StatusIs(absl::StatusCode::kNotFound));
  const DistFeature edges(parts_.partition(0), Of::kEdges, &remote, nullptr);
  EXPECT_THAT(edges.Get({4}, kWrites), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(DistFeatureTest, FailureOfAnyPartitionIsTheAnswer) {
  FakePartitions remote(parts_);
  remote.failure = absl::UnavailableError("partition 2: no replica answered");
  const DistFeature feature(parts_.partition(0), Of::kNodes, &remote, nullptr);
  const std::vector<int64_t> ids =
      RandomIds(Store(Of::kNodes, "paper").ids, 50);
  EXPECT_THAT(feature.Get(ids, "paper"),
              StatusIs(absl::StatusCode::kUnavailable,
                       HasSubstr("partition 2: no replica answered")));
  remote.failure = absl::OkStatus();
  ExpectRows(feature.Get(ids, "paper"), Store(Of::kNodes, "paper"), ids);
}

TEST_F(DistFeatureTest, AnswerOfAnotherSizeIsInternal) {
  FakePartitions remote(parts_);
  remote.cut_bytes = 1;
  const DistFeature feature(parts_.partition(0), Of::kNodes, &remote, nullptr);
  EXPECT_THAT(
      feature.Get(RandomIds(Store(Of::kNodes, "paper").ids, 50), "paper"),
      StatusIs(absl::StatusCode::kInternal));
}

TEST_F(DistFeatureTest, CacheHitsCutWhatIsFetched) {
  FakePartitions remote(parts_);
  const RowCaches caches(parts_.partition(0), 1 << 20);
  const DistFeature feature(parts_.partition(0), Of::kNodes, &remote, &caches);
  const std::vector<int64_t> ids =
      RandomIds(Store(Of::kNodes, "paper").ids, 200);
  ExpectRows(feature.Get(ids, "paper"), Store(Of::kNodes, "paper"), ids);
  const size_t fetched = remote.num_ids;
  EXPECT_GT(fetched, 0U);
  ExpectRows(feature.Get(ids, "paper"), Store(Of::kNodes, "paper"), ids);
  EXPECT_EQ(remote.num_ids, fetched);
  EXPECT_GE(caches.counts().hits, fetched);
}

TEST_F(DistFeatureTest, TypeIsFoundByNameAndMayBeLeftOutWhereThereIsOne) {
  FakePartitions remote(parts_);
  const DistFeature nodes(parts_.partition(0), Of::kNodes, &remote, nullptr);
  EXPECT_THAT(nodes.Get({1}), StatusIs(absl::StatusCode::kInvalidArgument,
                                       HasSubstr("author, paper")));
  EXPECT_THAT(nodes.LocalGet({1}, "venue"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("venue")));
  const DistFeature edges(parts_.partition(0), Of::kEdges, &remote, nullptr);
  EXPECT_THAT(edges.Get({3}), IsOk());
  EXPECT_THAT(edges.Get({3}, "writes"),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(DistFeatureTest, TypeWithoutFeaturesIsNotFound) {
  DatasetContents contents;
  contents.name = "bare";
  contents.nodes = {{.name = "n", .num_nodes = 2}};
  contents.edges = {{.name = {"n", "to", "n"}, .edges = {{0, 1}}}};
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto bare, WriteWhole(contents));
  for (const Of of : {Of::kNodes, Of::kEdges}) {
    const DistFeature feature(*bare, of, nullptr, nullptr);
    EXPECT_THAT(
        feature.LocalGet({0}),
        StatusIs(absl::StatusCode::kNotFound,
                 HasSubstr(of == Of::kNodes
                               ? "node type n of dataset bare has no"
                               : "edge type n__to__n of dataset bare")));
    EXPECT_THAT(feature.Get({0}), StatusIs(absl::StatusCode::kNotFound));
  }
}

TEST_F(DistFeatureTest, RowsAreReadAsWhatTheyAre) {
  const DistFeature feature(*whole_, Of::kNodes, nullptr, nullptr);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const FeatureRows rows,
                                feature.Get({2, 0}, "paper"));
  EXPECT_EQ(rows.element_type, ElementType::kFloat32);
  EXPECT_THAT(rows.As<float>(),
              ElementsAre(200, 201, 202, 203, 204, 0, 1, 2, 3, 4));
}

}  // namespace
}  // namespace fairlead
