#ifndef FAIRLEAD_TOOLS_BENCH_OWN_RATES_H_
#define FAIRLEAD_TOOLS_BENCH_OWN_RATES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/cost_model/batch_cost.h"
#include "libs/graph/dataset.h"
#include "nlohmann/json.hpp"

namespace fairlead::bench {

// How fast one thread samples a dataset, with nothing else to do, and how large
// its batches are beside what the cost model expects:
//
//   {"fanout", "s_per_edge": [a value a round], "batches",
//    "sampled": {"edges", "nodes"}, "expected": the same and more}
//
// INVALID_ARGUMENT for a dataset of several node or edge types.
absl::StatusOr<nlohmann::ordered_json> MeasureSampling(
    const Dataset& dataset, const std::vector<int32_t>& fanout,
    uint64_t batch_size, int rounds, double seconds);

// What goes with each node of a dataset of one type.
RowWidths WidthsOf(const Dataset& dataset);

// As an object of numbers, for reports.
nlohmann::ordered_json ToJson(const BatchCost& cost);
nlohmann::ordered_json ToJson(const CpuFloor& floor);

}  // namespace fairlead::bench

#endif  // FAIRLEAD_TOOLS_BENCH_OWN_RATES_H_
