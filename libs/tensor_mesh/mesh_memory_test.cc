// Memory does not grow with requests (parity W-51). With --config=full a
// million of them.

#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/status/status_matchers.h"
#include "libs/tensor_mesh/mesh_config.h"
#include "libs/tensor_mesh/mesh_server.h"
#include "libs/tensor_mesh/mesh_tensor.h"
#include "libs/tensor_mesh/mesh_worker.h"
#include "libs/tensor_mesh/test_mesh.h"

namespace fairlead::testing {
namespace {

int Requests() {
  const char* scale = std::getenv("FAIRLEAD_TEST_SCALE");
  return scale != nullptr && std::string(scale) == "full" ? 1'000'000 : 10'000;
}

uint64_t ResidentBytes() {
  std::ifstream file("/proc/self/statm");
  uint64_t all = 0, resident = 0;
  file >> all >> resident;
  return resident * 4096;
}

class MeshMemoryTest : public TransportTest {};

INSTANTIATE_TEST_SUITE_P(Transport, MeshMemoryTest, EachTransport(),
                         TransportName);

TEST_P(MeshMemoryTest, StaysFlatOverManyRequests) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "the address sanitizer keeps what was freed";
#endif
  TestMesh mesh({.transports = GetParam(),
                 .arena_bytes = 1 << 20,
                 .trace_history = 64,
                 .init_timeout = kHang});
  const std::vector<float> push(16, 1);
  std::vector<float> reply(16);
  const auto exchange = [&](int count) {
    for (int i = 0; i < count; ++i) {
      const uint64_t key = static_cast<uint64_t>(i % 8);
      const auto handler =
          mesh.worker().PushPull({{key, View(push)}}, {{key, Buffer(reply)}});
      ASSERT_THAT(handler, IsOk());
      const auto batch = mesh.server().GetBatch();
      ASSERT_THAT(batch, IsOk());
      ASSERT_THAT(
          mesh.server().Respond({View(push)}, batch->requests[0].handler),
          IsOk());
      ASSERT_THAT(mesh.worker().Wait(*handler), IsOk());
    }
  };
  exchange(1000);
  const MeshWorker::Stats before = mesh.worker().stats();
  const uint64_t resident = ResidentBytes();
  exchange(Requests());
  const MeshWorker::Stats after = mesh.worker().stats();
  EXPECT_EQ(after.requests,
            before.requests + static_cast<uint64_t>(Requests()));
  EXPECT_EQ(after.in_flight, 0u);
  EXPECT_EQ(after.remembered, 64u);
  EXPECT_EQ(after.arena_bytes_used, before.arena_bytes_used);
  EXPECT_EQ(mesh.server().stats().queued, 0u);
  EXPECT_EQ(mesh.server().stats().unanswered, 0u);
  RecordProperty("resident_kib_before", std::to_string(resident >> 10));
  RecordProperty("resident_kib_after", std::to_string(ResidentBytes() >> 10));
  // The rings are touched once around, and the allocator has its ways.
  EXPECT_LT(ResidentBytes(), resident + (4 << 20));
}

}  // namespace
}  // namespace fairlead::testing
