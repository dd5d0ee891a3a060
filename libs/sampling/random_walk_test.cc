#include "libs/sampling/random_walk.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/random/philox.h"
#include "libs/sampling/walk_test_graphs.h"
#include "libs/status/status_matchers.h"

namespace fairlead {
namespace {

using ::fairlead::testing::Csr;
using ::fairlead::testing::Graph;
using ::fairlead::testing::IsOk;
using ::fairlead::testing::IsOkAndHolds;
using ::fairlead::testing::SmallGraph;
using ::fairlead::testing::StatusIs;
using ::fairlead::testing::WalkCsr;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using DeadEnd = RandomWalkOptions::DeadEnd;

// Answers what a batch needs, in calls of random sizes, ids in random order.
absl::Status ProvideShuffled(const Graph& graph, RandomStream& random,
                             RandomWalks* walks) {
  std::vector<int64_t> ids(walks->Needs().begin(), walks->Needs().end());
  for (size_t i = ids.size(); i > 1; --i) {
    std::swap(ids[i - 1], ids[random.Below(i)]);
  }
  while (!ids.empty()) {
    const size_t size = 1 + random.Below(ids.size());
    std::vector<int64_t> asked(ids.end() - static_cast<ptrdiff_t>(size),
                               ids.end());
    ids.resize(ids.size() - size);
    std::vector<int64_t> counts;
    std::vector<int64_t> neighbors;
    for (const int64_t id : asked) {
      const std::vector<int64_t>& list = graph.at(id);
      counts.push_back(static_cast<int64_t>(list.size()));
      neighbors.insert(neighbors.end(), list.begin(), list.end());
    }
    const absl::Status status = walks->Provide(asked, counts, neighbors);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

// Walks step by step; `order` says in which order lists arrive.
absl::StatusOr<std::vector<int64_t>> WalkInSteps(
    const Graph& graph, const RandomWalkOptions& options,
    const RandomWalkRequest& request, uint64_t order) {
  absl::StatusOr<RandomWalks> walks = RandomWalks::Create(options, request);
  RandomStream random(order, 0, 0);
  while (walks.ok() && !walks->done()) {
    absl::Status status = ProvideShuffled(graph, random, &*walks);
    if (status.ok()) status = walks->Step();
    if (!status.ok()) return status;
  }
  if (!walks.ok()) return walks.status();
  return std::move(*walks).TakeWalks();
}

Graph RandomGraph(int64_t nodes, uint64_t degree, uint64_t seed) {
  Graph graph;
  RandomStream random(seed, 0, 0);
  for (int64_t node = 0; node < nodes; ++node) {
    std::vector<int64_t>& list = graph[node];
    list.resize(random.Below(degree));
    for (int64_t& id : list) {
      id = static_cast<int64_t>(random.Below(static_cast<uint64_t>(nodes)));
    }
  }
  return graph;
}

TEST(RandomWalkTest, EveryStepIsAnEdgeAndNothingFollowsTheEnd) {
  for (uint64_t seed = 0; seed < 30; ++seed) {
    const Graph graph = RandomGraph(50, 1 + seed % 6, seed);
    std::vector<int64_t> starts;
    for (int64_t node = 0; node < 50; ++node) starts.push_back(node);
    const RandomWalkOptions options{
        .length = 12, .p = 1 + static_cast<double>(seed % 3), .seed = seed};
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::vector<int64_t> matrix,
                                  WalkCsr(graph, options, {.starts = starts}));
    ASSERT_EQ(matrix.size(), 50u * 13);
    for (size_t i = 0; i < matrix.size(); ++i) {
      if (i % 13 == 0) {
        ASSERT_EQ(matrix[i], starts[i / 13]);
        continue;
      }
      const int64_t from = matrix[i - 1];
      if (from == RandomWalks::kPad || graph.at(from).empty()) {
        ASSERT_EQ(matrix[i], RandomWalks::kPad);
      } else {
        ASSERT_THAT(graph.at(from), ::testing::Contains(matrix[i]));
      }
    }
  }
}

TEST(RandomWalkTest, OrderOfArrivalChangesNoWalk) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const Graph graph = RandomGraph(40, 8, seed);
    std::vector<int64_t> starts;
    for (int64_t i = 0; i < 60; ++i) starts.push_back(i * 7 % 40);
    for (const double p : {1.0, 0.3}) {
      const RandomWalkOptions options{
          .length = 15, .p = p, .dead_end = DeadEnd::kPad, .seed = seed};
      const RandomWalkRequest request{
          .starts = starts, .epoch = seed, .batch_index = 3};
      FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::vector<int64_t> matrix,
                                    WalkCsr(graph, options, request));
      for (uint64_t order = 0; order < 5; ++order) {
        EXPECT_THAT(WalkInSteps(graph, options, request, order),
                    IsOkAndHolds(matrix));
      }
    }
  }
}

TEST(RandomWalkTest, SecondOrderWalksDoNotDependOnTheOrderWithinLists) {
  const Graph graph = RandomGraph(40, 8, 1);
  Graph sorted = graph;
  for (auto& [node, list] : sorted) std::sort(list.begin(), list.end());
  const std::vector<int64_t> starts = {1, 2, 3, 4, 5, 6, 7};
  const RandomWalkOptions options{.length = 20, .q = 3};
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::vector<int64_t> matrix,
                                WalkCsr(graph, options, {.starts = starts}));
  EXPECT_THAT(WalkCsr(sorted, options, {.starts = starts}),
              IsOkAndHolds(matrix));
}

TEST(RandomWalkTest, AWalkDependsOnItsNumberNotOnTheOthers) {
  const Graph graph = SmallGraph();
  const std::vector<int64_t> some = {3, 3, 1};
  const std::vector<int64_t> more = {3, 3, 1, 0, 5, 6};
  const RandomWalkOptions options{.length = 25, .p = 2};
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::vector<int64_t> a,
                                WalkCsr(graph, options, {.starts = some}));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(std::vector<int64_t> b,
                                WalkCsr(graph, options, {.starts = more}));
  b.resize(a.size());
  EXPECT_EQ(a, b);
  // Equal starts, but walks of their own.
  EXPECT_FALSE(std::equal(a.begin(), a.begin() + 26, a.begin() + 26));
}

TEST(RandomWalkTest, SeedEpochAndBatchEachGiveOtherWalks) {
  const Graph graph = SmallGraph();
  const std::vector<int64_t> starts = {0, 1, 2, 3};
  const auto walk = [&](uint64_t seed, uint64_t epoch, uint64_t batch) {
    return *WalkCsr(graph, {.length = 30, .seed = seed},
                    {.starts = starts, .epoch = epoch, .batch_index = batch});
  };
  EXPECT_EQ(walk(1, 2, 3), walk(1, 2, 3));
  EXPECT_NE(walk(1, 2, 3), walk(9, 2, 3));
  EXPECT_NE(walk(1, 2, 3), walk(1, 9, 3));
  EXPECT_NE(walk(1, 2, 3), walk(1, 2, 9));
}

// What is drawn must stay the same in every version. (Made by another program,
// from the contract in README.md.)
TEST(RandomWalkTest, GoldenWalks) {
  const Graph graph = SmallGraph();
  const std::vector<int64_t> starts = {0, 4};
  const RandomWalkRequest request{
      .starts = starts, .epoch = 1, .batch_index = 2};
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const std::vector<int64_t> first_order,
      WalkCsr(graph, {.length = 6, .seed = 42}, request));
  EXPECT_THAT(first_order,
              ElementsAre(0, 2, 1, 4, 1, 4, 4, 4, 1, 4, 2, 3, 0, 1));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const std::vector<int64_t> second_order,
      WalkCsr(graph, {.length = 6, .p = 0.5, .q = 2, .seed = 42}, request));
  EXPECT_THAT(second_order,
              ElementsAre(0, 1, 2, 3, 0, 3, 2, 4, 1, 4, 1, 4, 2, 1));
}

TEST(RandomWalkTest, DeadEndsPadOrStay) {
  const Graph graph = {{0, {1}}, {1, {2}}, {2, {}}};
  const std::vector<int64_t> starts = {0, 2};
  EXPECT_THAT(WalkCsr(graph, {.length = 3}, {.starts = starts}),
              IsOkAndHolds(ElementsAre(0, 1, 2, -1, 2, -1, -1, -1)));
  EXPECT_THAT(WalkCsr(graph, {.length = 3, .dead_end = DeadEnd::kStay},
                      {.starts = starts}),
              IsOkAndHolds(ElementsAre(0, 1, 2, 2, 2, 2, 2, 2)));
}

TEST(RandomWalkTest, NoStartsAndNoStepsNeedNothing) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(RandomWalks none,
                                RandomWalks::Create({.length = 5}, {}));
  EXPECT_TRUE(none.done());
  EXPECT_THAT(none.Needs(), IsEmpty());
  EXPECT_THAT(none.walks(), IsEmpty());

  const std::vector<int64_t> starts = {8, 9};
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      RandomWalks short_walks,
      RandomWalks::Create({.length = 0}, {.starts = starts}));
  EXPECT_TRUE(short_walks.done());
  EXPECT_THAT(short_walks.Needs(), IsEmpty());
  EXPECT_THAT(short_walks.walks(), ElementsAre(8, 9));
  EXPECT_THAT(short_walks.Step(),
              StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST(RandomWalkTest, NeedsAreDistinctAscendingAndNotAskedForAgain) {
  const std::vector<int64_t> starts = {7, 3, 7, 5};
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      RandomWalks walks,
      RandomWalks::Create({.length = 4, .q = 2}, {.starts = starts}));
  EXPECT_THAT(walks.Needs(), ElementsAre(3, 5, 7));
  ASSERT_THAT(walks.Provide({3, 5, 7}, {1, 1, 1}, {5, 3, 9}), IsOk());
  ASSERT_THAT(walks.Step(), IsOk());
  EXPECT_THAT(walks.Needs(), ElementsAre(9));  // 3 and 5 are held
  ASSERT_THAT(walks.Provide({9}, {1}, {8}), IsOk());
  ASSERT_THAT(walks.Step(), IsOk());
  EXPECT_THAT(walks.Needs(), ElementsAre(8));
  ASSERT_THAT(walks.Provide({8}, {1}, {7}), IsOk());
  ASSERT_THAT(walks.Step(), IsOk());
  EXPECT_THAT(walks.Needs(), ElementsAre(7));  // held no more
}

TEST(RandomWalkTest, IdsAboveTheRangeOf32BitsAreAsAnyOther) {
  const Graph small = SmallGraph();
  const auto wide = [](int64_t id) { return id * 0x100000001 + (id << 50); };
  Graph large;
  for (const auto& [node, list] : small) {
    for (const int64_t id : list) large[wide(node)].push_back(wide(id));
  }
  std::vector<int64_t> starts = {0, 3, 5, 6};
  const RandomWalkOptions options{.length = 20, .p = 0.5, .q = 2};
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(std::vector<int64_t> matrix,
                                WalkCsr(small, options, {.starts = starts}));
  for (int64_t& id : matrix) id = wide(id);
  for (int64_t& id : starts) id = wide(id);
  EXPECT_THAT(WalkInSteps(large, options, {.starts = starts}, 1),
              IsOkAndHolds(matrix));
}

TEST(RandomWalkTest, BadOptionsAreRefused) {
  const std::vector<int64_t> starts = {0, 1};
  for (const RandomWalkOptions& bad :
       std::vector<RandomWalkOptions>{{.length = -1},
                                      {.length = int64_t{1} << 31},
                                      {.length = INT64_MAX},
                                      {.length = 1, .p = 0},
                                      {.length = 1, .p = -1},
                                      {.length = 1, .p = std::nan("")},
                                      {.length = 1, .p = 1e-10},
                                      {.length = 1, .q = 0},
                                      {.length = 1, .q = -2},
                                      {.length = 1, .q = INFINITY}}) {
    EXPECT_THAT(RandomWalks::Create(bad, {.starts = starts}),
                StatusIs(absl::StatusCode::kInvalidArgument));
  }
}

TEST(RandomWalkTest, StartThatIsNoNodeIsNamed) {
  const std::vector<int64_t> starts = {0, -4};
  EXPECT_THAT(RandomWalks::Create({.length = 1}, {.starts = starts}),
              StatusIs(absl::StatusCode::kOutOfRange, HasSubstr("start -4")));
  const std::vector<int64_t> beyond = {0, 7};
  EXPECT_THAT(WalkCsr(SmallGraph(), {.length = 1}, {.starts = beyond}),
              StatusIs(absl::StatusCode::kOutOfRange, HasSubstr("start 7")));
}

TEST(RandomWalkTest, AStepWithoutItsListsSaysWhichAreMissing) {
  const std::vector<int64_t> starts = {4, 9};
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      RandomWalks walks,
      RandomWalks::Create({.length = 1}, {.starts = starts}));
  ASSERT_THAT(walks.Provide({4}, {1}, {9}), IsOk());
  EXPECT_THAT(walks.Step(), StatusIs(absl::StatusCode::kFailedPrecondition,
                                     HasSubstr("1 more nodes, of node 9")));
  ASSERT_THAT(walks.Provide({9}, {0}, {}), IsOk());
  ASSERT_THAT(walks.Step(), IsOk());
  EXPECT_THAT(walks.walks(), ElementsAre(4, 9, 9, -1));
}

TEST(RandomWalkTest, ListsThatWereNotAskedForAreRefusedAndNoneIsTaken) {
  const std::vector<int64_t> starts = {4, 9};
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      RandomWalks walks,
      RandomWalks::Create({.length = 2}, {.starts = starts}));
  const auto expect_refused = [&](absl::Span<const int64_t> ids,
                                  absl::Span<const int64_t> counts,
                                  absl::Span<const int64_t> neighbors) {
    EXPECT_THAT(walks.Provide(ids, counts, neighbors),
                StatusIs(absl::StatusCode::kInvalidArgument));
  };
  expect_refused({4, 5}, {1, 1}, {9, 9});     // 5 is not needed
  expect_refused({4, 4}, {1, 1}, {9, 9});     // twice
  expect_refused({4, 9}, {1}, {9});           // a count short
  expect_refused({4, 9}, {1, 1}, {9});        // a neighbour short
  expect_refused({4, 9}, {1, 1}, {9, 9, 9});  // one too many
  expect_refused({4, 9}, {2, -1}, {9});
  expect_refused({4, 9}, {1, INT64_MAX}, {9});
  expect_refused({4, 9}, {1, 1}, {9, -1});  // padded
  ASSERT_THAT(walks.Provide({9, 4}, {1, 1}, {4, 9}), IsOk());
  expect_refused({4}, {1}, {9});  // again
  ASSERT_THAT(walks.Step(), IsOk());
  ASSERT_THAT(walks.Step(), IsOk());
  EXPECT_THAT(walks.walks(), ElementsAre(4, 9, 4, 9, 4, 9));
}

TEST(RandomWalkTest, BrokenCsrIsAnErrorNotACrash) {
  const std::vector<int64_t> starts = {0};
  const auto walk = [&](std::vector<int64_t> indptr,
                        std::vector<int64_t> indices) {
    return RandomWalks::WalkCsr(indptr, indices, {.length = 1},
                                {.starts = starts});
  };
  EXPECT_THAT(walk({}, {}), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(walk({0, 2}, {0}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("row 0")));
  EXPECT_THAT(walk({1, 0}, {0}), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(walk({-1, 1}, {0}), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(walk({0, 1}, {1}),
              StatusIs(absl::StatusCode::kOutOfRange, HasSubstr("of node 0")));
  EXPECT_THAT(walk({0, 1}, {-1}), StatusIs(absl::StatusCode::kOutOfRange));
  EXPECT_THAT(walk({0}, {}), StatusIs(absl::StatusCode::kOutOfRange));
}

TEST(RandomWalkTest, ManyWalksThroughOneHubAreNoTrouble) {
  constexpr int64_t kLeaves = 200'000;
  Csr csr;
  for (int64_t leaf = 1; leaf <= kLeaves; ++leaf) csr.indices.push_back(leaf);
  csr.indptr.push_back(kLeaves);
  for (int64_t leaf = 1; leaf <= kLeaves; ++leaf) {
    csr.indices.push_back(0);
    csr.indptr.push_back(kLeaves + leaf);
  }
  const std::vector<int64_t> starts(10'000, 0);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const std::vector<int64_t> matrix,
      RandomWalks::WalkCsr(csr.indptr, csr.indices,
                           {.length = 10, .p = 1e-3, .q = 4},
                           {.starts = starts}));
  for (size_t i = 0; i < matrix.size(); i += 11) ASSERT_EQ(matrix[i + 10], 0);
}

}  // namespace
}  // namespace fairlead
