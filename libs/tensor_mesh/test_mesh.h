#ifndef FAIRLEAD_LIBS_TENSOR_MESH_TEST_MESH_H_
#define FAIRLEAD_LIBS_TENSOR_MESH_TEST_MESH_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "gtest/gtest.h"
#include "libs/shm_channel/shm_folder.h"
#include "libs/tensor_mesh/in_memory_rendezvous.h"
#include "libs/tensor_mesh/mesh_config.h"
#include "libs/tensor_mesh/mesh_server.h"
#include "libs/tensor_mesh/mesh_tensor.h"
#include "libs/tensor_mesh/mesh_worker.h"

namespace fairlead::testing {

// Far beyond what it takes: only a hang gets there.
inline constexpr absl::Duration kHang = absl::Seconds(60);
// For what is expected not to come.
inline constexpr absl::Duration kSoon = absl::Milliseconds(20);

// A whole mesh in this process, each member with a rendezvous of its own.
class TestMesh {
 public:
  // `config` says all but role, rank and folder.
  explicit TestMesh(const MeshConfig& config);
  TestMesh(const TestMesh&) = delete;
  TestMesh& operator=(const TestMesh&) = delete;

  MeshWorker& worker(uint32_t rank = 0) { return *workers_.at(rank); }
  MeshServer& server(uint32_t rank = 0) { return *servers_.at(rank); }

  // Ends one without Stop.
  void EndWorker(uint32_t rank);
  void EndServer(uint32_t rank);
  // Another in its place, or one that is no founder.
  void JoinWorker(uint32_t rank);
  void JoinServer(
      uint32_t rank, absl::FunctionRef<absl::Status(MeshServer&)> prepare =
                         [](MeshServer&) { return absl::OkStatus(); });

  // Runs these at once, for every member, and returns when all have returned.
  void RunAll(const std::function<void(MeshWorker&)>& run_worker,
              const std::function<void(MeshServer&)>& run_server);

 private:
  MeshConfig ConfigOf(MeshRole role, uint32_t rank) const;

  const ShmFolder folder_;
  const MeshConfig config_;
  const std::shared_ptr<InMemoryRendezvous::Meeting> meeting_ =
      std::make_shared<InMemoryRendezvous::Meeting>();
  std::vector<std::shared_ptr<InMemoryRendezvous>> rendezvous_;  // by member
  std::vector<std::unique_ptr<MeshWorker>> workers_;
  std::vector<std::unique_ptr<MeshServer>> servers_;
};

// A suite over each transport:
//   INSTANTIATE_TEST_SUITE_P(Transport, ATest, EachTransport(), TransportName);
class TransportTest : public ::testing::TestWithParam<MeshConfig::Transports> {
 protected:
  static MeshConfig Config(uint32_t workers, uint32_t servers) {
    return {.num_workers = workers,
            .num_servers = servers,
            .transports = GetParam(),
            .arena_bytes = 1 << 20,
            .init_timeout = kHang};
  }
};

inline auto EachTransport() {
  return ::testing::Values(MeshConfig::Transports::kShmOnly,
                           MeshConfig::Transports::kTcpOnly);
}
inline std::string TransportName(
    const ::testing::TestParamInfo<MeshConfig::Transports>& info) {
  return info.param == MeshConfig::Transports::kShmOnly ? "Shm" : "Tcp";
}

// Answers a request with the sum of its pushes, times `factor`.
absl::Status AnswerWithSum(MeshServer& server, const MeshServerRequest& request,
                           float factor = 1);

// Float tensors over what is the caller's.
MeshTensorView View(const std::vector<float>& values);
MeshTensorBuffer Buffer(std::vector<float>& values);
// In memory of the mesh.
MeshTensorBuffer FloatsIn(const MeshMemory& memory);
MeshTensorView AsView(const MeshTensorBuffer& buffer);
std::vector<float> FloatsOf(const MeshTensorView& tensor);
std::vector<float> FloatsOf(const MeshTensorBuffer& tensor);

}  // namespace fairlead::testing

#endif  // FAIRLEAD_LIBS_TENSOR_MESH_TEST_MESH_H_
