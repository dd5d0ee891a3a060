#include "libs/shm_channel/shm_channel.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <deque>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/random/philox.h"
#include "libs/shm_channel/shm_budget.h"
#include "libs/shm_channel/shm_folder.h"
#include "libs/status/status_matchers.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::StatusIs;
using ::testing::HasSubstr;

constexpr absl::Duration kNow = absl::ZeroDuration();
constexpr absl::Duration kForever = absl::InfiniteDuration();

class ShmChannelTest : public ::testing::Test {
 protected:
  ~ShmChannelTest() override {
    consumer_.reset();
    producer_.reset();
    EXPECT_TRUE(std::filesystem::is_empty(directory_));
  }

  void Make(uint64_t capacity_bytes, uint32_t max_messages = 16) {
    auto producer = ShmProducer::Create({.directory = directory_,
                                         .capacity_bytes = capacity_bytes,
                                         .max_messages = max_messages});
    ASSERT_THAT(producer, IsOk());
    producer_ = *std::move(producer);
    auto consumer = ShmConsumer::Open(directory_, producer_->name());
    ASSERT_THAT(consumer, IsOk());
    consumer_ = *std::move(consumer);
  }

  // Sends a message of that many bytes, all of them `fill`.
  absl::Status Send(uint64_t bytes, uint8_t fill,
                    absl::Duration timeout = kNow) {
    absl::StatusOr<ShmReservation> space = producer_->Reserve(bytes, timeout);
    if (!space.ok()) return space.status();
    std::memset(space->bytes().data(), fill, bytes);
    return space->Commit({fill, bytes, 0, 0});
  }

  const testing::ShmFolder folder_;
  const std::string& directory_ = folder_.path();
  std::unique_ptr<ShmProducer> producer_;
  std::unique_ptr<ShmConsumer> consumer_;
};

// Whether a message is what Send() made of it.
bool IsIntact(const ShmMessage& message) {
  const auto fill = static_cast<uint8_t>(message.tag()[0]);
  return message.bytes().size() == message.tag()[1] &&
         std::all_of(message.bytes().begin(), message.bytes().end(),
                     [fill](uint8_t byte) { return byte == fill; });
}

TEST_F(ShmChannelTest, MessagesComeInTheOrderOfTheirCommits) {
  Make(4096);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(ShmReservation first,
                                producer_->Reserve(10, kNow));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(ShmReservation second,
                                producer_->Reserve(0, kNow));
  ASSERT_THAT(second.Commit({2, 0, 0, 0}), IsOk());
  ASSERT_THAT(first.Commit({1, 0, 0, 0}), IsOk());
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const ShmMessage a, consumer_->Receive(kNow));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const ShmMessage b, consumer_->Receive(kNow));
  EXPECT_EQ(a.tag()[0], 2u);
  EXPECT_EQ(a.bytes().size(), 0u);
  EXPECT_EQ(b.tag()[0], 1u);
  EXPECT_EQ(b.bytes().size(), 10u);
  EXPECT_THAT(consumer_->Receive(kNow),
              StatusIs(absl::StatusCode::kDeadlineExceeded));
}

TEST_F(ShmChannelTest, ReservationThatIsNotCommittedLeavesNothing) {
  Make(1024);
  { ASSERT_THAT(producer_->Reserve(1024, kNow), IsOk()); }
  EXPECT_EQ(producer_->stats().used_bytes, 0u);
  EXPECT_THAT(Send(1024, 1), IsOk());
}

TEST_F(ShmChannelTest, HeldMessageKeepsNoMoreThanItself) {  // W-26
  Make(4096);
  ASSERT_THAT(Send(64, 9), IsOk());
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const ShmMessage held,
                                consumer_->Receive(kNow));
  for (int i = 0; i < 100'000; ++i) {
    ASSERT_THAT(Send(1000, static_cast<uint8_t>(i)), IsOk());
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const ShmMessage message,
                                  consumer_->Receive(kNow));
    ASSERT_EQ(message.tag()[0], static_cast<uint8_t>(i));
  }
  EXPECT_TRUE(IsIntact(held));
}

// Parity G14, W-23: whatever is held and wherever, what is sent arrives whole,
// and once all is released the largest message fits again.
TEST_F(ShmChannelTest, AnySizeHasItsTurnAtAnyFillState) {
  constexpr uint64_t kCapacity = 64 * 40;
  Make(kCapacity);
  for (uint64_t round = 0; round < 2000; ++round) {
    SCOPED_TRACE(round);
    RandomStream random(5, round, 0);
    std::vector<ShmMessage> held;
    for (int step = 0; step < 20; ++step) {
      const uint64_t bytes = random.Below(kCapacity + 1);
      const absl::Status sent = Send(bytes, static_cast<uint8_t>(round));
      if (sent.ok()) {
        FAIRLEAD_ASSERT_OK_AND_ASSIGN(ShmMessage message,
                                      consumer_->Receive(kNow));
        ASSERT_TRUE(IsIntact(message));
        ASSERT_EQ(reinterpret_cast<uintptr_t>(message.bytes().data()) % 64, 0u);
        held.push_back(std::move(message));
      } else {
        ASSERT_THAT(sent, StatusIs(absl::StatusCode::kDeadlineExceeded));
        if (held.empty())
          ADD_FAILURE() << bytes << " refused by an empty channel";
      }
      if (!held.empty() && random.Below(2) == 0) {
        const auto victim =
            held.begin() + static_cast<ptrdiff_t>(random.Below(held.size()));
        ASSERT_TRUE(IsIntact(*victim));
        held.erase(victim);
      }
    }
    held.clear();
    ASSERT_EQ(producer_->stats().used_bytes, 0u);
    ASSERT_THAT(Send(kCapacity, 1), IsOk());
    ASSERT_THAT(consumer_->Receive(kNow), IsOk());
  }
}

TEST_F(ShmChannelTest, TooLargeAMessageIsRefusedAndTheChannelGoesOn) {
  Make(1024);
  EXPECT_THAT(Send(1025, 1), StatusIs(absl::StatusCode::kOutOfRange));
  EXPECT_THAT(producer_->TryPromise(1025),
              StatusIs(absl::StatusCode::kOutOfRange));
  EXPECT_THAT(Send(1024, 1), IsOk());
}

TEST_F(ShmChannelTest, PromiseIsKeptWhateverElseIsSent) {
  Make(1024);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(ShmCredit credit, producer_->TryPromise(512));
  ASSERT_THAT(Send(512, 1), IsOk());
  EXPECT_THAT(producer_->TryPromise(64),
              StatusIs(absl::StatusCode::kResourceExhausted));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(ShmReservation space,
                                producer_->ReserveFrom(credit, 512));
  EXPECT_EQ(space.bytes().size(), 512u);
  EXPECT_THAT(space.Commit({}), IsOk());
}

TEST_F(ShmChannelTest, WhatAPromiseDoesNotNeedIsFreeAgain) {
  Make(1024);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(ShmCredit credit, producer_->TryPromise(1024));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(ShmReservation space,
                                producer_->ReserveFrom(credit, 64));
  EXPECT_THAT(Send(960, 1), IsOk());
}

TEST_F(ShmChannelTest, PromiseGrowsWhereItIsOrElsewhereOrStaysAsItWas) {
  Make(1024);
  {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(ShmCredit in_place,
                                  producer_->TryPromise(64));
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(ShmReservation space,
                                  producer_->ReserveFrom(in_place, 1024));
    EXPECT_EQ(space.bytes().size(), 1024u);
  }
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(ShmCredit moves, producer_->TryPromise(64));
  ASSERT_THAT(Send(64, 1), IsOk());  // right behind it
  {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(ShmReservation elsewhere,
                                  producer_->ReserveFrom(moves, 896));
    EXPECT_EQ(producer_->stats().used_bytes, 960u);
  }
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(ShmCredit stays, producer_->TryPromise(64));
  EXPECT_THAT(producer_->ReserveFrom(stays, 1024),
              StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_THAT(producer_->ReserveFrom(stays, 64), IsOk());
}

TEST_F(ShmChannelTest, SlotsAreABoundToo) {
  Make(4096, /*max_messages=*/2);
  ASSERT_THAT(Send(1, 1), IsOk());
  ASSERT_THAT(Send(1, 2), IsOk());
  EXPECT_THAT(Send(1, 3), StatusIs(absl::StatusCode::kDeadlineExceeded));
  { ASSERT_THAT(consumer_->Receive(kNow), IsOk()); }
  EXPECT_THAT(Send(1, 3), IsOk());
}

TEST_F(ShmChannelTest, ClosedChannelIsDrainedAndThenOver) {
  Make(1024);
  ASSERT_THAT(Send(10, 1), IsOk());
  producer_->Close();
  EXPECT_THAT(Send(10, 2), StatusIs(absl::StatusCode::kCancelled));
  EXPECT_THAT(consumer_->Receive(kForever), IsOk());
  EXPECT_THAT(consumer_->Receive(kForever),
              StatusIs(absl::StatusCode::kCancelled));
  EXPECT_THAT(consumer_->CheckAlive(), StatusIs(absl::StatusCode::kCancelled));
}

TEST_F(ShmChannelTest, CloseWakesProducerAndConsumer) {
  Make(1024);
  ASSERT_THAT(Send(1024, 1), IsOk());
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const ShmMessage held,
                                consumer_->Receive(kNow));
  std::thread blocked_producer([this] {
    EXPECT_THAT(Send(1, 2, kForever), StatusIs(absl::StatusCode::kCancelled));
  });
  std::thread blocked_consumer([this] {
    EXPECT_THAT(consumer_->Receive(kForever),
                StatusIs(absl::StatusCode::kCancelled));
  });
  producer_->Close();
  blocked_producer.join();
  blocked_consumer.join();
}

TEST_F(ShmChannelTest, ProducerThatGoesLeavesItsMessages) {
  Make(1024);
  ASSERT_THAT(Send(100, 7), IsOk());
  producer_.reset();
  {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const ShmMessage message,
                                  consumer_->Receive(kForever));
    EXPECT_TRUE(IsIntact(message));
  }
  EXPECT_THAT(consumer_->Receive(kForever),
              StatusIs(absl::StatusCode::kUnavailable));
}

TEST_F(ShmChannelTest, MessageOutlivesItsConsumerAndProducer) {
  Make(1024);
  ASSERT_THAT(Send(100, 7), IsOk());
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const ShmMessage message,
                                consumer_->Receive(kNow));
  consumer_.reset();
  producer_.reset();
  EXPECT_TRUE(IsIntact(message));
}

TEST_F(ShmChannelTest, SegmentIsForThisUserAndItsNameGoesWithItsOwner) {
  Make(1024);
  const std::string path = directory_ + "/" + producer_->name();
  struct stat stats {};
  ASSERT_EQ(stat(path.c_str(), &stats), 0);
  EXPECT_EQ(stats.st_mode & 0777, 0600u);
  producer_.reset();
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(ShmChannelTest, BudgetIsTakenAndGivenBack) {
  ShmBudget budget(100'000);
  {
    const auto first = ShmProducer::Create(
        {.directory = directory_, .capacity_bytes = 60'000}, &budget);
    ASSERT_THAT(first, IsOk());
    EXPECT_THAT(
        ShmProducer::Create({.directory = directory_, .capacity_bytes = 60'000},
                            &budget),
        StatusIs(absl::StatusCode::kResourceExhausted,
                 HasSubstr("--shm_budget")));
  }
  EXPECT_EQ(budget.used_bytes(), 0u);
}

TEST_F(ShmChannelTest, BadOptionsAndNamesAreRefused) {
  EXPECT_THAT(ShmProducer::Create({.directory = "/no/such/folder"}),
              StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(
      ShmProducer::Create({.directory = directory_, .capacity_bytes = 0}),
      StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(ShmProducer::Create({.directory = directory_, .max_messages = 0}),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(ShmConsumer::Open(directory_, "../etc/passwd"),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(ShmConsumer::Open(directory_, "fairlead-channel-none"),
              StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(ShmChannelTest, FileOfAnotherKindIsDataLoss) {
  const std::string name = "fairlead-channel-other";
  std::ofstream(directory_ + "/" + name) << std::string(10'000, 'x');
  EXPECT_THAT(ShmConsumer::Open(directory_, name),
              StatusIs(absl::StatusCode::kDataLoss));
  std::filesystem::remove(directory_ + "/" + name);
}

// The table of messages is in memory that others can write to. Whatever stands
// in it, the consumer answers, and reads nothing outside the segment (which
// the address sanitizer, and the kernel, would notice).
TEST_F(ShmChannelTest, DamagedTableIsNeverBelieved) {
  constexpr uint64_t kCapacity = 4096;
  for (uint64_t round = 0; round < 300; ++round) {
    Make(kCapacity, /*max_messages=*/4);
    ASSERT_THAT(Send(100, 1), IsOk());
    ASSERT_THAT(Send(200, 2), IsOk());
    const std::string path = directory_ + "/" + producer_->name();
    const uint64_t size = std::filesystem::file_size(path);
    const int fd = open(path.c_str(), O_RDWR);
    auto* bytes = static_cast<uint8_t*>(
        mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
    close(fd);
    RandomStream random(6, round, 0);
    for (int i = 0; i < 8; ++i) {
      bytes[random.Below(size - kCapacity)] =
          static_cast<uint8_t>(random.Next32());
    }
    munmap(bytes, size);
    for (int i = 0; i < 4; ++i) {
      const absl::StatusOr<ShmMessage> message = consumer_->Receive(kNow);
      if (!message.ok()) continue;
      ASSERT_LE(message->bytes().size(), kCapacity);
      // Every byte can be read.
      const std::string copy(message->bytes().begin(), message->bytes().end());
      ASSERT_EQ(copy.size(), message->bytes().size());
    }
    (void)Send(10, 3);
    consumer_.reset();
    producer_.reset();
  }
}

// Under TSan this shows that the hand-over orders the bytes.
TEST_F(ShmChannelTest, ManyThreadsSendAndReceiveEveryMessageOnce) {
  constexpr int kProducers = 3;
  constexpr int kConsumers = 2;
  constexpr uint64_t kEach = 3000;
  Make(16'384, /*max_messages=*/8);
  // With the producer's own mapping: TSan knows memory by its address.
  consumer_.reset();
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(consumer_,
                                ShmConsumer::OpenInProcess(*producer_));
  std::vector<std::thread> producers;
  for (uint64_t p = 0; p < kProducers; ++p) {
    producers.emplace_back([this, p] {
      for (uint64_t i = 0; i < kEach; ++i) {
        RandomStream random(7, i, static_cast<uint32_t>(p));
        ASSERT_THAT(Send(random.Below(4000), static_cast<uint8_t>(i), kForever),
                    IsOk());
      }
    });
  }
  std::vector<uint64_t> received(kConsumers, 0);
  std::vector<std::thread> consumers;
  for (int c = 0; c < kConsumers; ++c) {
    consumers.emplace_back([this, &count = received[c]] {
      while (true) {
        const absl::StatusOr<ShmMessage> message = consumer_->Receive(kForever);
        if (!message.ok()) return;
        ASSERT_TRUE(IsIntact(*message));
        ++count;
      }
    });
  }
  for (std::thread& producer : producers) producer.join();
  producer_->Close();
  for (std::thread& consumer : consumers) consumer.join();
  EXPECT_EQ(received[0] + received[1], kProducers * kEach);
  EXPECT_EQ(producer_->stats().committed_messages, kProducers * kEach);
  EXPECT_EQ(producer_->stats().used_bytes, 0u);
}

// A process that sends until it is killed, at whatever instruction: what it
// committed arrives whole and in order, and nobody waits for it.
TEST_F(ShmChannelTest, KilledProducerLeavesWholeMessagesAndIsMissed) {
  for (int round = 0; round < 30; ++round) {
    int name_pipe[2];
    ASSERT_EQ(pipe(name_pipe), 0);
    const pid_t child = fork();
    if (child == 0) {
      auto producer = ShmProducer::Create(
          {.directory = directory_, .capacity_bytes = 4096, .max_messages = 4});
      if (!producer.ok()) _exit(1);
      const std::string name = (*producer)->name();
      (void)!write(name_pipe[1], name.data(), name.size());
      for (uint64_t i = 0;; ++i) {
        auto space = (*producer)->Reserve(i % 2000, kForever);
        if (!space.ok()) _exit(1);
        std::memset(space->bytes().data(), static_cast<int>(i % 256),
                    space->bytes().size());
        (void)space->Commit({i % 256, i % 2000, i, 0});
      }
    }
    char name[256];
    const ssize_t length = read(name_pipe[0], name, sizeof(name));
    ASSERT_GT(length, 0);
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(
        const auto consumer,
        ShmConsumer::Open(
            directory_, absl::string_view(name, static_cast<size_t>(length))));
    RandomStream random(8, static_cast<uint64_t>(round), 0);
    const uint64_t kill_after = random.Below(2000);
    uint64_t expected = 0;
    while (true) {
      const absl::StatusOr<ShmMessage> message = consumer->Receive(kForever);
      if (!message.ok()) {
        EXPECT_THAT(message, StatusIs(absl::StatusCode::kUnavailable));
        break;
      }
      ASSERT_TRUE(IsIntact(*message));
      ASSERT_EQ(message->tag()[2], expected);
      if (expected++ == kill_after) {
        kill(child, SIGKILL);
        waitpid(child, nullptr, 0);
      }
    }
    EXPECT_GT(expected, kill_after);
    close(name_pipe[0]);
    close(name_pipe[1]);
    std::filesystem::remove(directory_ + "/" +
                            std::string(name, static_cast<size_t>(length)));
  }
}

// A consumer that is killed while it holds messages: the next one finds their
// space free again, and the producer never stops for long.
TEST_F(ShmChannelTest, KilledConsumersSpaceComesBackWithTheNextOne) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(producer_,
                                ShmProducer::Create({.directory = directory_,
                                                     .capacity_bytes = 4096,
                                                     .max_messages = 4}));
  for (int round = 0; round < 10; ++round) {
    const pid_t child = fork();
    if (child == 0) {
      auto consumer = ShmConsumer::Open(directory_, producer_->name());
      if (!consumer.ok()) _exit(1);
      std::deque<ShmMessage> held;
      while (true) {
        auto message = (*consumer)->Receive(kForever);
        if (!message.ok()) _exit(1);
        held.push_back(*std::move(message));
        if (held.size() > 3) held.pop_front();
      }
    }
    for (uint8_t i = 0; i < 50; ++i) {
      ASSERT_THAT(Send(500, i, kForever), IsOk());
    }
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(
        consumer_, ShmConsumer::Open(directory_, producer_->name()));
    while (consumer_->Receive(kNow).ok()) {
    }
    EXPECT_EQ(producer_->stats().used_bytes, 0u);
    EXPECT_THAT(Send(4096, 1), IsOk());
    EXPECT_THAT(consumer_->Receive(kNow), IsOk());
    consumer_.reset();
  }
  EXPECT_GT(producer_->stats().reclaimed_messages, 0u);
}

TEST_F(ShmChannelTest, SeveralProducersShareAChannel) {
  Make(1024);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const std::unique_ptr<ShmProducer> other,
      ShmProducer::Open(directory_, producer_->name()));
  EXPECT_EQ(producer_->stats().producers, 2u);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(ShmReservation theirs,
                                other->Reserve(600, kNow));
  // What one has, the other has not.
  EXPECT_THAT(Send(600, 1), StatusIs(absl::StatusCode::kDeadlineExceeded));
  ASSERT_THAT(Send(300, 1), IsOk());
  ASSERT_THAT(theirs.Commit({2}), IsOk());
  EXPECT_EQ(consumer_->Receive(kNow)->tag()[0], 1u);
  EXPECT_EQ(consumer_->Receive(kNow)->tag()[0], 2u);
  // The channel lives while one of them does.
  producer_.reset();
  EXPECT_THAT(consumer_->CheckAlive(), IsOk());
  ASSERT_THAT(other->Reserve(1, kNow)->Commit({}), IsOk());
  EXPECT_THAT(consumer_->Receive(kForever), IsOk());
  producer_ = nullptr;
}

TEST_F(ShmChannelTest, SharingConsumersGetEachMessageOnce) {
  Make(1024);
  consumer_.reset();
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      consumer_,
      ShmConsumer::Open(directory_, producer_->name(), {.is_shared = true}));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const std::unique_ptr<ShmConsumer> other,
      ShmConsumer::Open(directory_, producer_->name(), {.is_shared = true}));
  ASSERT_THAT(Send(10, 1), IsOk());
  ASSERT_THAT(Send(10, 2), IsOk());
  EXPECT_EQ(consumer_->Receive(kNow)->tag()[0], 1u);
  EXPECT_EQ(other->Receive(kNow)->tag()[0], 2u);
  EXPECT_THAT(other->Receive(kNow),
              StatusIs(absl::StatusCode::kDeadlineExceeded));
  // One that wants it for itself does not get it.
  EXPECT_THAT(ShmConsumer::Open(directory_, producer_->name()),
              StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST_F(ShmChannelTest, NobodyCommitsBehindTheEnd) {
  Make(1024);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const std::unique_ptr<ShmProducer> other,
      ShmProducer::Open(directory_, producer_->name()));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(ShmReservation late, other->Reserve(10, kNow));
  ASSERT_THAT(Send(10, 1), IsOk());
  producer_->Close();
  other->Close();  // twice is once
  EXPECT_THAT(late.Commit({2}), StatusIs(absl::StatusCode::kCancelled));
  EXPECT_EQ(consumer_->Receive(kForever)->tag()[0], 1u);
  EXPECT_THAT(consumer_->Receive(kForever),
              StatusIs(absl::StatusCode::kCancelled));
}

// A large message waits beside a stream of small ones that would fit each time
// something is freed: it has its turn.
TEST_F(ShmChannelTest, LargeMessageIsNotOvertakenForEver) {
  Make(4096);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const std::unique_ptr<ShmProducer> other,
      ShmProducer::Open(directory_, producer_->name()));
  std::thread stream([this] {
    while (Send(64, 1, kForever).ok()) {
    }
  });
  std::thread large([&other] {
    const auto space = other->Reserve(4096, kForever);
    ASSERT_THAT(space, IsOk());
  });
  std::thread reader([this] {
    while (consumer_->Receive(kForever).ok()) {
    }
  });
  large.join();
  producer_->Close();
  stream.join();
  reader.join();
}

TEST_F(ShmChannelTest, PlacesForParticipantsAreABoundToo) {
  Make(1024);
  std::vector<std::unique_ptr<ShmProducer>> producers;
  absl::Status status;
  while (status.ok() && producers.size() < 1000) {
    auto producer = ShmProducer::Open(directory_, producer_->name());
    status = producer.status();
    if (producer.ok()) producers.push_back(*std::move(producer));
  }
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_EQ(producers.size(), 62u);  // with the two that Make() opened
  producers.pop_back();
  EXPECT_THAT(ShmProducer::Open(directory_, producer_->name()), IsOk());
}

TEST_F(ShmChannelTest, CountersSayWhatHappened) {
  Make(1024);
  {
    ASSERT_THAT(Send(512, 1), IsOk());
    ASSERT_THAT(Send(512, 2), IsOk());
    EXPECT_THAT(Send(1, 3), StatusIs(absl::StatusCode::kDeadlineExceeded));
    EXPECT_EQ(producer_->stats().depth_messages, 2u);
    EXPECT_EQ(producer_->stats().used_bytes, 1024u);
    ASSERT_THAT(consumer_->Receive(kNow), IsOk());
    ASSERT_THAT(consumer_->Receive(kNow), IsOk());
  }
  const ShmChannelStats stats = consumer_->stats();
  EXPECT_EQ(stats.committed_messages, 2u);
  EXPECT_EQ(stats.committed_bytes, 1024u);
  EXPECT_EQ(stats.depth_messages, 0u);
  EXPECT_EQ(stats.used_bytes, 0u);
  EXPECT_EQ(stats.high_water_bytes, 1024u);
  EXPECT_EQ(stats.producers, 1u);
  EXPECT_EQ(stats.consumers, 1u);
  EXPECT_EQ(stats.dead, 0u);
  EXPECT_EQ(stats.producer_wait, absl::ZeroDuration());
  EXPECT_THAT(Send(1024, 1, kForever), IsOk());
  EXPECT_THAT(Send(1, 1, absl::Milliseconds(1)),
              StatusIs(absl::StatusCode::kDeadlineExceeded));
  EXPECT_GE(producer_->stats().producer_wait, absl::Milliseconds(1));
}

TEST_F(ShmChannelTest, SecondConsumingProcessIsRefused) {
  Make(1024);
  const pid_t child = fork();
  if (child == 0) {
    const auto second = ShmConsumer::Open(directory_, producer_->name());
    _exit(absl::IsFailedPrecondition(second.status()) ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace fairlead
