// What becomes of the batches that a pool was making when it died.

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/shm_channel/crash_note.h"
#include "libs/shm_channel/shm_domain.h"
#include "libs/status/status_matchers.h"
#include "services/sampler_pool/channel_reader.h"
#include "services/sampler_pool/pool_fixture.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::kBatches;
using ::fairlead::testing::PoolFixture;
using ::fairlead::testing::ReceivedEpoch;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr int kWorkers = 3;
constexpr uint32_t kAttempts = 3;

void Die() { kill(getpid(), SIGKILL); }

class PoolCrashTest : public PoolFixture {
 protected:
  ~PoolCrashTest() override {
    readers_.clear();
    pool_.reset();
    EXPECT_THAT(PrepareShmDomain(directory_), IsOk());  // as services do
  }

  using Hook = decltype(PoolOptions::inject_failure);

  void StartWatchfulPool(Hook hook) {
    StartPool({.workers = kWorkers,
               .poison_attempts = kAttempts,
               .inject_failure = std::move(hook)});
  }

  // As Spec, of batches that no other channel has.
  static v1::ChannelSpec OwnSpec(uint64_t id, uint64_t buffer_bytes = 1 << 20) {
    v1::ChannelSpec spec = Spec(id, buffer_bytes);
    spec.mutable_config()->set_seed(id);
    return spec;
  }

  // Runs `life` in another process. Whether it came to its end, or died.
  static bool Survives(const std::function<void()>& life) {
    const pid_t child = fork();
    if (child == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      life();
      _exit(HasFailure() ? 1 : 0);
    }
    int status = 0;
    EXPECT_EQ(waitpid(child, &status, 0), child);
    if (WIFSIGNALED(status)) return false;
    EXPECT_EQ(WEXITSTATUS(status), 0);
    return true;
  }

  // A pool dies with the first batches of channel 1 in its workers' hands.
  void DieWithAllHandsFull() {
    EXPECT_FALSE(Survives([this] {
      std::atomic<int> in_hand = 0;
      StartWatchfulPool([&in_hand](uint64_t, uint64_t) {
        if (++in_hand == kWorkers) Die();
        while (true) pause();
        return absl::OkStatus();
      });
      EXPECT_THAT(pool_->RegisterInput(OwnSpec(1)), IsOk());
      EXPECT_THAT(StartEpoch(1, 0), IsOk());
      while (true) pause();
    }));
  }
};

TEST_F(PoolCrashTest, BatchThatKillsItsPoolFailsByNameAndNoOtherDoes) {
  static constexpr uint64_t kPoison = 5;
  int deaths = 0;
  const auto live = [this] {
    StartWatchfulPool([](uint64_t channel, uint64_t batch) {
      if (channel == 1 && batch == kPoison) Die();
      return absl::OkStatus();
    });
    for (const uint64_t channel : {1, 2}) {
      Register(OwnSpec(channel));
      EXPECT_THAT(StartEpoch(channel, 0), IsOk());
    }
    EXPECT_EQ(Drain(2, 0).digests.size(), kBatches);
    const ReceivedEpoch result = Drain(1, 0);
    EXPECT_EQ(result.digests.size(), kBatches - 1);
    EXPECT_EQ(result.end.failed_batches(), 1u);
    ASSERT_EQ(result.errors.count(kPoison), 1u);
    EXPECT_THAT(result.errors.at(kPoison).message(),
                AllOf(HasSubstr("channel 1"), HasSubstr("epoch 0, batch 5: "),
                      HasSubstr("3 of them with nothing else in the making"),
                      HasSubstr("its 32 seeds"), HasSubstr("SIGTERM")));
    EXPECT_EQ(pool_->TakeSnapshot().poisonous, 1u);
    EXPECT_EQ(pool_->TakeSnapshot().suspects, 0u);
    // It is remembered for another attempt, and not for another epoch.
    EXPECT_THAT(StartEpoch(1, 0, /*attempt=*/1), IsOk());
    EXPECT_EQ(Drain(1, 0, /*attempt=*/1).errors.size(), 1u);
    readers_.clear();
    pool_.reset();
  };
  while (deaths <= 10 && !Survives(live)) ++deaths;
  // Maybe it was alone at once.
  EXPECT_GE(deaths, static_cast<int>(kAttempts));
  EXPECT_LE(deaths, static_cast<int>(kAttempts) + 1);
  // Who ended in order left nothing: it kills again, and all begins anew.
  EXPECT_FALSE(Survives(live));
  StartWatchfulPool({});
  EXPECT_EQ(pool_->TakeSnapshot().poisonous, 0u);
}

TEST_F(PoolCrashTest, SuspectsAreMadeAloneAndAreNoneThen) {
  DieWithAllHandsFull();
  std::atomic<bool> suspect_in_hand = false;
  std::atomic<int> in_hand_with_it = 0;
  StartWatchfulPool([&](uint64_t, uint64_t batch) {
    if (suspect_in_hand) ++in_hand_with_it;
    if (batch < kWorkers) {
      suspect_in_hand = true;
      // Time for others to come, if they may.
      for (int i = 0; i < 1000; ++i) std::this_thread::yield();
      suspect_in_hand = false;
    }
    return absl::OkStatus();
  });
  EXPECT_EQ(pool_->TakeSnapshot().suspects, static_cast<uint64_t>(kWorkers));
  EXPECT_EQ(pool_->TakeSnapshot().poisonous, 0u);
  Register(OwnSpec(1));
  ASSERT_THAT(StartEpoch(1, 0), IsOk());
  EXPECT_EQ(Drain(1, 0).digests.size(), kBatches);
  EXPECT_EQ(in_hand_with_it, 0);
  EXPECT_EQ(pool_->TakeSnapshot().suspects, 0u);
}

// It is alone in workers' hands, and nowhere else.
TEST_F(PoolCrashTest, SuspectThatWaitsForRoomHoldsNobodyUp) {
  DieWithAllHandsFull();
  StartWatchfulPool({});
  // Less than two of its batches fit.
  Register(OwnSpec(1, /*buffer_bytes=*/40'000));
  ASSERT_THAT(StartEpoch(1, 0), IsOk());
  Register(OwnSpec(2));
  for (uint64_t epoch = 0; epoch < 3; ++epoch) {
    ASSERT_THAT(StartEpoch(2, epoch), IsOk());
    EXPECT_EQ(Drain(2, epoch).digests.size(), kBatches);
  }
  EXPECT_EQ(Drain(1, 0).digests.size(), kBatches);
  EXPECT_EQ(pool_->TakeSnapshot().suspects, 0u);
}

TEST_F(PoolCrashTest, WithoutAttemptsNobodyIsSuspected) {
  DieWithAllHandsFull();
  StartPool({.workers = kWorkers});
  EXPECT_EQ(pool_->TakeSnapshot().suspects, 0u);
  Register(OwnSpec(1));
  ASSERT_THAT(StartEpoch(1, 0), IsOk());
  EXPECT_EQ(Drain(1, 0).digests.size(), kBatches);
  EXPECT_EQ(SweepNotes(directory_), 1);  // what the first one left
}

}  // namespace
}  // namespace fairlead
