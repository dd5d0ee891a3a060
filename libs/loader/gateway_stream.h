#ifndef FAIRLEAD_LIBS_LOADER_GATEWAY_STREAM_H_
#define FAIRLEAD_LIBS_LOADER_GATEWAY_STREAM_H_

#include <cstdint>
#include <memory>
#include <optional>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/grpcpp.h"
#include "libs/clock/clock.h"
#include "libs/sync/mutex.h"
#include "protos/fairlead/v1/channel_gateway.pb.h"

namespace fairlead {

// One ChannelGatewayService.Receive call, for one Subscribe: reads responses as
// they come, and sends credit, and with it what became of sampled batches.
// Responses stay encoded, so that whoever decodes them can choose where their
// bytes go. Thread-safe.
class GatewayStream final
    : public grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>,
      public std::enable_shared_from_this<GatewayStream> {
 public:
  // Called from gRPC's threads, one call at a time for each stream.
  class Listener {
   public:
    virtual ~Listener() = default;

    // The next response. The one after it is read once this returns.
    virtual void OnResponse(const std::shared_ptr<GatewayStream>& stream,
                            grpc::ByteBuffer& response) = 0;

    // The last call of a stream that was started: how it ended. `stream` is
    // the stream's own hold on itself. It must be let go of on another thread
    // than this: with the last stream goes the last connection of the process,
    // and then gRPC waits for all its threads, of which this is one.
    virtual void OnEnd(std::shared_ptr<GatewayStream> stream,
                       const absl::Status& status) = 0;
  };

  // `clock` and `listener` must outlive OnEnd.
  GatewayStream(const std::shared_ptr<grpc::Channel>& gateway,
                const v1::Subscribe& subscribe, const Clock& clock,
                Listener* listener);

  // Opens the call. Once. The stream keeps itself alive until OnEnd.
  void Start();

  // Lets the gateway send that much more. Grants that are made while one is
  // being sent, or before Start(), travel together. What was consumed goes with
  // them, stamped when it is written. No effect once the stream has ended.
  void Grant(uint64_t messages, uint64_t bytes,
             const std::optional<v1::ConsumedBatch>& consumed = std::nullopt)
      ABSL_LOCKS_EXCLUDED(mutex_);

  // Nothing more will be granted: says what is left to say, and the gateway
  // ends the call.
  void Finish() ABSL_LOCKS_EXCLUDED(mutex_);

  // Ends the call soon; before Start(), as soon as it is started.
  void Cancel() { context_.TryCancel(); }

 private:
  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnDone(const grpc::Status& status) override;

  void Write(v1::ReceiveRequest request) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Clock& clock_;
  Listener* const listener_;
  grpc::GenericStub stub_;
  grpc::ClientContext context_;
  const v1::Subscribe subscribe_;
  std::shared_ptr<GatewayStream> self_;  // from Start() to OnDone()
  grpc::ByteBuffer response_;            // OnReadDone's

  Mutex mutex_;
  // From the beginning: nothing goes before the subscription.
  bool writing_ ABSL_GUARDED_BY(mutex_) = true;
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  bool finishing_ ABSL_GUARDED_BY(mutex_) = false;
  v1::ReceiveRequest pending_
      ABSL_GUARDED_BY(mutex_);                        // behind what is written
  grpc::ByteBuffer request_ ABSL_GUARDED_BY(mutex_);  // being written
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_LOADER_GATEWAY_STREAM_H_
