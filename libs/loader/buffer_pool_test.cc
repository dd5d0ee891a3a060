#include "libs/loader/buffer_pool.h"

#include <cstdint>
#include <memory>

#include "gtest/gtest.h"

namespace fairlead {
namespace {

TEST(BufferPool, BuffersAreAlignedTo64Bytes) {
  BufferPool pool(1);
  for (const size_t bytes : {0, 1, 4097, 1'000'003}) {
    EXPECT_EQ(reinterpret_cast<uintptr_t>(pool.Take(bytes).get()) % 64, 0u);
  }
}

TEST(BufferPool, TakesABufferOfLikeSizeAgain) {
  BufferPool pool(1);
  const uint8_t* const first = pool.Take(1'000'000).get();
  EXPECT_EQ(pool.Take(1'000'100).get(), first);
}

TEST(BufferPool, BufferInUseIsNotGivenOutAgain) {
  BufferPool pool(2);
  const std::shared_ptr<uint8_t> one = pool.Take(5000);
  const std::shared_ptr<uint8_t> other = pool.Take(5000);
  EXPECT_NE(one.get(), other.get());
}

TEST(BufferPool, BufferOutlivesThePool) {
  std::shared_ptr<uint8_t> buffer;
  {
    BufferPool pool(1);
    buffer = pool.Take(100);
  }
  buffer.get()[99] = 7;  // a sanitizer would object
  EXPECT_EQ(buffer.get()[99], 7);
}

TEST(BufferPool, KeepsNoMoreThanItMay) {
  BufferPool pool(1);
  const uint8_t* last = nullptr;
  {
    const std::shared_ptr<uint8_t> one = pool.Take(5000);
    const std::shared_ptr<uint8_t> other = pool.Take(50'000);
    last = one.get();  // idle after the other, which makes room for it
  }
  EXPECT_EQ(pool.Take(5000).get(), last);
}

}  // namespace
}  // namespace fairlead
