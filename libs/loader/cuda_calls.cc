#include "libs/loader/cuda_calls.h"

#include <cstddef>
#include <cstdint>
#include <exception>
#include <map>
#include <memory>

#include "ATen/EmptyTensor.h"
#include "ATen/core/Tensor.h"
#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "c10/core/Device.h"
#include "c10/core/Event.h"
#include "c10/core/Stream.h"
#include "c10/core/StreamGuard.h"
#include "c10/core/impl/DeviceGuardImplInterface.h"
#include "c10/core/impl/VirtualGuardImpl.h"
#include "libs/sync/mutex.h"
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

// The stream of each device on which copies are made, and nothing else: on the
// stream that the trainer works on they would wait for its kernels.
class CopyStreams {
 public:
  absl::StatusOr<DeviceCopy> Start(const at::Tensor& tensor,
                                   const c10::Device& device) {
    try {
      const c10::Stream stream = Of(device);
      const c10::StreamGuard guard(stream);
      DeviceCopy copy{.tensor = tensor.to(at::TensorOptions().device(device),
                                          /*non_blocking=*/true)};
      const auto event = std::make_shared<c10::Event>(c10::kCUDA);
      event->record(stream);
      copy.is_done = [event] { return event->query(); };
      copy.wait = [stream] {
        c10::impl::VirtualGuardImpl(c10::kCUDA).synchronizeStream(stream);
      };
      copy.use = [event, there = copy.tensor] {
        const c10::impl::VirtualGuardImpl cuda(c10::kCUDA);
        const c10::Stream current = cuda.getStream(there.device());
        event->block(current);
        cuda.recordDataPtrOnStream(there.storage().data_ptr(), current);
      };
      return copy;
    } catch (const std::exception& e) {
      return absl::ResourceExhaustedError(absl::StrCat(
          "to_device: ", tensor.nbytes(), " bytes could not be put on ",
          device.str(), ": ", e.what()));
    }
  }

 private:
  c10::Stream Of(const c10::Device& device) {
    MutexLock lock(&mutex_);
    const auto found = streams_.find(device.index());
    if (found != streams_.end()) return found->second;
    const c10::impl::VirtualGuardImpl cuda(c10::kCUDA);
    return streams_
        .emplace(device.index(), cuda.getStreamFromGlobalPool(device))
        .first->second;
  }

  Mutex mutex_;
  std::map<c10::DeviceIndex, c10::Stream> streams_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

CudaCalls TorchCuda() {
  return {
      .is_built_in = c10::impl::hasDeviceGuardImpl(c10::kCUDA),
      .devices = torch::cuda::device_count(),
      .current_device =
          [] { return c10::impl::getDeviceGuardImpl(c10::kCUDA)->getDevice(); },
      .allocate_pinned = AllocatePinned,
      .start_copy =
          [streams = std::make_shared<CopyStreams>()](
              const at::Tensor& tensor, const c10::Device& device) {
            return streams->Start(tensor, device);
          }};
}

}  // namespace fairlead
