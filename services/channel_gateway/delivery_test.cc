// What becomes of readers whose channel's producers die, with channels in real
// shared memory and a clock that stands still until the test moves it.

#include "services/channel_gateway/delivery.h"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
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
#include "libs/telemetry/telemetry.h"
#include "services/channel_gateway/gateway_metrics.h"

namespace fairlead {
namespace {

using ::fairlead::testing::StatusIs;
using ::testing::HasSubstr;

// Finds channels that it was told of: at once, or when it is told to.
class Finder final : public ChannelFinder {
 public:
  void Find(uint64_t channel_id, const v1::Doorbell& wake_consumer,
            Check may_attach, Callback done) override {
    doorbell = wake_consumer.name();
    answer = [found = attachments.at(channel_id), may_attach, done] {
      const absl::Status may = may_attach(found.job);
      done(may.ok() ? absl::StatusOr<ChannelAttachment>(found) : may);
    };
    if (!is_slow) answer();
  }
  std::map<uint64_t, ChannelAttachment> attachments;
  std::string doorbell;          // of the one who asked last
  std::function<void()> answer;  // to the same
  bool is_slow = false;
};

// Waits to be finished.
class Sink final : public MessageSink {
 public:
  explicit Sink(std::optional<std::string> job = std::nullopt)
      : job_(std::move(job)) {}

  std::optional<std::string> job() const override { return job_; }
  bool Send(DeliveredMessage& /*message*/) override { return false; }
  void Finish(const absl::Status& why) override {
    MutexLock lock(&mutex_);
    why_ = why;
    is_finished_ = true;
  }

  bool is_finished() {
    MutexLock lock(&mutex_);
    return is_finished_;
  }
  absl::Status Await() {
    MutexLock lock(&mutex_);
    mutex_.Await(absl::Condition(&is_finished_));
    return why_;
  }

 private:
  const std::optional<std::string> job_;
  Mutex mutex_;
  absl::Status why_ ABSL_GUARDED_BY(mutex_);
  bool is_finished_ ABSL_GUARDED_BY(mutex_) = false;
};

class DeliveryTest : public ::testing::Test {
 protected:
  void SetUp() override {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(doorbell_, Doorbell::Create(shm_dir_));
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(
        delivery_,
        Delivery::Start({.shm_dir = shm_dir_, .shm_budget_bytes = 1 << 20},
                        clock_, metrics_, finder_));
    for (const uint64_t channel : {1, 2}) {
      Make(channel);
      Subscribe(channel, std::make_shared<Sink>());
    }
  }
  void TearDown() override {
    delivery_.reset();
    producers_.clear();
    doorbell_.reset();
  }

  // A channel, with the producing end here.
  void Make(uint64_t channel, const std::string& job = "") {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(producers_[channel],
                                  ShmProducer::Create({.directory = shm_dir_,
                                                       .capacity_bytes = 4096,
                                                       .max_messages = 8}));
    finder_.attachments[channel].segment = producers_[channel]->name();
    finder_.attachments[channel].wake_producer.set_name(doorbell_->name());
    finder_.attachments[channel].job = job;
  }
  void Subscribe(uint64_t channel, std::shared_ptr<Sink> sink) {
    sinks_[channel] = sink;
    delivery_->Subscribe(channel, {}, /*credit_messages=*/8,
                         /*credit_bytes=*/4096, std::move(sink));
  }
  // A channel has one consumer at a time.
  bool IsAttached(uint64_t channel) const {
    return absl::IsFailedPrecondition(
        ShmConsumer::Open(shm_dir_, producers_.at(channel)->name()).status());
  }

  const testing::ShmFolder folder_;
  const std::string& shm_dir_ = folder_.path();
  FakeClock clock_;
  Telemetry telemetry_;
  GatewayMetrics metrics_{telemetry_};
  Finder finder_;
  std::unique_ptr<Doorbell> doorbell_;
  std::map<uint64_t, std::unique_ptr<ShmProducer>> producers_;
  std::map<uint64_t, std::shared_ptr<Sink>> sinks_;
  std::unique_ptr<Delivery> delivery_;
};

TEST_F(DeliveryTest, DeadProducerIsNoticedHoweverOftenOthersRing) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const auto ringer, DoorbellRinger::Open(shm_dir_, finder_.doorbell));
  producers_.erase(1);
  while (!sinks_[1]->is_finished()) {
    // (Again and again: the thread that looks may have yet to start.)
    clock_.Advance(absl::Seconds(1));
    ringer->Ring(2);
    std::this_thread::yield();
  }
  EXPECT_THAT(sinks_[1]->Await(), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_FALSE(sinks_[2]->is_finished());
}

TEST_F(DeliveryTest, DeadProducerIsNoticedAtOnceByWhoeverLooks) {
  producers_.erase(1);
  delivery_->CheckProducers();
  EXPECT_TRUE(sinks_[1]->is_finished());
  EXPECT_THAT(sinks_[1]->Await(), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_FALSE(sinks_[2]->is_finished());
}

TEST_F(DeliveryTest, ReaderOfAClosedChannelIsToldThatItIsGone) {
  producers_.at(1)->Close();
  delivery_->CheckProducers();
  EXPECT_THAT(sinks_[1]->Await(), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(DeliveryTest, HandingOnLetsGoOfChannelsForAnotherGatewayOrThisOne) {
  ASSERT_TRUE(IsAttached(1));
  delivery_->HandOn();
  for (const uint64_t channel : {1, 2}) {
    EXPECT_THAT(sinks_[channel]->Await(),
                StatusIs(absl::StatusCode::kUnavailable,
                         HasSubstr("where the registry says")));
    EXPECT_FALSE(IsAttached(channel));
  }
  Subscribe(1, std::make_shared<Sink>());
  EXPECT_TRUE(IsAttached(1));
}

TEST_F(DeliveryTest, DrainingLetsGoOfChannelsToo) {
  delivery_->Drain();
  EXPECT_THAT(sinks_[1]->Await(), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_FALSE(IsAttached(1));
  Subscribe(1, std::make_shared<Sink>());
  EXPECT_THAT(sinks_[1]->Await(), StatusIs(absl::StatusCode::kUnavailable));
}

TEST_F(DeliveryTest, ReaderOfAnotherJobIsRefusedBeforeTheChannelIsAttachedTo) {
  Make(3, "mine");
  Subscribe(3, std::make_shared<Sink>("other"));
  EXPECT_THAT(sinks_[3]->Await(), StatusIs(absl::StatusCode::kPermissionDenied,
                                           HasSubstr("not of job other")));
  EXPECT_FALSE(IsAttached(3));
  Subscribe(3, std::make_shared<Sink>("mine"));
  EXPECT_TRUE(IsAttached(3));
  EXPECT_FALSE(sinks_[3]->is_finished());
  // And who comes then, too, takes nothing over.
  const auto intruder = std::make_shared<Sink>("other");
  delivery_->Subscribe(3, {}, 8, 4096, intruder);
  EXPECT_THAT(intruder->Await(), StatusIs(absl::StatusCode::kPermissionDenied));
  EXPECT_FALSE(sinks_[3]->is_finished());
}

TEST_F(DeliveryTest, ReaderThatLeavesBeforeItIsKnownLeavesNothingAttached) {
  finder_.is_slow = true;
  Make(3, "mine");
  Subscribe(3, std::make_shared<Sink>("other"));
  delivery_->Unsubscribe(3, sinks_[3].get());
  finder_.answer();
  EXPECT_FALSE(IsAttached(3));
  // The next one is asked about anew.
  finder_.is_slow = false;
  Subscribe(3, std::make_shared<Sink>("mine"));
  EXPECT_TRUE(IsAttached(3));
}

}  // namespace
}  // namespace fairlead
