#include "libs/loader/server_assignment.h"

#include <algorithm>
#include <cstdint>
#include <map>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"

namespace fairlead {
namespace {

constexpr uint32_t kMost = uint32_t{1} << 20;

}  // namespace

absl::StatusOr<std::map<uint32_t, ServerSlice>> ComputeServerAssignments(
    uint32_t num_servers, uint32_t num_compute, uint32_t rank) {
  if (num_servers < 1 || num_compute < 1 || num_servers > kMost ||
      num_compute > kMost || rank >= num_compute) {
    return absl::InvalidArgumentError(
        absl::StrCat("server assignment: rank ", rank, " of ", num_compute,
                     " over ", num_servers,
                     " servers; there must be 1 to 1048576 of each, and ranks "
                     "are counted from 0"));
  }
  // num_servers * num_compute units in a row: num_compute of each server, and
  // num_servers for each rank.
  const uint64_t begin = uint64_t{rank} * num_servers;
  const uint64_t end = begin + num_servers;
  std::map<uint32_t, ServerSlice> slices;
  for (uint64_t server = begin / num_compute;
       server * num_compute < end && server < num_servers; ++server) {
    const uint64_t first = server * num_compute;
    slices[static_cast<uint32_t>(server)] = {
        .start_numerator = std::max(begin, first) - first,
        .end_numerator = std::min(end, first + num_compute) - first,
        .denominator = num_compute};
  }
  return slices;
}

}  // namespace fairlead
