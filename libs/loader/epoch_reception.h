#ifndef FAIRLEAD_LIBS_LOADER_EPOCH_RECEPTION_H_
#define FAIRLEAD_LIBS_LOADER_EPOCH_RECEPTION_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/loader/encoded_batch.h"
#include "libs/loader/epoch_ledger.h"
#include "libs/loader/received_batch.h"
#include "libs/loader/sampling_input.h"
#include "libs/loader/server_epoch.h"
#include "protos/fairlead/v1/channel_gateway.pb.h"
#include "protos/fairlead/v1/loader_cursor.pb.h"
#include "protos/fairlead/v1/messages.pb.h"

namespace fairlead {

// An epoch as it is received from several servers: decides which of what they
// send is delivered, what stands in the place of what is not, whose credit goes
// back when, and when the epoch is over. Pure bookkeeping: no threads, no
// streams, no clock of its own. Thread-compatible; servers are named by their
// index.
class EpochReception {
 public:
  EpochReception(size_t servers, const ServerEpoch::Limits& limits)
      : servers_(servers, ServerEpoch(limits)) {}

  // A server's part of another epoch, or of the same again. REQUIRES that the
  // part is not running; runs until the server's end of the epoch, or a fault.
  void Start(size_t server, EpochLedger ledger, uint64_t backoff_seed);
  // As ServerEpoch::Attach: what to subscribe to.
  v1::Subscribe Attach(size_t server, const SamplingChannel& channel,
                       absl::Duration now);
  // Ends every part; what waits is not delivered.
  void Drop();

  // What a server has sent. REQUIRES that its part is kStreaming.
  enum class Reply {
    kNone,
    kReturnCredit,  // it is not delivered: its credit goes back at once
    kCutOff,        // no server does that: end its stream
  };
  Reply OnBatch(size_t server, EncodedBatch batch,
                const v1::DeliveryStamps& delivery, absl::Duration now);
  Reply OnBatchError(size_t server, const v1::BatchError& error,
                     absl::Duration now);
  void OnEpochEnd(size_t server, const v1::EpochEnd& end);
  // What cannot be read or put where it is wanted, and why.
  void OnUnreadable(size_t server, const absl::Status& why, uint64_t bytes,
                    absl::Duration now);

  // As ServerEpoch::Break. True if it is to be tried again; otherwise the
  // server's part is over, and the next of what waits says why.
  bool Break(size_t server, const absl::Status& status, absl::Time now);
  void Recover(size_t server) { servers_[server].Recover(); }
  // Of the servers that are to be tried again, the one whose time comes first.
  std::optional<size_t> FirstToRetry() const;

  // What is to be delivered next. REQUIRES has_next().
  struct Next {
    absl::StatusOr<ReceivedBatch> result;
    size_t server = 0;
    uint64_t bytes = 0;
    // To the server's stream: its bytes, and so many messages.
    bool returns_credit = false;
    uint64_t messages = 0;
  };
  bool has_next() const { return !queue_.empty(); }
  // `waited` is all that the trainer has waited for batches so far.
  Next Take(absl::Duration waited, absl::Duration now);

  // No more will come.
  bool is_over() const { return running_ == 0; }

  // Nor will more of this server's be delivered.
  bool IsConsumed(size_t server) const;

  const ServerEpoch& server(size_t server) const { return servers_[server]; }

  // What of a server's part Take() has returned. REQUIRES that it was started.
  v1::EpochProgress progress(size_t server) const;

  // All but the two durations.
  ReceiveStats stats() const;

 private:
  struct Item {
    Next next;
    EpochLedger::Booking booking = {};
  };

  // Books that a message came, and ends the part of a server that had no credit
  // left for it.
  bool TakesCredit(size_t server, absl::Duration now);
  // Of a message that is not new.
  Reply Refuse(size_t server, EpochLedger::Verdict verdict, absl::Duration now);
  void EndServer(size_t server, absl::Status status);

  std::vector<ServerEpoch> servers_;
  std::deque<Item> queue_;
  size_t running_ = 0;  // servers that are not kEnded
  ReceiveStats stats_;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_LOADER_EPOCH_RECEPTION_H_
