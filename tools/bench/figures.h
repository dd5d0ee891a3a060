#ifndef FAIRLEAD_TOOLS_BENCH_FIGURES_H_
#define FAIRLEAD_TOOLS_BENCH_FIGURES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "nlohmann/json.hpp"

namespace fairlead::bench {

// What results.json holds (schema "fairlead.bench.v1", see README.md), read as
// figures. Pure.

inline constexpr char kSchema[] = "fairlead.bench.v1";

// INVALID_ARGUMENT, saying what it is, for JSON that is no such result.
absl::Status CheckSchema(const nlohmann::ordered_json& results);

// One number that was measured several times.
struct Figure {
  std::string group;  // "floors", "micro", "loads", "scaling", "idle"
  std::string name;
  std::string unit;  // as WithUnit's
  bool more_is_better = false;
  std::vector<double> values;
};
std::vector<Figure> FiguresOf(const nlohmann::ordered_json& results);

// A goal of the project, and how it stands.
struct Goal {
  std::string name;
  std::string goal;   // "at least 100 /s"
  std::string value;  // "148 /s"; "not measured"
  bool is_measured = false;
  bool is_met = false;
  std::string formula;  // how the value is made, where that is not plain
};
std::vector<Goal> GoalsOf(const nlohmann::ordered_json& results);

// How many nodes a graph has, to read: "2^16", or "100 M".
std::string NodesText(uint64_t nodes);

// What a load's batches cost at the machine's floors, from what was measured of
// both. Null, if one was not.
//   {"batch": ToJson(BatchCost), "floor_s": ToJson(CpuFloor),
//    "rates": the four, "cpu_s": by process, "cpu_total_s", "ratio",
//    "formula": in words and numbers, "copies": [{process, what, bytes}]}
nlohmann::ordered_json CostOfLoad(const nlohmann::ordered_json& results,
                                  const nlohmann::ordered_json& load);

// The median of `values` at a path such as "cpu_s_per_batch/pool" over the
// rounds of a load; 0 if no round has it.
double MedianOfRounds(const nlohmann::ordered_json& load,
                      const std::string& path);
std::vector<double> ValuesOfRounds(const nlohmann::ordered_json& load,
                                   const std::string& path);

}  // namespace fairlead::bench

#endif  // FAIRLEAD_TOOLS_BENCH_FIGURES_H_
