#include "libs/loader/keep_freed_memory.h"

#include <sys/resource.h>

#include <cstddef>
#include <cstring>
#include <memory>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace fairlead {
namespace {

constexpr size_t kPage = 4096;
constexpr size_t kBlock = 16 * kPage;
constexpr size_t kBlocks = 400;

// Allocates as many bytes as a large batch has, in the pieces in which they
// arrive; writes to them, and frees them. Page faults of that.
long FaultsOfABatch() {
  rusage before;
  getrusage(RUSAGE_THREAD, &before);
  std::vector<std::unique_ptr<char[]>> blocks;
  for (size_t i = 0; i < kBlocks; ++i) {
    blocks.emplace_back(new char[kBlock]);
    std::memset(blocks.back().get(), 1, kBlock);
  }
  blocks.clear();
  rusage after;
  getrusage(RUSAGE_THREAD, &after);
  return after.ru_minflt - before.ru_minflt;
}

// gRPC's threads receive, and they have heaps of their own.
TEST(KeepFreedMemory, ABatchIsReceivedIntoMemoryOfTheOneBefore) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "sanitizers bring a malloc of their own";
#endif
  KeepFreedMemory();
  long first = 0;
  long later = 0;
  std::thread receiver([&] {
    first = FaultsOfABatch();
    for (int i = 0; i < 3; ++i) later += FaultsOfABatch();
  });
  receiver.join();
  EXPECT_LT(later, first / 10);
}

}  // namespace
}  // namespace fairlead
