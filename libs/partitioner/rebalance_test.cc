#include "libs/partitioner/rebalance.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/partitioner/undirected_graph.h"
#include "libs/random/philox.h"

namespace fairlead {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Lt;

TEST(Rebalance, LeavesWhatIsWithinTheLimit) {
  const UndirectedGraph graph = *MakeUndirected({0, 0, 0, 0, 0}, {});
  std::vector<uint32_t> owners = {0, 0, 0, 1};
  Rebalance(graph, {0, 4}, {1, 1, 1, 1}, 2, 0.5, absl::MakeSpan(owners));
  EXPECT_THAT(owners, ElementsAre(0, 0, 0, 1));
}

TEST(Rebalance, MovesTheLoosestToWhereItHasNeighbours) {
  // A triangle 0, 1, 2, whose node 3 hangs on node 4; 5 is alone.
  const UndirectedGraph graph =
      *MakeUndirected({0, 2, 3, 3, 4, 4, 4}, {1, 2, 2, 4});
  std::vector<uint32_t> owners = {0, 0, 0, 0, 2, 1};
  Rebalance(graph, {0, 6}, {1, 1, 1, 1, 1, 1}, 3, 0.5, absl::MakeSpan(owners));
  EXPECT_THAT(owners, ElementsAre(0, 0, 0, 2, 2, 1));
}

TEST(Rebalance, TouchesNoNodeOutsideItsRange) {
  const UndirectedGraph graph = *MakeUndirected({0, 0, 0, 0, 0}, {});
  std::vector<uint32_t> owners = {0, 0, 0, 0};
  Rebalance(graph, {2, 4}, {1, 1, 1, 1}, 2, 0.03, absl::MakeSpan(owners));
  EXPECT_THAT(owners, ElementsAre(0, 0, 1, 0));
}

// Up to the weight of the heaviest node, whatever METIS came back with.
TEST(Rebalance, HoldsItsLimitFromAnywhere) {
  for (uint64_t seed = 0; seed < 100; ++seed) {
    RandomStream random(seed, 0, 0);
    const auto nodes = static_cast<int32_t>(1 + random.Below(200));
    const auto parts = static_cast<uint32_t>(1 + random.Below(10));
    const bool weighted = seed % 2 == 0;
    std::vector<int64_t> indptr = {0};
    std::vector<int64_t> indices;
    std::vector<int32_t> weights;
    std::vector<uint32_t> owners;
    int64_t total = 0;
    int64_t heaviest = 0;
    for (int32_t node = 0; node < nodes; ++node) {
      for (uint64_t i = random.Below(5); i > 0; --i) {
        indices.push_back(
            static_cast<int64_t>(random.Below(static_cast<uint64_t>(nodes))));
      }
      indptr.push_back(static_cast<int64_t>(indices.size()));
      weights.push_back(weighted ? static_cast<int32_t>(1 + random.Below(20))
                                 : 1);
      // Most of them in few partitions.
      owners.push_back(
          static_cast<uint32_t>(random.Below(1 + random.Below(parts))));
      total += weights.back();
      heaviest = std::max<int64_t>(heaviest, weights.back());
    }
    Rebalance(*MakeUndirected(indptr, indices), {0, nodes}, weights, parts,
              0.05, absl::MakeSpan(owners));
    ASSERT_THAT(owners, Each(Lt(parts)));
    std::vector<int64_t> loads(parts, 0);
    for (size_t i = 0; i < owners.size(); ++i) loads[owners[i]] += weights[i];
    const double share = static_cast<double>(total) / parts;
    const double limit = std::max(std::ceil(share), share * 1.05) +
                         (weighted ? static_cast<double>(heaviest) : 0);
    for (const int64_t load : loads) {
      EXPECT_LE(static_cast<double>(load), limit) << "seed " << seed;
    }
  }
}

}  // namespace
}  // namespace fairlead
