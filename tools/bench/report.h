#ifndef FAIRLEAD_TOOLS_BENCH_REPORT_H_
#define FAIRLEAD_TOOLS_BENCH_REPORT_H_

#include <string>

#include "nlohmann/json.hpp"

namespace fairlead::bench {

// Results (schema "fairlead.bench.v1") as something to read. Pure. `baseline`
// is another run's, or null.

// One page with everything in it: no script, nothing loaded, light and dark.
std::string ReportHtml(const nlohmann::ordered_json& results,
                       const nlohmann::ordered_json& baseline);

// The goals, and what has changed, for a terminal.
std::string ReportText(const nlohmann::ordered_json& results,
                       const nlohmann::ordered_json& baseline);

}  // namespace fairlead::bench

#endif  // FAIRLEAD_TOOLS_BENCH_REPORT_H_
