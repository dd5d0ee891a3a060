#ifndef FAIRLEAD_LIBS_LOADER_PLACEMENT_H_
#define FAIRLEAD_LIBS_LOADER_PLACEMENT_H_

#include <cstdint>
#include <memory>

#include "ATen/core/Tensor.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "c10/core/Device.h"
#include "libs/cuda/pinned_arena.h"
#include "libs/loader/cuda_calls.h"
#include "libs/loader/landing.h"
#include "libs/loader/received_batch.h"

namespace fairlead {

inline constexpr uint64_t kDefaultPinnedBudget = uint64_t{4} << 30;

// Where a batch's tensors are to be. The default is where they were received:
// in this process's memory, without a copy.
//
// The work is begun as batches arrive, by the thread that receives them: with
// pinned memory they are received into it, and one copy takes a whole batch to
// the device, on a stream of its own: while the trainer works on a batch, those
// after it are on their way. What the trainer asks for then is a view, and what
// it queues on its current stream waits for that copy, which it itself never
// does.
class Placement {
 public:
  Placement() = default;

  // `to_device` is "cpu", "cuda" or "cuda:1"; empty means the current CUDA
  // device where libtorch finds one, and else the CPU (parity GL-057). With
  // `pin_memory` batches are received into page-locked memory (parity RC-05):
  // on the CPU they stay there; a copy to a device is faster from it, and runs
  // beside others. There is at most `pinned_budget` bytes of it, of which a
  // batch that the trainer holds, or is being copied, has its part; where that
  // is all, a batch is RESOURCE_EXHAUSTED. (Copies that the trainer makes from
  // it by itself must end before it lets the batch go.)
  // INVALID_ARGUMENT for what is no device, or one beyond the last;
  // FAILED_PRECONDITION, saying what is missing, if CUDA is needed and is not
  // there.
  static absl::StatusOr<Placement> Create(
      absl::string_view to_device, bool pin_memory,
      uint64_t pinned_budget = kDefaultPinnedBudget) {
    return Create(to_device, pin_memory, pinned_budget, TorchCuda());
  }
  static absl::StatusOr<Placement> Create(absl::string_view to_device,
                                          bool pin_memory,
                                          uint64_t pinned_budget,
                                          CudaCalls cuda);

  const c10::Device& device() const { return device_; }
  bool pin_memory() const { return arena_ != nullptr; }

  // For the stream whose batches are to be there.
  Landing landing() const;

  // The tensor there, which is of `received` or was made from it: a view of
  // what landing() has put there, as far as it can be. The tensor itself if
  // that is where it is, or it is undefined. Errors as CudaCalls.
  absl::StatusOr<at::Tensor> Put(const at::Tensor& tensor,
                                 const ReceivedBatch& received) const;

 private:
  c10::Device device_ = c10::Device(c10::kCPU);
  std::shared_ptr<cuda::PinnedArena> arena_;  // if pin_memory
  CudaCalls cuda_;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_LOADER_PLACEMENT_H_
