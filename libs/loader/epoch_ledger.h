#ifndef FAIRLEAD_LIBS_LOADER_EPOCH_LEDGER_H_
#define FAIRLEAD_LIBS_LOADER_EPOCH_LEDGER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/status/status.h"
#include "absl/types/span.h"
#include "protos/fairlead/v1/loader_cursor.pb.h"
#include "protos/fairlead/v1/messages.pb.h"

namespace fairlead {

// What a trainer holds of one epoch of one channel: decides which messages are
// new, says what to ask for again after a break, and checks at the end that
// nothing was lost. Pure bookkeeping, thread-compatible; memory grows with the
// gaps between the batches held, not with their number.
//
//   EpochLedger ledger(/*channel_id=*/7, /*epoch=*/0, /*batches=*/100);
//   if (ledger.OnBatch(header, seed_digest) == EpochLedger::Verdict::kNew) ...
//   ledger.NextAttempt();              // the stream broke:
//   Ask(ledger.attempt(), ledger.held());
//   absl::Status complete = ledger.OnEpochEnd(end);
class EpochLedger {
 public:
  enum class Verdict {
    kNew,        // deliver it
    kDuplicate,  // this batch is held already: drop it
    kStale,      // of another epoch, or an earlier attempt: drop it
    kForeign,    // of another channel, or no batch of this epoch: a fault
  };

  EpochLedger(uint64_t channel_id, uint64_t epoch, uint64_t batches,
              uint32_t attempt = 0)
      : channel_id_(channel_id),
        epoch_(epoch),
        batches_(batches),
        attempt_(attempt) {}

  // Goes on from what an earlier ledger of the same epoch held. REQUIRES that
  // it holds nothing yet. INVALID_ARGUMENT, naming the field, for what no
  // ledger of this many batches can have held.
  absl::Status Restore(const v1::EpochProgress& progress);

  // Books a batch whose seeds have `seed_digest` as EpochEnd defines it. Only a
  // kNew one changes what is held.
  Verdict OnBatch(const v1::MessageHeader& header, uint64_t seed_digest);

  // Books a batch that could not be made, and those that it says will not be
  // tried. They count as held, since they have come to their end: another
  // attempt would not make them again.
  // Puts those that were new into `booked`.
  Verdict OnBatchError(const v1::BatchError& error,
                       std::vector<v1::BatchRange>* booked);

  // Whether `end` is the end of this epoch and attempt.
  bool IsEndOfThis(const v1::EpochEnd& end) const;

  // OK if all is held that `end` says the epoch has. CANCELLED if somebody
  // cancelled it. DATA_LOSS, naming what is
  // missing, otherwise. With failed batches the seeds cannot be compared.
  absl::Status OnEpochEnd(const v1::EpochEnd& end) const;

  // From now on, messages of earlier attempts are stale.
  void NextAttempt() { ++attempt_; }

  // After the channel was made anew under another id.
  void set_channel_id(uint64_t channel_id) { channel_id_ = channel_id; }

  // The batches held: sorted, disjoint, no two adjacent.
  std::vector<v1::BatchRange> held() const;

  // A batch, or batches that failed, as they were booked.
  struct Booking {
    std::vector<v1::BatchRange> batches;
    bool failed = false;
    uint64_t seed_digest = 0;
  };
  // What is held but for `not_yet`, which has been booked and not been handed
  // on: for Restore().
  v1::EpochProgress ProgressWithout(
      absl::Span<const Booking* const> not_yet) const;

  uint64_t epoch() const { return epoch_; }
  uint64_t channel_id() const { return channel_id_; }
  uint32_t attempt() const { return attempt_; }
  uint64_t batches() const { return batches_; }
  uint64_t num_held() const { return num_held_; }
  uint64_t num_missing() const { return batches_ - num_held_; }

 private:
  Verdict Book(uint64_t channel_id, uint64_t epoch, uint32_t attempt,
               uint64_t batch_index);
  bool Insert(uint64_t batch_index);
  void Remove(const v1::BatchRange& range);
  std::string DescribeMissing() const;

  uint64_t channel_id_;
  const uint64_t epoch_;
  const uint64_t batches_;
  uint32_t attempt_;
  absl::btree_map<uint64_t, uint64_t> held_;  // begin to end
  uint64_t num_held_ = 0;
  uint64_t num_failed_ = 0;
  uint64_t seed_digest_ = 0;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_LOADER_EPOCH_LEDGER_H_
