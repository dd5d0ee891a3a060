#ifndef FAIRLEAD_SERVICES_CHANNEL_GATEWAY_FETCH_CALL_H_
#define FAIRLEAD_SERVICES_CHANNEL_GATEWAY_FETCH_CALL_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "grpcpp/alarm.h"
#include "grpcpp/grpcpp.h"
#include "libs/clock/clock.h"
#include "libs/rpc/open_streams.h"
#include "libs/sync/mutex.h"
#include "services/channel_gateway/delivery.h"
#include "services/channel_gateway/gateway_metrics.h"

namespace fairlead {

// One unary fetch: a reader with credit for one message, and a deadline. Owned
// as a ReceiveStream is.
class FetchCall final : public grpc::ServerUnaryReactor,
                        public MessageSink,
                        public std::enable_shared_from_this<FetchCall> {
 public:
  // All must outlive it.
  FetchCall(std::optional<std::string> job, Delivery& delivery,
            const Clock& clock, GatewayMetrics& metrics,
            grpc::ByteBuffer* response);

  // Ends with the error of `place`, if it is one.
  void Start(std::shared_ptr<FetchCall> self, const grpc::ByteBuffer& bytes,
             absl::StatusOr<rpc::OpenStreams::Place> place);

  // From gRPC.
  void OnCancel() override;
  void OnDone() override;

  // From Delivery.
  std::optional<std::string> job() const override { return job_; }
  bool Send(DeliveredMessage& message) override;
  void Finish(const absl::Status& why) override;

 private:
  void CountIfSlow();

  const std::optional<std::string> job_;
  rpc::OpenStreams::Place place_;
  Delivery& delivery_;
  const Clock& clock_;
  GatewayMetrics& metrics_;
  grpc::ByteBuffer* const response_;
  const absl::Duration since_;
  std::shared_ptr<FetchCall> self_;
  uint64_t channel_id_ = 0;
  grpc::Alarm alarm_;

  Mutex mutex_;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace fairlead

#endif  // FAIRLEAD_SERVICES_CHANNEL_GATEWAY_FETCH_CALL_H_
