#ifndef FAIRLEAD_LIBS_SAMPLING_NEGATIVE_DRAW_H_
#define FAIRLEAD_LIBS_SAMPLING_NEGATIVE_DRAW_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "libs/random/philox.h"
#include "libs/sampling/alias_table.h"
#include "libs/sampling/id_universe.h"

namespace fairlead {

// The negatives of one request, on their way to be found: what is asked of
// whoever has the edges, and what becomes of the answers. NegativeSampler makes
// them.

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

  bool operator==(const NegativeSamplerOptions&) const = default;
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

// Proposes pairs, is told which of them are edges, and proposes others for
// these, trial by trial:
//
//   FAIRLEAD_ASSIGN_OR_RETURN(NegativeDraw draw,
//                             sampler.BeginPairs(request, count));
//   while (!draw.done()) draw.Answer(... of draw.src() and draw.dst() ...);
//   FAIRLEAD_ASSIGN_OR_RETURN(NegativePairs pairs, std::move(draw).Take());
//
// Keeps what it was given by value, but for what From points to.
// Thread-compatible.
class NegativeDraw {
 public:
  struct From {
    const IdUniverse* sources = nullptr;
    const IdUniverse* destinations = nullptr;
    const AliasTable* weights = nullptr;  // of destinations; null: uniform
  };

  // Whether nothing is left to be asked: at once, unless it is strict.
  bool done() const { return is_done_; }

  // The pairs (src()[i], dst()[i]) to be looked up, which may repeat. Valid
  // until Answer.
  absl::Span<const int64_t> src() const { return rows_; }
  absl::Span<const int64_t> dst() const { return cols_; }

  // Says of each pair whether it is an edge. REQUIRES !done(), and as many as
  // there are pairs.
  void Answer(absl::Span<const bool> exists);

  // The pairs, or RESOURCE_EXHAUSTED as NegativeSampler says. REQUIRES done().
  absl::StatusOr<NegativePairs> Take() &&;

 private:
  friend class NegativeSampler;

  // What may be drawn for some slots.
  struct NonEdges;

  // Rows are drawn unless they are given.
  NegativeDraw(const From& from, const NegativeSamplerOptions& options,
               const NegativeRequest& request, bool draws_rows,
               NegativePairs pairs);

  RandomStream StreamOf(size_t slot, int trial) const;
  void Draw(size_t slot, int trial);
  bool IsExcluded(int64_t row, int64_t col) const {
    return options_.exclude_self && row == col;
  }

  // Goes on as far as it does without answers.
  void Run();
  // The next pairs to look up, into rows_ and cols_. False: none are left.
  bool Propose();
  // Takes what is known of them. An empty span: none are edges.
  void Settle(absl::Span<const bool> exists);

  void ProposeTrial();
  void SettleTrial(absl::Span<const bool> exists);
  // Where that is not too much to ask about, what trials did not find is drawn
  // from the list of all there is.
  void PrepareAll();
  void ProposeAll();
  void SettleAll(absl::Span<const bool> exists);
  // Of pairs from `pair` on, those that may be drawn of a source set and any
  // destination.
  NonEdges FindNonEdges(size_t begin, size_t end,
                        absl::Span<const bool> exists) const;
  void DrawFrom(const NonEdges& all, absl::Span<const size_t> slots);
  void AcceptEdges();
  absl::Status ShortfallError() const;

  From from_;
  NegativeSamplerOptions options_;
  uint64_t key_;
  uint16_t edge_type_;
  bool draws_rows_;
  NegativePairs pairs_;
  bool is_done_ = false;
  std::vector<size_t> left_;  // slots not found, ascending (but see below)
  std::vector<int64_t> rows_;
  std::vector<int64_t> cols_;
  int trial_ = 0;

  // Of drawing from all there is. left_ is in order of rows then.
  bool draws_from_all_ = false;
  size_t most_sources_ = 0;      // to ask about together
  std::vector<double> chances_;  // by position of the destination, if weighted
  size_t group_begin_ = 0;       // into left_: the first slot not drawn for
  // Slots of a source whose pairs are proposed end there, into left_.
  std::vector<size_t> slot_ends_;
  std::vector<size_t> still_left_;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_SAMPLING_NEGATIVE_DRAW_H_
