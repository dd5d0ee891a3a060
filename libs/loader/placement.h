#ifndef FAIRLEAD_LIBS_LOADER_PLACEMENT_H_
#define FAIRLEAD_LIBS_LOADER_PLACEMENT_H_

#include <atomic>
#include <cstdint>
#include <memory>

#include "ATen/core/Tensor.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "c10/core/Device.h"

namespace fairlead {

// Where a batch's tensors are to be. The default is where they were received:
// in this process's memory, without a copy.
class Placement {
 public:
  Placement() = default;

  // `to_device` is "cpu", "cuda" or "cuda:1"; empty means the current CUDA
  // device where libtorch finds one, and else the CPU (parity GL-057). With
  // `pin_memory` tensors are copied into page-locked memory: on the CPU they
  // stay there; on their way to a device the copy is asynchronous, on the
  // current stream. INVALID_ARGUMENT for what is no device, a device that
  // libtorch does not find, or pinned memory without CUDA (parity RC-05).
  static absl::StatusOr<Placement> Create(absl::string_view to_device,
                                          bool pin_memory);

  const c10::Device& device() const { return device_; }
  bool pin_memory() const { return pin_memory_; }

  // Time spent in copying into page-locked memory, by this and its copies.
  absl::Duration pinning() const {
    return absl::Nanoseconds(pinning_ns_->load());
  }

  // The tensor there; itself if that is where it is, or it is undefined.
  at::Tensor Put(const at::Tensor& tensor) const;

 private:
  c10::Device device_ = c10::Device(c10::kCPU);
  bool pin_memory_ = false;
  std::shared_ptr<std::atomic<int64_t>> pinning_ns_ =
      std::make_shared<std::atomic<int64_t>>(0);
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_LOADER_PLACEMENT_H_
