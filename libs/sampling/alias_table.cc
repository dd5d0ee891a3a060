#include "libs/sampling/alias_table.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"

namespace fairlead {
namespace {

// Compensated (Kahan 1965), so that the error does not grow with the number of
// weights.
double SumOfShares(absl::Span<const double> weights, double heaviest) {
  double sum = 0;
  double lost = 0;
  for (const double weight : weights) {
    const double share = weight / heaviest - lost;
    const double next = sum + share;
    lost = (next - sum) - share;
    sum = next;
  }
  return sum;
}

}  // namespace

absl::StatusOr<AliasTable> AliasTable::Create(
    absl::Span<const double> weights) {
  for (size_t i = 0; i < weights.size(); ++i) {
    if (weights[i] >= 0 && std::isfinite(weights[i])) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("weight ", i, " is ", weights[i],
                     "; weights must be finite and not negative"));
  }
  const auto heaviest = std::max_element(weights.begin(), weights.end());
  if (heaviest == weights.end() || *heaviest == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("none of ", weights.size(),
                     " weights is above 0: there is nothing to draw"));
  }
  // A slot is 1 wide; all weights together fill all slots. What is narrower
  // than its slot gets the rest of it filled with something wider. `order` has
  // the narrow ones at the front, to be filled in turn, the wide ones behind.
  const double scale =
      static_cast<double>(weights.size()) / SumOfShares(weights, *heaviest);
  std::vector<Slot> slots(weights.size());
  std::vector<size_t> order(weights.size());
  size_t narrow_end = 0;
  size_t wide_begin = weights.size();
  for (size_t i = 0; i < weights.size(); ++i) {
    slots[i] = {.threshold = weights[i] / *heaviest * scale,
                .alias = heaviest - weights.begin()};
    order[slots[i].threshold < 1 ? narrow_end++ : --wide_begin] = i;
  }
  size_t narrow = 0;
  size_t wide = wide_begin;
  while (narrow < wide && wide < order.size()) {
    Slot& filled = slots[order[narrow++]];
    Slot& filler = slots[order[wide]];
    filled.alias = static_cast<int64_t>(order[wide]);
    filler.threshold = (filler.threshold + filled.threshold) - 1;
    if (filler.threshold < 1) ++wide;  // it is now the last of the narrow ones
  }
  // What is left is 1 wide but for rounding; but never draw what weighs
  // nothing.
  for (size_t i = narrow; i < order.size(); ++i) {
    slots[order[i]].threshold = weights[order[i]] > 0 ? 1 : 0;
  }
  return AliasTable(std::move(slots));
}

absl::StatusOr<AliasTable> AliasTable::FromDegrees(
    absl::Span<const int64_t> degrees, double exponent) {
  if (!(exponent >= 0) || !std::isfinite(exponent)) {
    return absl::InvalidArgumentError(
        absl::StrCat("degree weights: the exponent is ", exponent,
                     "; it must be finite and not negative"));
  }
  std::vector<double> weights;
  weights.reserve(degrees.size());
  for (size_t i = 0; i < degrees.size(); ++i) {
    if (degrees[i] < 0) {
      return absl::InvalidArgumentError(absl::StrCat(
          "degree weights: degree ", i, " is ", degrees[i], ", below 0"));
    }
    weights.push_back(std::pow(static_cast<double>(degrees[i]), exponent));
  }
  return Create(weights);
}

std::vector<double> AliasTable::Chances() const {
  std::vector<double> chances(slots_.size());
  const double slot_chance = 1 / static_cast<double>(slots_.size());
  for (size_t i = 0; i < slots_.size(); ++i) {
    chances[i] += slots_[i].threshold * slot_chance;
    if (slots_[i].threshold < 1) {
      chances[static_cast<size_t>(slots_[i].alias)] +=
          (1 - slots_[i].threshold) * slot_chance;
    }
  }
  return chances;
}

}  // namespace fairlead
