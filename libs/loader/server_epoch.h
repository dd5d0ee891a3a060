#ifndef FAIRLEAD_LIBS_LOADER_SERVER_EPOCH_H_
#define FAIRLEAD_LIBS_LOADER_SERVER_EPOCH_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "libs/loader/epoch_ledger.h"
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
    uint64_t prefetch_size = 4;
    uint64_t credit_bytes = 64 << 20;
    absl::Duration recovery_timeout = absl::Seconds(120);
  };

  explicit ServerEpoch(const Limits& limits) : limits_(limits) {}

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
  v1::Subscribe Attach(const SamplingChannel& channel, const Waiting& waiting);

  // Of each message that comes; false if the server had none left.
  bool TakeCredit();
  // The trainer has room for one more.
  void ReturnCredit() { ++credit_; }

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
  absl::Time retry_at() const { return retry_at_; }

 private:
  const Limits limits_;
  State state_ = State::kEnded;
  std::optional<EpochLedger> ledger_;
  std::string gateway_address_;
  uint64_t credit_ = 0;  // batches that the gateway may still send
  std::optional<rpc::Backoff> backoff_;
  absl::Time retry_at_;    // while kBroken
  absl::Time give_up_at_;  // from the first break after progress
  bool progress_ = true;   // something came since the last break
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_LOADER_SERVER_EPOCH_H_
