#include "services/sampler_pool/available_cores.h"

#include <sched.h>

#include <algorithm>
#include <fstream>
#include <string>
#include <thread>

#include "gtest/gtest.h"

namespace fairlead {
namespace {

constexpr char kNoQuota[] = "/no/such/file";

std::string Quota(const std::string& text) {
  const std::string path = ::testing::TempDir() + "/cpu.max";
  std::ofstream(path) << text << "\n";
  return path;
}

TEST(AvailableCores, AreThoseThatTheProcessMayRunOn) {
  const int all = AvailableCores(kNoQuota);
  EXPECT_GE(all, 1);
  // A thread's own set is what is asked for, so that this ends with it.
  std::thread([] {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    ASSERT_EQ(sched_setaffinity(0, sizeof(one), &one), 0);
    EXPECT_EQ(AvailableCores(kNoQuota), 1);
  }).join();
  EXPECT_EQ(AvailableCores(kNoQuota), all);
}

TEST(AvailableCores, AreNoMoreThanAContainersQuota) {
  EXPECT_EQ(AvailableCores(Quota("100000 100000")), 1);
  EXPECT_EQ(AvailableCores(Quota("20000 100000")), 1);
  const int all = AvailableCores(kNoQuota);
  for (const char* none : {"max 100000", "99900000 100000", "0 0", "", "x y"}) {
    EXPECT_EQ(AvailableCores(Quota(none)), all) << none;
  }
  EXPECT_EQ(AvailableCores(Quota("150000 100000")), std::min(all, 2));
}

}  // namespace
}  // namespace fairlead
