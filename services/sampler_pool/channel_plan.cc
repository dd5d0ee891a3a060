#include "services/sampler_pool/channel_plan.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/types/span.h"
#include "libs/graph/dataset.h"
#include "libs/sampling/epoch_plan.h"
#include "libs/sampling/neighbor_sampler.h"
#include "libs/status/status_macros.h"
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

absl::StatusOr<absl::Span<const int64_t>> FindSplit(const NodeType& type,
                                                    v1::Split split) {
  std::optional<absl::Span<const int64_t>> ids;
  switch (split) {
    case v1::SPLIT_TRAIN:
      ids = type.train;
      break;
    case v1::SPLIT_VAL:
      ids = type.val;
      break;
    case v1::SPLIT_TEST:
      ids = type.test;
      break;
    default:
      return absl::InvalidArgumentError(absl::StrCat(
          "input.split: ", split,
          " is no split; use SPLIT_TRAIN, SPLIT_VAL, SPLIT_TEST, SPLIT_ALL"));
  }
  if (!ids.has_value()) {
    return absl::NotFoundError(
        absl::StrCat("input.split: node type ", type.name, " has no ",
                     v1::Split_Name(split), " in this dataset"));
  }
  return *ids;
}

absl::StatusOr<SeedList> TakeSlice(const SeedList& list,
                                   const v1::SeedSlice* slice) {
  if (slice == nullptr) return list;
  FAIRLEAD_ASSIGN_OR_RETURN(
      const SeedRange range,
      SplitSlice(list.size(), {.start_numerator = slice->start_numerator(),
                               .end_numerator = slice->end_numerator(),
                               .denominator = slice->denominator()}));
  return list.Part(range.begin, range.end);
}

}  // namespace

absl::StatusOr<SeedList> SelectNodes(const Dataset& dataset,
                                     const std::string& node_type,
                                     v1::Split split,
                                     const v1::SeedSlice* slice) {
  FAIRLEAD_ASSIGN_OR_RETURN(const int index, dataset.FindNodeType(node_type));
  const NodeType& type = dataset.node_types()[static_cast<size_t>(index)];
  if (split == v1::SPLIT_ALL) {
    return TakeSlice(type.ids.is_range()
                         ? SeedList::Range(type.ids.first(), type.num_nodes)
                         : SeedList(type.ids.list()),
                     slice);
  }
  FAIRLEAD_ASSIGN_OR_RETURN(const absl::Span<const int64_t> ids,
                            FindSplit(type, split));
  return TakeSlice(SeedList(ids), slice);
}

absl::StatusOr<ChannelPlan> ChannelPlan::Create(
    const Dataset& dataset, const v1::SeedNodes& input,
    const v1::SamplingConfig& config) {
  if (config.type() != v1::SAMPLING_TYPE_NODE) {
    return absl::InvalidArgumentError(
        absl::StrCat("config.type: ", config.type(),
                     " is not served; use SAMPLING_TYPE_NODE"));
  }
  if (config.batch_size() == 0) {
    return absl::InvalidArgumentError(
        "config.batch_size: 0 makes no batch; it must be at least 1");
  }
  ChannelPlan plan;
  plan.dataset_ = &dataset;
  plan.batch_size_ = config.batch_size();
  plan.shuffle_ = config.shuffle();
  plan.drop_last_ = config.drop_last();
  plan.collect_features_ = config.collect_features();
  FAIRLEAD_ASSIGN_OR_RETURN(plan.sampler_options_.fanouts,
                            ResolveFanouts(dataset, config));
  plan.sampler_options_.replace = config.replace();
  plan.sampler_options_.with_edge_ids = config.with_edge();
  plan.sampler_options_.seed = config.seed();
  FAIRLEAD_RETURN_IF_ERROR(
      ValidateNeighborSamplerOptions(dataset, plan.sampler_options_));

  FAIRLEAD_ASSIGN_OR_RETURN(plan.seed_type_,
                            dataset.FindNodeType(input.node_type()));
  const NodeType& type = dataset.node_types()[plan.seed_type_];
  const v1::SeedSlice* slice = input.has_slice() ? &input.slice() : nullptr;
  if (input.has_ids()) {
    for (const int64_t id : input.ids().id()) {
      // Of partitions, whether somebody has it, that one says.
      if (id >= 0 && id < type.id_end() &&
          (type.book != nullptr || type.ids.Row(id) >= 0)) {
        continue;
      }
      return absl::OutOfRangeError(
          absl::StrCat("input.ids: seed id ", id, " is no node of type ",
                       type.name, ", whose ids are 0 to ", type.id_end() - 1));
    }
    plan.own_seeds_.assign(input.ids().id().begin(), input.ids().id().end());
    plan.seeds_ = SeedList(plan.own_seeds_);
    FAIRLEAD_ASSIGN_OR_RETURN(plan.seeds_, TakeSlice(plan.seeds_, slice));
  } else {
    FAIRLEAD_ASSIGN_OR_RETURN(
        plan.seeds_,
        SelectNodes(dataset, input.node_type(), input.split(), slice));
  }
  plan.batches_per_epoch_ =
      ComputeNumBatches(plan.seeds_.size(), plan.batch_size_, plan.drop_last_);
  return plan;
}

uint64_t ChannelPlan::seeds_per_epoch() const {
  return std::min<uint64_t>(seeds_.size(), batches_per_epoch_ * batch_size_);
}

}  // namespace fairlead
