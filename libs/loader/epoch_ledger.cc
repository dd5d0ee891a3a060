#include "libs/loader/epoch_ledger.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "libs/sampling/recovery.h"
#include "protos/fairlead/v1/loader_cursor.pb.h"
#include "protos/fairlead/v1/messages.pb.h"

namespace fairlead {
namespace {

v1::BatchRange Range(uint64_t begin, uint64_t end) {
  v1::BatchRange range;
  range.set_begin(begin);
  range.set_end(end);
  return range;
}

// Adds a batch behind all that are there.
void Append(uint64_t batch_index, std::vector<v1::BatchRange>* ranges) {
  if (!ranges->empty() && ranges->back().end() == batch_index) {
    ranges->back().set_end(batch_index + 1);
  } else {
    ranges->push_back(Range(batch_index, batch_index + 1));
  }
}

}  // namespace

absl::Status EpochLedger::Restore(const v1::EpochProgress& progress) {
  if (progress.batches() != batches_) {
    return absl::InvalidArgumentError(
        absl::StrCat("cursor: was made in an epoch of ", progress.batches(),
                     " batches on this server, which now has ", batches_,
                     "; go on with the same seeds, batch_size and partitions"));
  }
  uint64_t end = 0;
  for (const v1::BatchRange& range : progress.held()) {
    if (range.begin() < end || range.end() <= range.begin() ||
        range.end() > batches_) {
      return absl::InvalidArgumentError(absl::StrCat(
          "cursor: held batches [", range.begin(), ", ", range.end(),
          ") are out of order, or beyond the epoch's ", batches_,
          "; it is damaged: start the epoch instead"));
    }
    end = range.end();
    held_.emplace_hint(held_.end(), range.begin(), range.end());
    num_held_ += range.end() - range.begin();
  }
  num_failed_ = progress.failed_batches();
  seed_digest_ = progress.seed_digest();
  return absl::OkStatus();
}

EpochLedger::Verdict EpochLedger::OnBatch(const v1::MessageHeader& header,
                                          uint64_t seed_digest) {
  const Verdict verdict = Book(header.channel_id(), header.epoch(),
                               header.attempt(), header.batch_index());
  if (verdict == Verdict::kNew) seed_digest_ += seed_digest;
  return verdict;
}

EpochLedger::Verdict EpochLedger::OnBatchError(
    const v1::BatchError& error, std::vector<v1::BatchRange>* booked) {
  const Verdict verdict = Book(error.channel_id(), error.epoch(),
                               error.attempt(), error.batch_index());
  if (verdict != Verdict::kNew) return verdict;
  ++num_failed_;
  Append(error.batch_index(), booked);
  for (const v1::BatchRange& range : error.also_failed()) {
    for (uint64_t i = range.begin(); i < std::min(range.end(), batches_); ++i) {
      if (!Insert(i)) continue;
      ++num_failed_;
      Append(i, booked);
    }
  }
  return verdict;
}

EpochLedger::Verdict EpochLedger::Book(uint64_t channel_id, uint64_t epoch,
                                       uint32_t attempt, uint64_t batch_index) {
  if (channel_id != channel_id_) return Verdict::kForeign;
  if (!kRecovers) {
    ++num_held_;
    return Verdict::kNew;
  }
  if (epoch != epoch_ || attempt < attempt_) return Verdict::kStale;
  if (batch_index >= batches_) return Verdict::kForeign;
  return Insert(batch_index) ? Verdict::kNew : Verdict::kDuplicate;
}

bool EpochLedger::Insert(uint64_t batch_index) {
  const auto after = held_.upper_bound(batch_index);
  const bool touches_after =
      after != held_.end() && after->first == batch_index + 1;
  const uint64_t end = touches_after ? after->second : batch_index + 1;
  if (after != held_.begin()) {
    const auto before = std::prev(after);
    if (batch_index < before->second) return false;
    if (before->second == batch_index) {
      before->second = end;
      if (touches_after) held_.erase(after);
      ++num_held_;
      return true;
    }
  }
  if (touches_after) held_.erase(after);
  held_.emplace(batch_index, end);
  ++num_held_;
  return true;
}

void EpochLedger::Remove(const v1::BatchRange& range) {
  const auto around = std::prev(held_.upper_bound(range.begin()));
  const uint64_t begin = around->first;
  const uint64_t end = around->second;
  held_.erase(around);
  if (begin < range.begin()) held_.emplace(begin, range.begin());
  if (range.end() < end) held_.emplace(range.end(), end);
  num_held_ -= range.end() - range.begin();
}

v1::EpochProgress EpochLedger::ProgressWithout(
    absl::Span<const Booking* const> not_yet) const {
  EpochLedger rest = *this;
  for (const Booking* booking : not_yet) {
    for (const v1::BatchRange& range : booking->batches) {
      rest.Remove(range);
      if (booking->failed) rest.num_failed_ -= range.end() - range.begin();
    }
    rest.seed_digest_ -= booking->seed_digest;
  }
  v1::EpochProgress progress;
  progress.set_batches(batches_);
  for (v1::BatchRange& range : rest.held()) {
    *progress.add_held() = std::move(range);
  }
  progress.set_failed_batches(rest.num_failed_);
  progress.set_seed_digest(rest.seed_digest_);
  return progress;
}

bool EpochLedger::IsEndOfThis(const v1::EpochEnd& end) const {
  return end.channel_id() == channel_id_ && end.epoch() == epoch_ &&
         end.attempt() >= attempt_;
}

absl::Status EpochLedger::OnEpochEnd(const v1::EpochEnd& end) const {
  const std::string what =
      absl::StrCat("channel ", channel_id_, ", epoch ", epoch_, ": ");
  if (end.cancelled()) {
    return absl::CancelledError(
        absl::StrCat(what, "was cancelled with ", num_missing(), " of ",
                     batches_, " batches to come; start the next epoch"));
  }
  if (end.batches() != batches_) {
    return absl::DataLossError(absl::StrCat(
        what, "it ended after ", end.batches(), " batches, but was started as ",
        batches_, "; start the epoch again"));
  }
  if (num_missing() > 0) {
    return absl::DataLossError(absl::StrCat(
        what, num_missing(), " of ", batches_,
        " batches never came: ", DescribeMissing(), "; start the epoch again"));
  }
  if (kRecovers && num_failed_ == 0 && end.seed_digest() != seed_digest_) {
    return absl::DataLossError(absl::StrCat(
        what, "the seeds received are not the seeds of the epoch (digest ",
        absl::Hex(seed_digest_, absl::kZeroPad16), ", expected ",
        absl::Hex(end.seed_digest(), absl::kZeroPad16),
        "); start the epoch again"));
  }
  return absl::OkStatus();
}

std::vector<v1::BatchRange> EpochLedger::held() const {
  std::vector<v1::BatchRange> ranges;
  ranges.reserve(held_.size());
  for (const auto& [begin, end] : held_) ranges.push_back(Range(begin, end));
  return ranges;
}

std::string EpochLedger::DescribeMissing() const {
  constexpr int kMostShown = 3;
  std::string text;
  int shown = 0;
  uint64_t begin = 0;  // of the gap before each range
  const auto show = [&](uint64_t end) {
    if (begin == end) return;
    if (shown++ < kMostShown) {
      absl::StrAppend(&text, text.empty() ? "" : ", ", "[", begin, ", ", end,
                      ")");
    }
  };
  for (const auto& [held_begin, held_end] : held_) {
    show(held_begin);
    begin = held_end;
  }
  show(batches_);
  if (shown > kMostShown) absl::StrAppend(&text, ", ...");
  return text;
}

}  // namespace fairlead
