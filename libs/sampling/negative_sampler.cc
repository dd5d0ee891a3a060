#include "libs/sampling/negative_sampler.h"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "libs/sampling/alias_table.h"
#include "libs/sampling/id_universe.h"
#include "libs/sampling/negative_draw.h"
#include "libs/status/status_macros.h"

namespace fairlead {
namespace {

constexpr int64_t kMaxNegatives = int64_t{1} << 31;
constexpr int kMaxTrials = 65535;

absl::StatusOr<NegativePairs> RunToEnd(absl::StatusOr<NegativeDraw> draw,
                                       EdgeExists edge_exists) {
  if (!draw.ok()) return draw.status();
  while (!draw->done()) {
    const size_t count = draw->src().size();
    const auto exists = std::make_unique<bool[]>(count);  // false
    const absl::Span<bool> answers(exists.get(), count);
    FAIRLEAD_RETURN_IF_ERROR(edge_exists(draw->src(), draw->dst(), answers));
    draw->Answer(answers);
  }
  return (*std::move(draw)).Take();
}

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
  return RunToEnd(BeginPairs(request, count), edge_exists);
}

absl::StatusOr<NegativePairs> NegativeSampler::SampleDestinations(
    const NegativeRequest& request, absl::Span<const int64_t> sources,
    int32_t amount, EdgeExists edge_exists) const {
  return RunToEnd(BeginDestinations(request, sources, amount), edge_exists);
}

absl::StatusOr<NegativeDraw> NegativeSampler::BeginPairs(
    const NegativeRequest& request, int64_t count) const {
  if (count < 0 || count > kMaxNegatives) {
    return absl::InvalidArgumentError(
        absl::StrCat("negatives: count is ", count, "; it must be from 0 to ",
                     kMaxNegatives));
  }
  NegativePairs pairs;
  pairs.rows.resize(static_cast<size_t>(count));
  pairs.cols.resize(static_cast<size_t>(count));
  return NegativeDraw(from_, options_, request, /*draws_rows=*/true,
                      std::move(pairs));
}

absl::StatusOr<NegativeDraw> NegativeSampler::BeginDestinations(
    const NegativeRequest& request, absl::Span<const int64_t> sources,
    int32_t amount) const {
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
  return NegativeDraw(from_, options_, request, /*draws_rows=*/false,
                      std::move(pairs));
}

}  // namespace fairlead
