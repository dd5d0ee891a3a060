#ifndef FAIRLEAD_TOOLS_BENCH_LOAD_PLAN_H_
#define FAIRLEAD_TOOLS_BENCH_LOAD_PLAN_H_

#include <cstddef>
#include <vector>

#include "tools/bench/load_window.h"

namespace fairlead::bench {

// Which loads there are, and in which order they are watched. Pure.

inline constexpr const char* kFanouts[] = {"10,5", "15,10,5"};

// One client alone first, of the first fanout; right behind it those of several
// `clients` (1 among them is that first one), which are compared with it.
std::vector<LoadSpec> PlanLoads(const std::vector<int>& clients);

// Places in `loads`, in the order of a round: all of them, and then one client
// alone and four in turns, until there are so many `pairs`. Their ratio is a
// goal, and one pair lies some 5 % from the next.
std::vector<size_t> TurnsOfRound(const std::vector<LoadSpec>& loads, int pairs);

}  // namespace fairlead::bench

#endif  // FAIRLEAD_TOOLS_BENCH_LOAD_PLAN_H_
