#include "libs/batch_maker/channel_plan.h"

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
#include "libs/random/philox.h"
#include "libs/sampling/epoch_plan.h"
#include "libs/sampling/neighbor_sampler.h"
#include "libs/status/status_macros.h"
#include "protos/fairlead/v1/sampling.pb.h"
#include "xxhash.h"

namespace fairlead {
namespace {

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

absl::Status ChannelPlan::SetNodes(const v1::SeedNodes& input) {
  const NodeType& type =
      dataset_->node_types()[static_cast<size_t>(seed_type_)];
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
    own_seeds_.assign(input.ids().id().begin(), input.ids().id().end());
    FAIRLEAD_ASSIGN_OR_RETURN(seeds_, TakeSlice(SeedList(own_seeds_), slice));
  } else {
    FAIRLEAD_ASSIGN_OR_RETURN(seeds_, SelectNodes(*dataset_, input.node_type(),
                                                  input.split(), slice));
  }
  if (!sampling_->is_temporal()) return absl::OkStatus();
  return SetTimes(input);
}

// For temporal sampling: what the input says, or the nodes' own timestamps.
absl::Status ChannelPlan::SetTimes(const v1::SeedNodes& input) {
  if (input.times_size() > 0) {
    const bool is_whole_list =
        (input.has_ids() || input.has_edges()) && !input.has_slice();
    if (!is_whole_list ||
        static_cast<uint64_t>(input.times_size()) != seeds_.size()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "input.times: ", input.times_size(),
          " times; give one for each of input.ids or input.edges, without a "
          "slice, or none where nodes have timestamps"));
    }
    times_.assign(input.times().begin(), input.times().end());
    return absl::OkStatus();
  }
  const NodeType& type =
      dataset_->node_types()[static_cast<size_t>(seed_type_)];
  times_.reserve(seeds_.size());
  for (uint64_t i = 0; i < seeds_.size(); ++i) {
    const int64_t row = type.ids.Row(seeds_[i]);
    if (type.timestamps.empty() || row < 0) {
      return absl::InvalidArgumentError(absl::StrCat(
          "input.times: must be given for temporal sampling, since there is "
          "no timestamp of node ",
          seeds_[i], " of type ", type.name, " here"));
    }
    times_.push_back(type.timestamps[static_cast<size_t>(row)]);
  }
  return absl::OkStatus();
}

absl::Status ChannelPlan::SetEdges(const v1::SeedNodes& input) {
  const v1::SeedEdges& edges = input.edges();
  const EdgeType& type =
      dataset_->edge_types()[static_cast<size_t>(sampling_->link_edge_type())];
  if (edges.src_size() != edges.dst_size() ||
      (edges.labels_size() != 0 && edges.labels_size() != edges.src_size()) ||
      (edges.all() && edges.src_size() != 0)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "input.edges: ", edges.src_size(), " sources, ", edges.dst_size(),
        " destinations and ", edges.labels_size(),
        " labels; give as many of each, or all"));
  }
  own_seeds_.assign(edges.src().begin(), edges.src().end());
  destinations_.assign(edges.dst().begin(), edges.dst().end());
  edge_labels_.assign(edges.labels().begin(), edges.labels().end());
  if (edges.all()) ListEdges(type);
  SeedRange range{.begin = 0, .end = own_seeds_.size()};
  if (input.has_slice()) {
    FAIRLEAD_ASSIGN_OR_RETURN(
        range, SplitSlice(range.end,
                          {.start_numerator = input.slice().start_numerator(),
                           .end_numerator = input.slice().end_numerator(),
                           .denominator = input.slice().denominator()}));
  }
  const auto keep = [&range](std::vector<int64_t>& values) {
    if (values.empty()) return;
    values.erase(values.begin() + static_cast<ptrdiff_t>(range.end),
                 values.end());
    values.erase(values.begin(),
                 values.begin() + static_cast<ptrdiff_t>(range.begin));
  };
  keep(own_seeds_);
  keep(destinations_);
  keep(edge_labels_);
  seeds_ = SeedList(own_seeds_);
  if (!sampling_->is_temporal()) return absl::OkStatus();
  return SetTimes(input);
}

void ChannelPlan::ListEdges(const EdgeType& type) {
  const EdgeDir direction = type.out.has_value() ? EdgeDir::kOut : EdgeDir::kIn;
  const Topology& topology = *type.topology(direction);
  const IdSpace& rows =
      dataset_->node_types()[static_cast<size_t>(type.row_type(direction))].ids;
  std::vector<int64_t>& by_row =
      direction == EdgeDir::kOut ? own_seeds_ : destinations_;
  std::vector<int64_t>& by_neighbor =
      direction == EdgeDir::kOut ? destinations_ : own_seeds_;
  for (int64_t row = 0; row < topology.num_rows(); ++row) {
    const int64_t end = topology.indptr[static_cast<size_t>(row) + 1];
    for (int64_t i = topology.indptr[static_cast<size_t>(row)]; i < end; ++i) {
      by_row.push_back(rows.Id(row));
      by_neighbor.push_back(topology.indices[static_cast<size_t>(i)]);
    }
  }
}

absl::StatusOr<ChannelPlan> ChannelPlan::Create(
    const Dataset& dataset, const v1::SeedNodes& input,
    const v1::SamplingConfig& config, cuda::Accelerator* accelerator) {
  if (config.batch_size() == 0) {
    return absl::InvalidArgumentError(
        "config.batch_size: 0 makes no batch; it must be at least 1");
  }
  ChannelPlan plan;
  plan.dataset_ = &dataset;
  plan.accelerator_ = accelerator;
  plan.batch_size_ = config.batch_size();
  plan.shuffle_ = config.shuffle();
  plan.drop_last_ = config.drop_last();
  plan.collect_features_ = config.collect_features();
  FAIRLEAD_ASSIGN_OR_RETURN(SamplingPlan sampling,
                            SamplingPlan::Create(dataset, input, config));
  plan.sampling_ = std::make_unique<const SamplingPlan>(std::move(sampling));
  plan.seed_type_ = plan.sampling_->seed_type();
  FAIRLEAD_RETURN_IF_ERROR(input.has_edges() ? plan.SetEdges(input)
                                             : plan.SetNodes(input));
  plan.batches_per_epoch_ =
      ComputeNumBatches(plan.seeds_.size(), plan.batch_size_, plan.drop_last_);
  for (uint64_t i = 0; i < plan.seeds_.size(); ++i) {
    plan.seed_digest_ += SplitMix64(static_cast<uint64_t>(plan.seeds_[i]));
  }
  plan.fingerprint_ = dataset.partition();
  for (const std::string& part : {dataset.name(), input.SerializeAsString(),
                                  config.SerializeAsString()}) {
    plan.fingerprint_ =
        XXH3_64bits_withSeed(part.data(), part.size(), plan.fingerprint_);
  }
  return plan;
}

uint64_t ChannelPlan::seeds_per_epoch() const {
  return std::min<uint64_t>(seeds_.size(), batches_per_epoch_ * batch_size_);
}

uint64_t ChannelPlan::SeedsOf(uint64_t batch_index) const {
  return std::min(batch_size_, seeds_.size() - batch_index * batch_size_);
}

}  // namespace fairlead
