#include "libs/tensor_mesh/torch_mesh.h"

#include <cstdint>
#include <vector>

#include "ATen/core/Tensor.h"
// Not ATen/Functions.h: clang 14 cannot compile that as C++20.
#include "ATen/ops/from_blob.h"
#include "absl/status/status.h"
#include "c10/core/ScalarType.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/status/status_matchers.h"
#include "libs/tensor_mesh/mesh_server.h"
#include "libs/tensor_mesh/mesh_worker.h"
#include "libs/tensor_mesh/test_mesh.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::kHang;
using ::fairlead::testing::StatusIs;
using ::fairlead::testing::TestMesh;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class TorchMeshTest : public ::testing::Test {
 protected:
  // A tensor over `values`, of two columns.
  static at::Tensor Pairs(std::vector<float>& values) {
    return at::from_blob(values.data(),
                         {static_cast<int64_t>(values.size() / 2), 2},
                         at::TensorOptions().dtype(at::kFloat));
  }

  TestMesh mesh_{
      {.num_workers = 2, .arena_bytes = 1 << 20, .init_timeout = kHang}};
};

TEST_F(TorchMeshTest, TensorsGoThereAndBack) {
  std::vector<float> pushed = {1, 2, 3, 4};
  std::vector<float> replied = {5, 6, 7, 8, 9, 10};
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const at::Tensor received,
      torch_mesh::AllocateTensor(mesh_.server(), {4, 2}, at::kFloat));
  ASSERT_THAT(torch_mesh::RegisterRecvBuffer(mesh_.server(), received, {0, 1},
                                             {10, 11}),
              IsOk());
  std::vector<at::Tensor> pulls;
  std::vector<MeshHandler> handlers;
  for (const uint32_t rank : {0u, 1u}) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(
        pulls.emplace_back(),
        torch_mesh::AllocateTensor(mesh_.worker(rank), {1 + rank, 2},
                                   at::kFloat));
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(
        handlers.emplace_back(),
        torch_mesh::PushPull(mesh_.worker(rank), {Pairs(pushed)}, {10 + rank},
                             {pulls[rank]}, {1}));
  }
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const torch_mesh::Batch batch,
                                torch_mesh::GetBatch(mesh_.server()));
  ASSERT_EQ(batch.requests.size(), 2u);
  EXPECT_THAT(batch.requests[1].keys, ElementsAre(11));
  EXPECT_EQ(batch.requests[1].tensors[0].sizes(), at::IntArrayRef({2, 2}));
  EXPECT_EQ(batch.requests[1].tensors[0].data_ptr(),
            received.data_ptr<float>() + 4);
  EXPECT_EQ(received.data_ptr<float>()[7], 4);
  EXPECT_THAT(torch_mesh::RespondVec(
                  mesh_.server(), Pairs(replied), pulls,
                  {batch.requests[0].handler, batch.requests[1].handler}),
              IsOk());
  for (const uint32_t rank : {0u, 1u}) {
    EXPECT_THAT(mesh_.worker(rank).Wait(handlers[rank]), IsOk());
  }
  EXPECT_EQ(pulls[0].data_ptr<float>()[1], 6);
  EXPECT_EQ(pulls[1].data_ptr<float>()[3], 10);
}

TEST_F(TorchMeshTest, TensorsThatCannotBeSentAreErrors) {
  using Code = absl::StatusCode;
  std::vector<float> values = {1, 2, 3, 4};
  const at::Tensor tensor = Pairs(values);
  const auto push = [this](const at::Tensor& each) {
    return torch_mesh::PushPull(mesh_.worker(0), {each}, {1}, {}, {});
  };
  EXPECT_THAT(push(tensor.t()),
              StatusIs(Code::kInvalidArgument, HasSubstr("contiguous()")));
  EXPECT_THAT(push(at::Tensor()),
              StatusIs(Code::kInvalidArgument, HasSubstr("undefined")));
  EXPECT_THAT(push(at::from_blob(values.data(), {2},
                                 at::TensorOptions().dtype(at::kComplexFloat))),
              StatusIs(Code::kInvalidArgument, HasSubstr("dtype")));
  EXPECT_THAT(torch_mesh::PushPull(mesh_.worker(0), {tensor}, {}, {}, {}),
              StatusIs(Code::kInvalidArgument, HasSubstr("0 keys")));
  EXPECT_THAT(torch_mesh::PushPull(mesh_.worker(0), {}, {}, {tensor}, {1, 2}),
              StatusIs(Code::kInvalidArgument, HasSubstr("2 keys")));
  EXPECT_THAT(torch_mesh::AllocateTensor(mesh_.worker(0), {-1}, at::kFloat),
              StatusIs(Code::kInvalidArgument, HasSubstr("-1")));
  EXPECT_THAT(
      torch_mesh::AllocateTensor(mesh_.worker(0), {1}, at::kComplexFloat),
      StatusIs(Code::kInvalidArgument));
}

}  // namespace
}  // namespace fairlead
