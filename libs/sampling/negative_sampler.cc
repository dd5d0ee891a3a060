#include "libs/sampling/negative_sampler.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
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
#include "libs/sampling/unit_real.h"
#include "libs/status/status_macros.h"

namespace fairlead {
namespace {

constexpr int64_t kMaxNegatives = int64_t{1} << 31;
constexpr int kMaxTrials = 65535;

// All that may be drawn for some slots.
struct NonEdges {
  std::vector<int64_t> rows;
  std::vector<int64_t> cols;
  std::vector<double> upto;  // sum of the chances to here; empty: uniform

  // REQUIRES that there are any.
  size_t Draw(RandomStream& random) const {
    if (upto.empty()) return random.Below(rows.size());
    const double sum = DrawUnitReal(random) * upto.back();
    const auto found = std::upper_bound(upto.begin(), upto.end(), sum);
    // (Rounding could give the sum of all.)
    return std::min(static_cast<size_t>(found - upto.begin()), upto.size() - 1);
  }
};

}  // namespace

absl::StatusOr<int64_t> CountNegatives(int64_t num_positives, double amount) {
  if (num_positives < 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "negatives: ", num_positives, " positives are fewer than none"));
  }
  if (!(amount > 0) || !std::isfinite(amount)) {
    return absl::InvalidArgumentError(
        absl::StrCat("negatives: amount is ", amount,
                     " per positive; it must be finite and above 0"));
  }
  const double count = std::ceil(static_cast<double>(num_positives) * amount);
  if (count > static_cast<double>(kMaxNegatives)) {
    return absl::InvalidArgumentError(
        absl::StrCat("negatives: ", num_positives, " positives with ", amount,
                     " negatives each are more than ", kMaxNegatives));
  }
  return static_cast<int64_t>(count);
}

// The slots of one request, on their way to be found.
class NegativeSampler::Batch {
 public:
  // Rows are drawn unless they are given.
  Batch(const NegativeSampler& sampler, const NegativeRequest& request,
        bool draws_rows, NegativePairs pairs, EdgeExists edge_exists)
      : sampler_(sampler),
        options_(sampler.options_),
        key_(DeriveRandomKey(options_.seed, RandomPurpose::kNegatives,
                             request.epoch, request.batch_index)),
        edge_type_(request.edge_type),
        draws_rows_(draws_rows),
        edge_exists_(edge_exists),
        pairs_(std::move(pairs)),
        left_(pairs_.rows.size()) {
    std::iota(left_.begin(), left_.end(), size_t{0});
  }

  absl::StatusOr<NegativePairs> Run() && {
    const bool has_ids = sampler_.destinations_->size() > 0 &&
                         (!draws_rows_ || sampler_.sources_->size() > 0);
    if (has_ids) {
      for (int trial = 0; trial < options_.max_trials; ++trial) {
        FAIRLEAD_RETURN_IF_ERROR(RunTrial(trial));
      }
      FAIRLEAD_RETURN_IF_ERROR(DrawFromAll());
      if (options_.on_shortfall ==
          NegativeSamplerOptions::OnShortfall::kAcceptFalseNegatives) {
        AcceptEdges();
      }
    }
    if (!left_.empty()) return ShortfallError();
    return std::move(pairs_);
  }

 private:
  RandomStream StreamOf(size_t slot, int trial) const {
    return RandomStream(
        key_, slot, uint32_t{edge_type_} << 16 | static_cast<uint32_t>(trial));
  }

  void Draw(size_t slot, int trial) {
    RandomStream random = StreamOf(slot, trial);
    if (draws_rows_) {
      const IdUniverse& sources = *sampler_.sources_;
      pairs_.rows[slot] = sources.id(static_cast<int64_t>(
          random.Below(static_cast<uint64_t>(sources.size()))));
    }
    const IdUniverse& destinations = *sampler_.destinations_;
    const int64_t position =
        sampler_.weights_ != nullptr
            ? sampler_.weights_->Draw(random)
            : static_cast<int64_t>(
                  random.Below(static_cast<uint64_t>(destinations.size())));
    pairs_.cols[slot] = destinations.id(position);
  }

  bool IsExcluded(int64_t row, int64_t col) const {
    return options_.exclude_self && row == col;
  }

  // For each pair whether it is an edge; asks nobody unless strict.
  absl::StatusOr<std::unique_ptr<bool[]>> FindEdges(
      absl::Span<const int64_t> rows, absl::Span<const int64_t> cols) const {
    auto exists = std::make_unique<bool[]>(rows.size());  // false
    if (options_.strict && !rows.empty()) {
      FAIRLEAD_RETURN_IF_ERROR(
          edge_exists_(rows, cols, absl::MakeSpan(exists.get(), rows.size())));
    }
    return exists;
  }

  // Draws all slots that are left, and keeps those left that are no good.
  absl::Status RunTrial(int trial) {
    std::vector<int64_t> rows;
    std::vector<int64_t> cols;
    for (const size_t slot : left_) {
      Draw(slot, trial);
      if (IsExcluded(pairs_.rows[slot], pairs_.cols[slot])) continue;
      rows.push_back(pairs_.rows[slot]);
      cols.push_back(pairs_.cols[slot]);
    }
    FAIRLEAD_ASSIGN_OR_RETURN(const auto exists, FindEdges(rows, cols));
    size_t asked = 0;
    std::vector<size_t> still_left;
    for (const size_t slot : left_) {
      if (IsExcluded(pairs_.rows[slot], pairs_.cols[slot]) || exists[asked++]) {
        still_left.push_back(slot);
      }
    }
    left_ = std::move(still_left);
    return absl::OkStatus();
  }

  // Draws what trials did not find from all there is, where that is not too
  // much to ask about.
  absl::Status DrawFromAll() {
    const int64_t sources = draws_rows_ ? sampler_.sources_->size() : 1;
    const int64_t most_sources =
        options_.exhaustive_limit / sampler_.destinations_->size();
    if (left_.empty() || sources > most_sources) return absl::OkStatus();
    std::vector<double> chances;  // by position of the destination
    if (sampler_.weights_ != nullptr) chances = sampler_.weights_->Chances();
    std::vector<size_t> still_left;
    if (draws_rows_) {
      std::vector<int64_t> rows;
      for (int64_t i = 0; i < sources; ++i) {
        rows.push_back(sampler_.sources_->id(i));
      }
      FAIRLEAD_ASSIGN_OR_RETURN(const std::vector<NonEdges> all,
                                FindNonEdges({rows}, chances));
      DrawFrom(all[0], left_, &still_left);
    } else {
      FAIRLEAD_RETURN_IF_ERROR(DrawFromAllOfEachRow(
          static_cast<size_t>(most_sources), chances, &still_left));
    }
    left_ = std::move(still_left);
    return absl::OkStatus();
  }

  // Takes rows together, up to `most_rows`, so that fewer calls ask more.
  absl::Status DrawFromAllOfEachRow(size_t most_rows,
                                    absl::Span<const double> chances,
                                    std::vector<size_t>* still_left) {
    std::stable_sort(left_.begin(), left_.end(), [this](size_t a, size_t b) {
      return pairs_.rows[a] < pairs_.rows[b];
    });
    for (size_t begin = 0; begin < left_.size();) {
      std::vector<std::vector<int64_t>> rows;
      std::vector<size_t> ends;  // of the slots of each row
      for (size_t i = begin; i < left_.size(); ++i) {
        const int64_t row = pairs_.rows[left_[i]];
        if (rows.empty() || rows.back()[0] != row) {
          if (rows.size() == most_rows) break;
          rows.push_back({row});
          ends.push_back(i);
        }
        ends.back() = i + 1;
      }
      FAIRLEAD_ASSIGN_OR_RETURN(const std::vector<NonEdges> all,
                                FindNonEdges(rows, chances));
      for (size_t i = 0; i < rows.size(); ++i) {
        DrawFrom(all[i],
                 absl::MakeConstSpan(left_).subspan(begin, ends[i] - begin),
                 still_left);
        begin = ends[i];
      }
    }
    std::sort(still_left->begin(), still_left->end());
    return absl::OkStatus();
  }

  // For each set of rows, those pairs with any destination that may be drawn.
  absl::StatusOr<std::vector<NonEdges>> FindNonEdges(
      absl::Span<const std::vector<int64_t>> row_sets,
      absl::Span<const double> chances) const {
    const IdUniverse& destinations = *sampler_.destinations_;
    std::vector<int64_t> rows;
    std::vector<int64_t> cols;
    for (const std::vector<int64_t>& set : row_sets) {
      for (const int64_t row : set) {
        for (int64_t i = 0; i < destinations.size(); ++i) {
          rows.push_back(row);
          cols.push_back(destinations.id(i));
        }
      }
    }
    FAIRLEAD_ASSIGN_OR_RETURN(const auto exists, FindEdges(rows, cols));
    std::vector<NonEdges> all(row_sets.size());
    const auto num_destinations = static_cast<size_t>(destinations.size());
    size_t pair = 0;
    for (size_t set = 0; set < row_sets.size(); ++set) {
      NonEdges& found = all[set];
      const size_t end = pair + row_sets[set].size() * num_destinations;
      double sum = 0;
      for (; pair < end; ++pair) {
        const double chance =
            chances.empty() ? 1 : chances[pair % num_destinations];
        if (exists[pair] || chance == 0 || IsExcluded(rows[pair], cols[pair])) {
          continue;
        }
        found.rows.push_back(rows[pair]);
        found.cols.push_back(cols[pair]);
        sum += chance;
        if (!chances.empty()) found.upto.push_back(sum);
      }
    }
    return all;
  }

  void DrawFrom(const NonEdges& all, absl::Span<const size_t> slots,
                std::vector<size_t>* still_left) {
    if (all.rows.empty()) {
      still_left->insert(still_left->end(), slots.begin(), slots.end());
      return;
    }
    for (const size_t slot : slots) {
      RandomStream random = StreamOf(slot, options_.max_trials);
      const size_t chosen = all.Draw(random);
      pairs_.rows[slot] = all.rows[chosen];
      pairs_.cols[slot] = all.cols[chosen];
    }
  }

  // Gives what is left the last thing drawn for it that is not excluded. (Draws
  // can be made again: nobody had to remember them.)
  void AcceptEdges() {
    std::vector<size_t> still_left;
    for (const size_t slot : left_) {
      int trial = options_.max_trials;
      do {
        Draw(slot, --trial);
      } while (trial > 0 && IsExcluded(pairs_.rows[slot], pairs_.cols[slot]));
      if (IsExcluded(pairs_.rows[slot], pairs_.cols[slot])) {
        still_left.push_back(slot);
      } else {
        ++pairs_.num_false_negatives;
      }
    }
    left_ = std::move(still_left);
  }

  absl::Status ShortfallError() const {
    const size_t first = left_.front();
    std::string where = absl::StrCat("slot ", first);
    if (!draws_rows_) {
      absl::StrAppend(&where, ", of source ", pairs_.rows[first]);
    }
    return absl::ResourceExhaustedError(absl::StrCat(
        "negatives: ", left_.size(), " of ", pairs_.rows.size(),
        " could not be found in ", options_.max_trials, " trials (", where,
        ", first), among ", draws_rows_ ? sampler_.sources_->size() : 1,
        " sources and ", sampler_.destinations_->size(),
        " destinations; raise max_trials or exhaustive_limit, or accept false "
        "negatives"));
  }

  const NegativeSampler& sampler_;
  const NegativeSamplerOptions& options_;
  const uint64_t key_;
  const uint16_t edge_type_;
  const bool draws_rows_;
  const EdgeExists edge_exists_;
  NegativePairs pairs_;
  std::vector<size_t> left_;  // slots not found, ascending
};

absl::StatusOr<NegativeSampler> NegativeSampler::Create(
    const IdUniverse& sources, const IdUniverse& destinations,
    const AliasTable* weights, const NegativeSamplerOptions& options) {
  if (options.max_trials < 1 || options.max_trials > kMaxTrials) {
    return absl::InvalidArgumentError(
        absl::StrCat("negatives: max_trials is ", options.max_trials,
                     "; it must be from 1 to ", kMaxTrials));
  }
  if (options.exhaustive_limit < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("negatives: exhaustive_limit is ",
                     options.exhaustive_limit, "; it must be 0 or more pairs"));
  }
  if (weights != nullptr && weights->size() != destinations.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("negatives: ", weights->size(), " weights for ",
                     destinations.size(), " destinations"));
  }
  return NegativeSampler(sources, destinations, weights, options);
}

absl::StatusOr<NegativePairs> NegativeSampler::SamplePairs(
    const NegativeRequest& request, int64_t count,
    EdgeExists edge_exists) const {
  if (count < 0 || count > kMaxNegatives) {
    return absl::InvalidArgumentError(
        absl::StrCat("negatives: count is ", count, "; it must be from 0 to ",
                     kMaxNegatives));
  }
  NegativePairs pairs;
  pairs.rows.resize(static_cast<size_t>(count));
  pairs.cols.resize(static_cast<size_t>(count));
  return Batch(*this, request, /*draws_rows=*/true, std::move(pairs),
               edge_exists)
      .Run();
}

absl::StatusOr<NegativePairs> NegativeSampler::SampleDestinations(
    const NegativeRequest& request, absl::Span<const int64_t> sources,
    int32_t amount, EdgeExists edge_exists) const {
  if (amount < 1) {
    return absl::InvalidArgumentError(absl::StrCat(
        "negatives: amount is ", amount, " per source; it must be 1 or more"));
  }
  const auto per_source = static_cast<size_t>(amount);
  if (sources.size() > static_cast<size_t>(kMaxNegatives) / per_source) {
    return absl::InvalidArgumentError(
        absl::StrCat("negatives: ", sources.size(), " sources with ", amount,
                     " negatives each are more than ", kMaxNegatives));
  }
  NegativePairs pairs;
  pairs.rows.reserve(sources.size() * per_source);
  for (const int64_t source : sources) {
    if (source < 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("negatives: source ", source, " is negative"));
    }
    pairs.rows.insert(pairs.rows.end(), per_source, source);
  }
  pairs.cols.resize(pairs.rows.size());
  return Batch(*this, request, /*draws_rows=*/false, std::move(pairs),
               edge_exists)
      .Run();
}

}  // namespace fairlead
