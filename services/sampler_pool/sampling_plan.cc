#include "services/sampler_pool/sampling_plan.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "libs/graph/dataset.h"
#include "libs/sampling/node_batch_sampler.h"
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
    const EdgeTypeName name{entry.edge_type().src(),
                            entry.edge_type().relation(),
                            entry.edge_type().dst()};
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

}  // namespace

absl::StatusOr<SamplingPlan> SamplingPlan::Create(
    const Dataset& dataset, int seed_type, int link_edge_type,
    const v1::SamplingConfig& config) {
  SamplingPlan plan;
  plan.dataset_ = &dataset;
  plan.type_ = config.type();
  plan.seed_type_ = seed_type;
  plan.link_edge_type_ = link_edge_type;
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
  // Whatever is wrong with it is better known now than with the first batch.
  FAIRLEAD_RETURN_IF_ERROR(plan.NewSampler().status());
  return plan;
}

absl::StatusOr<std::unique_ptr<BatchSampler>> SamplingPlan::NewSampler() const {
  switch (type_) {
    case v1::SAMPLING_TYPE_NODE:
      return std::make_unique<NodeBatchSampler>(*dataset_, neighbors_,
                                                seed_type_);
    case v1::SAMPLING_TYPE_SUBGRAPH:
      return SubgraphSampler::Create(
          *dataset_, {.neighbors = neighbors_, .input_type = seed_type_});
    default:
      return absl::InvalidArgumentError(absl::StrCat(
          "config.type: ", type_,
          " is no kind of sampling; SAMPLING_TYPE_NODE is the usual one"));
  }
}

}  // namespace fairlead
