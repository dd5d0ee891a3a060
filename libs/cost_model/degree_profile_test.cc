#include "libs/cost_model/degree_profile.h"

#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/graph/id_array.h"
#include "libs/status/status_matchers.h"

namespace fairlead {
namespace {

using ::fairlead::testing::StatusIs;
using ::testing::HasSubstr;

TEST(DegreeProfile, NodesOfOneKindAreOneClass) {
  // 0 -> 1, 0 -> 2, 1 -> 2, 1 -> 2; nodes 2 and 3 lead nowhere.
  const std::vector<int64_t> indptr = {0, 2, 4, 4, 4};
  const std::vector<int64_t> indices = {1, 2, 2, 2};
  const DegreeProfile profile = DegreeProfile::Of(absl::MakeConstSpan(indptr),
                                                  absl::MakeConstSpan(indices));
  EXPECT_EQ(profile.nodes, 4);
  EXPECT_EQ(profile.edges, 4);
  EXPECT_EQ(profile.id_bytes, 8);
  ASSERT_EQ(profile.classes.size(), 4);
  EXPECT_EQ(profile.classes[0].listed, 0);  // node 3
  EXPECT_EQ(profile.classes[1].listed, 3);  // node 2
  EXPECT_EQ(profile.classes[1].list, 0);
}

TEST(DegreeProfile, ManyDegreesAreFewClassesWithTheSameEdges) {
  std::vector<uint32_t> indptr = {0};
  for (uint32_t degree = 0; degree < 3000; ++degree) {
    indptr.push_back(indptr.back() + degree);
  }
  std::vector<uint32_t> indices;
  for (uint32_t i = 0; i < indptr.back(); ++i) indices.push_back(i % 3000);
  const DegreeProfile profile = DegreeProfile::Of(absl::MakeConstSpan(indptr),
                                                  absl::MakeConstSpan(indices));
  EXPECT_EQ(profile.nodes, 3000);
  EXPECT_NEAR(profile.edges, indptr.back(), 1);
  EXPECT_LT(profile.classes.size(), 500);
  EXPECT_EQ(profile.id_bytes, 4);
}

TEST(DegreeProfile, HistogramMustHaveNodesAndNothingNegative) {
  const std::vector<std::pair<double, double>> none = {{3, 0}};
  EXPECT_THAT(DegreeProfile::OfHistogram(none),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("nodes")));
  const std::vector<std::pair<double, double>> negative = {{3, 1}, {-1, 2}};
  EXPECT_THAT(DegreeProfile::OfHistogram(negative),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("-1")));
  const std::vector<std::pair<double, double>> nan = {{std::nan(""), 1}};
  EXPECT_THAT(DegreeProfile::OfHistogram(nan),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(DegreeProfile, KroneckerHasTheNodesAndEdgesAskedFor) {
  for (const double skew : {0.5, 0.6, 0.76, 0.9}) {
    for (const double nodes : {1024.0, 100'000.0, 1'048'576.0}) {
      FAIRLEAD_ASSERT_OK_AND_ASSIGN(
          const DegreeProfile profile,
          DegreeProfile::OfKronecker(nodes, 20 * nodes, skew));
      EXPECT_NEAR(profile.nodes, nodes, nodes * 1e-3) << skew;
      EXPECT_NEAR(profile.edges, 20 * nodes, 20 * nodes * 1e-3) << skew;
    }
  }
}

TEST(DegreeProfile, KroneckerRefusesWhatIsNoGraph) {
  EXPECT_THAT(DegreeProfile::OfKronecker(0, 1, 0.7),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("nodes")));
  EXPECT_THAT(DegreeProfile::OfKronecker(10, 1, 1),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("skew")));
}

}  // namespace
}  // namespace fairlead
