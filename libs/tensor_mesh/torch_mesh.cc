#include "libs/tensor_mesh/torch_mesh.h"

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "ATen/core/Tensor.h"
// Not ATen/Functions.h: clang 14 cannot compile that as C++20.
#include "ATen/ops/from_blob.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "c10/core/ScalarType.h"
#include "libs/status/status_macros.h"
#include "libs/tensor_mesh/queued_work.h"
#include "libs/tensor_message/tensor_message.h"
#include "libs/tensor_message/torch_adaptor.h"

namespace fairlead::torch_mesh {
namespace {

at::Tensor Alias(v1::DType dtype, at::IntArrayRef shape, const uint8_t* bytes,
                 std::shared_ptr<const void> owner) {
  // libtorch has no read-only tensors: the caller promises not to write.
  return at::from_blob(
      const_cast<uint8_t*>(bytes), shape,
      [owner = std::move(owner)](void* /*data*/) {},
      at::TensorOptions().dtype(ToScalarType(dtype)));
}

template <typename Member>
absl::StatusOr<at::Tensor> Allocate(Member& member, at::IntArrayRef shape,
                                    at::ScalarType type) {
  const v1::DType dtype = ToDType(type);
  uint64_t bytes = DTypeSize(dtype);
  for (const int64_t dimension : shape) {
    if (dimension < 0 || __builtin_mul_overflow(
                             bytes, static_cast<uint64_t>(dimension), &bytes)) {
      return absl::InvalidArgumentError(
          absl::StrCat("a dimension of ", dimension, " is none"));
    }
  }
  if (dtype == v1::DTYPE_UNSPECIFIED) {
    return absl::InvalidArgumentError(absl::StrCat(
        "dtype ", c10::toString(type), " is none that the mesh carries"));
  }
  FAIRLEAD_ASSIGN_OR_RETURN(MeshMemory memory, member.AllocateBuffer(bytes));
  return Alias(dtype, shape, memory.bytes.data(), std::move(memory.owner));
}

absl::Status CheckLengths(const char* what, size_t tensors, size_t keys) {
  if (tensors == keys) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      what, ": ", tensors, " tensors and ", keys, " keys; give one each"));
}

absl::StatusOr<std::vector<MeshTensorView>> ToViews(
    const std::vector<at::Tensor>& tensors) {
  std::vector<MeshTensorView> views;
  for (const at::Tensor& tensor : tensors) {
    FAIRLEAD_ASSIGN_OR_RETURN(views.emplace_back(), ToView(tensor));
  }
  return views;
}

}  // namespace

absl::StatusOr<MeshTensorBuffer> ToBuffer(const at::Tensor& tensor) {
  if (!tensor.defined()) {
    return absl::InvalidArgumentError("a tensor is undefined");
  }
  if (!tensor.device().is_cpu()) {
    return absl::UnimplementedError(
        absl::StrCat("a tensor is on ", tensor.device().str(),
                     "; copy it to a CPU tensor first"));
  }
  if (!tensor.is_contiguous()) {
    return absl::InvalidArgumentError(
        "a tensor is not contiguous; pass its contiguous()");
  }
  const v1::DType dtype = ToDType(tensor.scalar_type());
  if (dtype == v1::DTYPE_UNSPECIFIED) {
    return absl::InvalidArgumentError(
        absl::StrCat("dtype ", c10::toString(tensor.scalar_type()),
                     " is none that the mesh carries"));
  }
  return MeshTensorBuffer{
      .dtype = dtype,
      .shape = MeshShape(tensor.sizes().begin(), tensor.sizes().end()),
      .bytes = {static_cast<uint8_t*>(tensor.data_ptr()), tensor.nbytes()},
      .owner = std::make_shared<at::Tensor>(tensor)};
}

absl::StatusOr<MeshTensorView> ToView(const at::Tensor& tensor) {
  FAIRLEAD_ASSIGN_OR_RETURN(MeshTensorBuffer buffer, ToBuffer(tensor));
  return MeshTensorView{.dtype = buffer.dtype,
                        .shape = std::move(buffer.shape),
                        .bytes = buffer.bytes,
                        .owner = std::move(buffer.owner)};
}

at::Tensor ToTensor(const MeshTensorView& view) {
  return Alias(view.dtype, {view.shape.data(), view.shape.size()},
               view.bytes.data(), view.owner);
}

absl::StatusOr<at::Tensor> AllocateTensor(MeshWorker& worker,
                                          at::IntArrayRef shape,
                                          at::ScalarType dtype) {
  return Allocate(worker, shape, dtype);
}
absl::StatusOr<at::Tensor> AllocateTensor(MeshServer& server,
                                          at::IntArrayRef shape,
                                          at::ScalarType dtype) {
  return Allocate(server, shape, dtype);
}

absl::StatusOr<MeshHandler> PushPull(
    MeshWorker& worker, const std::vector<at::Tensor>& push_tensors,
    const std::vector<uint64_t>& push_keys,
    const std::vector<at::Tensor>& pull_tensors,
    const std::vector<uint64_t>& pull_keys, bool need_event) {
  FAIRLEAD_RETURN_IF_ERROR(
      CheckLengths("pushes", push_tensors.size(), push_keys.size()));
  FAIRLEAD_RETURN_IF_ERROR(
      CheckLengths("pulls", pull_tensors.size(), pull_keys.size()));
  std::vector<MeshPush> pushes(push_tensors.size());
  for (size_t i = 0; i < pushes.size(); ++i) {
    pushes[i].key = push_keys[i];
    FAIRLEAD_ASSIGN_OR_RETURN(pushes[i].tensor, ToView(push_tensors[i]));
  }
  std::vector<MeshPull> pulls(pull_tensors.size());
  for (size_t i = 0; i < pulls.size(); ++i) {
    pulls[i].key = pull_keys[i];
    FAIRLEAD_ASSIGN_OR_RETURN(pulls[i].tensor, ToBuffer(pull_tensors[i]));
  }
  if (need_event) AwaitQueuedWork();
  return worker.PushPull(std::move(pushes), std::move(pulls));
}

absl::StatusOr<Batch> GetBatch(MeshServer& server,
                               const MeshServer::GatherOptions& options) {
  FAIRLEAD_ASSIGN_OR_RETURN(MeshServer::Batch gathered,
                            server.GetBatch(options));
  Batch batch{.missing = std::move(gathered.missing)};
  for (const MeshServerRequest& each : gathered.requests) {
    Request& request = batch.requests.emplace_back();
    request.handler = each.handler;
    request.worker = each.worker;
    for (const MeshPush& push : each.pushes) {
      request.tensors.push_back(ToTensor(push.tensor));
      request.keys.push_back(push.key);
    }
  }
  return batch;
}

absl::Status Respond(MeshServer& server, const std::vector<at::Tensor>& tensors,
                     MeshServerHandler handler, bool need_event) {
  FAIRLEAD_ASSIGN_OR_RETURN(std::vector<MeshTensorView> views,
                            ToViews(tensors));
  if (need_event) AwaitQueuedWork();
  return server.Respond(std::move(views), handler);
}

absl::Status RespondVec(MeshServer& server, const at::Tensor& ret_buffer,
                        const std::vector<at::Tensor>& tensors,
                        const std::vector<MeshServerHandler>& handlers,
                        MeshServer::RowsMode mode) {
  FAIRLEAD_ASSIGN_OR_RETURN(const MeshTensorView buffer, ToView(ret_buffer));
  std::vector<int64_t> rows;
  for (const at::Tensor& tensor : tensors) {
    if (!tensor.defined() || tensor.dim() == 0) {
      return absl::InvalidArgumentError("a tensor has no rows");
    }
    rows.push_back(tensor.size(0));
  }
  return server.RespondVec(buffer, rows, handlers, mode);
}

absl::Status RegisterRecvBuffer(MeshServer& server, const at::Tensor& tensor,
                                const std::vector<uint32_t>& worker_ranks,
                                const std::vector<uint64_t>& push_keys) {
  FAIRLEAD_ASSIGN_OR_RETURN(const MeshTensorBuffer buffer, ToBuffer(tensor));
  return server.RegisterRecvBuffer(buffer, worker_ranks, push_keys);
}

}  // namespace fairlead::torch_mesh
