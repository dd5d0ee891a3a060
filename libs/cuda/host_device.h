#ifndef FAIRLEAD_LIBS_CUDA_HOST_DEVICE_H_
#define FAIRLEAD_LIBS_CUDA_HOST_DEVICE_H_

#include <atomic>
#include <cstdint>

// A function that kernels call and so does the CPU: the whole of what a kernel
// does is in such functions, which are tested where there is no GPU.
#if defined(__CUDACC__)
#define FAIRLEAD_HOST_DEVICE __host__ __device__
#else
#define FAIRLEAD_HOST_DEVICE
#endif

namespace fairlead::cuda {

// Atomics that mean the same on both sides. Relaxed: kernels order what they
// tell each other by ending.

FAIRLEAD_HOST_DEVICE inline uint64_t AtomicLoad(uint64_t* from) {
#if defined(__CUDA_ARCH__)
  return *static_cast<volatile uint64_t*>(from);
#else
  return std::atomic_ref<uint64_t>(*from).load(std::memory_order_relaxed);
#endif
}

// What was there, which is now `desired` if it was `expected`.
FAIRLEAD_HOST_DEVICE inline uint64_t AtomicCompareExchange(uint64_t* at,
                                                           uint64_t expected,
                                                           uint64_t desired) {
#if defined(__CUDA_ARCH__)
  static_assert(sizeof(unsigned long long) == sizeof(uint64_t));
  return atomicCAS(reinterpret_cast<unsigned long long*>(at),
                   static_cast<unsigned long long>(expected),
                   static_cast<unsigned long long>(desired));
#else
  std::atomic_ref<uint64_t>(*at).compare_exchange_strong(
      expected, desired, std::memory_order_relaxed);
  return expected;
#endif
}

FAIRLEAD_HOST_DEVICE inline void AtomicMin(uint32_t* at, uint32_t value) {
#if defined(__CUDA_ARCH__)
  atomicMin(at, value);
#else
  const std::atomic_ref<uint32_t> shared(*at);
  uint32_t now = shared.load(std::memory_order_relaxed);
  while (value < now &&
         !shared.compare_exchange_weak(now, value, std::memory_order_relaxed)) {
  }
#endif
}

FAIRLEAD_HOST_DEVICE inline void AtomicMin(uint64_t* at, uint64_t value) {
#if defined(__CUDA_ARCH__)
  atomicMin(reinterpret_cast<unsigned long long*>(at),
            static_cast<unsigned long long>(value));
#else
  const std::atomic_ref<uint64_t> shared(*at);
  uint64_t now = shared.load(std::memory_order_relaxed);
  while (value < now &&
         !shared.compare_exchange_weak(now, value, std::memory_order_relaxed)) {
  }
#endif
}

}  // namespace fairlead::cuda

#endif  // FAIRLEAD_LIBS_CUDA_HOST_DEVICE_H_
