#include "libs/sampling/ablp_sampler.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "libs/graph/dataset.h"
#include "libs/sampling/ablp_label_types.h"
#include "libs/sampling/ablp_labels.h"
#include "libs/sampling/batch_sampler.h"
#include "libs/sampling/neighbor_sampler.h"
#include "libs/status/status_macros.h"
#include "libs/type_names/type_names.h"

namespace fairlead {
namespace {

constexpr char kPositiveKey[] = "#META.gigl_positive_labels.";
constexpr char kNegativeKey[] = "#META.gigl_negative_labels.";

absl::Status CheckLabelType(const Dataset& dataset, int edge_type,
                            const AblpSamplerOptions& options,
                            const char* option, std::set<EdgeTypeName>* seen) {
  const auto num_types = static_cast<int>(dataset.edge_types().size());
  if (edge_type < 0 || edge_type >= num_types) {
    return absl::InvalidArgumentError(
        absl::StrCat(option, ": ", edge_type, " is none of the ", num_types,
                     " edge types, which are numbered from 0"));
  }
  const auto e = static_cast<size_t>(edge_type);
  const std::string name = dataset.edge_types()[e].name.ToString();
  for (const int32_t fanout : options.neighbors.fanouts[e]) {
    if (fanout == 0) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        "fanout of ", name, ": ", fanout, ", but it is in ", option,
        ", and labels are not sampled along; leave it out, or use 0"));
  }
  FAIRLEAD_ASSIGN_OR_RETURN(
      const LabelSide side,
      FindLabelSide(dataset, edge_type, options.seed_type));
  if (seen->insert(side.outward_name).second) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(option, ": ", name, ": labels that are ",
                   side.outward_name.ToString(), " are named already"));
}

}  // namespace

absl::Status ValidateAblpSamplerOptions(const Dataset& dataset,
                                        const AblpSamplerOptions& options) {
  FAIRLEAD_RETURN_IF_ERROR(
      ValidateNeighborSamplerOptions(dataset, options.neighbors));
  if (options.neighbors.temporal != TemporalStrategy::kNone) {
    return absl::InvalidArgumentError(
        "temporal: not with labels of anchors: each seed has a neighbourhood "
        "of its own then, and a label no one place in the batch");
  }
  const auto num_types = static_cast<int>(dataset.node_types().size());
  if (options.seed_type < 0 || options.seed_type >= num_types) {
    return absl::InvalidArgumentError(
        absl::StrCat("seed_type: ", options.seed_type, " is none of the ",
                     num_types, " node types, which are numbered from 0"));
  }
  if (options.max_labels_per_anchor_node < 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "max_labels_per_anchor_node: ", options.max_labels_per_anchor_node,
        " is no number of labels; use > 0, or 0 for all"));
  }
  if (options.positive_label_types.empty()) {
    return absl::InvalidArgumentError(
        "positive_label_types: none; without labels, sample from nodes");
  }
  std::set<EdgeTypeName> seen;
  for (const int edge_type : options.positive_label_types) {
    FAIRLEAD_RETURN_IF_ERROR(CheckLabelType(dataset, edge_type, options,
                                            "positive_label_types", &seen));
  }
  for (const int edge_type : options.negative_label_types) {
    FAIRLEAD_RETURN_IF_ERROR(CheckLabelType(dataset, edge_type, options,
                                            "negative_label_types", &seen));
  }
  return absl::OkStatus();
}

AblpSampler::AblpSampler(const Dataset& dataset, AblpSamplerOptions options,
                         std::shared_ptr<NeighborhoodSampler> sampler)
    : dataset_(dataset),
      options_(std::move(options)),
      sampler_(sampler != nullptr
                   ? std::move(sampler)
                   : std::make_shared<NeighborSampler>(dataset)) {
  AddReaders(options_.positive_label_types, kPositiveKey);
  AddReaders(options_.negative_label_types, kNegativeKey);
  // Zeros would do as well, but a list of them could be the longest, and have
  // batches end with hops at which nothing happens.
  for (const LabelReader& reader : readers_) {
    options_.neighbors.fanouts[static_cast<size_t>(reader.edge_type)].clear();
  }
}

void AblpSampler::AddReaders(const std::vector<int>& edge_types,
                             const char* key) {
  for (const int edge_type : edge_types) {
    LabelReader& reader = readers_.emplace_back();
    reader.edge_type = edge_type;
    reader.side = *FindLabelSide(dataset_, edge_type, options_.seed_type);
    reader.tensor_name = absl::StrCat(key, reader.side.outward_name.ToString());
  }
}

absl::StatusOr<bool> AblpSampler::Begin(const BatchRequest& request,
                                        SampledBatch* out) {
  request_ = request;
  out_ = out;
  out_->meta.clear();
  fetches_.clear();
  reads_labels_ = true;
  FAIRLEAD_RETURN_IF_ERROR(
      CheckSeeds(dataset_.node_types()[static_cast<size_t>(options_.seed_type)],
                 request_.seeds));
  for (LabelReader& reader : readers_) {
    FAIRLEAD_RETURN_IF_ERROR(
        reader.gather.Begin(dataset_, reader.edge_type, reader.side.direction,
                            request_.seeds, {}, {.fanout = -1}, &fetches_));
  }
  if (!fetches_.empty()) return false;
  return BeginNeighbors();
}

std::vector<NeighborFetch>& AblpSampler::fetches() {
  return reads_labels_ ? fetches_ : sampler_->fetches();
}

absl::StatusOr<bool> AblpSampler::Resume() {
  return reads_labels_ ? BeginNeighbors() : sampler_->Resume();
}

absl::StatusOr<bool> AblpSampler::BeginNeighbors() {
  label_seeds_.clear();
  for (LabelReader& reader : readers_) {
    FAIRLEAD_ASSIGN_OR_RETURN(const DrawnNeighbors* drawn,
                              reader.gather.Finish(fetches_, &scratch_));
    PaddedLabels padded = PadLabels(drawn->counts, drawn->neighbors,
                                    options_.max_labels_per_anchor_node);
    reader.labels.clear();
    for (const int64_t label : padded.values) {
      if (label != kNoLabel) reader.labels.push_back(label);
    }
    label_seeds_.push_back(
        {.type = reader.side.label_type, .ids = reader.labels});
    out_->meta.push_back(
        {.name = reader.tensor_name,
         .shape = {static_cast<int64_t>(request_.seeds.size()), padded.columns},
         .values = std::move(padded.values)});
  }
  fetches_.clear();
  reads_labels_ = false;
  return sampler_->Begin(options_.neighbors,
                         {.seeds = request_.seeds,
                          .seed_type = options_.seed_type,
                          .epoch = request_.epoch,
                          .batch_index = request_.batch_index,
                          .more_seeds = label_seeds_},
                         &out_->subgraph);
}

}  // namespace fairlead
