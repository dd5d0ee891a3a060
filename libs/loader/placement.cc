#include "libs/loader/placement.h"

#include <cstddef>
#include <cstdint>
#include <string>

#include "ATen/core/Tensor.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "c10/core/Device.h"
#include "torch/cuda.h"

namespace fairlead {
namespace {

constexpr absl::string_view kCuda = "cuda";

absl::StatusOr<c10::Device> ParseDevice(absl::string_view name) {
  if (name.empty()) {
    return c10::Device(torch::cuda::is_available() ? c10::kCUDA : c10::kCPU);
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
  const size_t devices = torch::cuda::device_count();
  if (static_cast<size_t>(number) >= devices) {
    return absl::InvalidArgumentError(absl::StrCat(
        "to_device: there is no \"", name, "\"; libtorch finds ", devices,
        " CUDA devices. Give \"cpu\", or build with a libtorch for CUDA "
        "(LIBTORCH names one) on a host with a GPU"));
  }
  if (name == kCuda) return c10::Device(c10::kCUDA);
  return c10::Device(c10::kCUDA, static_cast<c10::DeviceIndex>(number));
}

}  // namespace

absl::StatusOr<Placement> Placement::Create(absl::string_view to_device,
                                            bool pin_memory) {
  const absl::StatusOr<c10::Device> device = ParseDevice(to_device);
  if (!device.ok()) return device.status();
  if (pin_memory && !torch::cuda::is_available()) {
    return absl::InvalidArgumentError(
        "pin_memory: needs CUDA, and libtorch finds none here; leave it false");
  }
  Placement placement;
  placement.device_ = *device;
  placement.pin_memory_ = pin_memory;
  return placement;
}

at::Tensor Placement::Put(const at::Tensor& tensor) const {
  if (!tensor.defined()) return tensor;
  at::Tensor here = tensor;
  if (pin_memory_) {
    const absl::Time before = absl::Now();
    here = tensor.pin_memory();
    *pinning_ns_ += absl::ToInt64Nanoseconds(absl::Now() - before);
  }
  if (device_.is_cpu()) return here;
  return here.to(at::TensorOptions().device(device_),
                 /*non_blocking=*/pin_memory_);
}

}  // namespace fairlead
