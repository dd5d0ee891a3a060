#include "libs/tensor_mesh/test_mesh.h"

#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "gtest/gtest.h"

namespace fairlead::testing {

TestMesh::TestMesh(const MeshConfig& config)
    : config_(config),
      rendezvous_(config.num_workers + config.num_servers),
      workers_(config.num_workers),
      servers_(config.num_servers) {
  const auto founders = [](uint32_t some, uint32_t all) {
    return some == 0 ? all : some;
  };
  std::vector<std::thread> threads;
  for (uint32_t i = 0;
       i < founders(config.founding_workers, config.num_workers); ++i) {
    threads.emplace_back([this, i] { JoinWorker(i); });
  }
  for (uint32_t i = 0;
       i < founders(config.founding_servers, config.num_servers); ++i) {
    threads.emplace_back([this, i] { JoinServer(i); });
  }
  for (std::thread& thread : threads) thread.join();
}

MeshConfig TestMesh::ConfigOf(MeshRole role, uint32_t rank) const {
  MeshConfig config = config_;
  config.role = role;
  config.rank = rank;
  config.shm_dir = folder_.path();
  return config;
}

void TestMesh::JoinWorker(uint32_t rank) {
  auto& rendezvous = rendezvous_[rank] =
      std::make_shared<InMemoryRendezvous>(meeting_, rank);
  auto worker =
      MeshWorker::Create(ConfigOf(MeshRole::kWorker, rank), rendezvous);
  ASSERT_TRUE(worker.ok()) << worker.status();
  workers_[rank] = *std::move(worker);
}

void TestMesh::JoinServer(
    uint32_t rank, absl::FunctionRef<absl::Status(MeshServer&)> prepare) {
  const uint32_t member = config_.num_workers + rank;
  auto& rendezvous = rendezvous_[member] =
      std::make_shared<InMemoryRendezvous>(meeting_, member);
  auto server = MeshServer::Create(ConfigOf(MeshRole::kServer, rank),
                                   rendezvous, prepare);
  ASSERT_TRUE(server.ok()) << server.status();
  servers_[rank] = *std::move(server);
}

void TestMesh::EndWorker(uint32_t rank) {
  workers_[rank].reset();
  rendezvous_[rank].reset();
}

void TestMesh::EndServer(uint32_t rank) {
  servers_[rank].reset();
  rendezvous_[workers_.size() + rank].reset();
}

void TestMesh::RunAll(const std::function<void(MeshWorker&)>& run_worker,
                      const std::function<void(MeshServer&)>& run_server) {
  std::vector<std::thread> threads;
  for (const auto& worker : workers_) {
    threads.emplace_back([&run_worker, &worker] { run_worker(*worker); });
  }
  for (const auto& server : servers_) {
    threads.emplace_back([&run_server, &server] { run_server(*server); });
  }
  for (std::thread& thread : threads) thread.join();
}

MeshTensorView View(const std::vector<float>& values) {
  return {.dtype = v1::DTYPE_FLOAT32,
          .shape = {static_cast<int64_t>(values.size())},
          .bytes = {reinterpret_cast<const uint8_t*>(values.data()),
                    values.size() * sizeof(float)}};
}

MeshTensorBuffer Buffer(std::vector<float>& values) {
  return {.dtype = v1::DTYPE_FLOAT32,
          .shape = {static_cast<int64_t>(values.size())},
          .bytes = {reinterpret_cast<uint8_t*>(values.data()),
                    values.size() * sizeof(float)}};
}

MeshTensorBuffer FloatsIn(const MeshMemory& memory) {
  return {.dtype = v1::DTYPE_FLOAT32,
          .shape = {static_cast<int64_t>(memory.bytes.size() / sizeof(float))},
          .bytes = memory.bytes,
          .owner = memory.owner};
}

MeshTensorView AsView(const MeshTensorBuffer& buffer) {
  return {buffer.dtype, buffer.shape, buffer.bytes, buffer.owner};
}

std::vector<float> FloatsOf(const MeshTensorView& tensor) {
  std::vector<float> values(tensor.bytes.size() / sizeof(float));
  if (!values.empty()) {
    std::memcpy(values.data(), tensor.bytes.data(), tensor.bytes.size());
  }
  return values;
}

std::vector<float> FloatsOf(const MeshTensorBuffer& tensor) {
  return FloatsOf(AsView(tensor));
}

absl::Status AnswerWithSum(MeshServer& server, const MeshServerRequest& request,
                           float factor) {
  std::vector<float> sum(request.pulls.at(0).bytes / sizeof(float));
  for (const MeshPush& push : request.pushes) {
    const std::vector<float> values = FloatsOf(push.tensor);
    for (size_t i = 0; i < sum.size(); ++i) sum[i] += factor * values.at(i);
  }
  auto kept = std::make_shared<std::vector<float>>(std::move(sum));
  MeshTensorView reply = View(*kept);
  reply.owner = kept;
  return server.Respond({reply}, request.handler);
}

}  // namespace fairlead::testing
