#include "libs/sampling/epoch_plan.h"

#include <cmath>
#include <cstdint>
#include <numeric>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "libs/random/philox.h"
#include "libs/sampling/recovery.h"

namespace fairlead {
namespace {

// Fisher-Yates, with draws that depend on the key alone.
std::vector<uint32_t> Permutation(uint64_t length, uint64_t key) {
  std::vector<uint32_t> order(length);
  std::iota(order.begin(), order.end(), uint32_t{0});
  RandomStream random(key, /*place=*/0, /*lane=*/0);
  for (uint64_t i = length; i > 1; --i) {
    std::swap(order[i - 1], order[random.Below(i)]);
  }
  return order;
}

// `at` moved on, within [0, size), by what `key` draws for `other`.
uint64_t Rotate(uint64_t at, uint64_t size, uint64_t key, uint64_t other) {
  const uint64_t by = static_cast<uint64_t>(
      static_cast<unsigned __int128>(SplitMix64(key ^ other)) * size >> 64);
  return at + by < size ? at + by : at + by - size;
}

}  // namespace

uint64_t ComputeNumBatches(uint64_t seeds, uint64_t batch_size,
                           bool drop_last) {
  const uint64_t whole = seeds / batch_size;
  return drop_last || seeds % batch_size == 0 ? whole : whole + 1;
}

std::vector<SeedRange> ComputeWorkerSeedRanges(uint64_t seeds,
                                               uint64_t batch_size,
                                               uint64_t workers) {
  const uint64_t whole = seeds / batch_size;
  std::vector<SeedRange> ranges;
  ranges.reserve(workers);
  uint64_t begin = 0;
  for (uint64_t worker = 0; worker < workers; ++worker) {
    const uint64_t batches =
        whole / workers + (worker < whole % workers ? 1 : 0);
    const uint64_t end =
        worker + 1 == workers ? seeds : begin + batches * batch_size;
    ranges.push_back({begin, end});
    begin = end;
  }
  return ranges;
}

absl::StatusOr<SeedRange> SplitSlice(uint64_t length, const Slice& slice) {
  if (slice.denominator == 0 || slice.start_numerator > slice.end_numerator ||
      slice.end_numerator > slice.denominator) {
    return absl::InvalidArgumentError(absl::StrCat(
        "slice ", slice.start_numerator, "/", slice.denominator, " to ",
        slice.end_numerator, "/", slice.denominator,
        ": must have start <= end <= denominator and denominator >= 1"));
  }
  const auto at = [&](uint64_t numerator) {
    return static_cast<uint64_t>(static_cast<unsigned __int128>(length) *
                                 numerator / slice.denominator);
  };
  return SeedRange{at(slice.start_numerator), at(slice.end_numerator)};
}

EpochOrder::EpochOrder(uint64_t length, bool shuffle, uint64_t seed,
                       uint64_t epoch)
    : length_(length), shuffle_(shuffle) {
  if (!shuffle) return;
  key_ = DeriveRandomKey(seed, RandomPurpose::kShuffle, epoch, length);
  if (length <= kShortLength) {
    short_ = Permutation(length, key_);
    return;
  }
  rows_ = static_cast<uint64_t>(std::sqrt(static_cast<double>(length)));
  columns_ = (length + rows_ - 1) / rows_;
}

// A Feistel network over two numbers of any ranges, and once more where it
// leads out of the list (Black and Rogaway, "Ciphers with arbitrary finite
// domains", CT-RSA 2002: generalised Feistel, cycle walking). With short lists
// six rounds would prefer some permutations.
uint64_t EpochOrder::Compute(uint64_t i) const {
  constexpr int kRounds = 6;
  do {
    uint64_t row = i / columns_;
    uint64_t column = i % columns_;
    for (uint64_t round = 0; round < kRounds; round += 2) {
      row = Rotate(row, rows_, SplitMix64(key_ + round), column);
      column = Rotate(column, columns_, SplitMix64(key_ + round + 1), row);
    }
    i = row * columns_ + column;
  } while (i >= length_);
  return i;
}

absl::StatusOr<EpochCursor> EpochCursor::Create(
    uint64_t batches, std::vector<BatchIndexRange> held) {
  EpochCursor cursor;
  cursor.remaining_ = batches;
  uint64_t from = 0;
  for (const BatchIndexRange& range : held) {
    if (range.begin < from || range.end <= range.begin || range.end > batches) {
      return absl::InvalidArgumentError(absl::StrCat(
          "held: [", range.begin, ", ", range.end,
          ") must be sorted, disjoint, not empty and within the epoch's ",
          batches, " batches"));
    }
    from = range.end;
    cursor.remaining_ -= range.end - range.begin;
  }
  cursor.held_ = std::move(held);
  return cursor;
}

std::optional<uint64_t> EpochCursor::Next() {
  if (remaining_ == 0) return std::nullopt;
  while (kRecovers && next_held_ < held_.size() &&
         held_[next_held_].begin == next_) {
    next_ = held_[next_held_++].end;
  }
  --remaining_;
  return next_++;
}

std::vector<BatchIndexRange> EpochCursor::TakeRest() {
  std::vector<BatchIndexRange> rest;
  while (remaining_ > 0) {
    const uint64_t begin = *Next();
    const uint64_t end = next_held_ < held_.size() ? held_[next_held_].begin
                                                   : begin + remaining_ + 1;
    rest.push_back({.begin = begin, .end = end});
    remaining_ -= end - begin - 1;
    next_ = end;
  }
  return rest;
}

}  // namespace fairlead
