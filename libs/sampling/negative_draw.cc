#include "libs/sampling/negative_draw.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "libs/random/philox.h"
#include "libs/sampling/alias_table.h"
#include "libs/sampling/id_universe.h"
#include "libs/sampling/unit_real.h"

namespace fairlead {

struct NegativeDraw::NonEdges {
  std::vector<size_t> pairs;  // places in rows_ and cols_
  std::vector<double> upto;   // sum of the chances to here; empty: uniform

  // REQUIRES that there are any.
  size_t Draw(RandomStream& random) const {
    if (upto.empty()) return pairs[random.Below(pairs.size())];
    const double sum = DrawUnitReal(random) * upto.back();
    const auto found = std::upper_bound(upto.begin(), upto.end(), sum);
    // (Rounding could give the sum of all.)
    return pairs[std::min(static_cast<size_t>(found - upto.begin()),
                          upto.size() - 1)];
  }
};

NegativeDraw::NegativeDraw(const From& from,
                           const NegativeSamplerOptions& options,
                           const NegativeRequest& request, bool draws_rows,
                           NegativePairs pairs)
    : from_(from),
      options_(options),
      key_(DeriveRandomKey(options.seed, RandomPurpose::kNegatives,
                           request.epoch, request.batch_index)),
      edge_type_(request.edge_type),
      draws_rows_(draws_rows),
      pairs_(std::move(pairs)),
      left_(pairs_.rows.size()) {
  std::iota(left_.begin(), left_.end(), size_t{0});
  const bool has_ids = from_.destinations->size() > 0 &&
                       (!draws_rows_ || from_.sources->size() > 0);
  if (has_ids) {
    Run();
  } else {
    is_done_ = true;
  }
}

RandomStream NegativeDraw::StreamOf(size_t slot, int trial) const {
  return RandomStream(
      key_, slot, uint32_t{edge_type_} << 16 | static_cast<uint32_t>(trial));
}

void NegativeDraw::Draw(size_t slot, int trial) {
  RandomStream random = StreamOf(slot, trial);
  if (draws_rows_) {
    const IdUniverse& sources = *from_.sources;
    pairs_.rows[slot] = sources.id(static_cast<int64_t>(
        random.Below(static_cast<uint64_t>(sources.size()))));
  }
  const IdUniverse& destinations = *from_.destinations;
  const int64_t position =
      from_.weights != nullptr
          ? from_.weights->Draw(random)
          : static_cast<int64_t>(
                random.Below(static_cast<uint64_t>(destinations.size())));
  pairs_.cols[slot] = destinations.id(position);
}

void NegativeDraw::Answer(absl::Span<const bool> exists) {
  Settle(exists);
  Run();
}

void NegativeDraw::Run() {
  while (Propose()) {
    if (options_.strict && !rows_.empty()) return;
    Settle({});
  }
  rows_.clear();
  cols_.clear();
  if (options_.on_shortfall ==
      NegativeSamplerOptions::OnShortfall::kAcceptFalseNegatives) {
    AcceptEdges();
  }
  is_done_ = true;
}

bool NegativeDraw::Propose() {
  rows_.clear();
  cols_.clear();
  if (left_.empty()) return false;
  if (trial_ < options_.max_trials) {
    ProposeTrial();
    return true;
  }
  if (!draws_from_all_) PrepareAll();
  if (group_begin_ < left_.size() && most_sources_ > 0) {
    ProposeAll();
    return true;
  }
  return false;
}

void NegativeDraw::Settle(absl::Span<const bool> exists) {
  if (draws_from_all_) {
    SettleAll(exists);
  } else {
    SettleTrial(exists);
    ++trial_;
  }
}

void NegativeDraw::ProposeTrial() {
  for (const size_t slot : left_) {
    Draw(slot, trial_);
    if (IsExcluded(pairs_.rows[slot], pairs_.cols[slot])) continue;
    rows_.push_back(pairs_.rows[slot]);
    cols_.push_back(pairs_.cols[slot]);
  }
}

void NegativeDraw::SettleTrial(absl::Span<const bool> exists) {
  size_t asked = 0;
  std::erase_if(left_, [&](size_t slot) {
    if (IsExcluded(pairs_.rows[slot], pairs_.cols[slot])) return false;
    return exists.empty() || !exists[asked++];
  });
}

void NegativeDraw::PrepareAll() {
  draws_from_all_ = true;
  most_sources_ = static_cast<size_t>(options_.exhaustive_limit /
                                      from_.destinations->size());
  if (draws_rows_ &&
      static_cast<size_t>(from_.sources->size()) > most_sources_) {
    most_sources_ = 0;
  }
  if (most_sources_ == 0) return;
  if (from_.weights != nullptr) chances_ = from_.weights->Chances();
  if (draws_rows_) return;
  std::stable_sort(left_.begin(), left_.end(), [this](size_t a, size_t b) {
    return pairs_.rows[a] < pairs_.rows[b];
  });
}

void NegativeDraw::ProposeAll() {
  const auto add_all_pairs_of = [this](int64_t row) {
    for (int64_t i = 0; i < from_.destinations->size(); ++i) {
      rows_.push_back(row);
      cols_.push_back(from_.destinations->id(i));
    }
  };
  slot_ends_.clear();
  if (draws_rows_) {
    for (int64_t i = 0; i < from_.sources->size(); ++i) {
      add_all_pairs_of(from_.sources->id(i));
    }
    slot_ends_.push_back(left_.size());
    return;
  }
  // Takes rows together, so that fewer questions ask more.
  for (size_t i = group_begin_; i < left_.size(); ++i) {
    const int64_t row = pairs_.rows[left_[i]];
    if (slot_ends_.empty() || pairs_.rows[left_[i - 1]] != row) {
      if (slot_ends_.size() == most_sources_) break;
      add_all_pairs_of(row);
      slot_ends_.push_back(i);
    }
    slot_ends_.back() = i + 1;
  }
}

void NegativeDraw::SettleAll(absl::Span<const bool> exists) {
  const size_t set_size = rows_.size() / slot_ends_.size();
  for (size_t set = 0; set < slot_ends_.size(); ++set) {
    DrawFrom(FindNonEdges(set * set_size, (set + 1) * set_size, exists),
             absl::MakeConstSpan(left_).subspan(
                 group_begin_, slot_ends_[set] - group_begin_));
    group_begin_ = slot_ends_[set];
  }
  if (group_begin_ < left_.size()) return;
  left_ = std::move(still_left_);
  std::sort(left_.begin(), left_.end());
  group_begin_ = left_.size();
}

NegativeDraw::NonEdges NegativeDraw::FindNonEdges(
    size_t begin, size_t end, absl::Span<const bool> exists) const {
  NonEdges found;
  const auto num_destinations = static_cast<size_t>(from_.destinations->size());
  double sum = 0;
  for (size_t pair = begin; pair < end; ++pair) {
    const double chance =
        chances_.empty() ? 1 : chances_[pair % num_destinations];
    const bool is_edge = !exists.empty() && exists[pair];
    if (is_edge || chance == 0 || IsExcluded(rows_[pair], cols_[pair])) {
      continue;
    }
    found.pairs.push_back(pair);
    sum += chance;
    if (!chances_.empty()) found.upto.push_back(sum);
  }
  return found;
}

void NegativeDraw::DrawFrom(const NonEdges& all,
                            absl::Span<const size_t> slots) {
  if (all.pairs.empty()) {
    still_left_.insert(still_left_.end(), slots.begin(), slots.end());
    return;
  }
  for (const size_t slot : slots) {
    RandomStream random = StreamOf(slot, options_.max_trials);
    const size_t chosen = all.Draw(random);
    pairs_.rows[slot] = rows_[chosen];
    pairs_.cols[slot] = cols_[chosen];
  }
}

// Gives what is left the last thing drawn for it that is not excluded. (Draws
// can be made again: nobody had to remember them.)
void NegativeDraw::AcceptEdges() {
  std::erase_if(left_, [this](size_t slot) {
    int trial = options_.max_trials;
    do {
      Draw(slot, --trial);
    } while (trial > 0 && IsExcluded(pairs_.rows[slot], pairs_.cols[slot]));
    if (IsExcluded(pairs_.rows[slot], pairs_.cols[slot])) return false;
    ++pairs_.num_false_negatives;
    return true;
  });
}

absl::StatusOr<NegativePairs> NegativeDraw::Take() && {
  if (!left_.empty()) return ShortfallError();
  return std::move(pairs_);
}

absl::Status NegativeDraw::ShortfallError() const {
  const size_t first = left_.front();
  std::string where = absl::StrCat("slot ", first);
  if (!draws_rows_) {
    absl::StrAppend(&where, ", of source ", pairs_.rows[first]);
  }
  return absl::ResourceExhaustedError(absl::StrCat(
      "negatives: ", left_.size(), " of ", pairs_.rows.size(),
      " could not be found in ", options_.max_trials, " trials (", where,
      ", first), among ", draws_rows_ ? from_.sources->size() : 1,
      " sources and ", from_.destinations->size(),
      " destinations; raise max_trials or exhaustive_limit, or accept false "
      "negatives"));
}

}  // namespace fairlead
