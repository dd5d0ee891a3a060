#include "libs/loader/buffer_pool.h"

#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gtest/gtest.h"
#include "libs/status/status_matchers.h"

namespace fairlead {
namespace {

TEST(BufferPool, BuffersAreAlignedTo64Bytes) {
  BufferPool pool(1);
  for (const size_t bytes : {0, 1, 4097, 1'000'003}) {
    EXPECT_EQ(reinterpret_cast<uintptr_t>((*pool.Take(bytes)).get()) % 64, 0u);
  }
}

TEST(BufferPool, TakesABufferOfLikeSizeAgain) {
  BufferPool pool(1);
  const uint8_t* const first = (*pool.Take(1'000'000)).get();
  EXPECT_EQ((*pool.Take(1'000'100)).get(), first);
}

TEST(BufferPool, TakesTheBufferThatCameBackLast) {
  BufferPool pool(2);
  std::shared_ptr<uint8_t> one = *pool.Take(5000);
  std::shared_ptr<uint8_t> other = *pool.Take(5000);
  const uint8_t* const last = one.get();
  other.reset();
  one.reset();
  EXPECT_EQ((*pool.Take(5000)).get(), last);
}

TEST(BufferPool, BufferInUseIsNotGivenOutAgain) {
  BufferPool pool(2);
  const std::shared_ptr<uint8_t> one = *pool.Take(5000);
  const std::shared_ptr<uint8_t> other = *pool.Take(5000);
  EXPECT_NE(one.get(), other.get());
}

TEST(BufferPool, MemoryOfAnAllocatorGoesBackToIt) {
  int allocated = 0;
  int freed = 0;
  {
    BufferPool pool(1, [&](size_t bytes) {
      ++allocated;
      return std::shared_ptr<uint8_t>(new uint8_t[bytes],
                                      [&freed](const uint8_t* data) {
                                        ++freed;
                                        delete[] data;
                                      });
    });
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(pool.Take(5000).ok());
    EXPECT_EQ(allocated, 5);
    EXPECT_EQ(freed, 5);
  }
}

TEST(BufferPool, FailsAsTheAllocatorDoes) {
  BufferPool pool(
      1, [](size_t /*bytes*/) -> absl::StatusOr<std::shared_ptr<uint8_t>> {
        return absl::ResourceExhaustedError("no memory is left");
      });
  EXPECT_THAT(pool.Take(5000),
              testing::StatusIs(absl::StatusCode::kResourceExhausted));
}

TEST(BufferPool, BufferOutlivesThePool) {
  std::shared_ptr<uint8_t> buffer;
  {
    BufferPool pool(1);
    buffer = *pool.Take(100);
  }
  buffer.get()[99] = 7;  // a sanitizer would object
  EXPECT_EQ(buffer.get()[99], 7);
}

TEST(BufferPool, KeepsNoMoreThanItMay) {
  BufferPool pool(1);
  const uint8_t* last = nullptr;
  {
    const std::shared_ptr<uint8_t> one = *pool.Take(5000);
    const std::shared_ptr<uint8_t> other = *pool.Take(50'000);
    last = one.get();  // idle after the other, which makes room for it
  }
  EXPECT_EQ((*pool.Take(5000)).get(), last);
}

}  // namespace
}  // namespace fairlead
