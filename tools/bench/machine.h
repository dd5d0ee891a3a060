#ifndef FAIRLEAD_TOOLS_BENCH_MACHINE_H_
#define FAIRLEAD_TOOLS_BENCH_MACHINE_H_

#include "nlohmann/json.hpp"

namespace fairlead::bench {

// What figures were taken on: kernel, processor, cores, memory, transparent
// huge pages, and how busy it was before.
nlohmann::ordered_json DescribeMachine();

// Runnable processes over the last minute.
double LoadAverage();

}  // namespace fairlead::bench

#endif  // FAIRLEAD_TOOLS_BENCH_MACHINE_H_
