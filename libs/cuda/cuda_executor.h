#ifndef FAIRLEAD_LIBS_CUDA_CUDA_EXECUTOR_H_
#define FAIRLEAD_LIBS_CUDA_CUDA_EXECUTOR_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "cub/device/device_scan.cuh"
#include "cuda_runtime.h"
#include "libs/cuda/cuda_status.h"
#include "libs/status/status_macros.h"

namespace fairlead::cuda {

// (For .cu files alone.) One thread for each i, or more than one i a thread.
template <typename Step>
__global__ void __launch_bounds__(256) RunStep(const Step step, int64_t count) {
  const int64_t stride = int64_t{gridDim.x} * blockDim.x;
  for (int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < count;
       i += stride) {
    step(i);
  }
}

// An executor (see KHopSampler) on a stream of the current device.
// Thread-compatible.
class CudaExecutor {
 public:
  // The stream must outlive it.
  explicit CudaExecutor(cudaStream_t stream) : stream_(stream) {}
  ~CudaExecutor() {
    if (scan_memory_ != nullptr) Free(scan_memory_);
  }
  CudaExecutor(const CudaExecutor&) = delete;
  CudaExecutor& operator=(const CudaExecutor&) = delete;

  absl::StatusOr<void*> Allocate(size_t bytes) {
    void* memory = nullptr;
    FAIRLEAD_RETURN_IF_ERROR(
        ToStatus(cudaMallocAsync(&memory, bytes, stream_),
                 absl::StrCat(bytes, " bytes of device memory")));
    return memory;
  }
  void Free(void* memory) { (void)cudaFreeAsync(memory, stream_); }

  absl::Status Copy(void* to, const void* from, size_t bytes) {
    return ToStatus(
        cudaMemcpyAsync(to, from, bytes, cudaMemcpyDefault, stream_), "a copy");
  }
  absl::Status Read(void* to, const void* from, size_t bytes) {
    FAIRLEAD_RETURN_IF_ERROR(Copy(to, from, bytes));
    return ToStatus(cudaStreamSynchronize(stream_), "a kernel");
  }
  absl::Status Fill(void* memory, uint8_t byte, size_t bytes) {
    return ToStatus(cudaMemsetAsync(memory, byte, bytes, stream_), "a fill");
  }

  template <typename Step>
  absl::Status Launch(int64_t count, const Step& step) {
    constexpr int64_t kThreads = 256;
    constexpr int64_t kMaxBlocks = int64_t{1} << 20;
    if (count == 0) return absl::OkStatus();
    const int64_t blocks =
        std::min((count + kThreads - 1) / kThreads, kMaxBlocks);
    RunStep<<<static_cast<unsigned>(blocks), static_cast<unsigned>(kThreads), 0,
              stream_>>>(step, count);
    return ToStatus(cudaGetLastError(), "a launch");
  }

  absl::Status PrefixSum(const int64_t* in, int64_t* out, int64_t count) {
    size_t bytes = 0;
    FAIRLEAD_RETURN_IF_ERROR(ToStatus(
        cub::DeviceScan::ExclusiveSum(nullptr, bytes, in, out, count, stream_),
        "a prefix sum"));
    if (bytes > scan_bytes_) {
      if (scan_memory_ != nullptr) Free(scan_memory_);
      scan_memory_ = nullptr;
      scan_bytes_ = 0;
      FAIRLEAD_ASSIGN_OR_RETURN(scan_memory_, Allocate(bytes));
      scan_bytes_ = bytes;
    }
    return ToStatus(cub::DeviceScan::ExclusiveSum(scan_memory_, bytes, in, out,
                                                  count, stream_),
                    "a prefix sum");
  }

 private:
  const cudaStream_t stream_;
  void* scan_memory_ = nullptr;
  size_t scan_bytes_ = 0;
};

}  // namespace fairlead::cuda

#endif  // FAIRLEAD_LIBS_CUDA_CUDA_EXECUTOR_H_
