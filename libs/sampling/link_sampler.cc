#include "libs/sampling/link_sampler.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "libs/graph/dataset.h"
#include "libs/graph/id_space.h"
#include "libs/sampling/alias_table.h"
#include "libs/sampling/batch_sampler.h"
#include "libs/sampling/id_universe.h"
#include "libs/sampling/negative_draw.h"
#include "libs/sampling/negative_sampler.h"
#include "libs/sampling/neighbor_draw.h"
#include "libs/sampling/neighbor_sampler.h"
#include "libs/status/status_macros.h"

namespace fairlead {
namespace {

using NegativeMode = LinkSamplerOptions::NegativeMode;

// The ids of the nodes of a whole dataset, which must outlive it.
class SpaceIds final : public IdUniverse {
 public:
  explicit SpaceIds(const IdSpace& ids) : ids_(ids) {}
  int64_t size() const override { return ids_.size(); }
  int64_t id(int64_t position) const override { return ids_.Id(position); }

 private:
  const IdSpace& ids_;
};

bool IsWhole(const Dataset& dataset) { return dataset.num_partitions() == 1; }

// All ids of a type, on all partitions.
std::unique_ptr<const IdUniverse> UniverseOf(const Dataset& dataset,
                                             const NodeType& type) {
  if (IsWhole(dataset)) return std::make_unique<SpaceIds>(type.ids);
  return std::make_unique<DenseIds>(type.book->num_ids());
}

absl::Status CheckUniverse(const Dataset& dataset, const NodeType& type) {
  if (IsWhole(dataset) || type.book->IsDense()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "negatives: node type ", type.name, " lies in ", dataset.num_partitions(),
      " partitions with ids that are sparse (hashed to partitions, or some of "
      "them nobody's), so that no partition knows all that could be drawn; "
      "number its nodes from 0 without gaps, with a range or table partition "
      "book, or leave negatives out"));
}

absl::Status CheckEdgeType(const Dataset& dataset, int edge_type) {
  const auto num_types = static_cast<int>(dataset.edge_types().size());
  if (edge_type >= 0 && edge_type < num_types) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("links: edge type ", edge_type,
                                                 " is none of the ", num_types,
                                                 " edge types"));
}

absl::Status CheckAmount(const LinkSamplerOptions& options) {
  FAIRLEAD_RETURN_IF_ERROR(CountNegatives(0, options.amount).status());
  if (options.mode != NegativeMode::kTriplet ||
      (std::floor(options.amount) == options.amount &&
       options.amount <= INT32_MAX)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("negatives: amount is ", options.amount,
                   " per edge; in triplet mode it must be a whole number from "
                   "1 to ",
                   INT32_MAX));
}

absl::StatusOr<NegativeSampler> MakeNegativeSampler(
    const LinkSamplerOptions& options, const IdUniverse& sources,
    const IdUniverse& destinations) {
  NegativeSamplerOptions negatives = options.negatives;
  negatives.seed = options.neighbors.seed;
  return NegativeSampler::Create(sources, destinations,
                                 options.destination_weights.get(), negatives);
}

const NodeType& SourceType(const Dataset& dataset, int edge_type) {
  const auto at = static_cast<size_t>(edge_type);
  return dataset
      .node_types()[static_cast<size_t>(dataset.edge_types()[at].src_type)];
}

const NodeType& DestinationType(const Dataset& dataset, int edge_type) {
  const auto at = static_cast<size_t>(edge_type);
  return dataset
      .node_types()[static_cast<size_t>(dataset.edge_types()[at].dst_type)];
}

}  // namespace

int64_t CompatLabelShift(absl::Span<const int64_t> labels) {
  if (labels.empty()) return 0;
  return *std::min_element(labels.begin(), labels.end()) == 0 ? 1 : 0;
}

absl::StatusOr<std::shared_ptr<const AliasTable>> DegreeWeights(
    const Dataset& dataset, int edge_type) {
  FAIRLEAD_RETURN_IF_ERROR(CheckEdgeType(dataset, edge_type));
  if (!IsWhole(dataset)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "negatives: the dataset lies in ", dataset.num_partitions(),
        " partitions, none of which knows all degrees; draw uniformly"));
  }
  const EdgeType& type = dataset.edge_types()[static_cast<size_t>(edge_type)];
  const IdSpace& nodes = DestinationType(dataset, edge_type).ids;
  std::vector<int64_t> degrees(static_cast<size_t>(nodes.size()), 0);
  if (type.in.has_value()) {
    for (size_t row = 0; row < degrees.size(); ++row) {
      degrees[row] = type.in->indptr[row + 1] - type.in->indptr[row];
    }
  } else {
    for (size_t i = 0; i < type.out->indices.size(); ++i) {
      const int64_t row = nodes.Row(type.out->indices[i]);
      // (A dataset that was not verified may name nodes that there are not.)
      if (row >= 0) ++degrees[static_cast<size_t>(row)];
    }
  }
  FAIRLEAD_ASSIGN_OR_RETURN(AliasTable weights,
                            AliasTable::FromDegrees(degrees));
  return std::make_shared<const AliasTable>(std::move(weights));
}

absl::Status ValidateLinkSamplerOptions(const Dataset& dataset,
                                        const LinkSamplerOptions& options) {
  FAIRLEAD_RETURN_IF_ERROR(CheckEdgeType(dataset, options.edge_type));
  FAIRLEAD_RETURN_IF_ERROR(
      ValidateNeighborSamplerOptions(dataset, options.neighbors));
  if (options.mode == NegativeMode::kNone) return absl::OkStatus();
  FAIRLEAD_RETURN_IF_ERROR(CheckAmount(options));
  const NodeType& src = SourceType(dataset, options.edge_type);
  const NodeType& dst = DestinationType(dataset, options.edge_type);
  if (options.negatives.exclude_self && &src != &dst) {
    return absl::InvalidArgumentError(absl::StrCat(
        "negatives: exclude_self is for edges within one node type; these lead "
        "from ",
        src.name, " to ", dst.name, ", where an id is two nodes"));
  }
  if (options.mode == NegativeMode::kBinary) {
    FAIRLEAD_RETURN_IF_ERROR(CheckUniverse(dataset, src));
  }
  FAIRLEAD_RETURN_IF_ERROR(CheckUniverse(dataset, dst));
  if (options.destination_weights != nullptr && !IsWhole(dataset)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "negatives: weights of destinations are for whole datasets, and this "
        "one lies in ",
        dataset.num_partitions(), " partitions; draw uniformly"));
  }
  return MakeNegativeSampler(options, DenseIds(0), *UniverseOf(dataset, dst))
      .status();
}

absl::StatusOr<std::unique_ptr<LinkSampler>> LinkSampler::Create(
    const Dataset& dataset, LinkSamplerOptions options,
    std::shared_ptr<NeighborhoodSampler> neighbors) {
  FAIRLEAD_RETURN_IF_ERROR(ValidateLinkSamplerOptions(dataset, options));
  if (neighbors == nullptr) {
    neighbors = std::make_shared<NeighborSampler>(dataset);
  }
  // (The constructor is private, so std::make_unique cannot call it.)
  std::unique_ptr<LinkSampler> sampler(
      new LinkSampler(dataset, std::move(options), std::move(neighbors)));
  const LinkSamplerOptions& own = sampler->options_;
  if (own.mode == NegativeMode::kNone) return sampler;
  const NodeType& src = SourceType(dataset, own.edge_type);
  // In triplet mode sources are given, and all of them need not be known.
  sampler->sources_ = own.mode == NegativeMode::kTriplet
                          ? std::make_unique<DenseIds>(0)
                          : UniverseOf(dataset, src);
  sampler->destinations_ =
      UniverseOf(dataset, DestinationType(dataset, own.edge_type));
  FAIRLEAD_ASSIGN_OR_RETURN(
      sampler->negatives_,
      MakeNegativeSampler(own, *sampler->sources_, *sampler->destinations_));
  return sampler;
}

LinkSampler::LinkSampler(const Dataset& dataset, LinkSamplerOptions options,
                         std::shared_ptr<NeighborhoodSampler> neighbors)
    : dataset_(dataset),
      options_(std::move(options)),
      lookup_(dataset, options_.edge_type),
      neighbors_(std::move(neighbors)) {}

absl::Status LinkSampler::CheckRequest(const BatchRequest& request) const {
  const size_t edges = request.seeds.size();
  const auto check = [edges](const char* what, size_t size) {
    if (size == edges) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrCat("links: ", size, " ", what, " for ", edges, " sources"));
  };
  FAIRLEAD_RETURN_IF_ERROR(check("destinations", request.destinations.size()));
  if (!request.edge_labels.empty()) {
    if (is_triplet()) {
      return absl::InvalidArgumentError(
          "links: edges have labels, which triplet mode has no place for; use "
          "binary mode, or leave labels out");
    }
    FAIRLEAD_RETURN_IF_ERROR(check("labels", request.edge_labels.size()));
  }
  if (options_.neighbors.temporal != TemporalStrategy::kNone) {
    FAIRLEAD_RETURN_IF_ERROR(check("times", request.times.size()));
  }
  FAIRLEAD_RETURN_IF_ERROR(
      CheckSeeds(SourceType(dataset_, options_.edge_type), request.seeds));
  return CheckSeeds(DestinationType(dataset_, options_.edge_type),
                    request.destinations);
}

absl::StatusOr<bool> LinkSampler::Begin(const BatchRequest& request,
                                        SampledBatch* out) {
  draw_.reset();
  fetches_.clear();
  FAIRLEAD_RETURN_IF_ERROR(CheckRequest(request));
  request_ = request;
  out_ = out;
  if (options_.mode == NegativeMode::kNone) return BeginNeighbors({});
  const NegativeRequest negatives = {
      .epoch = request.epoch,
      .batch_index = request.batch_index,
      .edge_type = static_cast<uint16_t>(options_.edge_type)};
  if (is_triplet()) {
    FAIRLEAD_ASSIGN_OR_RETURN(
        draw_,
        negatives_->BeginDestinations(negatives, request.seeds,
                                      static_cast<int32_t>(options_.amount)));
  } else {
    FAIRLEAD_ASSIGN_OR_RETURN(
        const int64_t count,
        CountNegatives(static_cast<int64_t>(request.seeds.size()),
                       options_.amount));
    FAIRLEAD_ASSIGN_OR_RETURN(draw_, negatives_->BeginPairs(negatives, count));
  }
  return RunNegatives();
}

absl::StatusOr<bool> LinkSampler::Resume() {
  if (draw_.has_value()) {
    FAIRLEAD_RETURN_IF_ERROR(AnswerDraw());
    return RunNegatives();
  }
  FAIRLEAD_ASSIGN_OR_RETURN(const bool is_done, neighbors_->Resume());
  if (is_done) WriteMeta();
  return is_done;
}

absl::StatusOr<bool> LinkSampler::RunNegatives() {
  while (!draw_->done()) {
    FAIRLEAD_RETURN_IF_ERROR(
        lookup_.Begin(draw_->src(), draw_->dst(), &fetches_));
    if (!fetches_.empty()) return false;
    FAIRLEAD_RETURN_IF_ERROR(AnswerDraw());
  }
  FAIRLEAD_ASSIGN_OR_RETURN(const NegativePairs negatives,
                            (*std::move(draw_)).Take());
  draw_.reset();
  return BeginNeighbors(negatives);
}

absl::Status LinkSampler::AnswerDraw() {
  const size_t count = draw_->src().size();
  const auto exists = std::make_unique<bool[]>(count);
  const absl::Span<bool> answers(exists.get(), count);
  FAIRLEAD_RETURN_IF_ERROR(lookup_.Finish(fetches_, answers));
  fetches_.clear();
  draw_->Answer(answers);
  return absl::OkStatus();
}

void LinkSampler::SetTimes(size_t num_negatives) {
  seed_times_.clear();
  if (options_.neighbors.temporal == TemporalStrategy::kNone) return;
  const size_t edges = request_.seeds.size();
  seed_times_.assign(request_.times.begin(), request_.times.end());
  for (size_t i = 0; i < num_negatives; ++i) {
    const size_t edge =
        is_triplet() ? i / static_cast<size_t>(options_.amount) : i % edges;
    seed_times_.push_back(request_.times[edge]);
  }
}

absl::StatusOr<bool> LinkSampler::BeginNeighbors(
    const NegativePairs& negatives) {
  seed_sources_.assign(request_.seeds.begin(), request_.seeds.end());
  seed_destinations_.assign(request_.destinations.begin(),
                            request_.destinations.end());
  negative_destinations_.clear();
  if (is_triplet()) {
    negative_destinations_ = negatives.cols;
  } else {
    seed_sources_.insert(seed_sources_.end(), negatives.rows.begin(),
                         negatives.rows.end());
    seed_destinations_.insert(seed_destinations_.end(), negatives.cols.begin(),
                              negatives.cols.end());
  }
  SetTimes(negatives.cols.size());
  const auto times = [this](size_t begin, size_t size) {
    return seed_times_.empty()
               ? absl::Span<const int64_t>()
               : absl::MakeConstSpan(seed_times_).subspan(begin, size);
  };
  const EdgeType& type =
      dataset_.edge_types()[static_cast<size_t>(options_.edge_type)];
  more_seeds_.clear();
  more_seeds_.push_back({.type = type.dst_type,
                         .ids = seed_destinations_,
                         .times = times(0, seed_destinations_.size())});
  if (is_triplet()) {
    more_seeds_.push_back(
        {.type = type.dst_type,
         .ids = negative_destinations_,
         .times = times(request_.seeds.size(), negative_destinations_.size())});
  }
  FAIRLEAD_ASSIGN_OR_RETURN(
      const bool is_done,
      neighbors_->Begin(options_.neighbors,
                        {.seeds = seed_sources_,
                         .seed_type = type.src_type,
                         .epoch = request_.epoch,
                         .batch_index = request_.batch_index,
                         .times = times(0, seed_sources_.size()),
                         .more_seeds = more_seeds_},
                        &out_->subgraph));
  if (is_done) WriteMeta();
  return is_done;
}

void LinkSampler::WriteMeta() {
  const std::vector<int64_t>& src = out_->subgraph.seed_locals;
  const std::vector<int64_t>& dst = out_->subgraph.more_seed_locals[0];
  const auto edges = static_cast<int64_t>(request_.seeds.size());
  std::vector<MetaTensor>& meta = out_->meta;
  meta.clear();
  if (is_triplet()) {
    const auto amount = static_cast<int64_t>(options_.amount);
    std::vector<int64_t> shape = {edges};
    if (amount != 1) shape.push_back(amount);
    meta.push_back(
        {.name = "#META.src_index", .shape = {edges}, .values = src});
    meta.push_back(
        {.name = "#META.dst_pos_index", .shape = {edges}, .values = dst});
    meta.push_back({.name = "#META.dst_neg_index",
                    .shape = std::move(shape),
                    .values = out_->subgraph.more_seed_locals[1]});
    return;
  }
  const auto pairs = static_cast<int64_t>(src.size());
  std::vector<int64_t> index = src;
  index.insert(index.end(), dst.begin(), dst.end());
  std::vector<int64_t> labels(request_.seeds.size(), 1);
  for (size_t i = 0; i < request_.edge_labels.size(); ++i) {
    // (Wraps around, if it must, as numpy's do.)
    labels[i] =
        static_cast<int64_t>(static_cast<uint64_t>(request_.edge_labels[i]) +
                             static_cast<uint64_t>(options_.label_shift));
  }
  labels.resize(src.size(), 0);
  meta.push_back({.name = "#META.edge_label_index",
                  .shape = {2, pairs},
                  .values = std::move(index)});
  meta.push_back({.name = "#META.edge_label",
                  .shape = {pairs},
                  .values = std::move(labels)});
}

}  // namespace fairlead
