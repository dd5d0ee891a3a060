#include "libs/loader/cuda_calls.h"

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>

#include "ATen/EmptyTensor.h"
#include "ATen/core/Tensor.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "c10/core/Device.h"
#include "c10/core/impl/DeviceGuardImplInterface.h"
#include "torch/cuda.h"

namespace fairlead {
namespace {

absl::StatusOr<std::shared_ptr<uint8_t>> AllocatePinned(size_t bytes) {
  try {
    const at::Tensor memory(at::detail::empty_cpu(
        {static_cast<int64_t>(bytes)}, at::kByte, /*pin_memory=*/true));
    return std::shared_ptr<uint8_t>(memory.data_ptr<uint8_t>(),
                                    [memory](uint8_t* /*data*/) {});
  } catch (const std::exception& e) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "pin_memory: ", bytes,
        " bytes of page-locked memory cannot be had; lower prefetch_size, or "
        "leave pin_memory false: ",
        e.what()));
  }
}

absl::StatusOr<at::Tensor> Copy(const at::Tensor& tensor,
                                const c10::Device& device) {
  try {
    // Waits: then the copy is there for whatever stream the trainer uses.
    return tensor.to(at::TensorOptions().device(device),
                     /*non_blocking=*/false);
  } catch (const std::exception& e) {
    return absl::ResourceExhaustedError(
        absl::StrCat("to_device: ", tensor.nbytes(), " bytes could not be put ",
                     "on ", device.str(), ": ", e.what()));
  }
}

}  // namespace

CudaCalls TorchCuda() {
  return {
      .is_built_in = c10::impl::hasDeviceGuardImpl(c10::kCUDA),
      .devices = torch::cuda::device_count(),
      .current_device =
          [] { return c10::impl::getDeviceGuardImpl(c10::kCUDA)->getDevice(); },
      .allocate_pinned = AllocatePinned,
      .copy = Copy};
}

}  // namespace fairlead
