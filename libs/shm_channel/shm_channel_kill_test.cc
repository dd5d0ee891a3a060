// What is left of a channel when its producers and consumers are killed: at
// random moments, and at instructions spread evenly over each operation. With
// --config=full it is well over a thousand at random, and hundreds of the
// instructions of each operation; by default a sample of both.

#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/random/philox.h"
#include "libs/shm_channel/shm_channel.h"
#include "libs/shm_channel/shm_folder.h"
#include "libs/status/status_matchers.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::StatusIs;

constexpr absl::Duration kNow = absl::ZeroDuration();
constexpr absl::Duration kForever = absl::InfiniteDuration();
// Far beyond what it takes: only a hang gets there.
constexpr absl::Duration kHang = absl::Seconds(60);
constexpr uint64_t kCapacity = 8192;

bool IsFull() {
  const char* scale = std::getenv("FAIRLEAD_TEST_SCALE");
  return scale != nullptr && std::string(scale) == "full";
}

// Runs `work` in another process, which ends with this one.
template <typename Work>
pid_t Fork(const Work& work) {
  const pid_t child = fork();
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    work();
    _exit(0);
  }
  return child;
}

void Kill(pid_t child) {
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
}

class KillTest : public ::testing::Test {
 protected:
  KillTest() {
    auto creator = ShmProducer::Create({.directory = directory_,
                                        .capacity_bytes = kCapacity,
                                        .max_messages = 8});
    EXPECT_THAT(creator, IsOk());
    creator_ = *std::move(creator);
  }

  std::unique_ptr<ShmProducer> OpenProducer() {
    auto producer = ShmProducer::Open(directory_, creator_->name());
    return producer.ok() ? *std::move(producer) : nullptr;
  }
  std::unique_ptr<ShmConsumer> OpenConsumer() {
    auto consumer =
        ShmConsumer::Open(directory_, creator_->name(), {.is_shared = true});
    return consumer.ok() ? *std::move(consumer) : nullptr;
  }

  // Nothing is left of anybody: the largest message fits.
  void ExpectEmpty() {
    creator_->Recover();
    EXPECT_EQ(creator_->stats().used_bytes, 0u);
    EXPECT_EQ(creator_->stats().depth_messages, 0u);
    EXPECT_THAT(creator_->Reserve(kCapacity, kNow), IsOk());
  }

  const testing::ShmFolder folder_;
  const std::string& directory_ = folder_.path();
  std::unique_ptr<ShmProducer> creator_;
};

// A message says who sent it, as which of its messages, and with what fill.
absl::Status Send(ShmProducer& producer, uint64_t who, uint64_t sequence) {
  const uint64_t bytes = sequence * 397 % 1500;
  absl::StatusOr<ShmReservation> space = producer.Reserve(bytes, kForever);
  if (!space.ok()) return space.status();
  std::memset(space->bytes().data(), static_cast<int>(sequence % 256), bytes);
  return space->Commit({who, sequence, bytes, 0});
}

bool IsIntact(const ShmMessage& message) {
  const auto fill = static_cast<uint8_t>(message.tag()[1] % 256);
  return message.bytes().size() == message.tag()[2] &&
         std::all_of(message.bytes().begin(), message.bytes().end(),
                     [fill](uint8_t byte) { return byte == fill; });
}

TEST_F(KillTest, ProducersAreKilledAndTheOthersGoOn) {
  const uint64_t rounds = IsFull() ? 350 : 35;
  const std::unique_ptr<ShmConsumer> consumer = OpenConsumer();
  for (uint64_t round = 0; round < rounds; ++round) {
    SCOPED_TRACE(round);
    RandomStream random(1, round, 0);
    std::array<pid_t, 2> children{};
    for (uint64_t who = 0; who < children.size(); ++who) {
      children[who] = Fork([this, who] {
        const std::unique_ptr<ShmProducer> producer = OpenProducer();
        for (uint64_t i = 0; producer != nullptr; ++i) {
          if (!Send(*producer, who, i).ok()) return;
        }
      });
    }
    std::array<uint64_t, 2> next{};
    const auto take = [&](absl::Duration timeout) {
      const absl::StatusOr<ShmMessage> message = consumer->Receive(timeout);
      if (!message.ok()) return false;
      EXPECT_TRUE(IsIntact(*message));
      EXPECT_EQ(message->tag()[1], next[message->tag()[0]]++);
      return true;
    };
    for (uint64_t i = random.Below(300); i > 0; --i) ASSERT_TRUE(take(kHang));
    const uint64_t victim = random.Below(2);
    Kill(children[victim]);
    // More than the channel holds: the survivor had room made for it.
    const uint64_t before = next[1 - victim];
    while (next[1 - victim] < before + 50) ASSERT_TRUE(take(kHang));
    Kill(children[1 - victim]);
    while (take(kNow)) {
    }
    ExpectEmpty();
  }
}

TEST_F(KillTest, ConsumersAreKilledAndTheOthersGoOn) {
  const uint64_t rounds = IsFull() ? 350 : 35;
  constexpr uint64_t kMessages = 400;
  constexpr size_t kHeldAtOnce = 2;
  // How often each message was received, by all processes.
  void* shared = mmap(nullptr, kMessages, PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  auto* received = static_cast<std::atomic<uint8_t>*>(shared);
  for (uint64_t round = 0; round < rounds; ++round) {
    SCOPED_TRACE(round);
    std::memset(shared, 0, kMessages);
    RandomStream random(2, round, 0);
    std::array<pid_t, 2> children{};
    for (pid_t& child : children) {
      child = Fork([this, received] {
        const std::unique_ptr<ShmConsumer> consumer = OpenConsumer();
        std::deque<ShmMessage> held;
        while (consumer != nullptr) {
          absl::StatusOr<ShmMessage> message = consumer->Receive(kForever);
          if (!message.ok() || !IsIntact(*message)) return;
          received[message->tag()[1]].fetch_add(1);
          held.push_back(*std::move(message));
          if (held.size() >= kHeldAtOnce) held.pop_front();
        }
      });
    }
    const uint64_t kill_at = random.Below(kMessages);
    for (uint64_t i = 0; i < kMessages; ++i) {
      if (i == kill_at) Kill(children[0]);
      ASSERT_THAT(Send(*creator_, 0, i), IsOk());
    }
    // What the survivor has not taken yet, somebody else may.
    const std::unique_ptr<ShmConsumer> rest = OpenConsumer();
    Kill(children[1]);
    while (true) {
      const absl::StatusOr<ShmMessage> message = rest->Receive(kNow);
      if (!message.ok()) break;
      ASSERT_TRUE(IsIntact(*message));
      received[message->tag()[1]].fetch_add(1);
    }
    // One may be lost with each that died between taking it and noting it.
    uint64_t lost = 0;
    for (uint64_t i = 0; i < kMessages; ++i) {
      ASSERT_LE(received[i].load(), 1) << "message " << i;
      if (received[i].load() == 0) ++lost;
    }
    EXPECT_LE(lost, 2u);
    ExpectEmpty();
  }
  munmap(shared, kMessages);
}

TEST_F(KillTest, WaiterIsServedByWhatTheDeadLeft) {
  const pid_t child = Fork([this] {
    const std::unique_ptr<ShmProducer> producer = OpenProducer();
    const auto all = producer->Reserve(kCapacity, kNow);
    raise(SIGSTOP);
  });
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, WUNTRACED), child);
  ASSERT_TRUE(WIFSTOPPED(status));
  EXPECT_THAT(creator_->Reserve(1, kNow),
              StatusIs(absl::StatusCode::kDeadlineExceeded));
  Kill(child);
  EXPECT_THAT(creator_->Reserve(kCapacity, kHang), IsOk());
  EXPECT_EQ(creator_->stats().reclaimed_messages, 1u);
}

// All that a process can be to a channel.
struct Peer {
  Peer(const std::string& directory, const std::string& name)
      : producer(*ShmProducer::Open(directory, name)),
        other_producer(*ShmProducer::Open(directory, name)),
        consumer(*ShmConsumer::Open(directory, name, {.is_shared = true})) {}

  std::unique_ptr<ShmProducer> producer;
  std::unique_ptr<ShmProducer> other_producer;
  std::unique_ptr<ShmConsumer> consumer;
};

class KillAtInstructionTest : public KillTest {
 protected:
  using Work = void (*)(Peer&);

  KillAtInstructionTest() {
    scratch_ = *ShmProducer::Create({.directory = directory_,
                                     .capacity_bytes = kCapacity,
                                     .max_messages = 8});
    // On one core, a step from process to process is a tenth of the time.
    sched_getaffinity(0, sizeof(all_cores_), &all_cores_);
    cpu_set_t this_core;
    CPU_ZERO(&this_core);
    CPU_SET(static_cast<size_t>(sched_getcpu()), &this_core);
    sched_setaffinity(0, sizeof(this_core), &this_core);
  }
  ~KillAtInstructionTest() override {
    scratch_.reset();
    sched_setaffinity(0, sizeof(all_cores_), &all_cores_);
  }

  // Calls `check` after deaths throughout `work`. Two messages wait when it
  // begins.
  template <typename Check>
  void KillAtInstructions(Work work, const Check& check) {
    const std::optional<int64_t> all = Run(int64_t{1} << 40, work);
    if (all == kMayNotTrace) GTEST_SKIP() << "may not trace other processes";
    ASSERT_TRUE(all.has_value());
    check();
    const int64_t step = std::max<int64_t>(1, *all / (IsFull() ? 307 : 17));
    for (int64_t i = 1; i <= *all && !HasFailure(); i += step) {
      SCOPED_TRACE(i);
      Run(i, work);
      check();
    }
  }

 private:
  static constexpr int64_t kMayNotTrace = -1;

  // Runs `work` step by step in a child, which is killed after so many
  // instructions. How many there were, if it got to the end.
  std::optional<int64_t> Run(int64_t instructions, Work work) {
    EXPECT_THAT(Send(*creator_, 0, 1), IsOk());
    EXPECT_THAT(Send(*creator_, 0, 2), IsOk());
    const pid_t child = Fork([&] {
      {
        // Once elsewhere, or most instructions were the dynamic linker's.
        Peer warm_up(directory_, scratch_->name());
        (void)Send(*warm_up.producer, 0, 1);
        work(warm_up);
        while (warm_up.consumer->Receive(kNow).ok()) {
        }
      }
      Peer peer(directory_, creator_->name());
      if (ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) _exit(1);
      raise(SIGSTOP);
      work(peer);
      raise(SIGSTOP);
    });
    int status = 0;
    waitpid(child, &status, 0);
    if (!WIFSTOPPED(status)) return kMayNotTrace;
    std::optional<int64_t> end;
    for (int64_t i = 0; i < instructions && !end.has_value(); ++i) {
      if (ptrace(PTRACE_SINGLESTEP, child, nullptr, nullptr) != 0) break;
      waitpid(child, &status, 0);
      if (!WIFSTOPPED(status)) break;
      if (WSTOPSIG(status) == SIGSTOP) end = i;
    }
    Kill(child);
    return end;
  }

  std::unique_ptr<ShmProducer> scratch_;
  cpu_set_t all_cores_{};
};

TEST_F(KillAtInstructionTest, OfSending) {
  const std::unique_ptr<ShmConsumer> consumer = OpenConsumer();
  KillAtInstructions(
      [](Peer& peer) {
        (void)Send(*peer.producer, 0, 3);
        const auto abandoned = peer.producer->Reserve(100, kNow);
      },
      [&] {
        ASSERT_THAT(Send(*creator_, 7, 3), IsOk());
        uint64_t next = 1;
        while (true) {
          const absl::StatusOr<ShmMessage> message = consumer->Receive(kNow);
          ASSERT_THAT(message, IsOk());
          ASSERT_TRUE(IsIntact(*message));
          if (message->tag()[0] == 7) break;
          ASSERT_EQ(message->tag()[1], next++);
        }
        ASSERT_GE(next, 3u);
        ExpectEmpty();
      });
}

TEST_F(KillAtInstructionTest, OfReceiving) {
  KillAtInstructions(
      [](Peer& peer) { const auto message = peer.consumer->Receive(kNow); },
      [&] {
        const std::unique_ptr<ShmConsumer> next = OpenConsumer();
        {
          absl::StatusOr<ShmMessage> message = next->Receive(kNow);
          ASSERT_THAT(message, IsOk());
          if (message->tag()[1] == 1) message = next->Receive(kNow);
          ASSERT_THAT(message, IsOk());
          ASSERT_EQ(message->tag()[1], 2u);
          ASSERT_TRUE(IsIntact(*message));
          ASSERT_THAT(next->Receive(kNow),
                      StatusIs(absl::StatusCode::kDeadlineExceeded));
        }
        ExpectEmpty();
      });
}

TEST_F(KillAtInstructionTest, OfWaitingForSpaceInTurn) {
  const std::unique_ptr<ShmConsumer> consumer = OpenConsumer();
  KillAtInstructions(
      [](Peer& peer) {
        const auto most = peer.other_producer->Reserve(kCapacity / 2, kNow);
        (void)peer.producer->Reserve(kCapacity, absl::Milliseconds(1));
      },
      [&] {
        while (consumer->Receive(kNow).ok()) {
        }
        ExpectEmpty();
      });
}

TEST_F(KillAtInstructionTest, OfResizingAPromise) {
  const std::unique_ptr<ShmConsumer> consumer = OpenConsumer();
  KillAtInstructions(
      [](Peer& peer) {
        auto credit = peer.producer->TryPromise(100);
        if (!credit.ok()) return;
        const auto space = peer.producer->ReserveFrom(*credit, 1000);
      },
      [&] {
        while (consumer->Receive(kNow).ok()) {
        }
        ExpectEmpty();
      });
}

}  // namespace
}  // namespace fairlead
