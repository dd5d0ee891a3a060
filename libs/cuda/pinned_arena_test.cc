#include "libs/cuda/pinned_arena.h"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/cuda/fake_memory.h"
#include "libs/random/philox.h"
#include "libs/status/status_matchers.h"

namespace fairlead::cuda {
namespace {

using ::fairlead::cuda::testing::FakeMemory;
using ::fairlead::testing::IsOk;
using ::fairlead::testing::StatusIs;
using ::testing::HasSubstr;
using Block = std::shared_ptr<uint8_t>;

// An event that the test ends, or whoever waits for it.
class FakeEvent {
 public:
  PinnedArena::Event event() const {
    return {.is_done = [done = done_] { return done->load(); },
            .wait = [done = done_] { done->store(true); }};
  }
  void End() { done_->store(true); }
  bool is_done() const { return *done_; }

 private:
  std::shared_ptr<std::atomic<bool>> done_ =
      std::make_shared<std::atomic<bool>>(false);
};

TEST(PinnedArena, BlockIsUsedAgainForAMessageOfLikeSize) {
  FakeMemory memory;
  PinnedArena arena(memory.memory(), 1 << 20);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(Block block, arena.Take(100'000));
  uint8_t* const data = block.get();
  EXPECT_EQ(reinterpret_cast<uintptr_t>(data) % 64, 0u);
  EXPECT_TRUE(memory.Has(data, 100'000));
  block = nullptr;
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(block, arena.Take(101'000));
  EXPECT_EQ(block.get(), data);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Block other, arena.Take(100'000));
  EXPECT_NE(other.get(), data);
  EXPECT_EQ(arena.stats().allocations, 2u);
}

TEST(PinnedArena, BlockIsNotUsedAgainBeforeItsEventsAreDone) {
  FakeMemory memory;
  PinnedArena arena(memory.memory(), 1 << 20);
  FakeEvent first;
  FakeEvent second;
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(Block block, arena.Take(5000));
  uint8_t* const data = block.get();
  // A pointer into it names it as well.
  EXPECT_THAT(arena.HoldUntil(data, first.event()), IsOk());
  EXPECT_THAT(arena.HoldUntil(data + 4999, second.event()), IsOk());
  block = nullptr;
  EXPECT_GE(arena.stats().bytes_held, 5000u);
  second.End();
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Block other, arena.Take(5000));
  EXPECT_NE(other.get(), data);
  first.End();
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(block, arena.Take(5000));
  EXPECT_EQ(block.get(), data);
  EXPECT_EQ(arena.stats().waits, 0u);
}

TEST(PinnedArena, EventThatIsDoneWhileTheBlockIsInUseChangesNothing) {
  FakeMemory memory;
  PinnedArena arena(memory.memory(), 1 << 20);
  FakeEvent copy;
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Block block, arena.Take(5000));
  EXPECT_THAT(arena.HoldUntil(block.get(), copy.event()), IsOk());
  copy.End();
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Block other, arena.Take(5000));
  EXPECT_NE(block.get(), other.get());
  EXPECT_GE(arena.stats().bytes_in_use, 10'000u);
}

TEST(PinnedArena, IdleBlocksOfOtherSizesMakeRoom) {
  FakeMemory memory;
  PinnedArena arena(memory.memory(), 64 << 10);
  { FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Block small, arena.Take(40 << 10)); }
  EXPECT_EQ(arena.stats().bytes_idle, 40u << 10);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Block large, arena.Take(60 << 10));
  EXPECT_EQ(memory.bytes(), 64u << 10);
  EXPECT_EQ(arena.stats().bytes_idle, 0u);
}

TEST(PinnedArena, WhereAllIsHeldTheOldestEventIsWaitedFor) {
  FakeMemory memory;
  PinnedArena arena(memory.memory(), 8192);
  FakeEvent first;
  FakeEvent second;
  for (const FakeEvent* event : {&first, &second}) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Block block, arena.Take(4096));
    EXPECT_THAT(arena.HoldUntil(block.get(), event->event()), IsOk());
  }
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Block block, arena.Take(4096));
  EXPECT_TRUE(first.is_done());
  EXPECT_FALSE(second.is_done());
  EXPECT_EQ(arena.stats().waits, 1u);
  EXPECT_EQ(memory.bytes(), 8192u);
}

TEST(PinnedArena, WhereAllIsInUseThereIsAnError) {
  FakeMemory memory;
  PinnedArena arena(memory.memory(), 8192);
  EXPECT_THAT(arena.Take(8193), StatusIs(absl::StatusCode::kResourceExhausted,
                                         HasSubstr("8192")));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(Block block, arena.Take(8192));
  EXPECT_THAT(arena.Take(1), StatusIs(absl::StatusCode::kResourceExhausted,
                                      HasSubstr("raise the budget")));
  block = nullptr;
  EXPECT_THAT(arena.Take(1).status(), IsOk());
}

TEST(PinnedArena, MemoryThatThereIsNotIsAnErrorAndTakesNoBudget) {
  FakeMemory memory(4096);
  PinnedArena arena(memory.memory(), 1 << 20);
  EXPECT_THAT(arena.Take(8000), StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_THAT(arena.Take(4000).status(), IsOk());
}

TEST(PinnedArena, EventOfWhatIsNoBlockIsWaitedFor) {
  FakeMemory memory;
  PinnedArena arena(memory.memory(), 1 << 20);
  FakeEvent copy;
  uint8_t own[16];
  EXPECT_THAT(arena.HoldUntil(own, copy.event()),
              StatusIs(absl::StatusCode::kNotFound));
  EXPECT_TRUE(copy.is_done());
}

TEST(PinnedArena, BlocksOutliveTheArenaAndEventsAreWaitedFor) {
  FakeMemory memory;
  FakeEvent copy;
  Block block;
  {
    PinnedArena arena(memory.memory(), 1 << 20);
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(block, arena.Take(4096));
    EXPECT_THAT(arena.HoldUntil(block.get(), copy.event()), IsOk());
  }
  std::memset(block.get(), 1, 4096);
  EXPECT_FALSE(copy.is_done());
  block = nullptr;
  EXPECT_TRUE(copy.is_done());
  EXPECT_EQ(memory.bytes(), 0u);
}

// What a device reads of a block must not change before its event is done: here
// it reads as late as it may.
TEST(PinnedArena, ManyThreadsNeverShareABlock) {
  FakeMemory memory;
  PinnedArena arena(memory.memory(), 16 << 10);
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (uint32_t t = 0; t < 4; ++t) {
    threads.emplace_back([&arena, &wrong, t] {
      RandomStream random(t, 0, 0);
      for (uint32_t i = 0; i < 500; ++i) {
        absl::StatusOr<Block> block = arena.Take(1 + random.Below(4096));
        if (!block.ok()) continue;  // others have it all
        const uint32_t stamp = t << 16 | i;
        std::memcpy(block->get(), &stamp, sizeof(stamp));
        const auto read = std::make_shared<std::atomic<bool>>(false);
        const auto device = [data = block->get(), stamp, read, &wrong] {
          if (read->exchange(true)) return;
          uint32_t found = 0;
          std::memcpy(&found, data, sizeof(found));
          if (found != stamp) ++wrong;
        };
        if (!arena
                 .HoldUntil(block->get(),
                            {.is_done = [read] { return read->load(); },
                             .wait = device})
                 .ok()) {
          ++wrong;
        }
        if (random.Below(2) == 0) device();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_LE(memory.bytes(), 16u << 10);
}

}  // namespace
}  // namespace fairlead::cuda
