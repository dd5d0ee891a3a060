#ifndef FAIRLEAD_TOOLS_BENCH_REPORT_PLOTS_H_
#define FAIRLEAD_TOOLS_BENCH_REPORT_PLOTS_H_

#include <string>

#include "nlohmann/json.hpp"

namespace fairlead::bench {

// The pictures of a report, each of results as figures.h has them.

std::string ThroughputPlot(const nlohmann::ordered_json& results);
std::string SharesPlot(const nlohmann::ordered_json& results);
std::string GapsPlot(const nlohmann::ordered_json& results);
// CPU of a batch by stage, beside its floor.
std::string CostPlot(const nlohmann::ordered_json& results);
std::string CopiesPlot(const nlohmann::ordered_json& results);
std::string SyscallsPlot(const nlohmann::ordered_json& results);
std::string ScalingSpeedPlot(const nlohmann::ordered_json& results);
std::string ScalingEdgePlot(const nlohmann::ordered_json& results);
std::string ScalingMemoryPlot(const nlohmann::ordered_json& results);
std::string ScalingStartPlot(const nlohmann::ordered_json& results);

}  // namespace fairlead::bench

#endif  // FAIRLEAD_TOOLS_BENCH_REPORT_PLOTS_H_
