#ifndef FAIRLEAD_LIBS_LOADER_SERVER_EPOCH_H_
#define FAIRLEAD_LIBS_LOADER_SERVER_EPOCH_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "libs/loader/epoch_ledger.h"
#include "libs/loader/prefetch_tuner.h"
#include "libs/loader/sampling_input.h"
#include "libs/rpc/backoff.h"
#include "protos/fairlead/v1/channel_gateway.pb.h"
#include "protos/fairlead/v1/messages.pb.h"

namespace fairlead {

// One server's part of an epoch: what of it is held, how much more the server
// may send, and whether and when to try again after a break. Pure bookkeeping:
// no threads, no streams, no clock of its own. Thread-compatible.
//
//   kEnded ──Attach──▶ kStreaming ──Break──▶ kBroken
//     ▲ ▲                │     ▲               │ Recover
//     │ └──────End───────┘     │               ▼
//     │                        └──Attach──kRecovering
//     └──────Break, if it cannot be resumed────┘
class ServerEpoch {
 public:
  enum class State { kEnded, kStreaming, kBroken, kRecovering };

  struct Limits {
    uint64_t prefetch_size = 4;       // or kAutoPrefetch
    uint64_t max_prefetch_size = 64;  // of the latter
    uint64_t credit_bytes = 64 << 20;
    absl::Duration recovery_timeout = absl::Seconds(120);
  };

  explicit ServerEpoch(const Limits& limits)
      : limits_(limits),
        prefetch_(limits.prefetch_size, limits.max_prefetch_size) {}

  // Another epoch, or the same again. Nothing runs until Attach.
  void Start(EpochLedger ledger, uint64_t backoff_seed);

  // What waits for the trainer of what this server sent.
  struct Waiting {
    uint64_t batches = 0;
    uint64_t bytes = 0;
  };
  // Goes on from where `channel` is received: says what to subscribe to there,
  // with credit for what may still come. What waits counts against the credit
  // of the new stream too, or each break would make room for another
  // prefetch_size batches. REQUIRES Start().
  v1::Subscribe Attach(const SamplingChannel& channel, const Waiting& waiting,
                       absl::Duration now);

  // Of each message that comes, which has its credit until one of those below;
  // false if the server had none left.
  bool TakeCredit(absl::Duration now);
  // Such a message does not reach the trainer: the server may send another.
  void RefundCredit(absl::Duration now);
  // The trainer took it, having waited so long in all: says how many more the
  // server may send. One, but where the size of the prefetch has changed.
  // REQUIRES a message that has credit.
  uint64_t ReturnCredit(absl::Duration waited, absl::Duration now);

  // These book what came, as EpochLedger does; what a kNew one was goes into
  // `booking`. REQUIRES Start().
  EpochLedger::Verdict OnBatch(const v1::MessageHeader& header,
                               uint64_t seed_digest,
                               EpochLedger::Booking* booking);
  EpochLedger::Verdict OnBatchError(const v1::BatchError& error,
                                    EpochLedger::Booking* booking);

  // The stream, or the call that should have opened another, ended so. Either
  // it is to be tried again at retry_at(), or the epoch is over here with the
  // status that comes back.
  std::optional<absl::Status> Break(const absl::Status& status, absl::Time now);
  // It is tried, as the next attempt. REQUIRES kBroken.
  void Recover();
  void End() { state_ = State::kEnded; }

  State state() const { return state_; }
  bool has_ledger() const { return ledger_.has_value(); }
  const EpochLedger& ledger() const { return *ledger_; }
  // Where the batches are received.
  const std::string& gateway_address() const { return gateway_address_; }
  uint64_t credit() const { return credit_; }
  // Messages that may be on the way or here.
  uint64_t prefetch_size() const { return prefetch_.size(); }
  absl::Time retry_at() const { return retry_at_; }

 private:
  const Limits limits_;
  State state_ = State::kEnded;
  std::optional<EpochLedger> ledger_;
  std::string gateway_address_;
  PrefetchTuner prefetch_;
  uint64_t credit_ = 0;  // batches that the gateway may still send
  uint64_t here_ = 0;    // that came, and have their credit
  std::optional<rpc::Backoff> backoff_;
  absl::Time retry_at_;    // while kBroken
  absl::Time give_up_at_;  // from the first break after progress
  bool progress_ = true;   // something came since the last break
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_LOADER_SERVER_EPOCH_H_
