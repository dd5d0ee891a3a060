#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "gtest/gtest.h"
#include "libs/sampling/alias_table.h"
#include "libs/sampling/chi_square.h"
#include "libs/sampling/negative_sampler.h"
#include "libs/status/status_matchers.h"

// Whether negatives have the probabilities they should have. 1.2 million slots
// each.

namespace fairlead {
namespace {

using ::fairlead::testing::ChiSquare;
using ::fairlead::testing::kMaxDeviations;

constexpr int64_t kSlots = 1'200'000;
constexpr int64_t kSources = 6;
constexpr int64_t kDestinations = 8;
constexpr int64_t kDegrees[kDestinations] = {0, 1, 2, 50, 7, 3, 200, 9};

// Edges of every third pair, and of all pairs of source 4 but two: such as find
// what they can in a trial or two, and such as do not.
bool IsEdge(int64_t src, int64_t dst) {
  return src == 4 ? dst != 2 && dst != 6 : (3 * src + dst) % 3 == 0;
}

absl::Status FindEdges(absl::Span<const int64_t> src,
                       absl::Span<const int64_t> dst, absl::Span<bool> exists) {
  for (size_t i = 0; i < src.size(); ++i) exists[i] = IsEdge(src[i], dst[i]);
  return absl::OkStatus();
}

struct Case {
  bool strict = true;
  bool weighted = false;
  bool exclude_self = false;
  int max_trials = 5;
};

double WeightOf(const Case& c, int64_t src, int64_t dst) {
  if (c.strict && IsEdge(src, dst)) return 0;
  if (c.exclude_self && src == dst) return 0;
  return c.weighted ? std::pow(static_cast<double>(kDegrees[dst]), 0.75) : 1;
}

void Normalize(std::vector<double>* weights) {
  double sum = 0;
  for (const double weight : *weights) sum += weight;
  for (double& weight : *weights) weight /= sum;
}

class NegativeChancesTest : public ::testing::TestWithParam<Case> {
 protected:
  NegativeChancesTest() : weights_(*AliasTable::FromDegrees(kDegrees)) {}

  absl::StatusOr<NegativeSampler> Sampler() const {
    return NegativeSampler::Create(sources_, destinations_,
                                   GetParam().weighted ? &weights_ : nullptr,
                                   {.seed = 12,
                                    .strict = GetParam().strict,
                                    .exclude_self = GetParam().exclude_self,
                                    .max_trials = GetParam().max_trials});
  }

  const DenseIds sources_{kSources};
  const DenseIds destinations_{kDestinations};
  const AliasTable weights_;
};

TEST_P(NegativeChancesTest, PairsHaveTheExactChancesByChiSquare) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const NegativeSampler sampler, Sampler());
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const NegativePairs pairs,
                                sampler.SamplePairs({}, kSlots, FindEdges));
  std::vector<int64_t> counts(kSources * kDestinations);
  std::vector<double> chances;
  for (int64_t src = 0; src < kSources; ++src) {
    for (int64_t dst = 0; dst < kDestinations; ++dst) {
      chances.push_back(WeightOf(GetParam(), src, dst));
    }
  }
  Normalize(&chances);
  for (size_t i = 0; i < kSlots; ++i) {
    ++counts[static_cast<size_t>(pairs.rows[i] * kDestinations +
                                 pairs.cols[i])];
  }
  ChiSquare chi_square;
  chi_square.Add(counts, chances);
  EXPECT_GT(chi_square.degrees_of_freedom(), 20);
  EXPECT_LT(chi_square.Deviations(), kMaxDeviations);
}

TEST_P(NegativeChancesTest, DestinationsHaveTheExactChancesByChiSquare) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const NegativeSampler sampler, Sampler());
  std::vector<int64_t> sources;
  for (int64_t i = 0; i < kSlots / 4; ++i) sources.push_back(i % kSources);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const NegativePairs pairs,
      sampler.SampleDestinations({}, sources, 4, FindEdges));
  ChiSquare chi_square;
  for (int64_t src = 0; src < kSources; ++src) {
    std::vector<int64_t> counts(kDestinations);
    std::vector<double> chances;
    for (int64_t dst = 0; dst < kDestinations; ++dst) {
      chances.push_back(WeightOf(GetParam(), src, dst));
    }
    Normalize(&chances);
    for (size_t i = 0; i < kSlots; ++i) {
      if (pairs.rows[i] == src) ++counts[static_cast<size_t>(pairs.cols[i])];
    }
    chi_square.Add(counts, chances);
  }
  EXPECT_GT(chi_square.degrees_of_freedom(), 10);
  EXPECT_LT(chi_square.Deviations(), kMaxDeviations);
}

INSTANTIATE_TEST_SUITE_P(
    Cases, NegativeChancesTest,
    ::testing::Values(
        Case{.strict = false}, Case{.strict = false, .weighted = true},
        Case{.strict = false, .exclude_self = true}, Case{},
        Case{.weighted = true}, Case{.max_trials = 1},
        Case{.weighted = true, .exclude_self = true, .max_trials = 1}));

}  // namespace
}  // namespace fairlead
