// Links on batches that are really sampled, with what is said of them (2.5).

#include <cstdint>
#include <utility>
#include <vector>

#include "ATen/core/Tensor.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/dist_graph/dist_dataset.h"
#include "libs/loader/batch.h"
#include "libs/loader/batch_data.h"
#include "libs/loader/collocated_loaders_fixture.h"
#include "libs/loader/dist_link_neighbor_loader.h"
#include "libs/loader/loader_options.h"
#include "libs/loader/worker_options.h"
#include "libs/status/status_matchers.h"
#include "protos/fairlead/v1/sampling.pb.h"

namespace fairlead {
namespace {

using ::fairlead::testing::CollocatedLoadersTest;
using ::fairlead::testing::Columns;
using ::fairlead::testing::G11;
using ::fairlead::testing::Pairs;
using ::fairlead::testing::Values;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Not;

class CollocatedLinkLoaderTest : public CollocatedLoadersTest {
 protected:
  // Of (0, 1), (1, 3) and (3, 4), of which the last is no edge.
  static LinkNeighborLoaderOptions Options(std::vector<int64_t> labels = {}) {
    LinkNeighborLoaderOptions options;
    options.batch_size = 5;
    options.fanout = {-1};
    options.to_device = "cpu";
    options.worker_options = CollocatedWorkerOptions();
    options.input_edges.edges = {
        .src = {0, 1, 3}, .dst = {1, 3, 4}, .labels = std::move(labels)};
    return options;
  }

  Data Only(const LinkNeighborLoaderOptions& options) {
    const DistDataset dataset = Load(G11()).value();
    return OnlyBatch<DistLinkNeighborLoader>(dataset, options)
        .value()
        .ToData()
        .value();
  }
};

TEST_F(CollocatedLinkLoaderTest, LinksAreWhatWasGivenWithTheirNeighbourhoods) {
  const Data data = Only(Options());
  EXPECT_THAT(Columns(data.edge_label_index, data.n_id, data.n_id),
              ElementsAre(std::pair(0, 1), std::pair(1, 3), std::pair(3, 4)));
  EXPECT_THAT(Values(data.edge_label), ElementsAre(1, 1, 1));
  EXPECT_THAT(Columns(data.edge_index, data.n_id, data.n_id),
              Contains(std::pair(2, 4)));
  EXPECT_FALSE(data.src_index.defined());
}

// C-25.
TEST_F(CollocatedLinkLoaderTest, LabelsStayAsTheyAreUnlessGltsAreAskedFor) {
  EXPECT_THAT(Values(Only(Options({0, 1, 4})).edge_label),
              ElementsAre(0, 1, 4));
  LinkNeighborLoaderOptions as_glt = Options({0, 1, 4});
  as_glt.glt_labels = true;
  as_glt.negatives = v1::NEGATIVE_MODE_BINARY;
  EXPECT_THAT(Values(Only(as_glt).edge_label), ElementsAre(1, 2, 5, 0, 0, 0));
  // They count from 1 already.
  as_glt = Options({1, 2, 5});
  as_glt.glt_labels = true;
  EXPECT_THAT(Values(Only(as_glt).edge_label), ElementsAre(1, 2, 5));
}

TEST_F(CollocatedLinkLoaderTest, BinaryNegativesComeBehindAndAreNoEdges) {
  LinkNeighborLoaderOptions options = Options();
  options.negatives = v1::NEGATIVE_MODE_BINARY;
  options.amount = 2;
  options.strict = true;
  const Data data = Only(options);
  EXPECT_THAT(Values(data.edge_label), ElementsAre(1, 1, 1, 0, 0, 0, 0, 0, 0));
  const Pairs pairs = Columns(data.edge_label_index, data.n_id, data.n_id);
  ASSERT_EQ(pairs.size(), 9u);
  const Pairs edges = G11().edges[0].edges;
  for (size_t i = 3; i < pairs.size(); ++i) {
    EXPECT_THAT(edges, Not(Contains(pairs[i])));
  }
}

TEST_F(CollocatedLinkLoaderTest, TripletsHaveNegativesForEachLink) {
  for (const int64_t amount : {1, 2}) {
    LinkNeighborLoaderOptions options = Options();
    options.negatives = v1::NEGATIVE_MODE_TRIPLET;
    options.amount = static_cast<double>(amount);
    const Data data = Only(options);
    EXPECT_FALSE(data.edge_label_index.defined());
    const std::vector<int64_t> nodes = Values(data.n_id);
    const auto ids = [&nodes](const at::Tensor& locals) {
      std::vector<int64_t> of;
      for (const int64_t local : Values(locals)) {
        of.push_back(nodes[static_cast<size_t>(local)]);
      }
      return of;
    };
    EXPECT_THAT(ids(data.src_index), ElementsAre(0, 1, 3));
    EXPECT_THAT(ids(data.dst_pos_index), ElementsAre(1, 3, 4));
    if (amount == 1) {
      EXPECT_THAT(data.dst_neg_index.sizes(), ElementsAre(3));
    } else {
      EXPECT_THAT(data.dst_neg_index.sizes(), ElementsAre(3, 2));
    }
  }
}

}  // namespace
}  // namespace fairlead
