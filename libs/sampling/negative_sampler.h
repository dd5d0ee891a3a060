#ifndef FAIRLEAD_LIBS_SAMPLING_NEGATIVE_SAMPLER_H_
#define FAIRLEAD_LIBS_SAMPLING_NEGATIVE_SAMPLER_H_

#include <cstdint>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "libs/sampling/alias_table.h"
#include "libs/sampling/id_universe.h"
#include "libs/sampling/negative_draw.h"

namespace fairlead {

// Pairs of nodes that no edge joins, to train link prediction with (parity 2.5;
// W-35 says what was wrong with the original: it drew from the ids a partition
// had seen, looked at a partition's own edges only, and might return fewer).
// Draws from all ids of a type, may ask whoever has the edges, and returns as
// many as asked for or an error.
//
//   const DenseIds users(num_users), items(num_items);
//   ASSIGN_OR_RETURN(const AliasTable by_degree,
//                    AliasTable::FromDegrees(item_degrees));
//   ASSIGN_OR_RETURN(const NegativeSampler sampler, NegativeSampler::Create(
//       users, items, &by_degree, {.seed = 42}));
//   ASSIGN_OR_RETURN(const int64_t count, CountNegatives(positives, 1.5));
//   ASSIGN_OR_RETURN(const NegativePairs pairs, sampler.SamplePairs(
//       {.epoch = 3, .batch_index = 7}, count, ask_the_partitions));

// Sets exists[i], false before, where there is an edge from src[i] to dst[i].
// All spans have one length; pairs may repeat. An error ends the sampling, and
// is what the sampler returns.
using EdgeExists = absl::FunctionRef<absl::Status(absl::Span<const int64_t> src,
                                                  absl::Span<const int64_t> dst,
                                                  absl::Span<bool> exists)>;

// ceil(num_positives * amount), in doubles, as the originals compute it.
// INVALID_ARGUMENT unless num_positives >= 0, amount is finite and > 0, and
// that is at most 2^31.
absl::StatusOr<int64_t> CountNegatives(int64_t num_positives, double amount);

// Immutable: any thread may use it, any number at a time.
//
// What a slot gets is a pure function of the ids, the weights, the options, the
// edges, the request and the slot's number (and in SampleDestinations its
// source): draws are keyed by (seed, epoch, batch index) and made for (slot,
// edge type, trial), so other slots change nothing (design invariant 2). In
// strict mode each slot is distributed as sources and destinations are, given
// that there is no edge.
class NegativeSampler {
 public:
  // Sources are drawn uniformly from `sources`; destinations from
  // `destinations`, uniformly, or by `weights` (by position) if there are any.
  // All must outlive the sampler. INVALID_ARGUMENT for options out of range, or
  // more or fewer weights than destinations.
  static absl::StatusOr<NegativeSampler> Create(
      const IdUniverse& sources, const IdUniverse& destinations,
      const AliasTable* weights, const NegativeSamplerOptions& options);

  // Binary mode: `count` pairs, source and destination both drawn.
  // INVALID_ARGUMENT unless count is from 0 to 2^31. RESOURCE_EXHAUSTED, with
  // how many and the first of them, if slots were not found, be it that there
  // are no ids. (With kAcceptFalseNegatives, only if there is nothing to draw
  // but a node itself, and that is excluded.) `edge_exists` is called once a
  // trial with all slots that are left, at most max_trials times, and once with
  // up to exhaustive_limit pairs.
  absl::StatusOr<NegativePairs> SamplePairs(const NegativeRequest& request,
                                            int64_t count,
                                            EdgeExists edge_exists) const;

  // Triplet mode: `amount` destinations for each source: slot i * amount + j is
  // the j-th of sources[i], so cols is int64 [sources, amount]. Sources need
  // not be among those of Create, and may repeat. INVALID_ARGUMENT for an
  // amount below 1, a negative source, or more than 2^31 slots; else as
  // SamplePairs.
  absl::StatusOr<NegativePairs> SampleDestinations(
      const NegativeRequest& request, absl::Span<const int64_t> sources,
      int32_t amount, EdgeExists edge_exists) const;

  // The same, for callers who have to wait for who has the edges, and do other
  // things meanwhile. The draw outlives the sampler, not the ids and weights.
  absl::StatusOr<NegativeDraw> BeginPairs(const NegativeRequest& request,
                                          int64_t count) const;
  absl::StatusOr<NegativeDraw> BeginDestinations(
      const NegativeRequest& request, absl::Span<const int64_t> sources,
      int32_t amount) const;

 private:
  NegativeSampler(const IdUniverse& sources, const IdUniverse& destinations,
                  const AliasTable* weights,
                  const NegativeSamplerOptions& options)
      : from_{.sources = &sources,
              .destinations = &destinations,
              .weights = weights},
        options_(options) {}

  NegativeDraw::From from_;
  NegativeSamplerOptions options_;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_SAMPLING_NEGATIVE_SAMPLER_H_
