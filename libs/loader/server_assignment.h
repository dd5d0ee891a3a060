#ifndef FAIRLEAD_LIBS_LOADER_SERVER_ASSIGNMENT_H_
#define FAIRLEAD_LIBS_LOADER_SERVER_ASSIGNMENT_H_

#include <cstdint>
#include <map>

#include "absl/status/statusor.h"

namespace fairlead {

// A part of what one server has (parity DS-54): of a list of n, the items
// [n * start_numerator / denominator, n * end_numerator / denominator), in
// whole numbers, so that neighbours meet exactly whatever n is.
struct ServerSlice {
  uint64_t start_numerator = 0;
  uint64_t end_numerator = 1;
  uint64_t denominator = 1;

  bool operator==(const ServerSlice&) const = default;
};

// Which part of which server is compute rank `rank`'s (parity DS-55): servers
// and ranks are laid side by side, so that a rank talks to as few servers as
// can be, and all ranks together have every server's items once. By server.
// INVALID_ARGUMENT unless there are servers and ranks, at most 2^20 of each,
// and `rank` is one of them.
absl::StatusOr<std::map<uint32_t, ServerSlice>> ComputeServerAssignments(
    uint32_t num_servers, uint32_t num_compute, uint32_t rank);

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_LOADER_SERVER_ASSIGNMENT_H_
