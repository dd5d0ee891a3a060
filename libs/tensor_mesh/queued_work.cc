#include "libs/tensor_mesh/queued_work.h"

#include "c10/core/DeviceType.h"
#include "c10/core/impl/VirtualGuardImpl.h"
#include "torch/cuda.h"

namespace fairlead::torch_mesh {

void AwaitQueuedWork() {
  if (!torch::cuda::is_available()) return;
  const c10::impl::VirtualGuardImpl cuda(c10::DeviceType::CUDA);
  cuda.getStream(cuda.getDevice()).synchronize();
}

}  // namespace fairlead::torch_mesh
