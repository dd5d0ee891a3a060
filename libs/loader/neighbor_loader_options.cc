#include "libs/loader/neighbor_loader_options.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "libs/rpc/edge_type_proto.h"
#include "libs/status/status_macros.h"
#include "protos/fairlead/v1/sampling.pb.h"
#include "xxhash.h"

namespace fairlead {
namespace {

constexpr std::array<std::pair<absl::string_view, v1::Split>, 4> kSplits = {
    {{"train", v1::SPLIT_TRAIN},
     {"val", v1::SPLIT_VAL},
     {"test", v1::SPLIT_TEST},
     {"all", v1::SPLIT_ALL}}};

// Unspecified for a word that is no split.
v1::Split SplitOf(absl::string_view text) {
  for (const auto& [name, split] : kSplits) {
    if (name == text) return split;
  }
  return v1::SPLIT_UNSPECIFIED;
}

absl::Status CheckFanout(absl::string_view what,
                         const std::vector<int32_t>& fanout) {
  for (const int32_t count : fanout) {
    if (count < -1) {
      return absl::InvalidArgumentError(absl::StrCat(
          what, ": ", count,
          " is no number of neighbours; give a count, -1 for all, or 0 for "
          "none"));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckInputNodes(const InputNodes& nodes) {
  if (nodes.num_shards < 1 || nodes.shard >= nodes.num_shards) {
    return absl::InvalidArgumentError(
        absl::StrCat("input_nodes: there is no shard ", nodes.shard, " of ",
                     nodes.num_shards, "; shards are counted from 0"));
  }
  if (!nodes.ids.has_value() && SplitOf(nodes.split) == v1::SPLIT_UNSPECIFIED) {
    return absl::InvalidArgumentError(
        absl::StrCat("input_nodes: there is no split \"", nodes.split,
                     "\"; the splits are train, val, test and all"));
  }
  return absl::OkStatus();
}

// Parity GL-082, GL-085.
absl::Status CheckBackend(const NeighborLoaderOptions& options) {
  const v1::BackendOptions& backend = options.backend;
  if (backend.worker_concurrency() > kMaxWorkerConcurrency) {
    return absl::InvalidArgumentError(absl::StrCat(
        "backend.worker_concurrency: ", backend.worker_concurrency(),
        " is more than ", kMaxWorkerConcurrency,
        "; give 1 to that many, or 0 for 4"));
  }
  const uint64_t capacity =
      backend.buffer_capacity() == 0 ? 64 : backend.buffer_capacity();
  if (options.prefetch_size > capacity) {
    return absl::InvalidArgumentError(
        absl::StrCat("prefetch_size: ", options.prefetch_size,
                     " is more than a channel's buffer holds; give at most "
                     "backend.buffer_capacity, ",
                     capacity, " messages, or raise that"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status Validate(const NeighborLoaderOptions& options) {
  if (options.batch_size < 1) {
    return absl::InvalidArgumentError("batch_size: must be at least 1, got 0");
  }
  if (options.prefetch_size < 1) {
    return absl::InvalidArgumentError(
        "prefetch_size: must be at least 1, got 0; with 0 no batch could come");
  }
  if (options.credit_bytes < 1) {
    return absl::InvalidArgumentError(
        "credit_bytes: must be at least 1, got 0; with 0 no batch could come");
  }
  FAIRLEAD_RETURN_IF_ERROR(Validate(options.worker_options));
  if (std::holds_alternative<RemoteWorkerOptions>(options.worker_options)) {
    FAIRLEAD_RETURN_IF_ERROR(CheckBackend(options));
  }
  if (!options.fanout.empty() && !options.edge_type_fanouts.empty()) {
    return absl::InvalidArgumentError(
        "fanout and edge_type_fanouts: only one of the two can be given");
  }
  FAIRLEAD_RETURN_IF_ERROR(CheckFanout("fanout", options.fanout));
  for (const auto& [type, fanout] : options.edge_type_fanouts) {
    FAIRLEAD_RETURN_IF_ERROR(
        CheckFanout(absl::StrCat("fanout of ", type.src, "__", type.relation,
                                 "__", type.dst),
                    fanout));
  }
  return CheckInputNodes(options.input_nodes);
}

v1::SeedNodes ToSeedNodes(const NeighborLoaderOptions& options) {
  const InputNodes& nodes = options.input_nodes;
  v1::SeedNodes seeds;
  seeds.set_node_type(nodes.node_type);
  if (options.sampling == v1::SAMPLING_TYPE_LINK) {
    *seeds.mutable_edges() = options.input_edges;
  } else if (nodes.ids.has_value()) {
    seeds.mutable_ids()->mutable_id()->Assign(nodes.ids->begin(),
                                              nodes.ids->end());
  } else {
    seeds.set_split(SplitOf(nodes.split));
  }
  seeds.mutable_times()->Assign(options.input_times.begin(),
                                options.input_times.end());
  if (nodes.num_shards > 1) {
    v1::SeedSlice& slice = *seeds.mutable_slice();
    slice.set_start_numerator(nodes.shard);
    slice.set_end_numerator(nodes.shard + 1);
    slice.set_denominator(nodes.num_shards);
  }
  return seeds;
}

v1::SamplingConfig ToSamplingConfig(const NeighborLoaderOptions& options) {
  v1::SamplingConfig config;
  config.set_type(options.sampling);
  config.mutable_fanout()->Assign(options.fanout.begin(), options.fanout.end());
  for (const auto& [type, fanout] : options.edge_type_fanouts) {
    v1::EdgeTypeFanout& entry = *config.add_edge_type_fanouts();
    *entry.mutable_edge_type() = ToProto(type);
    entry.mutable_fanout()->Assign(fanout.begin(), fanout.end());
  }
  config.set_batch_size(options.batch_size);
  config.set_shuffle(options.shuffle);
  config.set_drop_last(options.drop_last);
  config.set_with_edge(options.with_edge);
  config.set_collect_features(options.collect_features);
  config.set_replace(options.replace);
  config.set_seed(options.seed);
  config.set_edge_dir(options.edge_dir);
  config.set_with_weight(options.with_weight);
  config.set_temporal(options.temporal);
  if (options.sampling == v1::SAMPLING_TYPE_LINK) {
    *config.mutable_link() = options.link;
  }
  if (options.sampling == v1::SAMPLING_TYPE_ABLP) {
    *config.mutable_ablp() = options.ablp;
  }
  if (options.sampling == v1::SAMPLING_TYPE_PPR) {
    *config.mutable_ppr() = options.ppr;
  }
  return config;
}

uint64_t InputFingerprint(const NeighborLoaderOptions& options) {
  const std::string seeds = ToSeedNodes(options).SerializeAsString();
  const std::string config = ToSamplingConfig(options).SerializeAsString();
  return XXH3_64bits_withSeed(config.data(), config.size(),
                              XXH3_64bits(seeds.data(), seeds.size()));
}

absl::StatusOr<std::vector<int32_t>> ParseFanout(absl::string_view text) {
  std::vector<int32_t> fanout;
  if (text.empty()) return fanout;
  for (const absl::string_view word : absl::StrSplit(text, ',')) {
    int32_t count = 0;
    if (!absl::SimpleAtoi(word, &count) || count < -1) {
      return absl::InvalidArgumentError(absl::StrCat(
          "fanout \"", text, "\": \"", word,
          "\" is no number of neighbours; write one for each hop, such as "
          "15,10,5, with -1 for all"));
    }
    fanout.push_back(count);
  }
  return fanout;
}

absl::StatusOr<std::optional<std::vector<int64_t>>> ParseIds(
    const std::vector<std::string>& words) {
  if (words.empty()) return std::nullopt;
  std::vector<int64_t> ids;
  ids.reserve(words.size());
  for (const std::string& word : words) {
    int64_t id = 0;
    if (!absl::SimpleAtoi(word, &id)) {
      return absl::InvalidArgumentError(
          absl::StrCat("ids: \"", word, "\" is no node id; write 4,8,15"));
    }
    ids.push_back(id);
  }
  return ids;
}

}  // namespace fairlead
