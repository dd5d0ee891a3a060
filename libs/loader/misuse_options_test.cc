// Options that no loader can be made of: every one is INVALID_ARGUMENT, names
// the option, and says what it may be, before a server is asked.

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "libs/loader/dist_ablp_loader.h"
#include "libs/loader/dist_link_neighbor_loader.h"
#include "libs/loader/dist_neighbor_loader.h"
#include "libs/loader/dist_ppr_loader.h"
#include "libs/loader/dist_subgraph_loader.h"
#include "libs/loader/input_nodes.h"
#include "libs/loader/loader_options.h"
#include "libs/loader/misuse_table.h"

namespace fairlead {
namespace {

using ::fairlead::testing::ExpectAnswers;
using ::fairlead::testing::Misuse;

// A loader of the kind, of good options but for what `spoil` does to them.
template <typename Loader, typename Spoil>
Misuse Bad(std::string what, Spoil spoil, std::vector<std::string> words,
           absl::StatusCode code = absl::StatusCode::kInvalidArgument) {
  return {std::move(what),
          [spoil] {
            typename Loader::Options options;
            spoil(options);
            return Loader::Create(options).status();
          },
          code, std::move(words)};
}

template <typename Spoil>
Misuse Nodes(std::string what, Spoil spoil, std::vector<std::string> words,
             absl::StatusCode code = absl::StatusCode::kInvalidArgument) {
  return Bad<DistNeighborLoader>(std::move(what), spoil, std::move(words),
                                 code);
}

template <typename Spoil>
Misuse Links(std::string what, Spoil spoil, std::vector<std::string> words) {
  return Bad<DistLinkNeighborLoader>(std::move(what), spoil, std::move(words));
}

TEST(Misuse, OfOptionsOfEveryKind) {
  const std::vector<Misuse> table = {
      Nodes("no batches", [](auto& o) { o.batch_size = 0; },
            {"batch_size", "at least 1"}),
      Nodes("no prefetching", [](auto& o) { o.prefetch_size = 0; },
            {"prefetch_size", "at least 1"}),
      Nodes("more prefetching than buffer",
            [](auto& o) { o.prefetch_size = 65; },
            {"prefetch_size: 65", "buffer_capacity, 64"}),
      Nodes("more prefetching than a buffer that was chosen",
            [](auto& o) {
              o.prefetch_size = 5;
              o.backend.set_buffer_capacity(4);
            },
            {"prefetch_size: 5", "buffer_capacity, 4"}),
      Nodes("no credit", [](auto& o) { o.credit_bytes = 0; },
            {"credit_bytes", "at least 1"}),
      Nodes("too much concurrency",
            [](auto& o) { o.backend.set_worker_concurrency(33); },
            {"worker_concurrency: 33", "1 to that many"}),
      Nodes("no time to connect",
            [](auto& o) { o.connect_timeout = -absl::Seconds(2); },
            {"connect_timeout", "negative", "-2s"}),
      Nodes("no time to recover",
            [](auto& o) { o.recovery_timeout = -absl::Seconds(1); },
            {"recovery_timeout", "negative", "-1s"}),
      Nodes("a server named twice",
            [](auto& o) {
              o.server_ranks = {2, 0, 2};
            },
            {"server_ranks: 2", "twice", "name each once"}),
      Nodes("no backend key", [](auto& o) { o.backend_key = ""; },
            {"backend_key", "dist_neighbor_loader"}),
      Nodes("no registry", [](auto& o) { o.registry = ""; },
            {"host:port", "MASTER_ADDR"}),
      Nodes("a registry without a port",
            [](auto& o) { o.registry = "localhost"; },
            {"localhost", "host:port"}),
      Nodes("a device that there is no such",
            [](auto& o) { o.to_device = "gpu"; },
            {"to_device: \"gpu\"", "\"cuda:1\""}),
      Nodes("a device with no number", [](auto& o) { o.to_device = "cuda:"; },
            {"to_device: \"cuda:\""}),
      Nodes("a device below the first",
            [](auto& o) { o.to_device = "cuda:-1"; },
            {"to_device: \"cuda:-1\""}),
      Nodes("too many batches ahead",
            [](auto& o) {
              o.worker_options = CollocatedWorkerOptions{.prefetch_size = 5000};
            },
            {"prefetch_size: 5000"}),
      Nodes(
          "no worker",
          [](auto& o) { o.worker_options = MpWorkerOptions{.num_workers = 0}; },
          {"num_workers: 0", "1 to"}),
      Nodes("devices for some workers",
            [](auto& o) {
              o.worker_options = MpWorkerOptions{
                  .num_workers = 3,
                  .worker_devices = std::vector<std::string>(2, "cpu")};
            },
            {"worker_devices: there are 2 for 3", "one for each"}),
      Nodes("workers of one's own, and no dataset",
            [](auto& o) { o.worker_options = CollocatedWorkerOptions(); },
            {"dataset: must be given", "RemoteWorkerOptions"}),
      Nodes("a pool of one's own, and no dataset",
            [](auto& o) { o.worker_options = MpWorkerOptions(); },
            {"dataset: must be given"})};
  ExpectAnswers(table, testing::kOfOptions);
}

TEST(Misuse, OfSeedsAndFanouts) {
  const std::vector<Misuse> table = {
      Nodes("a fanout below -1",
            [](auto& o) {
              o.fanout = {5, -2};
            },
            {"fanout: -2", "-1 for all"}),
      Nodes("two forms of fanout",
            [](auto& o) {
              o.fanout = {1};
              o.edge_type_fanouts = {{{"a", "b", "c"}, {1}}};
            },
            {"fanout and edge_type_fanouts", "only one"}),
      Nodes("a fanout below -1 of an edge type",
            [](auto& o) {
              o.edge_type_fanouts = {{{"a", "b", "c"}, {-7}}};
            },
            {"a__b__c: -7"}),
      Nodes("an edge type twice",
            [](auto& o) {
              o.edge_type_fanouts = {{{"a", "b", "c"}, {1}},
                                     {{"a", "b", "c"}, {2}}};
            },
            {"a__b__c", "twice"}),
      Nodes("a split that there is none of",
            [](auto& o) { o.input_nodes.split = "trian"; },
            {"\"trian\"", "train, val, test and all"}),
      Nodes("ids and files",
            [](auto& o) {
              o.input_nodes.ids = {1};
              o.input_nodes.paths = {"a.npy"};
            },
            {"ids and paths", "leave one"}),
      Nodes(
          "an id below 0",
          [](auto& o) {
            o.input_nodes.ids = {4, -4};
          },
          {"input_nodes.ids: -4", "0 or more"}, absl::StatusCode::kOutOfRange),
      Nodes("a file without a name",
            [](auto& o) { o.input_nodes.paths = {""}; },
            {"input_nodes.paths", ".npy"}),
      Nodes("files for servers, and shards",
            [](auto& o) {
              o.input_nodes.paths = {"a.npy", "b.npy"};
              o.input_nodes.num_shards = 2;
            },
            {"shards as well", "one file"}),
      Nodes("a shard beyond the last",
            [](auto& o) {
              o.input_nodes.shard = 3;
              o.input_nodes.num_shards = 3;
            },
            {"shard 3 of 3", "counted from 0"}),
      Nodes("no shards", [](auto& o) { o.input_nodes.num_shards = 0; },
            {"shard 0 of 0"}),
      Nodes("times without a strategy",
            [](auto& o) {
              o.input_nodes.ids = {1};
              o.input_times = {5};
            },
            {"input_times", "set temporal"}),
      Nodes("times of a split",
            [](auto& o) {
              o.temporal = v1::TEMPORAL_STRATEGY_LAST;
              o.input_times = {5};
            },
            {"input_times", "give ids or edges"}),
      Nodes("times for some",
            [](auto& o) {
              o.input_nodes.ids = {1, 2};
              o.temporal = v1::TEMPORAL_STRATEGY_LAST;
              o.input_times = {5};
            },
            {"there are 1 for 2 seeds"}),
      Links("as many destinations as sources",
            [](auto& o) {
              o.input_edges.edges = {.src = {1, 2}, .dst = {3}};
            },
            {"2 sources and 1 destinations"}),
      Links(
          "labels for some",
          [](auto& o) {
            o.input_edges.edges = {.src = {1, 2}, .dst = {3, 4}, .labels = {1}};
          },
          {"1 labels for 2 edges", "or none"}),
      Links("a source below 0",
            [](auto& o) { o.input_edges.edges = {.src = {-3}, .dst = {1}}; },
            {"input_edges.src: -3"}),
      Links("a label below 0",
            [](auto& o) {
              o.input_edges.edges = {.src = {3}, .dst = {1}, .labels = {-1}};
            },
            {"input_edges.labels: -1"}),
      Links("a shard beyond the last", [](auto& o) { o.input_edges.shard = 1; },
            {"input_edges", "shard 1 of 1"}),
      Bad<DistSubGraphLoader>("a split that there is none of",
                              [](auto& o) { o.input_nodes.split = "none"; },
                              {"\"none\""})};
  ExpectAnswers(table, testing::kOfSeeds);
}

TEST(Misuse, OfNegativesAnchorsAndPpr) {
  const auto ablp = [](std::string what, auto spoil,
                       std::vector<std::string> words) {
    return Bad<DistAblpLoader>(
        std::move(what),
        [spoil](auto& o) {
          o.supervision_edge_type = {"user", "buys", "item"};
          spoil(o);
        },
        std::move(words));
  };
  const auto ppr = [](std::string what, auto spoil,
                      std::vector<std::string> words) {
    return Bad<DistPprLoader>(std::move(what), spoil, std::move(words));
  };
  const std::vector<Misuse> table = {
      Links("no negatives for an edge", [](auto& o) { o.amount = 0; },
            {"amount: 0", "more than 0"}),
      Links(
          "a number that is none",
          [](auto& o) { o.amount = std::numeric_limits<double>::quiet_NaN(); },
          {"amount: nan"}),
      Links("half a triplet",
            [](auto& o) {
              o.negatives = v1::NEGATIVE_MODE_TRIPLET;
              o.amount = 1.5;
            },
            {"amount: 1.5", "whole number", "NEGATIVE_MODE_BINARY"}),
      Links("labels of triplets",
            [](auto& o) {
              o.negatives = v1::NEGATIVE_MODE_TRIPLET;
              o.input_edges.edges = {.src = {1}, .dst = {2}, .labels = {1}};
            },
            {"input_edges.labels", "NEGATIVE_MODE_TRIPLET"}),
      ablp("nothing to predict", [](auto& o) { o.supervision_edge_type = {}; },
           {"supervision_edge_type", "such as"}),
      ablp("labels to predict",
           [](auto& o) {
             o.supervision_edge_type.relation = "buys_gigl_positive";
           },
           {"supervision_edge_type", "edge type of labels"}),
      ablp("labels to pass messages along",
           [](auto& o) {
             o.edge_type_fanouts = {
                 {{"user", "buys_gigl_negative", "item"}, {5}}};
           },
           {"edge_type_fanouts", "leave it out"}),
      ppr("no restart", [](auto& o) { o.alpha = 0; },
          {"alpha: 0", "less than 1"}),
      ppr("nothing but restarts", [](auto& o) { o.alpha = 1; }, {"alpha: 1"}),
      ppr("no precision", [](auto& o) { o.eps = 0; }, {"eps: 0", "1e-4"}),
      ppr("no nodes", [](auto& o) { o.max_ppr_nodes = 0; },
          {"max_ppr_nodes", "at least 1"}),
      ppr("no neighbours", [](auto& o) { o.num_neighbors_per_hop = 0; },
          {"num_neighbors_per_hop: 0", "-1 for all"}),
      ppr("a channel along nothing", [](auto& o) { o.channels = {{}}; },
          {"channels", "no edge types"}),
      ppr("a channel with no share",
          [](auto& o) {
            o.channels = {{.edge_types = {{"a", "to", "b"}}, .ratio = 0}};
          },
          {"channels", "ratio 0"})};
  ExpectAnswers(table, testing::kOfNegatives);
}

}  // namespace
}  // namespace fairlead
