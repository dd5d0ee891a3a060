// The pool's bookkeeping under virtual time, with the real scheduler and the
// real shared memory: a seeded driver registers, starts, cancels, pauses,
// unregisters, works, fails, and consumes, in any order. What a consumer sees
// must be right after each step, and everything must come to its end.

#include <stdlib.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/batch_maker/channel_plan.h"
#include "libs/graph/dataset.h"
#include "libs/graph/dataset_writer.h"
#include "libs/random/philox.h"
#include "libs/sampling/partitioned_dataset.h"
#include "libs/shm_channel/shm_channel.h"
#include "libs/shm_channel/shm_folder.h"
#include "libs/status/status_matchers.h"
#include "libs/tensor_message/message_tag.h"
#include "protos/fairlead/v1/messages.pb.h"
#include "services/sampler_pool/channel_table.h"
#include "services/sampler_pool/epoch_run.h"

namespace fairlead {
namespace {

using ::fairlead::testing::WriteWhole;

constexpr uint64_t kMaxChannels = 6;
constexpr uint64_t kBufferBytes = 4096;
constexpr uint64_t kLargest = 3000;  // of a message that fits

struct FakeBatch final : MadeBatch {
  explicit FakeBatch(uint64_t size) : size(size) {}
  uint64_t bytes() const override { return size; }
  const uint64_t size;
};

class Simulation {
 public:
  Simulation(const Dataset& dataset, const std::string& directory,
             uint64_t seed)
      : dataset_(dataset),
        random_(seed, 0, 0),
        table_({.shm_dir = directory,
                .shm_budget_bytes = kMaxChannels * kBufferBytes,
                .max_channels = kMaxChannels,
                .scheduler = {.policy = seed % 2 == 0
                                            ? SchedulingPolicy::kDeficit
                                            : SchedulingPolicy::kRoundRobin}}) {
  }

  struct Seen {
    uint64_t batches = 0;
    uint64_t errors = 0;
    uint64_t ends = 0;
    uint64_t cancelled = 0;
  };
  const Seen& seen() const { return seen_; }

  // Empty if all went well.
  std::string Run(int steps) {
    for (int step = 0; step < steps && error_.empty(); ++step) Step();
    if (error_.empty()) EndAll();
    return error_;
  }

 private:
  // What a trainer of the channel has seen of the epoch it asked for last.
  struct Trainer {
    std::unique_ptr<ShmConsumer> consumer;
    std::vector<ShmMessage> held;
    uint64_t epoch = 0;  // one more than the epoch started last
    uint64_t batches = 0;
    std::set<uint64_t> got;  // batches and errors, once each
    uint64_t failed = 0;
    bool ended = true;
    bool cancelled = false;
    bool paused = false;
    bool fails = false;  // FAILURE_POLICY_FAIL
  };

  void Check(bool condition, const std::string& what) {
    if (!condition && error_.empty()) error_ = what;
  }

  void Step() {
    now_ += absl::Microseconds(static_cast<int64_t>(random_.Below(300)));
    const uint64_t known = next_id_ - 1;
    const uint64_t id = known == 0
                            ? 0
                            : 1 + std::max<uint64_t>(known, 8) - 8 +
                                  random_.Below(std::min<uint64_t>(known, 8));
    switch (random_.Below(20)) {
      case 0:
        if (random_.Below(4) == 0) Register();
        break;
      case 1:
        if (random_.Below(100) == 0) Unregister(id);
        break;
      case 2:
        StartEpoch(id);
        break;
      case 3:
        if (random_.Below(10) == 0) CancelEpoch(id);
        break;
      case 4:
        Control(id);
        break;
      case 5:
      case 6:
      case 7:
      case 8:
      case 9:
        Take();
        break;
      case 10:
      case 11:
      case 12:
      case 13:
        EndWork();
        break;
      default:
        Consume(id);
    }
  }

  void Register() {
    v1::ChannelSpec spec;
    spec.set_channel_id(next_id_);
    spec.set_worker_key("t");
    spec.mutable_input()->set_split(v1::SPLIT_ALL);
    spec.mutable_config()->set_type(v1::SAMPLING_TYPE_NODE);
    spec.mutable_config()->set_batch_size(1 + random_.Below(4));
    spec.mutable_options()->set_buffer_bytes(kBufferBytes);
    spec.mutable_options()->set_buffer_capacity(
        static_cast<uint32_t>(2 + random_.Below(6)));
    spec.mutable_options()->set_worker_concurrency(
        static_cast<uint32_t>(1 + random_.Below(3)));
    if (random_.Below(4) == 0) {
      spec.set_failure_policy(v1::FAILURE_POLICY_FAIL);
    }
    const bool is_full = table_.ids().size() >= kMaxChannels;
    auto registering = table_.BeginRegister(spec);
    if (is_full) {
      Check(absl::IsResourceExhausted(registering.status()),
            "more channels than --max_channels");
      return;
    }
    if (!registering.ok()) {
      Check(false, absl::StrCat("register: ", registering.status().ToString()));
      return;
    }
    ++next_id_;
    // Things happen while its input is looked at.
    Check(!table_.Find(spec.channel_id()).ok(), "found before it was made");
    Check(table_.BeginRegister(spec)->is_busy, "made twice at once");
    if (random_.Below(8) == 0) {
      table_.Unregister(spec.channel_id(), now_);
      Check(!table_
                 .EndRegister(
                     spec.channel_id(),
                     ChannelPlan::Create(dataset_, spec.input(), spec.config()),
                     now_)
                 .ok(),
            "registered though destroyed");
      return;
    }
    if (random_.Below(8) == 0) {
      Check(!table_
                 .EndRegister(spec.channel_id(),
                              absl::InternalError("injected"), now_)
                 .ok(),
            "registered though it failed");
      return;
    }
    Check(table_
              .EndRegister(
                  spec.channel_id(),
                  ChannelPlan::Create(dataset_, spec.input(), spec.config()),
                  now_)
              .ok(),
          "EndRegister");
    Trainer& trainer = trainers_[spec.channel_id()];
    trainer.fails = spec.failure_policy() == v1::FAILURE_POLICY_FAIL;
    trainer.batches =
        (*table_.Find(spec.channel_id()))->plan->batches_per_epoch();
  }

  void Unregister(uint64_t id) {
    table_.Unregister(id, now_);
    trainers_.erase(id);
    Check(!table_.Find(id).ok(), "found though destroyed");
  }

  void StartEpoch(uint64_t id) {
    const auto it = trainers_.find(id);
    if (it == trainers_.end()) return;
    Trainer& trainer = it->second;
    // Mostly when the last one is over; sometimes in its midst.
    if (!trainer.ended && random_.Below(20) != 0) return;
    const ChannelTable::ChannelPtr channel = *table_.Find(id);
    if (channel->producer == nullptr) {
      table_.SetBuffer(
          *channel,
          ShmProducer::Create(table_.BufferOptions(*channel)).value());
      trainer.consumer = ShmConsumer::OpenInProcess(*channel->producer).value();
    }
    v1::StartEpochRequest request;
    request.set_channel_id(id);
    request.set_epoch(trainer.epoch);
    Check(!ChannelTable::IsStale(*channel, request), "a new epoch is stale");
    table_.StartEpoch(*channel,
                      EpochRun::Create(*channel->plan, request).value(), now_);
    Check(ChannelTable::IsStale(*channel, request), "a repeated start is new");
    ++trainer.epoch;
    trainer.got.clear();
    trainer.failed = 0;
    trainer.ended = false;
    trainer.cancelled = false;
  }

  void CancelEpoch(uint64_t id) {
    const auto it = trainers_.find(id);
    if (it == trainers_.end() || it->second.epoch == 0) return;
    const auto run = (*table_.Find(id))->run;
    const bool was_over = run->done() || run->cancelled;
    Check(table_.CancelEpoch(id, it->second.epoch - 1, now_).ok(), "cancel");
    if (!was_over) it->second.cancelled = true;
  }

  void Control(uint64_t id) {
    const auto it = trainers_.find(id);
    if (it == trainers_.end()) return;
    v1::ChannelControl control;
    control.set_weight(static_cast<double>(random_.Below(4)));
    control.set_priority(static_cast<uint32_t>(random_.Below(4)));
    control.set_max_batches_per_second(random_.Below(4) == 0 ? 5000 : 0);
    it->second.paused = random_.Below(5) == 0;
    control.set_paused(it->second.paused);
    Check(table_.Update(id, control, now_).ok(), "update");
  }

  void Take() {
    const bool has_work = table_.HasWork(now_);
    std::optional<ChannelTable::Work> work = table_.NextWork(now_);
    Check(work.has_value() == has_work, "HasWork and NextWork disagree");
    if (!work.has_value()) return;
    Check(work->made != nullptr || work->credit.has_value(),
          "begun without a promise of room");
    const auto it = trainers_.find(work->channel->id());
    if (it != trainers_.end() && work->made == nullptr) {
      Check(!it->second.paused, "begun though paused");
    }
    under_way_.push_back(*std::move(work));
  }

  // One of the batches with a worker comes to an end, good or bad.
  void EndWork() {
    if (under_way_.empty()) return;
    const size_t at = random_.Below(under_way_.size());
    ChannelTable::Work work = std::move(under_way_[at]);
    under_way_.erase(under_way_.begin() + static_cast<ptrdiff_t>(at));
    using Outcome = ChannelTable::Outcome;
    absl::Status error;
    Outcome outcome = Outcome::kCommitted;
    std::optional<ShmReservation> room = std::move(work.reservation);
    if (work.run->cancelled && random_.Below(2) == 0) {  // if it looks in time
      outcome = Outcome::kCancelled;
    } else if (work.made == nullptr) {
      if (random_.Below(16) == 0) {
        outcome = Outcome::kFailed;
        error = absl::InternalError("injected");
      } else {
        work.message_bytes = 1 + random_.Below(kLargest);
        auto reserved =
            work.producer->ReserveFrom(work.credit->credit, work.message_bytes);
        if (reserved.ok()) {
          room = *std::move(reserved);
        } else if (absl::IsCancelled(reserved.status())) {
          outcome = Outcome::kCancelled;  // unregistered: its buffer is closed
        } else {
          Check(absl::IsResourceExhausted(reserved.status()), "ReserveFrom");
          work.made = std::make_unique<FakeBatch>(work.message_bytes);
          outcome = Outcome::kWaitsForRoom;
        }
      }
    }
    if (outcome == Outcome::kCommitted) {
      const absl::Status committed = room->Commit(
          ChannelMessageTag{.kind = ChannelMessageTag::Kind::kBatch,
                            .epoch = work.run->epoch,
                            .attempt = work.run->attempt,
                            .batch_index = work.batch_index}
              .Encode());
      Check(committed.ok() || absl::IsCancelled(committed), "commit");
      if (!committed.ok()) outcome = Outcome::kCancelled;
    }
    room.reset();
    table_.Finish(std::move(work), outcome, error,
                  absl::Microseconds(static_cast<int64_t>(random_.Below(5000))),
                  now_);
  }

  void Consume(uint64_t id) {
    const auto it = trainers_.find(id);
    if (it == trainers_.end() || it->second.consumer == nullptr) return;
    Trainer& trainer = it->second;
    if (!trainer.held.empty() && random_.Below(2) == 0) {
      trainer.held.erase(
          trainer.held.begin() +
          static_cast<ptrdiff_t>(random_.Below(trainer.held.size())));
    } else if (absl::StatusOr<ShmMessage> message =
                   trainer.consumer->Receive(absl::ZeroDuration());
               message.ok()) {
      Look(trainer, *message);
      // One at a time at most, so that the largest message has its turn.
      trainer.held.clear();
      if (random_.Below(2) == 0) trainer.held.push_back(*std::move(message));
    }
    table_.Rung({static_cast<uint32_t>(id % Doorbell::kSlots)}, now_);
  }

  void Look(Trainer& trainer, const ShmMessage& message) {
    const ChannelMessageTag tag =
        ChannelMessageTag::Decode(message.tag()).value();
    if (tag.epoch + 1 < trainer.epoch) return;  // of an earlier one: skipped
    Check(tag.epoch + 1 == trainer.epoch, "a message of an epoch to come");
    // What a worker was about to commit when the epoch was cancelled.
    if (trainer.ended && trainer.cancelled &&
        tag.kind == ChannelMessageTag::Kind::kBatch) {
      return;
    }
    Check(!trainer.ended, "a message behind the end of its epoch");
    const auto length = static_cast<int>(message.bytes().size());
    switch (tag.kind) {
      case ChannelMessageTag::Kind::kBatch:
        Check(trainer.got.insert(tag.batch_index).second, "a batch twice");
        ++seen_.batches;
        break;
      case ChannelMessageTag::Kind::kBatchError: {
        v1::BatchError error;
        Check(error.ParseFromArray(message.bytes().data(), length), "error");
        Check(trainer.got.insert(error.batch_index()).second, "a batch twice");
        ++trainer.failed;
        ++seen_.errors;
        Check(error.also_failed().empty() || trainer.fails, "also_failed");
        for (const v1::BatchRange& range : error.also_failed()) {
          for (uint64_t i = range.begin(); i < range.end(); ++i) {
            Check(trainer.got.insert(i).second, "a batch twice");
            ++trainer.failed;
          }
        }
        break;
      }
      case ChannelMessageTag::Kind::kEpochEnd: {
        v1::EpochEnd end;
        Check(end.ParseFromArray(message.bytes().data(), length), "end");
        Check(end.cancelled() == trainer.cancelled, "cancelled or not");
        trainer.ended = true;
        ++(end.cancelled() ? seen_.cancelled : seen_.ends);
        if (end.cancelled()) break;
        Check(trainer.got.size() == trainer.batches, "a batch is missing");
        Check(end.failed_batches() == trainer.failed, "failed batches");
        break;
      }
    }
  }

  // From here on all work is done and all is consumed: then every epoch must
  // have come to its end.
  void EndAll() {
    for (auto& [id, trainer] : trainers_) {
      trainer.paused = false;
      Check(table_.Update(id, {}, now_).ok(), "update");
      trainer.held.clear();
    }
    for (int step = 0; step < 100'000 && error_.empty(); ++step) {
      now_ += absl::Milliseconds(1);
      Take();
      EndWork();
      bool all_ended = under_way_.empty();
      for (auto& [id, trainer] : trainers_) {
        trainer.held.clear();
        Consume(id);
        all_ended = all_ended && trainer.ended;
      }
      if (!all_ended) continue;
      for (const uint64_t id : table_.ids()) Unregister(id);
      Check(table_.ids().empty(), "a channel is left");
      Check(table_.budget().used_bytes() == 0, "budget is left");
      return;
    }
    Check(false, "an epoch does not come to its end");
  }

  const Dataset& dataset_;
  RandomStream random_;
  ChannelTable table_;
  absl::Duration now_;
  uint64_t next_id_ = 1;
  std::map<uint64_t, Trainer> trainers_;
  std::vector<ChannelTable::Work> under_way_;
  std::string error_;
  Seen seen_;
};

TEST(ChannelTableSimulation, EveryEpochIsRightWhateverHappens) {
  // FAIRLEAD_SEED=n runs just that seed again.
  const char* replay = std::getenv("FAIRLEAD_SEED");
  const uint64_t first =
      replay == nullptr ? 0 : std::strtoull(replay, nullptr, 10);
  const uint64_t seeds = replay == nullptr ? 50 : 1;
  constexpr int kSteps = 20'000;  // a million in all
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const auto dataset,
      WriteWhole(
          {.name = "small",
           .nodes = {{.name = "node", .num_nodes = 12}},
           .edges = {{.name = {"node", "to", "node"}, .edges = {{0, 1}}}}}));
  const testing::ShmFolder folder;
  Simulation::Seen seen;
  for (uint64_t seed = first; seed < first + seeds; ++seed) {
    {
      Simulation simulation(*dataset, folder.path(), seed);
      ASSERT_EQ(simulation.Run(kSteps), "")
          << "run it again with --test_env=FAIRLEAD_SEED=" << seed;
      seen.batches += simulation.seen().batches;
      seen.errors += simulation.seen().errors;
      seen.ends += simulation.seen().ends;
      seen.cancelled += simulation.seen().cancelled;
    }
    EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
  }
  // It was about something.
  EXPECT_GE(seen.batches, 500 * seeds);
  EXPECT_GE(seen.errors, 20 * seeds);
  EXPECT_GE(seen.ends, 100 * seeds);
  EXPECT_GE(seen.cancelled, seeds);
  printf("%lu batches, %lu errors, %lu epochs, %lu cancelled\n", seen.batches,
         seen.errors, seen.ends, seen.cancelled);
}

}  // namespace
}  // namespace fairlead
