#include "libs/loader/placement.h"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "ATen/core/Tensor.h"
#include "ATen/ops/from_blob.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"
#include "c10/core/Device.h"
#include "libs/cuda/memory.h"
#include "libs/cuda/pinned_arena.h"
#include "libs/loader/cuda_calls.h"
#include "libs/status/status_macros.h"

namespace fairlead {
namespace {

constexpr absl::string_view kCuda = "cuda";

absl::Status NeedsCuda(absl::string_view option, const CudaCalls& cuda) {
  return absl::FailedPreconditionError(absl::StrCat(
      option, ": needs CUDA, and ",
      cuda.is_built_in
          ? "libtorch finds no CUDA device; look whether nvidia-smi does"
          : "this libtorch is built without it; build with another, which "
            "LIBTORCH names"));
}

absl::StatusOr<c10::Device> ParseDevice(absl::string_view name,
                                        const CudaCalls& cuda) {
  if (name.empty()) {
    return cuda.devices > 0 ? cuda.current_device() : c10::Device(c10::kCPU);
  }
  if (name == "cpu") return c10::Device(c10::kCPU);
  absl::string_view index = name;
  int number = 0;
  if (name != kCuda && !(absl::ConsumePrefix(&index, "cuda:") &&
                         absl::SimpleAtoi(index, &number) && number >= 0)) {
    return absl::InvalidArgumentError(
        absl::StrCat("to_device: \"", name,
                     "\" is no device; give \"cpu\", \"cuda\" or \"cuda:1\""));
  }
  if (cuda.devices == 0) {
    return NeedsCuda(absl::StrCat("to_device: \"", name, "\""), cuda);
  }
  if (static_cast<size_t>(number) >= cuda.devices) {
    return absl::InvalidArgumentError(absl::StrCat(
        "to_device: there is no \"", name, "\"; libtorch finds ", cuda.devices,
        " CUDA devices, of which the first is \"cuda:0\""));
  }
  // The current device of this thread, which is not that of those who receive.
  if (name == kCuda) return cuda.current_device();
  return c10::Device(c10::kCUDA, static_cast<c10::DeviceIndex>(number));
}

// The trainer may let a batch go before the device has read it.
void Hold(cuda::PinnedArena* arena, const void* data, const DeviceCopy& copy) {
  if (arena == nullptr) return;
  // (Of memory that is not the arena's the copy has been waited for.)
  arena->HoldUntil(data, {.is_done = copy.is_done, .wait = copy.wait})
      .IgnoreError();
}

// Aliases host memory that somebody holds on to.
at::Tensor Borrow(absl::Span<const uint8_t> bytes) {
  return at::from_blob(const_cast<uint8_t*>(bytes.data()),
                       {static_cast<int64_t>(bytes.size())},
                       at::TensorOptions().dtype(at::kByte));
}

}  // namespace

absl::StatusOr<Placement> Placement::Create(absl::string_view to_device,
                                            bool pin_memory,
                                            uint64_t pinned_budget,
                                            CudaCalls cuda) {
  Placement placement;
  FAIRLEAD_ASSIGN_OR_RETURN(placement.device_, ParseDevice(to_device, cuda));
  if (pin_memory && cuda.devices == 0) return NeedsCuda("pin_memory", cuda);
  if (pin_memory) {
    placement.arena_ = std::make_shared<cuda::PinnedArena>(
        cuda::Memory{.allocate = cuda.allocate_pinned}, pinned_budget);
  }
  placement.cuda_ = std::move(cuda);
  return placement;
}

Landing Placement::landing() const {
  Landing landing;
  if (arena_ != nullptr) {
    landing.allocate = [arena = arena_](size_t bytes) {
      return arena->Take(bytes);
    };
  }
  if (device_.is_cpu()) return landing;
  landing.copy = [start_copy = cuda_.start_copy, arena = arena_,
                  device = device_](absl::Span<const uint8_t> bytes)
      -> absl::StatusOr<std::shared_ptr<const void>> {
    FAIRLEAD_ASSIGN_OR_RETURN(DeviceCopy copy,
                              start_copy(Borrow(bytes), device));
    Hold(arena.get(), bytes.data(), copy);
    return std::make_shared<const DeviceCopy>(std::move(copy));
  };
  return landing;
}

absl::StatusOr<at::Tensor> Placement::Put(const at::Tensor& tensor,
                                          const ReceivedBatch& received) const {
  if (!tensor.defined() || (device_.is_cpu() && arena_ == nullptr))
    return tensor;
  const auto* const data = static_cast<const uint8_t*>(tensor.data_ptr());
  const uint8_t* const begin = received.buffer.get();
  const std::less<const uint8_t*> before;
  const bool is_view =
      !before(data, begin) && before(data, begin + received.bytes);
  if (is_view && device_.is_cpu()) return tensor;
  if (is_view && received.copy != nullptr) {
    const auto copy = std::static_pointer_cast<const DeviceCopy>(received.copy);
    copy->use();
    return at::from_blob(
        static_cast<uint8_t*>(copy->tensor.data_ptr()) + (data - begin),
        tensor.sizes(), tensor.strides(), [copy](void* /*data*/) {},
        copy->tensor.options().dtype(tensor.scalar_type()));
  }
  if (!device_.is_cpu()) {
    FAIRLEAD_ASSIGN_OR_RETURN(const DeviceCopy copy,
                              cuda_.start_copy(tensor, device_));
    if (is_view) Hold(arena_.get(), data, copy);
    copy.use();
    return copy.tensor;
  }
  // It was made here, of what was received.
  FAIRLEAD_ASSIGN_OR_RETURN(const std::shared_ptr<uint8_t> memory,
                            arena_->Take(tensor.nbytes()));
  const at::Tensor dense = tensor.contiguous();
  if (dense.nbytes() > 0) {
    std::memcpy(memory.get(), dense.data_ptr(), dense.nbytes());
  }
  return at::from_blob(
      memory.get(), dense.sizes(), [memory](void* /*data*/) {},
      dense.options());
}

}  // namespace fairlead
