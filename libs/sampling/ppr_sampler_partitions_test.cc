#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <set>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/graph/dataset.h"
#include "libs/graph/dataset_writer.h"
#include "libs/random/philox.h"
#include "libs/sampling/batch_equality.h"
#include "libs/sampling/batch_sampler.h"
#include "libs/sampling/neighbor_cache.h"
#include "libs/sampling/neighbor_draw.h"
#include "libs/sampling/neighbor_gather.h"
#include "libs/sampling/partitioned_dataset.h"
#include "libs/sampling/ppr.h"
#include "libs/sampling/ppr_degrees.h"
#include "libs/sampling/ppr_sampler.h"
#include "libs/sampling/random_contents.h"
#include "libs/status/status_matchers.h"

// A batch is what PprPush makes of the graph's lists, wherever they are.

namespace fairlead {
namespace {

using ::fairlead::testing::BookKind;
using ::fairlead::testing::ExpectSameBatch;
using ::fairlead::testing::IsOk;
using ::fairlead::testing::IsOkAndHolds;
using ::fairlead::testing::PartitionedDataset;
using ::fairlead::testing::RandomContents;
using ::fairlead::testing::StatusIs;
using ::fairlead::testing::WriteWhole;
using ::testing::HasSubstr;
using ::testing::SizeIs;

std::vector<int64_t> SomeSeeds(const Dataset& dataset, int type,
                               RandomStream& random) {
  std::vector<int64_t> seeds;
  for (uint64_t i = random.Below(8); i > 0; --i) {
    seeds.push_back(static_cast<int64_t>(random.Below(static_cast<uint64_t>(
        dataset.node_types()[static_cast<size_t>(type)].num_nodes))));
  }
  return seeds;
}

// A graph, options of any kind, and its degrees by id.
struct Case {
  std::unique_ptr<const Dataset> whole;
  PprSamplerOptions options;
  std::vector<std::vector<uint32_t>> degrees;

  std::shared_ptr<const PprDegrees> DegreesFor(const Dataset& dataset) const {
    return std::make_shared<PprDegrees>(
        PprDegrees::OfArrays(dataset, {degrees.begin(), degrees.end()})
            .value());
  }
};

Case MakeCase(uint64_t round) {
  const bool heterogeneous = round % 2 == 0;
  Case made;
  made.whole = WriteWhole(RandomContents({.seed = round,
                                          .heterogeneous = heterogeneous,
                                          .max_edges = 300}))
                   .value();
  made.options = {.edge_types = {0},
                  .direction = round % 4 < 2 ? EdgeDir::kOut : EdgeDir::kIn,
                  .seed = round};
  if (heterogeneous) {
    made.options.edge_types = {3, 0, 2};
    made.options.seed_type = static_cast<int>(round / 4 % 2);
  }
  made.options.ppr.eps = 1e-3;
  made.options.ppr.max_ppr_nodes = 10;
  made.options.ppr.num_neighbors_per_hop = round % 3 == 0 ? -1 : 4;
  if (heterogeneous && round % 3 != 1) {
    made.options.ppr.channels = {{.edge_types = {0, 2}, .ratio = 1},
                                 {.edge_types = {1, 2}, .ratio = 2}};
  }
  if (round % 5 == 3) made.options.ppr.max_fetch_iterations = 2;
  made.degrees = TotalDegreesOfRows(*made.whole, made.options.edge_types,
                                    made.options.direction)
                     .value();
  return made;
}

// What the push makes of lists that are read from the topology, one by one.
PprResult SlowPpr(const Case& test, const std::vector<int64_t>& seeds) {
  PprSchema schema{.num_node_types =
                       static_cast<int>(test.whole->node_types().size())};
  const EdgeDir direction = test.options.direction;
  for (const int e : test.options.edge_types) {
    const EdgeType& type = test.whole->edge_types()[static_cast<size_t>(e)];
    schema.edge_types.push_back(
        {type.row_type(direction), type.neighbor_type(direction)});
  }
  NeighborCache cache(schema.edge_types.size(), 0);
  PprPush push(
      schema, test.options.ppr,
      [&test](int type, absl::Span<const int64_t> ids,
              absl::Span<int32_t> degrees) {
        for (size_t i = 0; i < ids.size(); ++i) {
          degrees[i] =
              static_cast<int32_t>(test.degrees[static_cast<size_t>(type)]
                                               [static_cast<size_t>(ids[i])]);
        }
      },
      &cache);
  EXPECT_THAT(push.Start(seeds, test.options.seed_type), IsOk());
  while (!push.Push()) {
    const NeighborNeeds needs = push.Needs();
    for (size_t i = 0; i < needs.ids.size(); ++i) {
      const auto e = static_cast<size_t>(test.options.edge_types[i]);
      const Topology& topology =
          *test.whole->edge_types()[e].topology(direction);
      for (const int64_t id : needs.ids[i]) {
        std::vector<int64_t> list;
        for (int64_t at = topology.indptr[static_cast<size_t>(id)];
             at < topology.indptr[static_cast<size_t>(id) + 1]; ++at) {
          list.push_back(topology.indices[static_cast<size_t>(at)]);
        }
        EXPECT_THAT(push.Provide(static_cast<int>(i), {id},
                                 {static_cast<int64_t>(list.size())}, list),
                    IsOk());
      }
    }
  }
  PprResult result;
  EXPECT_THAT(push.Finish(&result), IsOk());
  return result;
}

TEST(PprSamplerTest, RowsAndNodesAreWhatThePushSays) {
  for (uint64_t round = 0; round < 48; round += 3) {  // those without a cap
    SCOPED_TRACE(absl::StrCat("round ", round));
    const Case test = MakeCase(round);
    ASSERT_THAT(ValidatePprSamplerOptions(*test.whole, test.options), IsOk());
    PprSampler sampler(*test.whole, test.options, test.DegreesFor(*test.whole));
    RandomStream random(round, 0, 0);
    SampledBatch out;  // the same for all batches, as a worker has it
    for (int batch = 0; batch < 5; ++batch) {
      const std::vector<int64_t> seeds =
          SomeSeeds(*test.whole, test.options.seed_type, random);
      ASSERT_THAT(sampler.Begin({.seeds = seeds}, &out), IsOkAndHolds(true));
      const PprResult expected = SlowPpr(test, seeds);
      for (size_t t = 0; t < out.subgraph.nodes.size(); ++t) {
        SCOPED_TRACE(absl::StrCat("node type ", t));
        const std::vector<int64_t>& ids = out.subgraph.nodes[t].ids;
        const PprRows& rows = expected.node_types[t];
        const auto index =
            std::get<std::vector<int64_t>>(out.meta[2 * t].values);
        ASSERT_EQ(index.size(), 2 * rows.ids.size());
        std::vector<int64_t> of_seed(seeds.size());
        for (size_t i = 0; i < rows.ids.size(); ++i) {
          ++of_seed[static_cast<size_t>(index[i])];
          const int64_t local = index[rows.ids.size() + i];
          EXPECT_EQ(ids[static_cast<size_t>(local)], rows.ids[i]);
        }
        EXPECT_TRUE(std::is_sorted(
            index.begin(),
            index.begin() + static_cast<ptrdiff_t>(rows.ids.size())));
        EXPECT_EQ(of_seed, rows.counts);
        EXPECT_EQ(std::get<std::vector<double>>(out.meta[2 * t + 1].values),
                  rows.attributes);
        // Seeds, then what is new in the rows, in order, each once.
        std::vector<int64_t> order;
        if (static_cast<int>(t) == test.options.seed_type) order = seeds;
        order.insert(order.end(), rows.ids.begin(), rows.ids.end());
        std::set<int64_t> seen;
        std::erase_if(order,
                      [&](int64_t id) { return !seen.insert(id).second; });
        EXPECT_EQ(ids, order);
      }
      if (HasFailure()) return;
    }
  }
}

TEST(PprSamplerTest, BatchesAreTheSameInOneToFourPartitions) {
  for (uint64_t round = 0; round < 12; ++round) {
    const Case test = MakeCase(round);
    PprSampler sampler(*test.whole, test.options, test.DegreesFor(*test.whole));
    for (const uint32_t partitions : {1, 2, 3, 4}) {
      const auto book = static_cast<BookKind>((round + partitions) % 3);
      FAIRLEAD_ASSERT_OK_AND_ASSIGN(
          const auto parts,
          PartitionedDataset::Create(*test.whole, partitions, book));
      for (uint32_t p = 0; p < partitions; ++p) {
        SCOPED_TRACE(absl::StrCat("round ", round, ", ", p, " of ", partitions,
                                  ", book ", static_cast<int>(book)));
        PprSampler part(parts.partition(p), test.options,
                        test.DegreesFor(parts.partition(p)));
        RandomStream random(round, 1, 0);
        for (uint64_t batch = 0; batch < 4; ++batch) {
          const std::vector<int64_t> seeds =
              SomeSeeds(*test.whole, test.options.seed_type, random);
          const BatchRequest request{.batch_index = batch, .seeds = seeds};
          SampledBatch expected;
          ASSERT_THAT(sampler.Begin(request, &expected), IsOkAndHolds(true));
          SampledBatch out;
          ASSERT_THAT(parts.Run(part, request, &out), IsOk());
          ExpectSameBatch(out, expected);
          if (HasFailure()) return;
        }
      }
    }
  }
}

// Node i has edges to i + 1 ... i + 3, all modulo ten; five nodes each.
class TwoPartitions : public ::testing::Test {
 protected:
  void SetUp() override {
    DatasetContents contents;
    contents.name = "ring";
    contents.nodes.push_back({.name = "node", .num_nodes = 10});
    auto& edges = contents.edges.emplace_back();
    edges.name = {"node", "to", "node"};
    for (int64_t i = 0; i < 30; ++i) {
      edges.edges.emplace_back(i / 3, (i / 3 + i % 3 + 1) % 10);
    }
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(whole_, WriteWhole(std::move(contents)));
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(
        parts_, PartitionedDataset::Create(*whole_, 2, BookKind::kRange));
    degrees_ = std::make_shared<PprDegrees>(
        PprDegrees::OfArrays(parts_.partition(0), {by_id_}).value());
  }

  std::unique_ptr<const Dataset> whole_;
  PartitionedDataset parts_;
  std::vector<uint32_t> by_id_ = std::vector<uint32_t>(10, 3);
  std::shared_ptr<const PprDegrees> degrees_;
};

TEST_F(TwoPartitions, ListsOfOthersAreAskedForOnceAndKept) {
  PprSampler sampler(parts_.partition(0), {.edge_types = {0}}, degrees_);
  const std::vector<int64_t> seeds = {7, 2};
  std::set<int64_t> asked;
  for (int batch = 0; batch < 2; ++batch) {
    SampledBatch out;
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(bool done,
                                  sampler.Begin({.seeds = seeds}, &out));
    EXPECT_EQ(done, batch == 1);
    while (!done) {
      for (const NeighborFetch& fetch : sampler.fetches()) {
        EXPECT_EQ(fetch.partition, 1u);
        for (const int64_t id : fetch.nodes) {
          EXPECT_TRUE(asked.insert(id).second) << id;
        }
      }
      ASSERT_THAT(parts_.Answer(sampler.fetches()), IsOk());
      FAIRLEAD_ASSERT_OK_AND_ASSIGN(done, sampler.Resume());
    }
  }
  EXPECT_THAT(asked, SizeIs(5));
}

TEST_F(TwoPartitions, AnswersThatAreNoneAreRefusedAndTheSamplerIsAsGoodAsNew) {
  PprSamplerOptions options{.edge_types = {0}};
  options.ppr.num_neighbors_per_hop = 3;
  const std::vector<int64_t> seeds = {7, 9};
  PprSampler untouched(*whole_, options, degrees_);
  SampledBatch expected;
  ASSERT_THAT(untouched.Begin({.seeds = seeds}, &expected), IsOkAndHolds(true));
  PprSampler sampler(parts_.partition(0), options, degrees_);
  using Spoil = void (*)(DrawnNeighbors&);
  for (const Spoil spoil :
       {Spoil([](DrawnNeighbors& answer) { answer.counts.pop_back(); }),
        Spoil([](DrawnNeighbors& answer) { answer.counts[0] += 1; }),
        Spoil([](DrawnNeighbors& answer) { answer.neighbors[0] = -1; }),
        Spoil([](DrawnNeighbors& answer) {  // more than were asked for
          answer.counts[0] += 1;
          answer.neighbors.push_back(3);
        })}) {
    SampledBatch out;
    ASSERT_THAT(sampler.Begin({.seeds = seeds}, &out), IsOkAndHolds(false));
    ASSERT_THAT(parts_.Answer(sampler.fetches()), IsOk());
    spoil(sampler.fetches()[0].answer);
    EXPECT_THAT(sampler.Resume(),
                StatusIs(absl::StatusCode::kInternal, HasSubstr("partition")));
  }
  SampledBatch out;
  ASSERT_THAT(parts_.Run(sampler, BatchRequest{.seeds = seeds}, &out), IsOk());
  ExpectSameBatch(out, expected);
}

// A neighbour that no partition has is found when its list is asked for.
TEST_F(TwoPartitions, NeighbourThatIsNobodysIsNamed) {
  PprSampler sampler(parts_.partition(0), {.edge_types = {0}}, degrees_);
  const std::vector<int64_t> seeds = {7};
  SampledBatch out;
  ASSERT_THAT(sampler.Begin({.seeds = seeds}, &out), IsOkAndHolds(false));
  ASSERT_THAT(parts_.Answer(sampler.fetches()), IsOk());
  sampler.fetches()[0].answer.neighbors[0] = 12;
  EXPECT_THAT(sampler.Resume(),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("12")));
}

}  // namespace
}  // namespace fairlead
