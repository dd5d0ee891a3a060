#include "libs/batch_maker/sampling_plan.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "libs/graph/dataset.h"
#include "libs/rpc/edge_type_proto.h"
#include "libs/sampling/ablp_label_types.h"
#include "libs/sampling/ablp_sampler.h"
#include "libs/sampling/link_sampler.h"
#include "libs/sampling/node_batch_sampler.h"
#include "libs/sampling/ppr_degrees.h"
#include "libs/sampling/ppr_sampler.h"
#include "libs/sampling/subgraph_sampler.h"
#include "libs/status/status_macros.h"
#include "libs/type_names/type_names.h"
#include "protos/fairlead/v1/sampling.pb.h"

namespace fairlead {
namespace {

absl::Status CheckFanout(const google::protobuf::RepeatedField<int32_t>& fanout,
                         const std::string& field) {
  for (const int32_t neighbors : fanout) {
    if (neighbors >= -1) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        field, ": ", neighbors,
        " is no number of neighbours; use > 0, 0 for none or -1 for all"));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::vector<int32_t>>> ResolveFanouts(
    const Dataset& dataset, const v1::SamplingConfig& config) {
  const absl::Span<const EdgeType> types = dataset.edge_types();
  FAIRLEAD_RETURN_IF_ERROR(CheckFanout(config.fanout(), "config.fanout"));
  if (config.edge_type_fanouts().empty()) {
    return std::vector<std::vector<int32_t>>(
        types.size(), {config.fanout().begin(), config.fanout().end()});
  }
  if (!config.fanout().empty()) {
    return absl::InvalidArgumentError(
        "config.fanout: cannot be given beside edge_type_fanouts; name every "
        "edge type that is to be traversed, or none");
  }
  std::vector<std::vector<int32_t>> fanouts(types.size());
  std::vector<bool> given(types.size(), false);
  for (const v1::EdgeTypeFanout& entry : config.edge_type_fanouts()) {
    const EdgeTypeName name = FromProto(entry.edge_type());
    const auto it = std::find_if(
        types.begin(), types.end(),
        [&name](const EdgeType& type) { return type.name == name; });
    if (it == types.end()) {
      return absl::NotFoundError(
          absl::StrCat("config.edge_type_fanouts: no edge type ",
                       name.ToString(), " in dataset ", dataset.name()));
    }
    const size_t index = static_cast<size_t>(it - types.begin());
    if (given[index]) {
      return absl::InvalidArgumentError(absl::StrCat(
          "config.edge_type_fanouts: ", name.ToString(), " is given twice"));
    }
    given[index] = true;
    FAIRLEAD_RETURN_IF_ERROR(
        CheckFanout(entry.fanout(), "config.edge_type_fanouts.fanout"));
    fanouts[index].assign(entry.fanout().begin(), entry.fanout().end());
  }
  return fanouts;
}

absl::StatusOr<TemporalStrategy> ResolveTemporal(
    v1::TemporalStrategy temporal) {
  switch (temporal) {
    case v1::TEMPORAL_STRATEGY_UNSPECIFIED:
      return TemporalStrategy::kNone;
    case v1::TEMPORAL_STRATEGY_UNIFORM:
      return TemporalStrategy::kUniform;
    case v1::TEMPORAL_STRATEGY_LAST:
      return TemporalStrategy::kLast;
    default:
      return absl::InvalidArgumentError(
          absl::StrCat("config.temporal: ", temporal, " is no strategy"));
  }
}

bool IsLabelType(const EdgeType& type) {
  const std::string& relation = type.name.relation;
  return absl::EndsWith(relation, kPositiveLabelSuffix) ||
         absl::EndsWith(relation, kNegativeLabelSuffix);
}

}  // namespace

absl::Status SamplingPlan::SetLink(const v1::SeedEdges& edges,
                                   const v1::LinkOptions& options) {
  FAIRLEAD_ASSIGN_OR_RETURN(
      link_.edge_type, dataset_->FindEdgeType(FromProto(edges.edge_type())));
  seed_type_ =
      dataset_->edge_types()[static_cast<size_t>(link_.edge_type)].src_type;
  link_.neighbors = neighbors_;
  switch (options.negatives()) {
    case v1::NEGATIVE_MODE_UNSPECIFIED:
    case v1::NEGATIVE_MODE_NONE:
      link_.mode = LinkSamplerOptions::NegativeMode::kNone;
      break;
    case v1::NEGATIVE_MODE_BINARY:
      link_.mode = LinkSamplerOptions::NegativeMode::kBinary;
      break;
    case v1::NEGATIVE_MODE_TRIPLET:
      link_.mode = LinkSamplerOptions::NegativeMode::kTriplet;
      break;
    default:
      return absl::InvalidArgumentError(absl::StrCat(
          "config.link.negatives: ", options.negatives(), " is no mode"));
  }
  if (link_.mode == LinkSamplerOptions::NegativeMode::kTriplet &&
      edges.labels_size() > 0) {
    return absl::InvalidArgumentError(
        "input.edges.labels: have no place beside NEGATIVE_MODE_TRIPLET; use "
        "NEGATIVE_MODE_BINARY or leave them out");
  }
  link_.amount = options.amount() == 0 ? 1 : options.amount();
  link_.negatives.strict = options.strict();
  if (options.glt_labels()) {
    link_.label_shift = CompatLabelShift(absl::MakeConstSpan(
        edges.labels().data(), static_cast<size_t>(edges.labels_size())));
  }
  return ValidateLinkSamplerOptions(*dataset_, link_);
}

absl::Status SamplingPlan::SetAblp(const v1::AblpOptions& options) {
  const EdgeTypeName supervision = FromProto(options.supervision_edge_type());
  FAIRLEAD_ASSIGN_OR_RETURN(
      const int positive,
      FindLabelEdgeType(*dataset_, supervision, kPositiveLabelSuffix));
  ablp_.positive_label_types = {positive};
  const absl::StatusOr<int> negative =
      FindLabelEdgeType(*dataset_, supervision, kNegativeLabelSuffix);
  if (negative.ok()) {
    ablp_.negative_label_types = {*negative};
  } else if (!absl::IsNotFound(negative.status())) {
    return negative.status();
  }
  ablp_.seed_type = seed_type_;
  ablp_.max_labels_per_anchor_node = options.max_labels_per_anchor_node();
  // Labels are what is to be predicted: nothing is passed along them.
  for (size_t e = 0; e < neighbors_.fanouts.size(); ++e) {
    if (IsLabelType(dataset_->edge_types()[e])) neighbors_.fanouts[e].clear();
  }
  ablp_.neighbors = neighbors_;
  return ValidateAblpSamplerOptions(*dataset_, ablp_);
}

absl::Status SamplingPlan::SetPpr(const v1::SamplingConfig& config) {
  const v1::PprOptions& options = config.ppr();
  if (options.alpha() != 0) ppr_.ppr.alpha = options.alpha();
  if (options.eps() != 0) ppr_.ppr.eps = options.eps();
  if (options.max_ppr_nodes() != 0) {
    ppr_.ppr.max_ppr_nodes = static_cast<int32_t>(
        std::min<uint32_t>(options.max_ppr_nodes(), INT32_MAX));
  }
  if (options.num_neighbors_per_hop() != 0) {
    ppr_.ppr.num_neighbors_per_hop = options.num_neighbors_per_hop();
  }
  if (options.max_fetch_iterations() != 0) {
    ppr_.ppr.max_fetch_iterations = static_cast<int32_t>(
        std::min<uint32_t>(options.max_fetch_iterations(), INT32_MAX));
  }
  ppr_.ppr.residual_top_up = !options.no_residual_top_up();
  for (size_t e = 0; e < dataset_->edge_types().size(); ++e) {
    if (IsLabelType(dataset_->edge_types()[e])) continue;
    ppr_.edge_types.push_back(static_cast<int>(e));
  }
  for (const v1::PprChannel& channel : options.channels()) {
    PprOptions::Channel& resolved = ppr_.ppr.channels.emplace_back();
    resolved.ratio = channel.ratio();
    for (const v1::EdgeType& type : channel.edge_types()) {
      FAIRLEAD_ASSIGN_OR_RETURN(const int index,
                                dataset_->FindEdgeType(FromProto(type)));
      const auto place =
          std::find(ppr_.edge_types.begin(), ppr_.edge_types.end(), index);
      if (place == ppr_.edge_types.end()) {
        return absl::InvalidArgumentError(
            absl::StrCat("config.ppr.channels: ", FromProto(type).ToString(),
                         " is an edge type of labels"));
      }
      resolved.edge_types.push_back(
          static_cast<int>(place - ppr_.edge_types.begin()));
    }
  }
  ppr_.direction = neighbors_.direction;
  ppr_.seed_type = seed_type_;
  ppr_.weighted = neighbors_.weighted;
  ppr_.seed = neighbors_.seed;
  FAIRLEAD_RETURN_IF_ERROR(ValidatePprSamplerOptions(*dataset_, ppr_));
  FAIRLEAD_ASSIGN_OR_RETURN(
      PprDegrees degrees,
      PprDegrees::OfDataset(*dataset_, ppr_.edge_types, ppr_.direction));
  ppr_degrees_ = std::make_shared<const PprDegrees>(std::move(degrees));
  return absl::OkStatus();
}

absl::StatusOr<SamplingPlan> SamplingPlan::Create(
    const Dataset& dataset, const v1::SeedNodes& input,
    const v1::SamplingConfig& config) {
  const bool is_link = config.type() == v1::SAMPLING_TYPE_LINK;
  if (is_link != input.has_edges()) {
    return absl::InvalidArgumentError(
        is_link ? "input.edges: must be given for SAMPLING_TYPE_LINK"
                : "input.edges: are for SAMPLING_TYPE_LINK; give a split or "
                  "ids");
  }
  SamplingPlan plan;
  plan.dataset_ = &dataset;
  plan.type_ = config.type();
  FAIRLEAD_ASSIGN_OR_RETURN(plan.neighbors_.fanouts,
                            ResolveFanouts(dataset, config));
  plan.neighbors_.replace = config.replace();
  plan.neighbors_.direction =
      config.edge_dir() == v1::EDGE_DIR_IN ? EdgeDir::kIn : EdgeDir::kOut;
  plan.neighbors_.weighted = config.with_weight();
  FAIRLEAD_ASSIGN_OR_RETURN(plan.neighbors_.temporal,
                            ResolveTemporal(config.temporal()));
  plan.neighbors_.with_edge_ids = config.with_edge();
  plan.neighbors_.seed = config.seed();
  FAIRLEAD_RETURN_IF_ERROR(
      ValidateNeighborSamplerOptions(dataset, plan.neighbors_));
  if (!is_link) {
    FAIRLEAD_ASSIGN_OR_RETURN(plan.seed_type_,
                              dataset.FindNodeType(input.node_type()));
  }
  switch (plan.type_) {
    case v1::SAMPLING_TYPE_NODE:
      break;
    case v1::SAMPLING_TYPE_SUBGRAPH:
      FAIRLEAD_RETURN_IF_ERROR(ValidateSubgraphSamplerOptions(
          dataset,
          {.neighbors = plan.neighbors_, .input_type = plan.seed_type_}));
      break;
    case v1::SAMPLING_TYPE_LINK:
      FAIRLEAD_RETURN_IF_ERROR(plan.SetLink(input.edges(), config.link()));
      break;
    case v1::SAMPLING_TYPE_ABLP:
      FAIRLEAD_RETURN_IF_ERROR(plan.SetAblp(config.ablp()));
      break;
    case v1::SAMPLING_TYPE_PPR:
      FAIRLEAD_RETURN_IF_ERROR(plan.SetPpr(config));
      break;
    default:
      return absl::InvalidArgumentError(absl::StrCat(
          "config.type: ", plan.type_,
          " is no kind of sampling; SAMPLING_TYPE_NODE is the usual one"));
  }
  return plan;
}

bool SamplingPlan::is_heterogeneous() const {
  if (type_ != v1::SAMPLING_TYPE_ABLP) return dataset_->is_heterogeneous();
  const absl::Span<const EdgeType> types = dataset_->edge_types();
  return dataset_->node_types().size() > 1 ||
         types.size() - std::count_if(types.begin(), types.end(), IsLabelType) >
             1;
}

bool SamplingPlan::always_has_edges(int edge_type) const {
  return !is_heterogeneous() &&
         (type_ != v1::SAMPLING_TYPE_ABLP ||
          !IsLabelType(dataset_->edge_types()[static_cast<size_t>(edge_type)]));
}

absl::StatusOr<std::unique_ptr<BatchSampler>> SamplingPlan::NewSampler(
    std::shared_ptr<NeighborhoodSampler> neighbors) const {
  switch (type_) {
    case v1::SAMPLING_TYPE_SUBGRAPH:
      return SubgraphSampler::Create(
          *dataset_, {.neighbors = neighbors_, .input_type = seed_type_});
    case v1::SAMPLING_TYPE_LINK:
      return LinkSampler::Create(*dataset_, link_, std::move(neighbors));
    case v1::SAMPLING_TYPE_ABLP:
      return std::make_unique<AblpSampler>(*dataset_, ablp_,
                                           std::move(neighbors));
    case v1::SAMPLING_TYPE_PPR:
      return std::make_unique<PprSampler>(*dataset_, ppr_, ppr_degrees_);
    default:
      return std::make_unique<NodeBatchSampler>(
          *dataset_, neighbors_, seed_type_, std::move(neighbors));
  }
}

bool SamplingPlan::SamplesAs(const SamplingPlan& other) const {
  return dataset_ == other.dataset_ && type_ == other.type_ &&
         neighbors_ == other.neighbors_ && seed_type_ == other.seed_type_ &&
         link_ == other.link_ && ablp_ == other.ablp_ && ppr_ == other.ppr_;
}

}  // namespace fairlead
