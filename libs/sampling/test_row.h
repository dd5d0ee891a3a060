#ifndef FAIRLEAD_LIBS_SAMPLING_TEST_ROW_H_
#define FAIRLEAD_LIBS_SAMPLING_TEST_ROW_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "gtest/gtest.h"
#include "libs/graph/dataset.h"
#include "libs/graph/id_space.h"
#include "libs/sampling/neighbor_draw.h"

namespace fairlead::testing {

// The edges of one node, whichever id it has.
struct TestRow {
  std::vector<int64_t> neighbors;
  std::vector<float> weights;  // may be empty
  std::vector<int64_t> times;  // may be empty

  // What a node with these edges draws for a seed of `time`, of number `salt`.
  std::vector<int64_t> Draw(int64_t node, int64_t time, int64_t salt,
                            const DrawSpec& spec) const {
    NeighborDrawer drawer;
    DrawnNeighbors out;
    Draw(node, time, salt, spec, &drawer, &out);
    return out.neighbors;
  }

  // The same, appended, with memory that is there already.
  void Draw(int64_t node, int64_t time, int64_t salt, const DrawSpec& spec,
            NeighborDrawer* drawer, DrawnNeighbors* out) const {
    const int64_t indptr[] = {0, static_cast<int64_t>(neighbors.size())};
    Topology topology;
    topology.indptr = absl::Span<const int64_t>(indptr);
    topology.indices = absl::Span<const int64_t>(neighbors);
    topology.weights = weights;
    topology.timestamps = times;
    const absl::Status status = drawer->Draw(
        topology, IdSpace::Range(node, 1), absl::MakeConstSpan(&node, 1),
        {.times = absl::MakeConstSpan(&time, 1),
         .salts = absl::MakeConstSpan(&salt, 1)},
        spec, out);
    EXPECT_TRUE(status.ok()) << status;
  }
};

}  // namespace fairlead::testing

#endif  // FAIRLEAD_LIBS_SAMPLING_TEST_ROW_H_
