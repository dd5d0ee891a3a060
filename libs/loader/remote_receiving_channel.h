#ifndef FAIRLEAD_LIBS_LOADER_REMOTE_RECEIVING_CHANNEL_H_
#define FAIRLEAD_LIBS_LOADER_REMOTE_RECEIVING_CHANNEL_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/random/random.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "grpcpp/grpcpp.h"
#include "libs/clock/clock.h"
#include "libs/loader/buffer_pool.h"
#include "libs/loader/epoch_reception.h"
#include "libs/loader/gateway_stream.h"
#include "libs/loader/received_batch.h"
#include "libs/loader/receiving_options.h"
#include "libs/loader/sampling_input.h"
#include "libs/loader/server_epoch.h"
#include "libs/sync/mutex.h"
#include "protos/fairlead/v1/loader_cursor.pb.h"
#include "protos/fairlead/v1/messages.pb.h"

namespace fairlead {

// Receives the batches of one or more servers, an epoch at a time: GLT's and
// GiGL's RemoteReceivingChannel (parity RC-01 to RC-15) on streams. Who has
// their parameters, server_rank and channel_id, wants a BatchReceivingChannel.
//
//   channel->StartEpoch(0);
//   while (true) {
//     absl::StatusOr<std::optional<ReceivedBatch>> batch = channel->Recv();
//     if (!batch.ok()) ...  // one batch or server failed: go on, or not
//     if (!batch->has_value()) break;  // the end of the epoch
//   }
//
// Every batch of an epoch is delivered exactly once. A stream that breaks is
// resumed, and only what was not received is made again. What arrives twice is
// dropped; at the end of the epoch each server's count and seeds are compared
// with what was received. Batches come in any order, between servers and within
// one (RC-13); MessageHeader.batch_index says which is which.
//
// Of each server at most `prefetch_size` batches, and about `credit_bytes`, are
// in the queue or on the way: a trainer that is slow slows the servers down.
// How many that are may follow what is measured (PrefetchTuner).
//
// Recv is for one thread at a time; everything else is thread-safe. One thread
// of its own, which sleeps unless a stream is broken.
class RemoteReceivingChannel final : private GatewayStream::Listener {
 public:
  using Options = ReceivingOptions;
  using Stats = ReceiveStats;

  // INVALID_ARGUMENT, naming the option.
  static absl::StatusOr<std::unique_ptr<RemoteReceivingChannel>> Create(
      Options options);

  // Cancels what is open and waits for it to end.
  ~RemoteReceivingChannel() override;

  // Starts an epoch on every active server, and drops what is left of the one
  // before it: none of that is delivered later (RC-10, where the original may).
  // If a server cannot start it, its error comes back and no epoch runs.
  absl::Status StartEpoch(uint64_t epoch) ABSL_LOCKS_EXCLUDED(mutex_) {
    return ResumeEpoch(epoch, {});
  }

  // Goes on with an epoch from what progress() said of it, in this process or
  // an earlier one: what was had then does not come again. `had` is empty, or
  // has one entry for each server; INVALID_ARGUMENT says how it does not fit.
  absl::Status ResumeEpoch(uint64_t epoch,
                           absl::Span<const v1::EpochProgress> had)
      ABSL_LOCKS_EXCLUDED(mutex_);

  // What Recv has returned of this epoch, by server. FAILED_PRECONDITION before
  // an epoch was started.
  absl::StatusOr<std::vector<v1::EpochProgress>> progress() const
      ABSL_LOCKS_EXCLUDED(mutex_);

  // The next batch, waiting for it as long as it takes; nullopt at the end of
  // the epoch, every time (RC-07, RC-08). An error stands in the place of what
  // failed, and later calls go on (RC-09, RC-14):
  //   the batch's own code    it could not be made;
  //   DATA_LOSS               it cannot be read, or batches are missing at the
  //                           end of the epoch;
  //   any other               a server's part of the epoch ended here.
  // FAILED_PRECONDITION before an epoch was started; CANCELLED after Cancel().
  absl::StatusOr<std::optional<ReceivedBatch>> Recv()
      ABSL_LOCKS_EXCLUDED(mutex_);

  // Makes Recv return CANCELLED, now and until the next StartEpoch.
  void Cancel() ABSL_LOCKS_EXCLUDED(mutex_);

  Stats stats() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  // Where a server's batches come from.
  struct Gateway {
    std::string address;
    std::shared_ptr<grpc::Channel> connection;
    std::shared_ptr<GatewayStream> stream;  // while it is open
  };

  explicit RemoteReceivingChannel(Options options);

  void OnResponse(const std::shared_ptr<GatewayStream>& stream,
                  grpc::ByteBuffer& response) override
      ABSL_LOCKS_EXCLUDED(mutex_);
  void OnEnd(std::shared_ptr<GatewayStream> stream,
             const absl::Status& status) override ABSL_LOCKS_EXCLUDED(mutex_);

  // A server's stream ended so, or could not be opened.
  void Break(size_t server, const absl::Status& status)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void DropEpoch() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // A stream to where `channel` is received, for the caller to start once the
  // lock is free.
  std::shared_ptr<GatewayStream> Attach(size_t server,
                                        const SamplingChannel& channel)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // Nothing if `stream` is no server's any more.
  std::optional<size_t> ServerOf(const GatewayStream* stream) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool IsStreaming(size_t server) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return reception_.server(server).state() == ServerEpoch::State::kStreaming;
  }

  void RunRecovery() ABSL_LOCKS_EXCLUDED(mutex_);
  void Recover(size_t server) ABSL_LOCKS_EXCLUDED(mutex_);

  bool CanReceive() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return reception_.has_next() || reception_.is_over() || cancelled_;
  }
  bool RecoveryHasNews() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return stopping_ || recovery_news_;
  }
  bool AllStreamsEnded() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return open_streams_ == 0;
  }

  const Options options_;
  const RealClock clock_;
  BufferPool buffers_;

  mutable Mutex mutex_;
  EpochReception reception_ ABSL_GUARDED_BY(mutex_);
  std::vector<Gateway> gateways_ ABSL_GUARDED_BY(mutex_);
  absl::Duration waited_ ABSL_GUARDED_BY(mutex_);
  uint64_t stalls_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Duration decoding_ ABSL_GUARDED_BY(mutex_);
  absl::Duration landing_ ABSL_GUARDED_BY(mutex_);
  absl::Duration starting_ ABSL_GUARDED_BY(mutex_);
  uint64_t recoveries_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::BitGen random_ ABSL_GUARDED_BY(mutex_);
  uint64_t generation_ ABSL_GUARDED_BY(mutex_) = 0;  // of StartEpoch calls
  size_t open_streams_ ABSL_GUARDED_BY(mutex_) = 0;  // OnEnd still to come
  // Streams of an earlier epoch that their gateways are to end.
  std::vector<std::shared_ptr<GatewayStream>> finishing_
      ABSL_GUARDED_BY(mutex_);
  // Streams that have ended and are yet to be let go of; see OnEnd.
  std::vector<std::shared_ptr<GatewayStream>> ended_streams_
      ABSL_GUARDED_BY(mutex_);
  bool started_ ABSL_GUARDED_BY(mutex_) = false;
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  bool recovery_news_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;

  std::thread recovery_;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_LOADER_REMOTE_RECEIVING_CHANNEL_H_
