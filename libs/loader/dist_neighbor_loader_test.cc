#include "libs/loader/dist_neighbor_loader.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "ATen/core/Tensor.h"
#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/loader/batch.h"
#include "libs/loader/fake_cluster.h"
#include "libs/loader/loader_options.h"
#include "libs/status/status_matchers.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::StatusIs;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Key;
using ::testing::SizeIs;

std::vector<int64_t> Values(const at::Tensor& tensor) {
  const at::Tensor dense = tensor.contiguous();
  const auto* const begin = dense.data_ptr<int64_t>();
  return {begin, begin + dense.numel()};
}

NeighborLoaderOptions Options(const FakeCluster& cluster) {
  NeighborLoaderOptions options;
  options.registry = cluster.address();
  return options;
}

// The only batch of a cluster that sends these tensors.
absl::StatusOr<Batch> Load(std::vector<FakeTensor> tensors) {
  FakeCluster cluster(
      {.batches = 1, .tensors = [&](uint64_t) { return tensors; }});
  auto loader = DistNeighborLoader::Create(Options(cluster));
  if (!loader.ok()) return loader.status();
  const absl::Status started = (*loader)->StartEpoch();
  if (!started.ok()) return started;
  auto batch = (*loader)->Next();
  if (!batch.ok()) return batch.status();
  return **std::move(batch);
}

// Golden graph G11: seed 0, all neighbours, two hops.
std::vector<FakeTensor> GoldenTensors(bool cols_first) {
  const FakeTensor rows("rows", {0, 0, 1, 1, 1, 2, 2, 2});
  const FakeTensor cols("cols", {1, 2, 0, 2, 3, 0, 1, 4});
  return {
      {"#IS_HETERO", {0}},
      {"ids", {0, 1, 2, 3, 4}},
      cols_first ? cols : rows,
      cols_first ? rows : cols,
      {"eids", {0, 1, 2, 3, 4, 5, 6, 7}},
      {"num_sampled_nodes", {1, 2, 2}},
      {"num_sampled_edges", {2, 6}},
      {"nfeats", {0.F, 0.5F, 1.F, 1.5F, 2.F, 2.5F, 3.F, 3.5F, 4.F, 4.5F}, 2},
      {"nlabels", {5, 6, 7, 8, 9}},
      {"batch", {0}},
      {"batch_locals", {0}}};
}

TEST(DistNeighborLoader, GoldenBatchIsDataWithEdgesTowardsTheSeeds) {
  for (const bool cols_first : {true, false}) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Batch batch,
                                  Load(GoldenTensors(cols_first)));
    EXPECT_FALSE(batch.is_heterogeneous());
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Data data, batch.ToData());
    EXPECT_THAT(data.edge_index.sizes(), ElementsAre(2, 8));
    EXPECT_THAT(Values(data.edge_index),
                ElementsAre(1, 2, 0, 2, 3, 0, 1, 4,    // from
                            0, 0, 1, 1, 1, 2, 2, 2));  // to
    EXPECT_THAT(Values(data.n_id), ElementsAre(0, 1, 2, 3, 4));
    EXPECT_THAT(data.x.sizes(), ElementsAre(5, 2));
    EXPECT_EQ(data.x[4][1].item<float>(), 4.5F);
    EXPECT_THAT(Values(data.y), ElementsAre(5, 6, 7, 8, 9));
    EXPECT_THAT(Values(data.e_id), SizeIs(8));
    EXPECT_THAT(Values(data.batch), ElementsAre(0));
    EXPECT_THAT(Values(data.seed_index), ElementsAre(0));
    EXPECT_THAT(Values(data.num_sampled_nodes), ElementsAre(1, 2, 2));
    EXPECT_THAT(Values(data.num_sampled_edges), ElementsAre(2, 6));
  }
}

TEST(DistNeighborLoader, TensorsAliasTheReceivedBytesAndKeepThem) {
  at::Tensor x;
  at::Tensor edge_index;
  {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Batch batch,
                                  Load(GoldenTensors(/*cols_first=*/true)));
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Data data, batch.ToData());
    x = data.x;
    edge_index = data.edge_index;
    const uint8_t* const begin = batch.received().buffer.get();
    const uint8_t* const end = begin + batch.received().bytes;
    for (const at::Tensor& tensor :
         {data.x, data.y, data.n_id, data.edge_index, data.e_id}) {
      const auto* const at = static_cast<const uint8_t*>(tensor.data_ptr());
      EXPECT_TRUE(begin <= at && at < end);
      EXPECT_EQ(reinterpret_cast<uintptr_t>(at) % 64, 0u);
    }
  }
  // The loader and the batch are gone; a sanitizer would object.
  EXPECT_EQ(x[4][0].item<float>(), 4.F);
  EXPECT_EQ(edge_index[0][7].item<int64_t>(), 4);
}

TEST(DistNeighborLoader, WhatIsNotInTheBatchIsUndefined) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const Batch batch,
      Load({{"ids", {4}}, {"rows", {}}, {"cols", {}}, {"batch", {4}}}));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Data data, batch.ToData());
  EXPECT_FALSE(data.x.defined());
  EXPECT_FALSE(data.y.defined());
  EXPECT_FALSE(data.e_id.defined());
  EXPECT_THAT(data.edge_index.sizes(), ElementsAre(2, 0));
}

TEST(DistNeighborLoader, GivesTensorsByKey) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Batch batch,
                                Load(GoldenTensors(/*cols_first=*/false)));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const at::Tensor cols, batch.Get("cols"));
  EXPECT_EQ(cols[7].item<int64_t>(), 4);
  EXPECT_THAT(batch.Get("colls"),
              StatusIs(absl::StatusCode::kNotFound,
                       AllOf(HasSubstr("colls"), HasSubstr("num_sampled"))));
}

std::vector<FakeTensor> HeteroTensors() {
  return {{"#IS_HETERO", {1}},
          {"author.ids", {7, 8}},
          {"author.batch", {7, 7}},
          {"author.batch_locals", {0, 0}},
          {"author.nlabels", {1, 2}},
          {"paper.ids", {30, 31, 32}},
          {"paper.nfeats", {1.F, 2.F, 3.F}, 1},
          {"author__writes__paper.rows", {0, 0}},
          {"author__writes__paper.cols", {1, 2}},
          {"paper__rev_writes__author.rows", {2}},
          {"paper__rev_writes__author.cols", {1}},
          {"paper__cites__paper.rows", {1}},
          {"paper__cites__paper.cols", {0}}};
}

TEST(DistNeighborLoader, HeterogeneousBatchTurnsItsEdgeTypes) {  // C-22
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Batch batch, Load(HeteroTensors()));
  ASSERT_TRUE(batch.is_heterogeneous());
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const HeteroData data, batch.ToHeteroData());
  EXPECT_THAT(data.nodes, ElementsAre(Key("author"), Key("paper")));
  EXPECT_THAT(Values(data.nodes.at("author").batch), ElementsAre(7, 7));
  EXPECT_THAT(Values(data.nodes.at("author").y), ElementsAre(1, 2));
  EXPECT_FALSE(data.nodes.at("paper").batch.defined());
  EXPECT_THAT(data.nodes.at("paper").x.sizes(), ElementsAre(3, 1));
  const EdgeTypeName turned{"paper", "rev_writes", "author"};
  const EdgeTypeName turned_back{"author", "writes", "paper"};
  const EdgeTypeName same_ends{"paper", "cites", "paper"};
  EXPECT_THAT(data.edges,
              ElementsAre(Key(turned_back), Key(same_ends), Key(turned)));
  EXPECT_THAT(Values(data.edges.at(turned).edge_index),
              ElementsAre(1, 2, 0, 0));
  EXPECT_THAT(Values(data.edges.at(turned_back).edge_index), ElementsAre(1, 2));
  EXPECT_THAT(Values(data.edges.at(same_ends).edge_index), ElementsAre(0, 1));
}

TEST(DistNeighborLoader, NaturalDirectionKeepsEdgesAsTheDatasetHasThem) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Batch batch, Load(HeteroTensors()));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const HeteroData data,
                                batch.ToHeteroData(EdgeDirection::kNatural));
  const EdgeTypeName writes{"author", "writes", "paper"};
  EXPECT_THAT(Values(data.edges.at(writes).edge_index),
              ElementsAre(0, 0, 1, 2));
}

TEST(DistNeighborLoader, TypeNamesMayHoldTheSeparator) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Batch batch,
                                Load({{"#IS_HETERO", {1}},
                                      {"a.ids", {1}},
                                      {"a.batch", {1}},
                                      {"a__b.ids", {2}},
                                      {"a%5F%5Fb__to%5F%5Fit__a.rows", {0}},
                                      {"a%5F%5Fb__to%5F%5Fit__a.cols", {0}}}));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const HeteroData data,
                                batch.ToHeteroData(EdgeDirection::kNatural));
  const EdgeTypeName type{"a__b", "to__it", "a"};
  EXPECT_THAT(data.edges, ElementsAre(Key(type)));
}

TEST(DistNeighborLoader, WrongViewOfABatchIsAnError) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Batch hetero, Load(HeteroTensors()));
  EXPECT_THAT(hetero.ToData(), StatusIs(absl::StatusCode::kFailedPrecondition,
                                        HasSubstr("ToHeteroData")));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Batch homogeneous,
                                Load(GoldenTensors(true)));
  EXPECT_THAT(
      homogeneous.ToHeteroData(),
      StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("ToData")));
}

TEST(DistNeighborLoader, MalformedBatchIsDataLossThatNamesTheTensor) {
  const auto malformed = [](std::vector<FakeTensor> tensors, const char* why) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Batch batch, Load(std::move(tensors)));
    EXPECT_THAT(batch.is_heterogeneous() ? batch.ToHeteroData().status()
                                         : batch.ToData().status(),
                StatusIs(absl::StatusCode::kDataLoss, HasSubstr(why)));
  };
  malformed({{"batch", {0}}}, "\"ids\"");
  malformed({{"batch", {0}}, {"ids", {1.F}, 1}}, "\"ids\"");
  malformed({{"batch", {0}}, {"ids", {0}}}, "\"cols\"");
  malformed({{"batch", {0}}, {"ids", {0}}, {"rows", {0, 0}}, {"cols", {0}}},
            "different lengths");
  malformed({{"batch", {0}},
             {"ids", {0}},
             {"rows", {0}},
             {"cols", {0}},
             {"nfeats", {1.F, 2.F}, 1}},
            "\"nfeats\"");
  malformed({{"batch", {0}},
             {"ids", {0}},
             {"rows", {0}},
             {"cols", {0}},
             {"nlabels", {1.F}, 1}},
            "\"nlabels\"");
  malformed({{"#IS_HETERO", {1}},
             {"a.ids", {0}},
             {"a.batch", {0}},
             {"a__to__b.rows", {0}},
             {"a__to__b.cols", {0}}},
            "a__to__b");
}

TEST(DistNeighborLoader, RunsThroughEpochs) {
  FakeCluster cluster({.batches = 5});
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto loader,
                                DistNeighborLoader::Create(Options(cluster)));
  EXPECT_EQ(loader->batches(), 5u);
  EXPECT_EQ(loader->seeds(), 10u);
  for (uint64_t epoch = 0; epoch < 2; ++epoch) {
    ASSERT_THAT(loader->StartEpoch(), IsOk());
    for (int i = 0; i < 5; ++i) {
      FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto batch, loader->Next());
      ASSERT_TRUE(batch.has_value());
      EXPECT_EQ(batch->epoch(), epoch);
    }
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto end, loader->Next());
    EXPECT_FALSE(end.has_value());
  }
}

// DS-69: nor on a server that had no batch for it.
TEST(DistNeighborLoader, LeavesNothingBehind) {
  FakeCluster cluster({.pools = 3, .batches_of_pool = {{1, 0}}});
  {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto loader,
                                  DistNeighborLoader::Create(Options(cluster)));
    EXPECT_THAT(cluster.channels(), SizeIs(3));
    ASSERT_THAT(loader->StartEpoch(), IsOk());
    ASSERT_THAT(loader->Next(), IsOk());
  }
  EXPECT_THAT(cluster.channels(), IsEmpty());
  EXPECT_EQ(cluster.num_members(), 0u);
}

TEST(DistNeighborLoader, RefusalOfOneServerIsRolledBackOnTheOthers) {  // DS-68
  FakeCluster cluster(
      {.pools = 3,
       .on_register = [](const v1::RegisterSamplingInputRequest& request) {
         return request.server_rank() == 2
                    ? absl::NotFoundError("split train: not here")
                    : absl::OkStatus();
       }});
  EXPECT_THAT(DistNeighborLoader::Create(Options(cluster)),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("split train")));
  EXPECT_THAT(cluster.registered(), SizeIs(2));
  EXPECT_THAT(cluster.channels(), IsEmpty());
}

TEST(DistNeighborLoader, WaitsForAPoolThatIsNotThereYet) {
  int refusals = 2;
  FakeCluster cluster(
      {.on_register = [&](const v1::RegisterSamplingInputRequest&) {
        return refusals-- > 0 ? absl::UnavailableError("no pool yet")
                              : absl::OkStatus();
      }});
  EXPECT_THAT(DistNeighborLoader::Create(Options(cluster)), IsOk());
}

// Batches of an earlier run under the same key are nobody's any more, and what
// it started is not this one's, even if the pool has forgotten it since.
TEST(DistNeighborLoader, ReplacesAChannelThatAnEarlierRunLeft) {
  for (const bool started : {false, true}) {
    SCOPED_TRACE(started);
    FakeCluster cluster({.batches = 2});
    NeighborLoaderOptions options = Options(cluster);
    options.worker_key = "loader_0_rank_3";
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto earlier,
                                  DistNeighborLoader::Create(options));
    if (started) {
      EXPECT_THAT(earlier->StartEpoch(), IsOk());
    }
    const std::set<uint64_t> left = cluster.channels();
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto later,
                                  DistNeighborLoader::Create(options));
    EXPECT_NE(cluster.channels(), left);
    EXPECT_THAT(cluster.channels(), SizeIs(1));
    ASSERT_THAT(later->StartEpoch(), IsOk());
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto batch, later->Next());
    EXPECT_TRUE(batch.has_value());
  }
}

TEST(DistNeighborLoader, DealsIdsOutToServers) {
  FakeCluster cluster({.pools = 3});
  NeighborLoaderOptions options = Options(cluster);
  options.input_nodes = InputNodes::Ids({1, 2, 3, 4, 5});
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto loader,
                                DistNeighborLoader::Create(options));
  std::vector<int64_t> dealt;
  for (const auto& request : cluster.registered()) {
    for (const int64_t id : request.input().ids().id()) dealt.push_back(id);
  }
  EXPECT_THAT(dealt, ElementsAre(1, 2, 3, 4, 5));
}

TEST(ParseFanout, TakesNumbersOnly) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto fanout, ParseFanout("15,-1,0"));
  EXPECT_THAT(fanout, ElementsAre(15, -1, 0));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto none, ParseFanout(""));
  EXPECT_THAT(none, IsEmpty());
  for (const char* bad : {"abc", "15,", ",", "1;2", "-2", "99999999999"}) {
    EXPECT_THAT(ParseFanout(bad),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(bad)));
  }
}

}  // namespace
}  // namespace fairlead
