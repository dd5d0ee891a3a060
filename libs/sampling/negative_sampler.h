#ifndef FAIRLEAD_LIBS_SAMPLING_NEGATIVE_SAMPLER_H_
#define FAIRLEAD_LIBS_SAMPLING_NEGATIVE_SAMPLER_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "libs/random/philox.h"
#include "libs/sampling/alias_table.h"

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

// All ids of a node type, at positions 0 to size() - 1. Implementations are
// immutable, so that any thread may use them.
class IdUniverse {
 public:
  virtual ~IdUniverse() = default;

  virtual int64_t size() const = 0;  // not negative
  // Each id once. REQUIRES 0 <= position < size().
  virtual int64_t id(int64_t position) const = 0;
};

// Ids 0 to size - 1.
class DenseIds final : public IdUniverse {
 public:
  explicit DenseIds(int64_t size) : size_(size) {}
  int64_t size() const override { return size_; }
  int64_t id(int64_t position) const override { return position; }

 private:
  const int64_t size_;
};

// Ids from a list, which must outlive it. REQUIRES distinct ids.
class ListedIds final : public IdUniverse {
 public:
  explicit ListedIds(absl::Span<const int64_t> ids) : ids_(ids) {}
  int64_t size() const override { return static_cast<int64_t>(ids_.size()); }
  int64_t id(int64_t position) const override {
    return ids_[static_cast<size_t>(position)];
  }

 private:
  const absl::Span<const int64_t> ids_;
};

struct NegativeSamplerOptions {
  uint64_t seed = 0;

  // Whether pairs that are edges are rejected; otherwise nobody is asked.
  bool strict = true;

  // Whether pairs of a node with itself are rejected, strict or not. For a
  // source and a destination type that are the same.
  bool exclude_self = false;

  // How often a slot is drawn before it counts as hard to find. From 1 to
  // 65535.
  int max_trials = 5;

  // Slots that are hard to find are drawn from a list of all that may be drawn,
  // if no more pairs than this must be asked about to make it: the destinations
  // of a source, or sources times destinations where the source is drawn too.
  // Then only what does not exist is not found. 0: never.
  int64_t exhaustive_limit = 65536;

  // What becomes of slots that were not found.
  enum class OnShortfall {
    kError,                 // RESOURCE_EXHAUSTED, with how many
    kAcceptFalseNegatives,  // they get an edge as if it were none
  };
  OnShortfall on_shortfall = OnShortfall::kError;
};

struct NegativeRequest {
  uint64_t epoch = 0;
  uint64_t batch_index = 0;
  uint16_t edge_type = 0;  // batches of several have draws of their own each
};

// Slot i is (rows[i], cols[i]), global ids. A pair may be drawn for more than
// one slot.
struct NegativePairs {
  std::vector<int64_t> rows;
  std::vector<int64_t> cols;
  int64_t num_false_negatives = 0;  // how many were accepted (OnShortfall)
};

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

 private:
  class Batch;

  NegativeSampler(const IdUniverse& sources, const IdUniverse& destinations,
                  const AliasTable* weights,
                  const NegativeSamplerOptions& options)
      : sources_(&sources),
        destinations_(&destinations),
        weights_(weights),
        options_(options) {}

  const IdUniverse* sources_;
  const IdUniverse* destinations_;
  const AliasTable* weights_;  // null: uniform
  NegativeSamplerOptions options_;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_SAMPLING_NEGATIVE_SAMPLER_H_
