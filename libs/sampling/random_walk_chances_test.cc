#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/sampling/chi_square.h"
#include "libs/sampling/random_walk.h"
#include "libs/sampling/walk_test_graphs.h"
#include "libs/status/status_matchers.h"

// Whether the steps of random walks have the probabilities they should have.

namespace fairlead {
namespace {

using ::fairlead::testing::ChiSquare;
using ::fairlead::testing::Graph;
using ::fairlead::testing::kMaxDeviations;
using ::fairlead::testing::SmallGraph;
using ::fairlead::testing::WalkCsr;
using ::testing::IsEmpty;

// The definition, read off the paper: the chance of each neighbour (distinct,
// ascending) of `node`, having come from `previous`.
std::map<int64_t, double> ExactChances(const Graph& graph, int64_t previous,
                                       int64_t node, double p, double q) {
  std::map<int64_t, double> chances;
  double total = 0;
  const std::vector<int64_t>& of_previous = graph.at(previous);
  for (const int64_t next : graph.at(node)) {
    const bool is_common = std::find(of_previous.begin(), of_previous.end(),
                                     next) != of_previous.end();
    const double weight = next == previous ? 1 / p : is_common ? 1 : 1 / q;
    chances[next] += weight;
    total += weight;
  }
  for (auto& [next, chance] : chances) chance /= total;
  return chances;
}

// Counts the transitions of all walks by (previous, node) and compares.
ChiSquare CompareTransitions(const Graph& graph, double p, double q,
                             int64_t length, absl::Span<const int64_t> matrix) {
  std::map<std::pair<int64_t, int64_t>, std::map<int64_t, int64_t>> counts;
  const auto columns = static_cast<size_t>(length) + 1;
  for (size_t i = 0; i < matrix.size(); i += columns) {
    for (size_t j = i + 2; j < i + columns; ++j) {
      ++counts[{matrix[j - 2], matrix[j - 1]}][matrix[j]];
    }
  }
  ChiSquare chi_square;
  for (auto& [place, seen] : counts) {
    std::vector<int64_t> of_next;
    std::vector<double> chances;
    for (const auto& [next, chance] :
         ExactChances(graph, place.first, place.second, p, q)) {
      of_next.push_back(seen[next]);
      chances.push_back(chance);
      seen.erase(next);
    }
    EXPECT_THAT(seen, IsEmpty()) << "no edge of node " << place.second;
    chi_square.Add(of_next, chances);
  }
  return chi_square;
}

TEST(RandomWalkChancesTest, FirstOrderStepsAreUniformByChiSquare) {
  const Graph graph = SmallGraph();
  const std::vector<int64_t> starts(20'000, 1);
  const RandomWalkOptions options{.length = 60, .seed = 5};
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const std::vector<int64_t> matrix,
      WalkCsr(graph, options, {.starts = starts}));  // 1.2 million steps
  const ChiSquare chi_square = CompareTransitions(graph, 1, 1, 60, matrix);
  EXPECT_GT(chi_square.degrees_of_freedom(), 30);
  EXPECT_LT(chi_square.Deviations(), kMaxDeviations);
}

class Node2VecTest
    : public ::testing::TestWithParam<std::pair<double, double>> {};

// 1.2 million steps for each p and q, whose draws are by rejection mostly, by
// counting mostly, or both.
TEST_P(Node2VecTest, TransitionsHaveTheExactChancesByChiSquare) {
  const auto [p, q] = GetParam();
  const Graph graph = SmallGraph();
  std::vector<int64_t> starts;
  for (int64_t i = 0; i < 140'000; ++i) starts.push_back(i % 7);
  const RandomWalkOptions options{.length = 10, .p = p, .q = q, .seed = 6};
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::vector<int64_t> matrix,
                                WalkCsr(graph, options, {.starts = starts}));
  const ChiSquare chi_square = CompareTransitions(graph, p, q, 10, matrix);
  EXPECT_GT(chi_square.degrees_of_freedom(), 10);
  EXPECT_LT(chi_square.Deviations(), kMaxDeviations);
}

INSTANTIATE_TEST_SUITE_P(
    PAndQ, Node2VecTest,
    ::testing::Values(std::pair(1.0, 2.0), std::pair(2.0, 1.0),
                      std::pair(0.25, 4.0), std::pair(4.0, 0.25),
                      std::pair(0.5, 0.5), std::pair(3.0, 3.0),
                      std::pair(0.01, 1.0), std::pair(100.0, 0.01),
                      std::pair(100.0, 30.0), std::pair(1e9, 1e9),
                      std::pair(0.1, 0.05)));

// From hub 0 of a wheel without rim (leaf 1 to hub to any leaf) no candidate is
// common: with large p and q nearly every trial fails.
TEST(RandomWalkChancesTest, WhenNearlyAllTrialsFailTheChancesAreStillExact) {
  Graph graph;
  for (int64_t leaf = 1; leaf <= 20; ++leaf) {
    graph[0].push_back(leaf);
    graph[leaf] = {0};
  }
  const std::vector<int64_t> starts(300'000, 7);
  const RandomWalkOptions options{
      .length = 8, .p = 2e5, .q = 1e6, .seed = 3};  // 1.2 million choices
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::vector<int64_t> matrix,
                                WalkCsr(graph, options, {.starts = starts}));
  const ChiSquare chi_square = CompareTransitions(graph, 2e5, 1e6, 8, matrix);
  EXPECT_EQ(chi_square.degrees_of_freedom(), 20 * 19);
  EXPECT_LT(chi_square.Deviations(), kMaxDeviations);
}

}  // namespace
}  // namespace fairlead
