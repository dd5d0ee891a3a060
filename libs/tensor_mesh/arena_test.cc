#include "libs/tensor_mesh/arena.h"

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/random/philox.h"
#include "libs/status/status_matchers.h"

namespace fairlead::internal {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::StatusIs;
using ::testing::HasSubstr;

struct alignas(64) Line {
  uint8_t bytes[64];
};

class ArenaTest : public ::testing::Test {
 protected:
  std::shared_ptr<std::vector<Line>> memory_ =
      std::make_shared<std::vector<Line>>(16);
  std::shared_ptr<Arena> arena_ =
      Arena::Of({memory_->front().bytes, 16 * 64}, memory_);
};

TEST_F(ArenaTest, PiecesNeverOverlapAndAllComesBack) {
  constexpr uint64_t kSeed = 5;
  RandomStream random(kSeed, 0, 0);
  std::vector<MeshMemory> pieces;
  for (int round = 0; round < 5000; ++round) {
    if (random.Below(2) == 0 && !pieces.empty()) {
      pieces.erase(pieces.begin() +
                   static_cast<int64_t>(random.Below(pieces.size())));
      continue;
    }
    auto piece = arena_->Allocate(random.Below(300));
    if (!piece.ok()) continue;
    ASSERT_TRUE(IsWithin(piece->bytes, arena_->memory()));
    ASSERT_EQ(reinterpret_cast<uintptr_t>(piece->bytes.data()) % 64, 0u);
    for (const MeshMemory& other : pieces) {
      ASSERT_TRUE(
          piece->bytes.data() >= other.bytes.data() + other.bytes.size() ||
          other.bytes.data() >= piece->bytes.data() + piece->bytes.size())
          << "seed " << kSeed;
    }
    pieces.push_back(*std::move(piece));
  }
  pieces.clear();
  EXPECT_EQ(arena_->used_bytes(), 0u);
  EXPECT_THAT(arena_->Allocate(16 * 64), IsOk());
}

TEST_F(ArenaTest, FullArenaSaysWhatIsLeft) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const MeshMemory piece, arena_->Allocate(900));
  EXPECT_THAT(arena_->Allocate(65),
              StatusIs(absl::StatusCode::kResourceExhausted,
                       HasSubstr("of 1024 there are 960 in use")));
  EXPECT_THAT(arena_->Allocate(~uint64_t{0}),
              StatusIs(absl::StatusCode::kResourceExhausted));
}

TEST_F(ArenaTest, PiecesKeepTheMemoryAlive) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const MeshMemory piece, arena_->Allocate(1));
  const std::weak_ptr<std::vector<Line>> memory = memory_;
  memory_.reset();
  arena_.reset();
  EXPECT_FALSE(memory.expired());
  piece.bytes[0] = 1;
}

}  // namespace
}  // namespace fairlead::internal
