#ifndef FAIRLEAD_LIBS_SAMPLING_LINK_SAMPLER_H_
#define FAIRLEAD_LIBS_SAMPLING_LINK_SAMPLER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "libs/graph/dataset.h"
#include "libs/sampling/alias_table.h"
#include "libs/sampling/batch_sampler.h"
#include "libs/sampling/edge_lookup.h"
#include "libs/sampling/id_universe.h"
#include "libs/sampling/negative_draw.h"
#include "libs/sampling/negative_sampler.h"
#include "libs/sampling/neighbor_gather.h"
#include "libs/sampling/neighbor_sampler.h"

namespace fairlead {

// The neighbourhoods of the ends of given edges, and of pairs that are no
// edges, to train link prediction with (parity 2.5, GL-075).

struct LinkSamplerOptions {
  enum class NegativeMode {
    kNone,
    kBinary,   // pairs, both ends drawn
    kTriplet,  // destinations for the source of each edge
  };

  // Of the ends; neighbors.seed is that of all draws.
  NeighborSamplerOptions neighbors;

  // Of the given edges and of negatives: index into the dataset's edge types.
  int edge_type = 0;

  NegativeMode mode = NegativeMode::kNone;

  // Negatives for each edge, above 0; in all ceil(edges * amount). In triplet
  // mode a whole number.
  double amount = 1;

  // How negatives are drawn: strictly, or with edges among them, and so on. Of
  // these `seed` alone is not read. Strict draws look edges up on all
  // partitions.
  NegativeSamplerOptions negatives;

  // Draws destinations by weight (DegreeWeights) in place of uniformly. Only
  // where the dataset is whole: a partition knows no degrees of others' nodes.
  std::shared_ptr<const AliasTable> destination_weights;

  // What is added to every label that edges are given with, so that 0 is left
  // for negatives. By default they stay as they are (C-25).
  int64_t label_shift = 0;

  bool operator==(const LinkSamplerOptions&) const = default;
};

// The shift of labels that the originals use: 1 if the smallest of all labels
// of an epoch is 0, and 0 otherwise (C-25).
int64_t CompatLabelShift(absl::Span<const int64_t> labels);

// Weights by which a destination of an edge type is drawn: how many edges reach
// it, to the power of 0.75, as word2vec has it. 16 bytes a node, and O(edges)
// unless edges are listed by destination: to be made once and shared.
// INVALID_ARGUMENT for an edge type that there is none of, one without edges,
// or a dataset in partitions.
absl::StatusOr<std::shared_ptr<const AliasTable>> DegreeWeights(
    const Dataset& dataset, int edge_type);

// INVALID_ARGUMENT for an edge type that there is none of; options that
// ValidateNeighborSamplerOptions or NegativeSampler::Create refuse; an amount
// that is not above 0, or in triplet mode no whole number; exclude_self for
// edges between two node types; negatives of types of which this partition
// cannot know all ids (they are hashed to several partitions, or some below the
// largest are nobody's); or weights that are not as many as destinations, or
// not for a whole dataset.
absl::Status ValidateLinkSamplerOptions(const Dataset& dataset,
                                        const LinkSamplerOptions& options);

// What a batch is, beside what NeighborSampler says. Seeds are sources, then
// destinations, negatives after the given; where both are of one type, a node
// is there once. (In temporal sampling each end has a neighbourhood of its own.
// A negative has the time of an edge: in binary mode the i-th that of edge i
// modulo edges, in triplet mode that of its edge.)
//
// meta, without negatives or in binary mode, int64:
//   #META.edge_label_index [2, edges + negatives]: local indices of sources and
//     destinations
//   #META.edge_label [edges + negatives]: the labels given plus label_shift, or
//     ones; then zeros
// in triplet mode, int64:
//   #META.src_index, #META.dst_pos_index [edges]
//   #META.dst_neg_index [edges, amount], or [edges] if amount is 1
//
// seed_locals and more_seed_locals are those of the seeds in that order:
// sources; destinations; and in triplet mode negative destinations apart.
//
// Negatives are drawn as negative_sampler.h says, keyed by slot and trial, from
// all ids of the types, so that a batch is the same in any number of
// partitions.
//
// Errors of a batch: INVALID_ARGUMENT for as many destinations, labels or times
// as do not fit the sources, or labels in triplet mode, which has no place for
// them; OUT_OF_RANGE or NOT_FOUND, naming it, for an end that is no node;
// RESOURCE_EXHAUSTED for negatives that were not found, unless negatives allow
// for it; else as NeighborSampler.
class LinkSampler final : public BatchSampler {
 public:
  // Samples neighbourhoods with `neighbors`, as NodeBatchSampler does. Errors
  // as ValidateLinkSamplerOptions. `dataset` must outlive it.
  static absl::StatusOr<std::unique_ptr<LinkSampler>> Create(
      const Dataset& dataset, LinkSamplerOptions options,
      std::shared_ptr<NeighborhoodSampler> neighbors = nullptr);

  absl::StatusOr<bool> Begin(const BatchRequest& request,
                             SampledBatch* out) override;
  std::vector<NeighborFetch>& fetches() override {
    return draw_.has_value() ? fetches_ : neighbors_->fetches();
  }
  absl::StatusOr<bool> Resume() override;

 private:
  LinkSampler(const Dataset& dataset, LinkSamplerOptions options,
              std::shared_ptr<NeighborhoodSampler> neighbors);

  bool is_triplet() const {
    return options_.mode == LinkSamplerOptions::NegativeMode::kTriplet;
  }
  absl::Status CheckRequest(const BatchRequest& request) const;
  // Draws as far as edges need not be looked up elsewhere.
  absl::StatusOr<bool> RunNegatives();
  absl::Status AnswerDraw();
  absl::StatusOr<bool> BeginNeighbors(const NegativePairs& negatives);
  void SetTimes(size_t num_negatives);
  // What the batch says of edges and negatives.
  void WriteMeta();

  const Dataset& dataset_;
  const LinkSamplerOptions options_;
  std::unique_ptr<const IdUniverse> sources_;
  std::unique_ptr<const IdUniverse> destinations_;
  std::optional<NegativeSampler> negatives_;
  EdgeLookup lookup_;
  const std::shared_ptr<NeighborhoodSampler> neighbors_;

  // The batch in the making.
  BatchRequest request_;
  SampledBatch* out_ = nullptr;
  std::optional<NegativeDraw> draw_;    // while there are negatives to find
  std::vector<NeighborFetch> fetches_;  // of looking up their edges
  std::vector<int64_t> seed_sources_;
  std::vector<int64_t> seed_destinations_;
  std::vector<int64_t> negative_destinations_;  // in triplet mode
  std::vector<int64_t> seed_times_;             // of edges, then of negatives
  std::vector<SeedGroup> more_seeds_;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_SAMPLING_LINK_SAMPLER_H_
