#include "libs/loader/loader_options.h"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "libs/loader/input_nodes.h"
#include "libs/loader/sample_stream_options.h"
#include "libs/rpc/edge_type_proto.h"
#include "libs/status/status_macros.h"
#include "libs/type_names/type_names.h"
#include "protos/fairlead/v1/sampling.pb.h"

namespace fairlead {
namespace {

absl::Status CheckFanout(absl::string_view what,
                         const std::vector<int32_t>& fanout) {
  for (const int32_t count : fanout) {
    if (count >= -1) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        what, ": ", count,
        " is no number of neighbours; give a count, -1 for all, or 0 for "
        "none"));
  }
  return absl::OkStatus();
}

absl::Status CheckNeighborhood(const NeighborhoodOptions& options) {
  if (!options.fanout.empty() && !options.edge_type_fanouts.empty()) {
    return absl::InvalidArgumentError(
        "fanout and edge_type_fanouts: only one of the two can be given");
  }
  FAIRLEAD_RETURN_IF_ERROR(CheckFanout("fanout", options.fanout));
  std::set<EdgeTypeName> seen;
  for (const auto& [type, fanout] : options.edge_type_fanouts) {
    FAIRLEAD_RETURN_IF_ERROR(
        CheckFanout(absl::StrCat("fanout of ", type.ToString()), fanout));
    if (seen.insert(type).second) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("edge_type_fanouts: ", type.ToString(),
                     " is there twice; give each edge type one list"));
  }
  return absl::OkStatus();
}

// `seeds` is how many there are, where that is known.
absl::Status CheckTemporal(const TemporalOptions& options,
                           std::optional<size_t> seeds) {
  if (options.input_times.empty()) return absl::OkStatus();
  if (options.temporal == v1::TEMPORAL_STRATEGY_UNSPECIFIED) {
    return absl::InvalidArgumentError(
        "input_times: are of no use without a temporal strategy; set temporal, "
        "or leave them out");
  }
  if (!seeds.has_value()) {
    return absl::InvalidArgumentError(
        "input_times: are one for each of a list of seeds; give ids or edges, "
        "or leave them out for the nodes' own timestamps");
  }
  if (*seeds == options.input_times.size()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("input_times: there are ", options.input_times.size(),
                   " for ", *seeds, " seeds; give one for each"));
}

bool IsLabelType(const EdgeTypeName& type) {
  return absl::EndsWith(type.relation, "_gigl_positive") ||
         absl::EndsWith(type.relation, "_gigl_negative");
}

void SetNeighborhood(const NeighborhoodOptions& options,
                     v1::SamplingConfig* config) {
  config->mutable_fanout()->Assign(options.fanout.begin(),
                                   options.fanout.end());
  for (const auto& [type, fanout] : options.edge_type_fanouts) {
    v1::EdgeTypeFanout& entry = *config->add_edge_type_fanouts();
    *entry.mutable_edge_type() = ToProto(type);
    entry.mutable_fanout()->Assign(fanout.begin(), fanout.end());
  }
  config->set_with_edge(options.with_edge);
  config->set_replace(options.replace);
  config->set_with_weight(options.with_weight);
}

void SetTemporal(const TemporalOptions& options, SampleStreamOptions* stream) {
  stream->config.set_temporal(options.temporal);
  stream->seeds[0].mutable_times()->Assign(options.input_times.begin(),
                                           options.input_times.end());
}

// What all kinds have in common.
SampleStreamOptions ToStream(const LoaderOptions& options,
                             v1::SamplingType type,
                             std::vector<v1::SeedNodes> seeds) {
  SampleStreamOptions stream{options};
  stream.seeds = std::move(seeds);
  v1::SamplingConfig& config = stream.config;
  config.set_type(type);
  config.set_batch_size(options.batch_size);
  config.set_shuffle(options.shuffle);
  config.set_drop_last(options.drop_last);
  config.set_collect_features(options.collect_features);
  config.set_seed(options.seed);
  config.set_edge_dir(options.edge_dir);
  return stream;
}

absl::Status CheckCommon(const LoaderOptions& options) {
  // The seeds are checked as what they were given as.
  return Validate(ToStream(options, v1::SAMPLING_TYPE_NODE, {{}}));
}

bool IsPositive(double value) { return std::isfinite(value) && value > 0; }

}  // namespace

absl::Status Validate(const NeighborLoaderOptions& options) {
  FAIRLEAD_RETURN_IF_ERROR(CheckCommon(options));
  FAIRLEAD_RETURN_IF_ERROR(CheckNeighborhood(options));
  FAIRLEAD_RETURN_IF_ERROR(Validate(options.input_nodes));
  std::optional<size_t> seeds;
  if (options.input_nodes.ids.has_value()) {
    seeds = options.input_nodes.ids->size();
  }
  return CheckTemporal(options, seeds);
}

absl::Status Validate(const LinkNeighborLoaderOptions& options) {
  FAIRLEAD_RETURN_IF_ERROR(CheckCommon(options));
  FAIRLEAD_RETURN_IF_ERROR(CheckNeighborhood(options));
  FAIRLEAD_RETURN_IF_ERROR(Validate(options.input_edges));
  const std::optional<InputEdges::List>& edges = options.input_edges.edges;
  std::optional<size_t> seeds;
  if (edges.has_value()) seeds = edges->src.size();
  FAIRLEAD_RETURN_IF_ERROR(CheckTemporal(options, seeds));
  if (!IsPositive(options.amount)) {
    return absl::InvalidArgumentError(
        absl::StrCat("amount: ", options.amount,
                     " is no number of negatives for each edge; give more than "
                     "0, or NEGATIVE_MODE_NONE for none"));
  }
  if (options.negatives != v1::NEGATIVE_MODE_TRIPLET) return absl::OkStatus();
  if (options.amount != std::floor(options.amount)) {
    return absl::InvalidArgumentError(
        absl::StrCat("amount: ", options.amount,
                     " is no whole number, as triplets need; round it, or use "
                     "NEGATIVE_MODE_BINARY"));
  }
  if (edges.has_value() && !edges->labels.empty()) {
    return absl::InvalidArgumentError(
        "input_edges.labels: have no place beside NEGATIVE_MODE_TRIPLET; use "
        "NEGATIVE_MODE_BINARY or leave them out");
  }
  return absl::OkStatus();
}

absl::Status Validate(const SubGraphLoaderOptions& options) {
  FAIRLEAD_RETURN_IF_ERROR(CheckCommon(options));
  FAIRLEAD_RETURN_IF_ERROR(CheckNeighborhood(options));
  return Validate(options.input_nodes);
}

absl::Status Validate(const AblpLoaderOptions& options) {
  FAIRLEAD_RETURN_IF_ERROR(CheckCommon(options));
  FAIRLEAD_RETURN_IF_ERROR(CheckNeighborhood(options));
  FAIRLEAD_RETURN_IF_ERROR(Validate(options.input_nodes));
  const EdgeTypeName& supervision = options.supervision_edge_type;
  if (supervision.src.empty() || supervision.relation.empty() ||
      supervision.dst.empty()) {
    return absl::InvalidArgumentError(
        "supervision_edge_type: is not given whole; name the edges that are to "
        "be predicted, such as {\"user\", \"buys\", \"item\"}");
  }
  if (IsLabelType(supervision)) {
    return absl::InvalidArgumentError(
        absl::StrCat("supervision_edge_type: ", supervision.ToString(),
                     " is an edge type of labels; name the one without "
                     "\"_gigl_positive\" or \"_gigl_negative\""));
  }
  for (const auto& [type, fanout] : options.edge_type_fanouts) {
    if (!IsLabelType(type)) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("edge_type_fanouts: ", type.ToString(),
                     " is an edge type of labels, along which nothing is "
                     "passed; leave it out"));
  }
  return absl::OkStatus();
}

absl::Status Validate(const PprLoaderOptions& options) {
  FAIRLEAD_RETURN_IF_ERROR(CheckCommon(options));
  FAIRLEAD_RETURN_IF_ERROR(Validate(options.input_nodes));
  if (!(options.alpha > 0 && options.alpha < 1)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "alpha: ", options.alpha,
        " is no probability of a restart; give more than 0 and less than 1"));
  }
  if (!IsPositive(options.eps)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "eps: ", options.eps, " is not more than 0; 1e-4 is usual"));
  }
  if (options.max_ppr_nodes < 1) {
    return absl::InvalidArgumentError(
        "max_ppr_nodes: must be at least 1, got 0; with 0 no node is kept");
  }
  if (options.num_neighbors_per_hop < 1 &&
      options.num_neighbors_per_hop != -1) {
    return absl::InvalidArgumentError(absl::StrCat(
        "num_neighbors_per_hop: ", options.num_neighbors_per_hop,
        " is no number of neighbours; give at least 1, or -1 for all"));
  }
  for (const PprLoaderOptions::Channel& channel : options.channels) {
    if (channel.edge_types.empty()) {
      return absl::InvalidArgumentError(
          "channels: one has no edge types, so it would reach nothing but the "
          "seed; name some, or leave it out");
    }
    if (!IsPositive(channel.ratio)) {
      return absl::InvalidArgumentError(
          absl::StrCat("channels: the ratio ", channel.ratio,
                       " is not more than 0; leave the channel out"));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<SampleStreamOptions> Resolve(
    const NeighborLoaderOptions& options) {
  FAIRLEAD_RETURN_IF_ERROR(Validate(options));
  FAIRLEAD_ASSIGN_OR_RETURN(auto seeds, ToSeedNodes(options.input_nodes));
  SampleStreamOptions stream =
      ToStream(options, v1::SAMPLING_TYPE_NODE, std::move(seeds));
  SetNeighborhood(options, &stream.config);
  SetTemporal(options, &stream);
  return stream;
}

absl::StatusOr<SampleStreamOptions> Resolve(
    const LinkNeighborLoaderOptions& options) {
  FAIRLEAD_RETURN_IF_ERROR(Validate(options));
  SampleStreamOptions stream = ToStream(options, v1::SAMPLING_TYPE_LINK,
                                        {ToSeedNodes(options.input_edges)});
  SetNeighborhood(options, &stream.config);
  SetTemporal(options, &stream);
  v1::LinkOptions& link = *stream.config.mutable_link();
  link.set_negatives(options.negatives);
  link.set_amount(options.amount);
  link.set_strict(options.strict);
  link.set_glt_labels(options.glt_labels);
  return stream;
}

absl::StatusOr<SampleStreamOptions> Resolve(
    const SubGraphLoaderOptions& options) {
  FAIRLEAD_RETURN_IF_ERROR(Validate(options));
  FAIRLEAD_ASSIGN_OR_RETURN(auto seeds, ToSeedNodes(options.input_nodes));
  SampleStreamOptions stream =
      ToStream(options, v1::SAMPLING_TYPE_SUBGRAPH, std::move(seeds));
  SetNeighborhood(options, &stream.config);
  return stream;
}

absl::StatusOr<SampleStreamOptions> Resolve(const AblpLoaderOptions& options) {
  FAIRLEAD_RETURN_IF_ERROR(Validate(options));
  FAIRLEAD_ASSIGN_OR_RETURN(auto seeds, ToSeedNodes(options.input_nodes));
  SampleStreamOptions stream =
      ToStream(options, v1::SAMPLING_TYPE_ABLP, std::move(seeds));
  SetNeighborhood(options, &stream.config);
  v1::AblpOptions& ablp = *stream.config.mutable_ablp();
  *ablp.mutable_supervision_edge_type() =
      ToProto(options.supervision_edge_type);
  ablp.set_max_labels_per_anchor_node(options.max_labels_per_anchor_node);
  return stream;
}

absl::StatusOr<SampleStreamOptions> Resolve(const PprLoaderOptions& options) {
  FAIRLEAD_RETURN_IF_ERROR(Validate(options));
  FAIRLEAD_ASSIGN_OR_RETURN(auto seeds, ToSeedNodes(options.input_nodes));
  SampleStreamOptions stream =
      ToStream(options, v1::SAMPLING_TYPE_PPR, std::move(seeds));
  v1::PprOptions& ppr = *stream.config.mutable_ppr();
  ppr.set_alpha(options.alpha);
  ppr.set_eps(options.eps);
  ppr.set_max_ppr_nodes(options.max_ppr_nodes);
  ppr.set_num_neighbors_per_hop(options.num_neighbors_per_hop);
  ppr.set_max_fetch_iterations(options.max_fetch_iterations);
  ppr.set_no_residual_top_up(!options.residual_top_up);
  for (const PprLoaderOptions::Channel& channel : options.channels) {
    v1::PprChannel& entry = *ppr.add_channels();
    entry.set_ratio(channel.ratio);
    for (const EdgeTypeName& type : channel.edge_types) {
      *entry.add_edge_types() = ToProto(type);
    }
  }
  return stream;
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
