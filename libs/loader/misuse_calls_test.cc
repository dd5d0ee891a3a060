// Calls in the wrong order, of the wrong thing or with what does not fit: each
// is answered by a typed error that says what to do instead.

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "gtest/gtest.h"
#include "libs/loader/batch.h"
#include "libs/loader/batch_receiving_channel.h"
#include "libs/loader/dist_neighbor_loader.h"
#include "libs/loader/fake_cluster.h"
#include "libs/loader/input_nodes.h"
#include "libs/loader/loader_options.h"
#include "libs/loader/misuse_table.h"
#include "libs/loader/placement.h"
#include "libs/loader/registry_session.h"
#include "libs/loader/remote_receiving_channel.h"
#include "libs/loader/sample_stream.h"
#include "libs/loader/sampling_input.h"
#include "libs/status/status_macros.h"
#include "libs/status/status_matchers.h"

namespace fairlead {
namespace {

using ::absl::StatusCode;
using ::fairlead::testing::ExpectAnswers;
using ::fairlead::testing::IsOk;
using ::fairlead::testing::Misuse;

NeighborLoaderOptions On(const FakeCluster& cluster) {
  NeighborLoaderOptions options;
  options.registry = cluster.address();
  options.to_device = "cpu";
  return options;
}

TEST(Misuse, OfAnEpoch) {
  FakeCluster cluster({.batches = 3});
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto loader,
                                DistNeighborLoader::Create(On(cluster)));
  NeighborLoaderOptions of_others = On(cluster);
  of_others.seed = 5;
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto other,
                                DistNeighborLoader::Create(of_others));
  ASSERT_THAT(other->StartEpoch(), IsOk());
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const v1::LoaderCursor cursor, other->cursor());
  const auto resume = [&](auto spoil) {
    return [&, spoil] {
      FAIRLEAD_RETURN_IF_ERROR(loader->StartEpoch());
      v1::LoaderCursor own = *loader->cursor();
      spoil(own);
      return loader->ResumeEpoch(own);
    };
  };
  ExpectAnswers(
      {{"Next before an epoch",
        [&] { return loader->Next().status(); },
        StatusCode::kFailedPrecondition,
        {"no epoch runs", "StartEpoch"}},
       {"cursor before an epoch",
        [&] { return loader->cursor().status(); },
        StatusCode::kFailedPrecondition,
        {"epoch"}},
       {"a cursor of another input",
        [&] { return loader->ResumeEpoch(cursor); },
        StatusCode::kInvalidArgument,
        {"cursor", "other seeds"}},
       {"a cursor that is none",
        [&] { return loader->ResumeEpoch(v1::LoaderCursor()); },
        StatusCode::kInvalidArgument,
        {"cursor"}},
       {"a range from a cursor of another input",
        [&] { return loader->RestOfEpoch(cursor).status(); },
        StatusCode::kInvalidArgument,
        {"cursor"}},
       {"a cursor of more servers",
        resume([](v1::LoaderCursor& own) { own.add_servers(); }),
        StatusCode::kInvalidArgument,
        {"2 servers", "has 1"}},
       {"a cursor of another number of batches",
        resume([](v1::LoaderCursor& own) {
          own.mutable_servers(0)->set_batches(99);
        }),
        StatusCode::kInvalidArgument,
        {"99"}},
       {"a cursor that had batches beyond the last",
        resume([](v1::LoaderCursor& own) {
          v1::BatchRange& had = *own.mutable_servers(0)->add_held();
          had.set_begin(1);
          had.set_end(40);
        }),
        StatusCode::kInvalidArgument,
        {"cursor"}},
       {"a range of an epoch that is over",
        [&] {
          FAIRLEAD_ASSIGN_OR_RETURN(EpochRange epoch, loader->Epoch());
          for ([[maybe_unused]] const Batch& batch : epoch) continue;
          for ([[maybe_unused]] const Batch& batch : epoch) continue;
          return epoch.status();
        },
        StatusCode::kFailedPrecondition,
        {"come to its end", "Epoch()"}},
       {"a range of an epoch that was ended",
        [&] {
          FAIRLEAD_ASSIGN_OR_RETURN(EpochRange epoch, loader->Epoch());
          FAIRLEAD_RETURN_IF_ERROR(loader->StartEpoch());
          for ([[maybe_unused]] const Batch& batch : epoch) continue;
          return epoch.status();
        },
        StatusCode::kFailedPrecondition,
        {"ended by a later one"}}},
      testing::kOfAnEpoch);
}

TEST(Misuse, OfABatch) {
  FakeCluster cluster({.batches = 1});
  FakeCluster heterogeneous(
      {.batches = 1, .tensors = [](uint64_t) {
         return std::vector<FakeTensor>{
             {"#IS_HETERO", {1}}, {"paper.ids", {1}}, {"paper.batch", {1}}};
       }});
  const auto first = [](const FakeCluster& of) -> absl::StatusOr<Batch> {
    FAIRLEAD_ASSIGN_OR_RETURN(const auto loader,
                              DistNeighborLoader::Create(On(of)));
    FAIRLEAD_RETURN_IF_ERROR(loader->StartEpoch());
    FAIRLEAD_ASSIGN_OR_RETURN(auto batch, loader->Next());
    return *std::move(batch);
  };
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Batch one, first(cluster));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Batch many, first(heterogeneous));
  ExpectAnswers({{"Data of several types",
                  [&] { return many.ToData().status(); },
                  StatusCode::kFailedPrecondition,
                  {"several node or edge types", "ToHeteroData"}},
                 {"HeteroData of one type",
                  [&] { return one.ToHeteroData().status(); },
                  StatusCode::kFailedPrecondition,
                  {"one node type", "ToData"}},
                 {"a tensor that is not there",
                  [&] { return one.Get("nfeat").status(); },
                  StatusCode::kNotFound,
                  {"\"nfeat\"", "ids"}},
                 {"a tensor without its type",
                  [&] { return many.Get("ids").status(); },
                  StatusCode::kNotFound,
                  {"\"ids\"", "paper.ids"}}},
                testing::kOfABatch);
}

TEST(Misuse, OfTheClusterAndItsFiles) {
  FakeCluster cluster({.batches = 1, .pools = 2});
  const auto with = [&](auto spoil) {
    return [&, spoil] {
      NeighborLoaderOptions options = On(cluster);
      spoil(options);
      return DistNeighborLoader::Create(options).status();
    };
  };
  ExpectAnswers(
      {{"files for other servers than there are",
        [&] {
          SamplingInput::Options options{.worker_key = "k"};
          options.seeds.resize(3);
          FAIRLEAD_ASSIGN_OR_RETURN(
              const auto session,
              RegistrySession::Create({.registry = cluster.address()}));
          return SamplingInput::Register(session.get(), options).status();
        },
        StatusCode::kInvalidArgument,
        {"3 lists", "2 servers"}},
       {"no seeds at all",
        [&] {
          SampleStreamOptions options = *Resolve(On(cluster));
          options.seeds.clear();
          return SampleStream::Create(options).status();
        },
        StatusCode::kInvalidArgument,
        {"seeds", "for all servers"}},
       {"a file that is not there",
        with([](auto& o) {
          o.input_nodes = InputNodes::Files({"/no/such/file.npy"});
        }),
        StatusCode::kNotFound,
        {"/no/such/file.npy"}},
       {"a file that is no array",
        with([](auto& o) {
          o.input_nodes = InputNodes::Files({"/proc/self/cmdline"});
        }),
        StatusCode::kInvalidArgument,
        {"/proc/self/cmdline"}},
       {"a fanout that is none",
        [] { return ParseFanout("15;10").status(); },
        StatusCode::kInvalidArgument,
        {"15;10", "15,10,5"}},
       {"an id that is none",
        [] {
          return ParseIds({"4", "x"}).status();
        },
        StatusCode::kInvalidArgument,
        {"\"x\"", "4,8,15"}},
       {"pinned memory where there is no device",
        [] { return Placement::Create("cpu", true, 0, CudaCalls()).status(); },
        StatusCode::kFailedPrecondition,
        {"pin_memory", "needs CUDA", "LIBTORCH"}},
       {"a device where there is none",
        [] {
          return Placement::Create("cuda", false, 0, CudaCalls()).status();
        },
        StatusCode::kFailedPrecondition,
        {"to_device: \"cuda\"", "needs CUDA", "LIBTORCH"}},
       {"a device beyond the last",
        [] {
          return Placement::Create("cuda:9", false, 0, CudaCalls{.devices = 2})
              .status();
        },
        StatusCode::kInvalidArgument,
        {"cuda:9", "2 CUDA devices"}}},
      testing::kOfTheCluster);
}

TEST(Misuse, OfAReceivingChannel) {
  FakeCluster cluster({.batches = 2, .pools = 2});
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const auto session,
      RegistrySession::Create({.registry = cluster.address()}));
  SamplingInput::Options input_options{.worker_key = "rank_0"};
  input_options.seeds.emplace_back().set_split(v1::SPLIT_TRAIN);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const auto input, SamplingInput::Register(session.get(), input_options));
  const uint64_t id0 = input->channel(0).channel_id;
  const uint64_t id1 = input->channel(1).channel_id;
  using Options = BatchReceivingChannel::Options;
  const auto create = [&](Options options) {
    return [&, options] {
      return BatchReceivingChannel::Create(input.get(), options).status();
    };
  };
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const auto channel,
      BatchReceivingChannel::Create(input.get(),
                                    {.server_rank = 0, .channel_id = id0}));
  ExpectAnswers(
      {{"more servers than channels",
        create({.server_rank = {0, 1}, .channel_id = {7}}),
        StatusCode::kInvalidArgument,
        {"2 and 1", "as many of each"}},
       {"no servers",
        create({}),
        StatusCode::kInvalidArgument,
        {"server_rank", "there is none"}},
       {"a server twice",
        create({.server_rank = {0, 0}, .channel_id = {id0, id0}}),
        StatusCode::kInvalidArgument,
        {"server_rank: 0", "twice"}},
       {"a server where nothing is registered",
        create({.server_rank = 9, .channel_id = id0}),
        StatusCode::kInvalidArgument,
        {"server 9", "register it"}},
       {"channels in another order",
        create({.server_rank = {0, 1}, .channel_id = {id1, id0}}),
        StatusCode::kInvalidArgument,
        {"channel_id: on server 0", "order"}},
       {"no prefetching",
        create({.server_rank = 0, .channel_id = id0, .prefetch_size = 0}),
        StatusCode::kInvalidArgument,
        {"prefetch_size", "at least 1"}},
       {"no credit",
        create({.server_rank = 0, .channel_id = id0, .credit_bytes = 0}),
        StatusCode::kInvalidArgument,
        {"credit_bytes"}},
       {"a mask of other servers",
        create({.server_rank = 0,
                .channel_id = id0,
                .active_mask = {true, false}}),
        StatusCode::kInvalidArgument,
        {"active_mask: has 2", "1 servers"}},
       {"Recv before Reset",
        [&] { return channel->Recv().status(); },
        StatusCode::kFailedPrecondition,
        {"no epoch runs"}},
       {"a channel of no servers",
        [] {
          return RemoteReceivingChannel::Create({.num_servers = 0}).status();
        },
        StatusCode::kInvalidArgument,
        {"num_servers"}},
       {"a channel that cannot start an epoch",
        [] { return RemoteReceivingChannel::Create({}).status(); },
        StatusCode::kInvalidArgument,
        {"start_epoch"}}},
      testing::kOfAReceivingChannel);
}

}  // namespace
}  // namespace fairlead
