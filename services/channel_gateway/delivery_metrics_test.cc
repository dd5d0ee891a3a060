// Where a stream waits, by a clock that is this test's, with a channel in real
// shared memory and a reader that takes a message when the test says so.

#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/clock/fake_clock.h"
#include "libs/shm_channel/doorbell.h"
#include "libs/shm_channel/shm_channel.h"
#include "libs/shm_channel/shm_folder.h"
#include "libs/status/status_matchers.h"
#include "libs/sync/mutex.h"
#include "libs/telemetry/channel_samples.h"
#include "libs/telemetry/telemetry.h"
#include "libs/tensor_message/message_tag.h"
#include "services/channel_gateway/delivery.h"
#include "services/channel_gateway/gateway_metrics.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr uint64_t kChannel = 7;

// Finds the one channel there is, at once.
class Finder final : public ChannelFinder {
 public:
  void Find(uint64_t /*channel_id*/, const v1::Doorbell& wake_consumer,
            Check /*may_attach*/, Callback done) override {
    wake = wake_consumer;
    done(attachment);
  }
  ChannelAttachment attachment;
  v1::Doorbell wake;
};

// Counts what it was sent.
class Sink final : public MessageSink {
 public:
  bool Send(DeliveredMessage& message) override {
    const DeliveredMessage taken = std::move(message);
    MutexLock lock(&mutex_);
    ++sent_;
    return true;
  }
  void Finish(const absl::Status& /*why*/) override {}

  void Await(int messages) {
    MutexLock lock(&mutex_);
    const auto has_come = [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
      return sent_ >= messages;
    };
    mutex_.Await(absl::Condition(&has_come));
  }

 private:
  Mutex mutex_;
  int sent_ ABSL_GUARDED_BY(mutex_) = 0;
};

class DeliveryMetricsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(producer_,
                                  ShmProducer::Create({.directory = shm_dir_,
                                                       .capacity_bytes = 4096,
                                                       .max_messages = 8}));
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(doorbell_, Doorbell::Create(shm_dir_));
    finder_.attachment.segment = producer_->name();
    finder_.attachment.wake_producer.set_name(doorbell_->name());
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(
        delivery_,
        Delivery::Start({.shm_dir = shm_dir_, .shm_budget_bytes = 1 << 20},
                        clock_, metrics_, finder_));
  }
  void TearDown() override {
    delivery_.reset();
    producer_.reset();
    doorbell_.reset();
  }

  void Commit(ChannelMessageTag::Kind kind, uint32_t attempt = 0) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(
        ShmReservation reservation,
        producer_->Reserve(/*bytes=*/64, absl::ZeroDuration()));
    std::memset(reservation.bytes().data(), 0, 64);
    ASSERT_THAT(
        reservation.Commit(
            ChannelMessageTag{.kind = kind, .attempt = attempt}.Encode()),
        IsOk());
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(
        const auto ringer, DoorbellRinger::Open(shm_dir_, finder_.wake.name()));
    ringer->Ring(finder_.wake.slot());
  }

  absl::Duration Waited(StreamWait wait) {
    const GatewaySnapshot snapshot = delivery_->TakeSnapshot();
    return snapshot.channels.at(0).waits.In(wait, snapshot.now);
  }

  const testing::ShmFolder folder_;
  const std::string& shm_dir_ = folder_.path();
  FakeClock clock_;
  Telemetry telemetry_;
  GatewayMetrics metrics_{telemetry_};
  Finder finder_;
  std::unique_ptr<ShmProducer> producer_;
  std::unique_ptr<Doorbell> doorbell_;
  const std::shared_ptr<Sink> sink_ = std::make_shared<Sink>();
  std::unique_ptr<Delivery> delivery_;
};

TEST_F(DeliveryMetricsTest, AStreamWaitsForDataOrCreditOrTheTransport) {
  delivery_->Subscribe(kChannel, {}, /*credit_messages=*/1,
                       /*credit_bytes=*/1000, sink_);
  clock_.Advance(absl::Seconds(2));  // no message
  Commit(ChannelMessageTag::Kind::kBatch);
  sink_->Await(1);
  clock_.Advance(absl::Seconds(3));  // the transport has it
  delivery_->OnSent(kChannel, sink_.get());
  clock_.Advance(absl::Seconds(4));  // no credit, and no message either
  delivery_->AddCredit(kChannel, sink_.get(), 1, 1);
  clock_.Advance(absl::Seconds(5));  // no message
  Commit(ChannelMessageTag::Kind::kEpochEnd);
  sink_->Await(2);
  clock_.Advance(absl::Seconds(6));  // the transport has it
  delivery_->OnSent(kChannel, sink_.get());
  clock_.Advance(absl::Seconds(7));  // between two epochs: nobody is waited for

  EXPECT_EQ(Waited(StreamWait::kData), absl::Seconds(2 + 5));
  EXPECT_EQ(Waited(StreamWait::kTransport), absl::Seconds(3 + 6));
  EXPECT_EQ(Waited(StreamWait::kCredit), absl::Seconds(4));
}

TEST_F(DeliveryMetricsTest, CreditWasInTheNetworkOrWithTheTrainer) {
  ChannelSamples channels(/*max_channels=*/1);
  const auto sampled = telemetry_.OnScrape([&](MetricSamples& samples) {
    SampleGateway(delivery_->TakeSnapshot(), channels, samples);
  });
  delivery_->Subscribe(kChannel, {}, /*credit_messages=*/1,
                       /*credit_bytes=*/1000, sink_);
  const CreditHeld held = {.by_network = absl::Seconds(2),
                           .by_trainer = absl::Seconds(3)};
  delivery_->AddCreditHeld(kChannel, sink_.get(), held);
  delivery_->AddCreditHeld(kChannel, sink_.get(), held);
  delivery_->AddCreditHeld(kChannel, nullptr, held);  // no reader's
  delivery_->AddCreditHeld(kChannel + 1, sink_.get(), held);
  const std::string name =
      "fairlead_gateway_channel_credit_held_seconds_total{channel=\"7\",";
  EXPECT_THAT(telemetry_.Expose(),
              AllOf(HasSubstr(name + "side=\"network\"} 4"),
                    HasSubstr(name + "side=\"trainer\"} 6")));
}

TEST_F(DeliveryMetricsTest, AScrapeShowsChannelsAndWhatWasSentAgain) {
  ChannelSamples channels(/*max_channels=*/1);
  const auto sampled = telemetry_.OnScrape([&](MetricSamples& samples) {
    SampleGateway(delivery_->TakeSnapshot(), channels, samples);
  });
  delivery_->Subscribe(kChannel, {.epoch = 0, .attempt = 1},
                       /*credit_messages=*/5, /*credit_bytes=*/1000, sink_);
  Commit(ChannelMessageTag::Kind::kBatch, /*attempt=*/1);
  sink_->Await(1);
  clock_.Advance(absl::Seconds(3));
  EXPECT_THAT(
      telemetry_.Expose(),
      AllOf(
          HasSubstr("fairlead_gateway_channel_wait_seconds_total{"
                    "channel=\"7\",for=\"transport\"} 3"),
          HasSubstr("fairlead_gateway_channel_messages_total{channel=\"7\"} 1"),
          HasSubstr("fairlead_gateway_channel_bytes_total{channel=\"7\"} 64"),
          HasSubstr("fairlead_gateway_credit_messages{channel=\"7\"} 4"),
          HasSubstr("fairlead_gateway_resent_messages_total 1"),
          HasSubstr("fairlead_gateway_subscriptions 1"),
          HasSubstr("fairlead_gateway_channels 1"),
          HasSubstr("fairlead_gateway_mapped_bytes ")));
}

}  // namespace
}  // namespace fairlead
