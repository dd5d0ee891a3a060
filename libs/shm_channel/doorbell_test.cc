#include "libs/shm_channel/doorbell.h"

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/shm_channel/shm_domain.h"
#include "libs/shm_channel/shm_file.h"
#include "libs/shm_channel/shm_folder.h"
#include "libs/status/status_matchers.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class DoorbellTest : public ::testing::Test {
 protected:
  DoorbellTest() {
    doorbell_ = Doorbell::Create(directory_).value();
    ringer_ = DoorbellRinger::Open(directory_, doorbell_->name()).value();
  }
  ~DoorbellTest() override {
    doorbell_.reset();
    EXPECT_TRUE(std::filesystem::is_empty(directory_));
  }

  const testing::ShmFolder folder_;
  const std::string& directory_ = folder_.path();
  std::unique_ptr<Doorbell> doorbell_;
  std::unique_ptr<DoorbellRinger> ringer_;
};

TEST_F(DoorbellTest, TellsWhichSlotsWereRungOnceEach) {
  for (const uint32_t slot : {4095u, 0u, 64u, 0u}) ringer_->Ring(slot);
  EXPECT_THAT(doorbell_->Wait(absl::InfiniteDuration()),
              ElementsAre(0, 64, 4095));
  EXPECT_THAT(doorbell_->Wait(absl::ZeroDuration()), IsEmpty());
}

TEST_F(DoorbellTest, SlotThatIsNoSlotRingsNothing) {
  ringer_->Ring(Doorbell::kSlots);
  EXPECT_THAT(doorbell_->Wait(absl::ZeroDuration()), IsEmpty());
}

TEST_F(DoorbellTest, StopEndsThisWaitAndLaterOnes) {
  std::thread waiter([this] {
    EXPECT_THAT(doorbell_->Wait(absl::InfiniteDuration()), IsEmpty());
  });
  doorbell_->Stop();
  waiter.join();
  EXPECT_THAT(doorbell_->Wait(absl::InfiniteDuration()), IsEmpty());
}

// If a ring could be missed, this would not end.
TEST_F(DoorbellTest, NoRingIsMissedByAnOwnerThatFallsAsleep) {
  constexpr int kRingers = 3;
  constexpr uint64_t kRings = 20'000;
  std::atomic<uint64_t> posted[kRingers] = {};
  std::vector<std::thread> ringers;
  for (uint32_t i = 0; i < kRingers; ++i) {
    ringers.emplace_back([&, i] {
      for (uint64_t n = 1; n <= kRings; ++n) {
        posted[i].store(n, std::memory_order_relaxed);
        ringer_->Ring(i * 100);
      }
    });
  }
  std::set<uint32_t> finished;
  while (finished.size() < kRingers) {
    for (const uint32_t slot : doorbell_->Wait(absl::InfiniteDuration())) {
      // What was posted before the last ring is seen by who answers it.
      if (posted[slot / 100].load(std::memory_order_relaxed) == kRings) {
        finished.insert(slot);
      }
    }
  }
  for (std::thread& ringer : ringers) ringer.join();
}

TEST_F(DoorbellTest, AnotherProcessRings) {
  const pid_t child = fork();
  if (child == 0) {
    auto ringer = DoorbellRinger::Open(directory_, doorbell_->name());
    if (!ringer.ok()) _exit(1);
    (*ringer)->Ring(5);
    _exit(0);
  }
  EXPECT_THAT(doorbell_->Wait(absl::InfiniteDuration()), ElementsAre(5));
  waitpid(child, nullptr, 0);
}

TEST_F(DoorbellTest, MissingDoorbellIsNotFound) {
  EXPECT_THAT(DoorbellRinger::Open(directory_, "fairlead-bell-none"),
              StatusIs(absl::StatusCode::kNotFound));
}

TEST(ShmDomainTest, SweepsWhatTheDeadLeftAndLeavesTheLivingAlone) {
  const testing::ShmFolder folder;
  const std::string& directory = folder.path();
  const pid_t child = fork();
  if (child == 0) {
    const auto orphan = Doorbell::Create(directory);
    _exit(orphan.ok() ? 0 : 1);  // without a destructor
  }
  int status = 0;
  waitpid(child, &status, 0);
  ASSERT_EQ(status, 0);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto living, Doorbell::Create(directory));

  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::string domain,
                                PrepareShmDomain(directory));

  std::vector<std::string> left;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    left.push_back(entry.path().filename());
  }
  EXPECT_THAT(left, ElementsAre(living->name()));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::string again,
                                PrepareShmDomain(directory));
  EXPECT_EQ(again, domain);
}

TEST(ShmDomainTest, FoldersDifferAndMissingOnesAreMade) {
  const std::string parent = ::testing::TempDir();
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::string a,
                                PrepareShmDomain(parent + "/a"));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::string b,
                                PrepareShmDomain(parent + "/b"));
  EXPECT_NE(a, b);
  EXPECT_THAT(PrepareShmDomain("/no/such/parent/folder"),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace fairlead
