#ifndef FAIRLEAD_LIBS_TENSOR_MESH_TORCH_MESH_H_
#define FAIRLEAD_LIBS_TENSOR_MESH_TORCH_MESH_H_

#include <cstdint>
#include <vector>

#include "ATen/core/Tensor.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "c10/core/ScalarType.h"
#include "libs/tensor_mesh/mesh_server.h"
#include "libs/tensor_mesh/mesh_tensor.h"
#include "libs/tensor_mesh/mesh_worker.h"

namespace fairlead::torch_mesh {

// The calls of MeshWorker and MeshServer that take tensors, with those of
// libtorch, and with StepMesh's argument lists (parity 1E); the other calls
// need none. Tensors are kept alive for as long as the mesh needs them.
//
// All tensors must be on the CPU and contiguous. A tensor of another device is
// UNIMPLEMENTED: copy it to a (pinned) CPU tensor first. With `need_event` the
// call waits for what is queued on the current CUDA stream before it sends:
// such copies. Where there is no CUDA, nothing is queued.

// What the mesh makes of a tensor. INVALID_ARGUMENT for one that is undefined,
// not contiguous, or of a dtype that no message can hold.
absl::StatusOr<MeshTensorView> ToView(const at::Tensor& tensor);
absl::StatusOr<MeshTensorBuffer> ToBuffer(const at::Tensor& tensor);

// A tensor that aliases the mesh's bytes. What is pushed must not be written.
at::Tensor ToTensor(const MeshTensorView& view);

// A tensor in mesh memory, not initialised: see AllocateBuffer.
absl::StatusOr<at::Tensor> AllocateTensor(MeshWorker& worker,
                                          at::IntArrayRef shape,
                                          at::ScalarType dtype);
absl::StatusOr<at::Tensor> AllocateTensor(MeshServer& server,
                                          at::IntArrayRef shape,
                                          at::ScalarType dtype);

// Errors also for lists of unequal length.
absl::StatusOr<MeshHandler> PushPull(
    MeshWorker& worker, const std::vector<at::Tensor>& push_tensors,
    const std::vector<uint64_t>& push_keys,
    const std::vector<at::Tensor>& pull_tensors,
    const std::vector<uint64_t>& pull_keys, bool need_event = true);

struct Request {
  MeshServerHandler handler = 0;
  uint32_t worker = 0;
  std::vector<at::Tensor> tensors;  // that were pushed
  std::vector<uint64_t> keys;
};
struct Batch {
  std::vector<Request> requests;  // by worker
  std::vector<uint32_t> missing;
};
absl::StatusOr<Batch> GetBatch(MeshServer& server,
                               const MeshServer::GatherOptions& options = {});

absl::Status Respond(MeshServer& server, const std::vector<at::Tensor>& tensors,
                     MeshServerHandler handler, bool need_event = false);

// Answers handlers[i] with as many rows of `ret_buffer` as tensors[i] has.
absl::Status RespondVec(
    MeshServer& server, const at::Tensor& ret_buffer,
    const std::vector<at::Tensor>& tensors,
    const std::vector<MeshServerHandler>& handlers,
    MeshServer::RowsMode mode = MeshServer::RowsMode::kRunning);

absl::Status RegisterRecvBuffer(MeshServer& server, const at::Tensor& tensor,
                                const std::vector<uint32_t>& worker_ranks,
                                const std::vector<uint64_t>& push_keys);

}  // namespace fairlead::torch_mesh

#endif  // FAIRLEAD_LIBS_TENSOR_MESH_TORCH_MESH_H_
