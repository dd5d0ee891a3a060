#ifndef FAIRLEAD_LIBS_LOADER_NEIGHBOR_LOADER_OPTIONS_H_
#define FAIRLEAD_LIBS_LOADER_NEIGHBOR_LOADER_OPTIONS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "libs/loader/worker_options.h"
#include "libs/type_names/type_names.h"
#include "protos/fairlead/v1/registry.pb.h"
#include "protos/fairlead/v1/sampling.pb.h"

namespace fairlead {

// The seed nodes: a split of the dataset, or a list of ids; and of these all,
// or the part that is this trainer's.
struct InputNodes {
  std::string node_type = {};  // may be empty where the graph has one type

  // "train", "val", "test" or "all"; not used if there are `ids`.
  std::string split = "train";
  std::optional<std::vector<int64_t>> ids = std::nullopt;  // repeats allowed

  // Shard `shard` of `num_shards`: shards are of nearly equal size and together
  // make up the whole.
  uint64_t shard = 0;
  uint64_t num_shards = 1;
};

// What a neighbour loader loads and how. The defaults make a trainer that runs
// against a registry on this host; most need fanout, batch_size and shuffle.
struct NeighborLoaderOptions {
  std::string registry = "127.0.0.1:7100";

  // --- what is sampled -------------------------------------------------------
  InputNodes input_nodes = {};

  // Neighbours per node, hop by hop, along every edge type: > 0 that many, -1
  // all, 0 none at this hop. Empty samples the seeds alone.
  std::vector<int32_t> fanout = {};

  // In place of `fanout`: edge types that are absent are not traversed.
  std::vector<std::pair<EdgeTypeName, std::vector<int32_t>>> edge_type_fanouts =
      {};

  uint64_t batch_size = 1;
  bool shuffle = false;          // a new order in each epoch
  bool drop_last = false;        // leave out a last batch that is not full
  bool with_edge = false;        // edge ids
  bool collect_features = true;  // labels come whenever the dataset has them
  bool replace = false;          // draw with replacement
  uint64_t seed = 0;             // the same seed gives the same batches

  v1::EdgeDir edge_dir = v1::EDGE_DIR_OUT;  // along edges, or against them
  bool with_weight = false;                 // draw by the edges' weights
  // Only edges that are not later than the seed they are drawn for, whose time
  // is its node's timestamp, or one of these: as many as ids or edges.
  v1::TemporalStrategy temporal = v1::TEMPORAL_STRATEGY_UNSPECIFIED;
  std::vector<int64_t> input_times = {};

  // Kinds of sampling other than neighbourhoods of nodes, each with its own
  // options; links start from `input_edges` in place of input_nodes.
  v1::SamplingType sampling = v1::SAMPLING_TYPE_NODE;
  v1::SeedEdges input_edges = {};
  v1::LinkOptions link = {};
  v1::AblpOptions ablp = {};
  v1::PprOptions ppr = {};

  // --- who samples -----------------------------------------------------------
  WorkerOptions worker_options = RemoteWorkerOptions();
  v1::FailurePolicy failure_policy = v1::FAILURE_POLICY_UNSPECIFIED;

  // --- how it travels from remote workers ------------------------------------
  std::vector<uint32_t> server_ranks = {};  // empty: one of every partition
  uint64_t prefetch_size = 4;               // batches under way per server
  uint64_t credit_bytes = 256 << 20;        // and bytes
  absl::Duration connect_timeout = absl::Seconds(60);
  absl::Duration recovery_timeout = absl::Seconds(120);

  // --- under which names it is remote workers' -------------------------------
  // Loaders that share a backend_key share its options. The member name and the
  // worker_key must differ between trainers; empty ones are made up.
  std::string backend_key = "dist_neighbor_loader";
  v1::BackendOptions backend = {};
  v1::ChannelControl control = {};  // how it stands against others, at first
  std::string member_name = {};
  std::string worker_key = {};
};

// INVALID_ARGUMENT, naming the option and what it may be, for what no server
// need be asked about.
absl::Status Validate(const NeighborLoaderOptions& options);

// As the contracts put it. REQUIRES Validate(options).ok().
v1::SeedNodes ToSeedNodes(const NeighborLoaderOptions& options);
v1::SamplingConfig ToSamplingConfig(const NeighborLoaderOptions& options);

// Tells inputs apart that make other batches: of seeds and sampling config.
// REQUIRES Validate(options).ok().
uint64_t InputFingerprint(const NeighborLoaderOptions& options);

// "15,10,5" as a fanout; "" is the empty one. INVALID_ARGUMENT, showing a good
// one, for anything else.
absl::StatusOr<std::vector<int32_t>> ParseFanout(absl::string_view text);

// Node ids, or nullopt for no words. INVALID_ARGUMENT for a word that is none.
absl::StatusOr<std::optional<std::vector<int64_t>>> ParseIds(
    const std::vector<std::string>& words);

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_LOADER_NEIGHBOR_LOADER_OPTIONS_H_
