#ifndef FAIRLEAD_LIBS_SAMPLING_EPOCH_PLAN_H_
#define FAIRLEAD_LIBS_SAMPLING_EPOCH_PLAN_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"

namespace fairlead {

// Which seeds make which batch: the arithmetic of an epoch. Pure.

// Batches of `seeds` seeds (parity SB-11). REQUIRES batch_size >= 1.
uint64_t ComputeNumBatches(uint64_t seeds, uint64_t batch_size, bool drop_last);

struct SeedRange {
  uint64_t begin = 0;
  uint64_t end = 0;

  bool operator==(const SeedRange&) const = default;
};

// How GLT would split seeds between workers (parity SB-13): whole batches
// evenly, the first ones one more, the last one the rest. For
// DescribeChannel: our workers share one cursor instead (W-08). REQUIRES
// batch_size >= 1.
std::vector<SeedRange> ComputeWorkerSeedRanges(uint64_t seeds,
                                               uint64_t batch_size,
                                               uint64_t workers);

// A part of a list whose length is yet to be known (parity DS-54).
struct Slice {
  uint64_t start_numerator = 0;
  uint64_t end_numerator = 1;
  uint64_t denominator = 1;
};

// Neighbouring slices meet exactly, whatever the length. INVALID_ARGUMENT
// unless start <= end <= denominator and denominator >= 1.
absl::StatusOr<SeedRange> SplitSlice(uint64_t length, const Slice& slice);

// The order in which an epoch takes its seeds: as they come, or a permutation
// that depends on (seed, epoch, length) alone. So two channels with the same
// seed and length go through the same permutations (SB-43).
//
// Up to kShortLength each permutation is as likely as any other: Fisher-Yates,
// held as a list. The list of a longer one would take seconds and gigabytes,
// for each channel, before its first batch; so there each place is computed
// when it is asked for, in some 50 ns and no memory.
class EpochOrder {
 public:
  static constexpr uint64_t kShortLength = uint64_t{1} << 16;

  EpochOrder(uint64_t length, bool shuffle, uint64_t seed, uint64_t epoch);

  // The position in the input of the i-th seed of the epoch. REQUIRES
  // i < length.
  uint64_t operator[](uint64_t i) const {
    if (!short_.empty()) return short_[i];
    return shuffle_ ? Compute(i) : i;
  }

 private:
  uint64_t Compute(uint64_t i) const;

  uint64_t length_;
  bool shuffle_;
  std::vector<uint32_t> short_;
  uint64_t key_ = 0;
  // Positions as a table, the last rows of which may be beyond the length.
  uint64_t rows_ = 1;
  uint64_t columns_ = 1;
};

// Batch indices [begin, end).
struct BatchIndexRange {
  uint64_t begin = 0;
  uint64_t end = 0;
};

// Hands out the batch indices of an epoch that are not held already,
// ascending.
class EpochCursor {
 public:
  // INVALID_ARGUMENT unless `held` is sorted, disjoint and within
  // [0, batches).
  static absl::StatusOr<EpochCursor> Create(uint64_t batches,
                                            std::vector<BatchIndexRange> held);

  // Nullopt once all were handed out.
  std::optional<uint64_t> Next();

  // All that were not handed out, which now count as such.
  std::vector<BatchIndexRange> TakeRest();

  uint64_t remaining() const { return remaining_; }

 private:
  EpochCursor() = default;

  std::vector<BatchIndexRange> held_;
  size_t next_held_ = 0;
  uint64_t next_ = 0;
  uint64_t remaining_ = 0;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_SAMPLING_EPOCH_PLAN_H_
