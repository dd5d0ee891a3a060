#include "libs/timeline/align_clocks.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/types/span.h"

namespace fairlead {

std::vector<AlignedClock> AlignClocks(size_t hosts,
                                      absl::Span<const ClockOffset> offsets) {
  std::map<std::string, std::map<size_t, ClockOffset>> best;
  for (const ClockOffset& offset : offsets) {
    const auto [known, is_new] =
        best[offset.trainer].try_emplace(offset.host, offset);
    if (!is_new && offset.error_ns < known->second.error_ns) {
      known->second = offset;
    }
  }
  std::vector<std::optional<AlignedClock>> placed(hosts);
  for (size_t first = 0; first < hosts; ++first) {
    if (placed[first].has_value()) continue;
    placed[first] = AlignedClock{.group = first};
    std::vector<size_t> to_visit = {first};
    while (!to_visit.empty()) {
      const size_t host = to_visit.back();
      to_visit.pop_back();
      for (const auto& [trainer, by_host] : best) {
        const auto here = by_host.find(host);
        if (here == by_host.end()) continue;
        for (const auto& [other, there] : by_host) {
          if (placed[other].has_value()) continue;
          // The trainer's clock says the same of both.
          placed[other] =
              AlignedClock{.group = first,
                           .shift_ns = placed[host]->shift_ns + there.ahead_ns -
                                       here->second.ahead_ns};
          to_visit.push_back(other);
        }
      }
    }
  }
  std::vector<AlignedClock> clocks;
  clocks.reserve(hosts);
  for (const std::optional<AlignedClock>& clock : placed) {
    clocks.push_back(*clock);
  }
  return clocks;
}

}  // namespace fairlead
