#include "tools/bench/load_plan.h"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tools/bench/load_window.h"

namespace fairlead::bench {

std::vector<LoadSpec> PlanLoads(const std::vector<int>& clients) {
  std::vector<LoadSpec> loads;
  for (const char* fanout : kFanouts) {
    for (const bool shared : {false, true}) {
      loads.push_back(
          {.name = absl::StrCat(shared ? "shared memory " : "remote ", fanout),
           .shared_memory = shared,
           .fanout = fanout});
    }
  }
  for (const bool shared : {false, true}) {
    LoadSpec load = loads[shared ? 3 : 2];  // of 15,10,5
    absl::StrAppend(&load.name, ", every byte read");
    load.read_batches = true;
    loads.push_back(std::move(load));
  }
  auto behind = loads.begin() + 1;
  for (const int several : clients) {
    if (several == 1) continue;  // is there
    behind = loads.insert(
        behind, {.name = absl::StrCat("remote 10,5, ", several, " clients"),
                 .fanout = "10,5",
                 .clients = several});
    ++behind;
  }
  return loads;
}

std::vector<size_t> TurnsOfRound(const std::vector<LoadSpec>& loads,
                                 int pairs) {
  std::vector<size_t> turns(loads.size());
  std::iota(turns.begin(), turns.end(), size_t{0});
  const auto four =
      std::find_if(loads.begin(), loads.end(),
                   [](const LoadSpec& load) { return load.clients == 4; });
  if (four == loads.end()) return turns;
  for (int pair = 1; pair < pairs; ++pair) {
    turns.push_back(0);  // one client alone
    turns.push_back(static_cast<size_t>(four - loads.begin()));
  }
  return turns;
}

}  // namespace fairlead::bench
