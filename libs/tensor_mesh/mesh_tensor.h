#ifndef FAIRLEAD_LIBS_TENSOR_MESH_MESH_TENSOR_H_
#define FAIRLEAD_LIBS_TENSOR_MESH_MESH_TENSOR_H_

#include <cstdint>
#include <cstring>
#include <memory>

#include "absl/container/inlined_vector.h"
#include "absl/status/status.h"
#include "absl/types/span.h"
#include "protos/fairlead/v1/messages.pb.h"

namespace fairlead {

// Tensors as the mesh sees them: contiguous bytes with a dtype and a shape.
// torch_mesh.h makes them of at::Tensor.

inline constexpr size_t kMeshMaxDimensions = 8;
using MeshShape = absl::InlinedVector<int64_t, 4>;

// To be read. `owner` keeps the bytes alive for as long as the mesh needs
// them; it may be empty for memory that outlives the mesh.
struct MeshTensorView {
  v1::DType dtype = v1::DTYPE_UNSPECIFIED;
  MeshShape shape;
  absl::Span<const uint8_t> bytes;
  std::shared_ptr<const void> owner;
};

// To be written.
struct MeshTensorBuffer {
  v1::DType dtype = v1::DTYPE_UNSPECIFIED;
  MeshShape shape;
  absl::Span<uint8_t> bytes;
  std::shared_ptr<const void> owner;
};

// What is pushed under a key, and where what is pulled under a key goes.
struct MeshPush {
  uint64_t key = 0;
  MeshTensorView tensor;
};
struct MeshPull {
  uint64_t key = 0;
  MeshTensorBuffer tensor;
};

// Memory that the mesh gave out. Tensors in it are sent and received without
// a copy where the peer is on this host.
struct MeshMemory {
  absl::Span<uint8_t> bytes;  // 64-byte aligned
  std::shared_ptr<const void> owner;
};

// INVALID_ARGUMENT for a dtype that is not known, a negative dimension, more
// than kMeshMaxDimensions, or a shape that does not take `bytes`.
absl::Status CheckMeshTensor(v1::DType dtype, const MeshShape& shape,
                             uint64_t bytes);

// Copies as many bytes as `from` has. REQUIRES that `to` has room for them.
inline void CopyBytes(absl::Span<const uint8_t> from, absl::Span<uint8_t> to) {
  if (!from.empty()) std::memcpy(to.data(), from.data(), from.size());
}

// Whether `inner` lies within `outer`.
inline bool IsWithin(absl::Span<const uint8_t> inner,
                     absl::Span<const uint8_t> outer) {
  const auto begin = reinterpret_cast<uintptr_t>(inner.data());
  const auto from = reinterpret_cast<uintptr_t>(outer.data());
  return begin >= from && begin - from <= outer.size() &&
         inner.size() <= outer.size() - (begin - from);
}

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_TENSOR_MESH_MESH_TENSOR_H_
