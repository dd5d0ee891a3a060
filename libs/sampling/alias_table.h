#ifndef FAIRLEAD_LIBS_SAMPLING_ALIAS_TABLE_H_
#define FAIRLEAD_LIBS_SAMPLING_ALIAS_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "libs/random/philox.h"
#include "libs/sampling/unit_real.h"

namespace fairlead {

// Draws a position with a probability proportional to its weight, in O(1)
// (Walker 1977; built as Vose 1991, in O(size)). 16 bytes a position.
// Immutable, so any thread may use it.
class AliasTable {
 public:
  // INVALID_ARGUMENT, naming it, for a weight that is negative or not finite;
  // or if none is above 0.
  static absl::StatusOr<AliasTable> Create(absl::Span<const double> weights);

  // Weights degree^exponent, as word2vec has them: 0.75 by default. With
  // exponent 0 all weigh the same, a degree of 0 too. INVALID_ARGUMENT as
  // Create, and for a degree below 0 or an exponent below 0 or not finite.
  static absl::StatusOr<AliasTable> FromDegrees(
      absl::Span<const int64_t> degrees, double exponent = 0.75);

  int64_t size() const { return static_cast<int64_t>(slots_.size()); }

  // Never a position of weight 0. Draws a position, then a real.
  int64_t Draw(RandomStream& random) const {
    const uint64_t position = random.Below(slots_.size());
    const Slot& slot = slots_[position];
    return DrawUnitReal(random) < slot.threshold
               ? static_cast<int64_t>(position)
               : slot.alias;
  }

  // The probability of each position, as the table has it. O(size).
  std::vector<double> Chances() const;

 private:
  struct Slot {
    double threshold;  // this position's part of the slot; the alias's the rest
    int64_t alias;
  };

  explicit AliasTable(std::vector<Slot> slots) : slots_(std::move(slots)) {}

  std::vector<Slot> slots_;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_SAMPLING_ALIAS_TABLE_H_
