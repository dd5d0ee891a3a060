#include "libs/loader/loader_options.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/loader/input_nodes.h"
#include "libs/loader/sample_stream_options.h"
#include "libs/loader/worker_options.h"
#include "libs/status/status_matchers.h"
#include "protos/fairlead/v1/sampling.pb.h"

namespace fairlead {
namespace {

using ::fairlead::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(LoaderOptions, DefaultsAreTheOriginals) {  // 6.2, GL-050
  const NeighborLoaderOptions options;
  EXPECT_EQ(options.batch_size, 1u);
  EXPECT_FALSE(options.shuffle);
  EXPECT_FALSE(options.drop_last);
  EXPECT_FALSE(options.with_edge);
  EXPECT_FALSE(options.replace);  // C-04
  EXPECT_FALSE(options.with_weight);
  EXPECT_EQ(options.edge_dir, v1::EDGE_DIR_OUT);
  EXPECT_EQ(options.prefetch_size, 4u);  // C-13
  EXPECT_EQ(options.to_device, "");
  EXPECT_FALSE(options.pin_memory);
  const LinkNeighborLoaderOptions link;
  EXPECT_EQ(link.negatives, v1::NEGATIVE_MODE_NONE);
  EXPECT_EQ(link.amount, 1);
  EXPECT_FALSE(link.glt_labels);  // C-25
  const PprLoaderOptions ppr;     // C-14
  EXPECT_EQ(ppr.alpha, 0.5);
  EXPECT_EQ(ppr.eps, 1e-4);
  EXPECT_EQ(ppr.max_ppr_nodes, 50u);
  EXPECT_EQ(ppr.num_neighbors_per_hop, 1000);
  EXPECT_TRUE(ppr.residual_top_up);
}

TEST(LoaderOptions, OfNodesBecomeTheContracts) {
  NeighborLoaderOptions options;
  options.fanout = {15, -1, 0};  // C-03
  options.batch_size = 7;
  options.shuffle = true;
  options.drop_last = true;
  options.with_edge = true;
  options.seed = 9;
  options.registry = "there:1";
  options.input_nodes = InputNodes::Split("val", "paper");
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const SampleStreamOptions stream,
                                Resolve(options));
  EXPECT_EQ(stream.registry, "there:1");
  const v1::SamplingConfig& config = stream.config;
  EXPECT_EQ(config.type(), v1::SAMPLING_TYPE_NODE);
  EXPECT_THAT(config.fanout(), ElementsAre(15, -1, 0));
  EXPECT_EQ(config.batch_size(), 7u);
  EXPECT_TRUE(config.shuffle());
  EXPECT_TRUE(config.drop_last());
  EXPECT_TRUE(config.with_edge());
  EXPECT_TRUE(config.collect_features());
  EXPECT_EQ(config.seed(), 9u);
  EXPECT_FALSE(config.has_link() || config.has_ablp() || config.has_ppr());
  ASSERT_THAT(stream.seeds, SizeIs(1));
  EXPECT_EQ(stream.seeds[0].split(), v1::SPLIT_VAL);
}

TEST(LoaderOptions, OfLinksBecomeTheContracts) {
  LinkNeighborLoaderOptions options;
  options.fanout = {5};
  options.input_edges.edges = {.src = {1}, .dst = {2}};
  options.negatives = v1::NEGATIVE_MODE_TRIPLET;
  options.amount = 3;
  options.strict = true;
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const SampleStreamOptions stream,
                                Resolve(options));
  EXPECT_EQ(stream.config.type(), v1::SAMPLING_TYPE_LINK);
  EXPECT_EQ(stream.config.link().negatives(), v1::NEGATIVE_MODE_TRIPLET);
  EXPECT_EQ(stream.config.link().amount(), 3);
  EXPECT_TRUE(stream.config.link().strict());
  EXPECT_THAT(stream.seeds[0].edges().src(), ElementsAre(1));
}

TEST(LoaderOptions, OfSubgraphsBecomeTheContracts) {
  SubGraphLoaderOptions options;
  options.input_nodes = InputNodes::Ids({1, 2});
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const SampleStreamOptions stream,
                                Resolve(options));
  EXPECT_EQ(stream.config.type(), v1::SAMPLING_TYPE_SUBGRAPH);
  EXPECT_THAT(stream.config.fanout(), IsEmpty());
}

TEST(LoaderOptions, OfAnchorsBecomeTheContracts) {
  AblpLoaderOptions options;
  options.edge_type_fanouts = {{{"user", "buys", "item"}, {4, 2}}};
  options.supervision_edge_type = {"user", "buys", "item"};
  options.max_labels_per_anchor_node = 8;
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const SampleStreamOptions stream,
                                Resolve(options));
  EXPECT_EQ(stream.config.type(), v1::SAMPLING_TYPE_ABLP);
  EXPECT_EQ(stream.config.ablp().supervision_edge_type().relation(), "buys");
  EXPECT_EQ(stream.config.ablp().max_labels_per_anchor_node(), 8u);
  ASSERT_THAT(stream.config.edge_type_fanouts(), SizeIs(1));
  EXPECT_THAT(stream.config.edge_type_fanouts(0).fanout(), ElementsAre(4, 2));
}

TEST(LoaderOptions, OfPprBecomeTheContracts) {
  PprLoaderOptions options;
  options.max_fetch_iterations = 6;
  options.residual_top_up = false;
  options.channels = {{.edge_types = {{"a", "to", "b"}}, .ratio = 2}};
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const SampleStreamOptions stream,
                                Resolve(options));
  EXPECT_EQ(stream.config.type(), v1::SAMPLING_TYPE_PPR);
  const v1::PprOptions& ppr = stream.config.ppr();
  EXPECT_EQ(ppr.alpha(), 0.5);
  EXPECT_EQ(ppr.max_ppr_nodes(), 50u);
  EXPECT_EQ(ppr.max_fetch_iterations(), 6u);
  EXPECT_TRUE(ppr.no_residual_top_up());
  ASSERT_THAT(ppr.channels(), SizeIs(1));
  EXPECT_EQ(ppr.channels(0).edge_types(0).dst(), "b");
}

TEST(LoaderOptions, InputsThatMakeOtherBatchesHaveOtherFingerprints) {
  NeighborLoaderOptions options;
  const auto print = [&] { return InputFingerprint(*Resolve(options)); };
  const uint64_t before = print();
  EXPECT_EQ(print(), before);
  options.registry = "elsewhere:1";  // who makes them does not matter
  EXPECT_EQ(print(), before);
  options.seed = 1;
  EXPECT_NE(print(), before);
  options.seed = 0;
  options.input_nodes.split = "val";
  EXPECT_NE(print(), before);
}

}  // namespace
}  // namespace fairlead
