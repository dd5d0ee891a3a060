#ifndef FAIRLEAD_LIBS_SAMPLING_SUBGRAPH_EQUALITY_H_
#define FAIRLEAD_LIBS_SAMPLING_SUBGRAPH_EQUALITY_H_

#include <cstddef>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "libs/sampling/neighbor_sampler.h"

namespace fairlead::testing {

// Fails the test unless the two are the same to the last number.
inline void ExpectSame(const SampledSubgraph& a, const SampledSubgraph& b) {
  EXPECT_EQ(a.seed_locals, b.seed_locals);
  EXPECT_EQ(a.more_seed_locals, b.more_seed_locals);
  ASSERT_EQ(a.nodes.size(), b.nodes.size());
  for (size_t t = 0; t < a.nodes.size(); ++t) {
    SCOPED_TRACE(absl::StrCat("node type ", t));
    EXPECT_EQ(a.nodes[t].ids, b.nodes[t].ids);
    EXPECT_EQ(a.nodes[t].seed_of, b.nodes[t].seed_of);
    EXPECT_EQ(a.nodes[t].num_sampled_nodes, b.nodes[t].num_sampled_nodes);
  }
  ASSERT_EQ(a.edges.size(), b.edges.size());
  for (size_t e = 0; e < a.edges.size(); ++e) {
    SCOPED_TRACE(absl::StrCat("edge type ", e));
    EXPECT_EQ(a.edges[e].rows, b.edges[e].rows);
    EXPECT_EQ(a.edges[e].cols, b.edges[e].cols);
    EXPECT_EQ(a.edges[e].edge_ids, b.edges[e].edge_ids);
    EXPECT_EQ(a.edges[e].num_sampled_edges, b.edges[e].num_sampled_edges);
  }
}

}  // namespace fairlead::testing

#endif  // FAIRLEAD_LIBS_SAMPLING_SUBGRAPH_EQUALITY_H_
