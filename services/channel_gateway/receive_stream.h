#ifndef FAIRLEAD_SERVICES_CHANNEL_GATEWAY_RECEIVE_STREAM_H_
#define FAIRLEAD_SERVICES_CHANNEL_GATEWAY_RECEIVE_STREAM_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "grpcpp/grpcpp.h"
#include "libs/clock/clock.h"
#include "libs/rpc/open_streams.h"
#include "libs/sync/mutex.h"
#include "protos/fairlead/v1/channel_gateway.pb.h"
#include "services/channel_gateway/delivery.h"
#include "services/channel_gateway/gateway_metrics.h"
#include "services/channel_gateway/timeline_log.h"

namespace fairlead {

// One trainer's stream. Owned by itself until gRPC is done with it, and by
// Delivery for as long as it may call.
//
//   reading ── Subscribe ──► Delivery ── Send ──► writing ── OnWriteDone ──┐
//      ▲          Credit        ▲                                          │
//      └────────────────────────┴──────────────── OnSent ◄─────────────────┘
class ReceiveStream final
    : public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>,
      public MessageSink,
      public std::enable_shared_from_this<ReceiveStream> {
 public:
  // `number` is no other stream's; `streams` is one less when this is done. All
  // must outlive it.
  ReceiveStream(std::optional<std::string> job, Delivery& delivery,
                const Clock& clock, GatewayMetrics& metrics,
                TimelineLog& timelines, uint64_t number,
                std::atomic<int64_t>& streams);

  // One of these, once.
  void Start(std::shared_ptr<ReceiveStream> self,
             rpc::OpenStreams::Place place);
  void Refuse(std::shared_ptr<ReceiveStream> self, const absl::Status& why);

  // From gRPC.
  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

  // From Delivery.
  std::optional<std::string> job() const override { return job_; }
  bool Send(DeliveredMessage& message) override;
  void Finish(const absl::Status& why) override;

 private:
  absl::Status Handle(const v1::ReceiveRequest& request);
  absl::Status Subscribe(const v1::Subscribe& subscribe);

  const std::optional<std::string> job_;
  Delivery& delivery_;
  const Clock& clock_;
  GatewayMetrics& metrics_;
  TimelineLog& timelines_;
  const uint64_t number_;
  std::atomic<int64_t>& streams_;
  std::shared_ptr<ReceiveStream> self_;
  rpc::OpenStreams::Place place_;
  grpc::ByteBuffer request_;
  std::atomic<uint64_t> channel_id_{0};  // 0 until subscribed

  Mutex mutex_;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  // When a batch was; at first, when the stream began.
  absl::Duration last_sampled_ ABSL_GUARDED_BY(mutex_);
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<absl::Status> finish_after_write_ ABSL_GUARDED_BY(mutex_);
  grpc::ByteBuffer response_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace fairlead

#endif  // FAIRLEAD_SERVICES_CHANNEL_GATEWAY_RECEIVE_STREAM_H_
