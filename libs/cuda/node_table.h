#ifndef FAIRLEAD_LIBS_CUDA_NODE_TABLE_H_
#define FAIRLEAD_LIBS_CUDA_NODE_TABLE_H_

#include <cstdint>

#include "libs/cuda/host_device.h"

namespace fairlead::cuda {

// Numbers the nodes of a batch by first occurrence, with any number of threads
// in any order.
//
// Each id has a value, the least that any thread offered for it. Nodes that
// have a number have it as their value. Those who meet ids at places of a list
// offer `numbered + place`, which is more than any number, so afterwards an id
// is new where its value is not below `numbered`, and its first occurrence is
// the place whose offer it took. How many first occurrences are before a place
// is a prefix sum; that is the new node's number, which becomes its value. So
// the numbers are those that one thread would give who goes through the list
// in order, whatever the order was in which the offers came.
//
// Open addressing, linear probing, at most half full. Where an id lies depends
// on who came first, and nothing else does.
struct NodeTable {
  static constexpr uint64_t kFree = ~uint64_t{0};
  static constexpr uint32_t kNoValue = ~uint32_t{0};

  uint64_t* ids = nullptr;     // kFree, or an id
  uint32_t* values = nullptr;  // kNoValue to begin with
  uint32_t mask = 0;           // slots - 1, of which there are a power of two

  // The slot of `id`, the value of which is now no more than `value`. REQUIRES
  // id >= 0 and a slot that is free.
  FAIRLEAD_HOST_DEVICE uint32_t Offer(int64_t id, uint32_t value) const {
    const auto wanted = static_cast<uint64_t>(id);
    // Fibonacci hashing: the upper half of the product is well mixed.
    auto at = static_cast<uint32_t>((wanted * 0x9E3779B97F4A7C15) >> 32) & mask;
    while (true) {
      uint64_t there = AtomicLoad(ids + at);
      if (there == kFree) {
        there = AtomicCompareExchange(ids + at, kFree, wanted);
      }
      if (there == kFree || there == wanted) break;
      at = (at + 1) & mask;
    }
    AtomicMin(values + at, value);
    return at;
  }
};

}  // namespace fairlead::cuda

#endif  // FAIRLEAD_LIBS_CUDA_NODE_TABLE_H_
