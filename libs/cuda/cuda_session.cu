#include <memory>

#include "absl/status/statusor.h"
#include "cuda_runtime.h"
#include "libs/cuda/cuda_executor.h"
#include "libs/cuda/cuda_session.h"
#include "libs/cuda/cuda_status.h"
#include "libs/cuda/device.h"
#include "libs/cuda/executor_session.h"
#include "libs/status/status_macros.h"

namespace fairlead::cuda {
namespace {

struct OwnStream {
  explicit OwnStream(cudaStream_t made) : stream(made) {}
  ~OwnStream() { (void)cudaStreamDestroy(stream); }
  OwnStream(const OwnStream&) = delete;
  OwnStream& operator=(const OwnStream&) = delete;

  const cudaStream_t stream;
};

// An executor with a stream of its own, which goes after it.
class StreamExecutor : private OwnStream, public CudaExecutor {
 public:
  explicit StreamExecutor(cudaStream_t stream)
      : OwnStream(stream), CudaExecutor(stream) {}
};

}  // namespace

absl::StatusOr<std::unique_ptr<DeviceSession>> NewCudaSession() {
  cudaStream_t stream = nullptr;
  FAIRLEAD_RETURN_IF_ERROR(
      ToStatus(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking),
               "a stream"));
  return std::make_unique<ExecutorSession<StreamExecutor>>(
      std::make_unique<StreamExecutor>(stream));
}

}  // namespace fairlead::cuda
