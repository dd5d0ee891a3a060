#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "gtest/gtest.h"
#include "libs/random/philox.h"
#include "libs/sampling/chi_square.h"
#include "libs/sampling/neighbor_draw.h"
#include "libs/sampling/test_row.h"

// Draws by weight and by time have exactly the chances that they should, by
// chi-square at p = 0.001 over a million draws each: of whole outcomes (sets
// without replacement, sequences with), so that how draws depend on each other
// counts as well as how often each edge is in.

namespace fairlead {
namespace {

using ::fairlead::testing::ChiSquare;
using ::fairlead::testing::kMaxDeviations;
using ::fairlead::testing::TestRow;

constexpr int kDraws = 1'000'000;

// A set as bits; a sequence as digits to the base of the row's length.
using Chances = std::map<size_t, double>;

// Without replacement: sets, each reached by drawing one edge after another
// with probabilities in proportion to the weights of those that are left.
void AddSets(const std::vector<double>& weights, int fanout, size_t taken,
             double chance, Chances* chances) {
  double left = 0;
  for (size_t i = 0; i < weights.size(); ++i) {
    if ((taken >> i & 1) == 0) left += weights[i];
  }
  if (fanout == 0 || left == 0) {
    (*chances)[taken] += chance;
    return;
  }
  for (size_t i = 0; i < weights.size(); ++i) {
    if ((taken >> i & 1) != 0 || weights[i] == 0) continue;
    AddSets(weights, fanout - 1, taken | size_t{1} << i,
            chance * weights[i] / left, chances);
  }
}

// With replacement: sequences of independent draws.
void AddSequences(const std::vector<double>& weights, int fanout,
                  size_t sequence, double chance, Chances* chances) {
  if (fanout == 0) {
    (*chances)[sequence] += chance;
    return;
  }
  double sum = 0;
  for (const double weight : weights) sum += weight;
  for (size_t i = 0; i < weights.size(); ++i) {
    if (weights[i] == 0) continue;
    AddSequences(weights, fanout - 1, sequence * weights.size() + i,
                 chance * weights[i] / sum, chances);
  }
}

struct Case {
  int32_t fanout = 0;
  bool replace = false;
  bool weighted = false;
  TemporalStrategy temporal = TemporalStrategy::kNone;
};

class NeighborDrawChancesTest : public ::testing::TestWithParam<Case> {};

TEST_P(NeighborDrawChancesTest, EveryOutcomeHasItsExactChance) {
  const Case& param = GetParam();
  const TestRow row = {.neighbors = {0, 1, 2, 3, 4, 5, 6},
                       .weights = {1, 0.5, 0, 3, 8, 2, 0.25},
                       .times = {1, 5, 2, 5, 9, 3, 4}};
  const bool is_temporal = param.temporal != TemporalStrategy::kNone;
  constexpr int64_t kTime = 5;  // all but node 4's edge, the heaviest
  std::vector<double> weights;
  for (size_t i = 0; i < row.neighbors.size(); ++i) {
    weights.push_back(param.weighted ? double{row.weights[i]} : 1);
    if (is_temporal && row.times[i] > kTime) weights[i] = 0;
  }
  Chances chances;
  if (param.replace) {
    AddSequences(weights, param.fanout, 0, 1, &chances);
  } else {
    AddSets(weights, param.fanout, 0, 1, &chances);
  }

  DrawSpec spec{.fanout = param.fanout,
                .replace = param.replace,
                .weighted = param.weighted,
                .temporal = param.temporal};
  std::map<size_t, int64_t> counts;
  NeighborDrawer drawer;
  DrawnNeighbors out;
  for (int i = 0; i < kDraws; ++i) {
    // What tells draws apart: batches, or the seeds of one batch.
    const auto number = static_cast<uint64_t>(i);
    spec.key = DeriveRandomKey(11, RandomPurpose::kNeighbors, 0,
                               is_temporal ? 0 : number);
    out.Clear();
    row.Draw(17, kTime, is_temporal ? i : 0, spec, &drawer, &out);
    size_t outcome = 0;
    for (const int64_t neighbor : out.neighbors) {
      outcome = param.replace
                    ? outcome * weights.size() + static_cast<size_t>(neighbor)
                    : outcome | size_t{1} << neighbor;
    }
    ++counts[outcome];
  }

  std::vector<int64_t> seen;
  std::vector<double> expected;
  for (const auto& [outcome, chance] : chances) {
    seen.push_back(counts[outcome]);
    expected.push_back(chance);
    counts.erase(outcome);
  }
  for (const auto& [outcome, count] : counts) {
    ADD_FAILURE() << "drew " << outcome << ", which cannot be, " << count
                  << " times";
  }
  ChiSquare chi_square;
  chi_square.Add(seen, expected);
  EXPECT_GE(chi_square.degrees_of_freedom(), 5);
  EXPECT_LT(chi_square.Deviations(), kMaxDeviations);
}

INSTANTIATE_TEST_SUITE_P(
    Cases, NeighborDrawChancesTest,
    ::testing::Values(Case{.fanout = 3}, Case{.fanout = 2, .replace = true},
                      Case{.fanout = 1, .weighted = true},
                      Case{.fanout = 2, .weighted = true},
                      Case{.fanout = 4, .weighted = true},
                      Case{.fanout = 1, .replace = true, .weighted = true},
                      Case{.fanout = 3, .replace = true, .weighted = true},
                      Case{.fanout = 3, .temporal = TemporalStrategy::kUniform},
                      Case{.fanout = 2,
                           .replace = true,
                           .temporal = TemporalStrategy::kUniform},
                      Case{.fanout = 3,
                           .weighted = true,
                           .temporal = TemporalStrategy::kUniform},
                      Case{.fanout = 2,
                           .replace = true,
                           .weighted = true,
                           .temporal = TemporalStrategy::kUniform}));

}  // namespace
}  // namespace fairlead
