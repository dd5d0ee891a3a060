#ifndef FAIRLEAD_LIBS_CUDA_DEVICE_OPTIONS_H_
#define FAIRLEAD_LIBS_CUDA_DEVICE_OPTIONS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace fairlead::cuda {

// What of a dataset a GPU works on (parity GL-021 to GL-023). A batch is the
// same to the byte, whatever is chosen; what is chosen and cannot be had is an
// error, never the CPU in its place.
struct DeviceOptions {
  // Who samples neighbourhoods, and where the graph is for that: "cpu"; or a
  // GPU, which reads it in page-locked memory of this host ("zero_copy") or in
  // its own ("cuda"). In upper case, too.
  std::string graph_mode = "cpu";

  // Whether a GPU gathers the features of nodes: the hottest rows are in its
  // memory, the rest in page-locked memory of this host, which takes as much
  // again as the files.
  bool feature_with_gpu = false;

  // Which: "cuda:1", say; "cuda" and nothing are the first.
  std::string device = {};

  // For features: groups of devices that GLT would spread hot rows over. Here
  // each device has its own, so each is in a group of its own; may be empty.
  std::vector<std::vector<int>> device_group_list = {};

  // Most memory of the device for the graph ("cuda") and for hot rows, which
  // get what the graph leaves. What batches in the making need comes on top.
  uint64_t memory_budget_bytes = kDefaultMemoryBudget;

  static constexpr uint64_t kDefaultMemoryBudget = uint64_t{4} << 30;
};

enum class GraphMode : uint8_t { kCpu, kZeroCopy, kCuda };

// What options say, once they are checked.
struct DeviceUse {
  GraphMode graph_mode = GraphMode::kCpu;
  bool features = false;
  int device = 0;
  uint64_t memory_budget_bytes = 0;

  bool any() const { return features || graph_mode != GraphMode::kCpu; }
};

// INVALID_ARGUMENT, naming the option and what it may be. Of options that ask
// for no GPU the rest is not looked at (GL-023). FAILED_PRECONDITION for a
// group of several devices.
absl::StatusOr<DeviceUse> Resolve(const DeviceOptions& options);

}  // namespace fairlead::cuda

#endif  // FAIRLEAD_LIBS_CUDA_DEVICE_OPTIONS_H_
