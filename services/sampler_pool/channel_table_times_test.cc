// How long channels were in each state, by a clock that is this test's.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/batch_maker/channel_plan.h"
#include "libs/graph/dataset.h"
#include "libs/graph/dataset_writer.h"
#include "libs/sampling/partitioned_dataset.h"
#include "libs/shm_channel/doorbell.h"
#include "libs/shm_channel/shm_channel.h"
#include "libs/shm_channel/shm_folder.h"
#include "libs/status/status_matchers.h"
#include "libs/tensor_message/message_tag.h"
#include "protos/fairlead/v1/sampler_pool.pb.h"
#include "services/sampler_pool/channel_table.h"
#include "services/sampler_pool/epoch_run.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::WriteWhole;
using State = ChannelTable::TimedState;

constexpr uint64_t kChannel = 7;
constexpr uint64_t kBufferBytes = 4096;
// So large that a second one has no room beside it.
constexpr uint64_t kMessageBytes = 3000;

absl::Duration At(int seconds) { return absl::Seconds(seconds); }

class ChannelTableTimesTest : public ::testing::Test {
 protected:
  ChannelTableTimesTest()
      : table_({.shm_dir = folder_.path(), .shm_budget_bytes = 1 << 20}) {
    DatasetContents contents;
    contents.name = "test";
    contents.nodes.push_back({.name = "node", .num_nodes = 10});
    dataset_ = WriteWhole(std::move(contents)).value();

    spec_.set_channel_id(kChannel);
    spec_.mutable_input()->set_split(v1::SPLIT_ALL);
    spec_.mutable_config()->set_type(v1::SAMPLING_TYPE_NODE);
    spec_.mutable_config()->set_batch_size(1);
    spec_.mutable_options()->set_buffer_bytes(kBufferBytes);
    spec_.mutable_options()->set_worker_concurrency(1);
  }
  ~ChannelTableTimesTest() override {
    consumer_.reset();
    table_.UnregisterAll(At(1000));
  }

  void Register(absl::Duration now) {
    ASSERT_THAT(table_.BeginRegister(spec_), IsOk());
    ASSERT_THAT(
        table_.EndRegister(
            kChannel,
            ChannelPlan::Create(*dataset_, spec_.input(), spec_.config()), now),
        IsOk());
    channel_ = *table_.Find(kChannel);
    table_.SetBuffer(
        *channel_,
        ShmProducer::Create(table_.BufferOptions(*channel_)).value());
    consumer_ = ShmConsumer::OpenInProcess(*channel_->producer).value();
  }

  void StartEpoch(absl::Duration now) {
    v1::StartEpochRequest request;
    request.set_channel_id(kChannel);
    table_.StartEpoch(*channel_,
                      EpochRun::Create(*channel_->plan, request).value(), now);
  }

  // Commits one batch's message and says so at `now`.
  void Finish(ChannelTable::Work work, absl::Duration now) {
    ShmReservation reservation =
        work.producer->ReserveFrom(work.credit->credit, kMessageBytes).value();
    EXPECT_THAT(reservation.Commit(
                    ChannelMessageTag{.kind = ChannelMessageTag::Kind::kBatch}
                        .Encode()),
                IsOk());
    work.message_bytes = kMessageBytes;
    table_.Finish(std::move(work), ChannelTable::Outcome::kCommitted,
                  absl::OkStatus(), absl::Seconds(1), now);
  }

  void SetPaused(bool paused, absl::Duration now) {
    v1::ChannelControl control;
    control.set_paused(paused);
    EXPECT_THAT(table_.Update(kChannel, control, now), IsOk());
  }

  absl::Duration In(State state, absl::Duration now) {
    return table_.SnapshotAll().at(0).times.In(state, now);
  }

  const testing::ShmFolder folder_;
  ChannelTable table_;
  std::unique_ptr<const Dataset> dataset_;
  v1::ChannelSpec spec_;
  ChannelTable::ChannelPtr channel_;
  std::unique_ptr<ShmConsumer> consumer_;
};

TEST_F(ChannelTableTimesTest, TheTimeOfEachStateIsCounted) {
  Register(At(0));
  StartEpoch(At(10));
  std::optional<ChannelTable::Work> work = table_.NextWork(At(12));
  ASSERT_TRUE(work.has_value());
  Finish(*std::move(work), At(15));  // and the buffer is full
  EXPECT_FALSE(table_.HasWork(At(15)));
  SetPaused(true, At(20));
  SetPaused(false, At(23));
  EXPECT_THAT(consumer_->Receive(absl::ZeroDuration()), IsOk());
  table_.Rung({kChannel % Doorbell::kSlots}, At(26));
  EXPECT_TRUE(table_.HasWork(At(26)));
  EXPECT_THAT(table_.CancelEpoch(kChannel, /*epoch=*/0, At(30)), IsOk());

  EXPECT_EQ(In(State::kIdle, At(40)), At(10) + At(10));
  EXPECT_EQ(In(State::kRunnable, At(40)), At(5) + At(4));
  EXPECT_EQ(In(State::kParked, At(40)), At(5) + At(3));
  EXPECT_EQ(In(State::kPaused, At(40)), At(3));
}

TEST_F(ChannelTableTimesTest, ChannelsCountTheirBatchesOverAllEpochs) {
  Register(At(0));
  StartEpoch(At(1));
  Finish(*table_.NextWork(At(2)), At(3));
  EXPECT_THAT(table_.CancelEpoch(kChannel, /*epoch=*/0, At(4)), IsOk());
  EXPECT_THAT(consumer_->Receive(absl::ZeroDuration()), IsOk());
  v1::StartEpochRequest request;
  request.set_channel_id(kChannel);
  request.set_epoch(1);
  table_.StartEpoch(*channel_,
                    EpochRun::Create(*channel_->plan, request).value(), At(5));
  table_.Finish(*table_.NextWork(At(6)), ChannelTable::Outcome::kFailed,
                absl::InternalError("injected"), absl::Seconds(1), At(7));
  const ChannelTable::Snapshot channel = table_.SnapshotAll().at(0);
  EXPECT_EQ(channel.ok_batches, 1u);
  EXPECT_EQ(channel.failed_batches, 1u);
}

}  // namespace
}  // namespace fairlead
