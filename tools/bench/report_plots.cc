#include "tools/bench/report_plots.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "nlohmann/json.hpp"
#include "tools/bench/figures.h"
#include "tools/bench/statistics.h"
#include "tools/bench/svg_plot.h"

namespace fairlead::bench {
namespace {

using Json = nlohmann::ordered_json;

const Json& ListOf(const Json& results, const char* key) {
  static const auto& none = *new Json(Json::array());
  return results.contains(key) ? results[key] : none;
}

// A point that is the median of several values, and their range.
void AddPoint(double x, const std::vector<double>& values, Series& series) {
  if (values.empty()) return;
  series.points.emplace_back(x, Median(values));
  series.ranges.emplace_back(Quantile(values, 0), Quantile(values, 1));
}

// "2^16", or "100 M", at each size.
Axis SizeAxis(const Json& results) {
  Axis axis{.label = "nodes of the graph", .logarithmic = true};
  for (const Json& size : ListOf(results, "scaling")) {
    const auto nodes = size.value("nodes", uint64_t{0});
    axis.ticks.emplace_back(static_cast<double>(nodes), NodesText(nodes));
  }
  return axis;
}

// What there is one of for each size.
std::string ScalingPlot(const Json& results, const char* key,
                        const std::string& name, const Axis& y) {
  Series series{.name = name};
  for (const Json& size : ListOf(results, "scaling")) {
    const double value = size.value(key, 0.0);
    if (value > 0) {
      series.points.emplace_back(size.value("nodes", 0.0), value);
    }
  }
  return LinePlot(SizeAxis(results), y,
                  series.points.empty() ? std::vector<Series>{}
                                        : std::vector<Series>{series});
}

}  // namespace

std::string ThroughputPlot(const Json& results) {
  Series together{.name = "all clients together"};
  Series each{.name = "one of them, on average"};
  Axis x{.label = "clients (remote, fanout 10,5)", .logarithmic = true};
  std::map<double, std::vector<double>> speeds;
  for (const Json& load : ListOf(results, "loads")) {
    if (load.value("shared_memory", false) ||
        load.value("read_batches", false) ||
        load.value("fanout", "") != "10,5") {
      continue;
    }
    speeds[load.value("clients", 1.0)] = ValuesOfRounds(load, "batches_per_s");
  }
  for (const auto& [clients, values] : speeds) {
    AddPoint(clients, values, together);
    std::vector<double> shares;
    for (const double value : values) shares.push_back(value / clients);
    AddPoint(clients, shares, each);
    x.ticks.emplace_back(clients, absl::StrFormat("%g", clients));
  }
  if (together.points.empty()) return LinePlot(x, {}, {});
  return LinePlot(x, {.label = "batches a second", .unit = "1/s"},
                  {together, each});
}

std::string SharesPlot(const Json& results) {
  for (const Json& load : ListOf(results, "loads")) {
    if (load.value("clients", 1) != 4 || load["rounds"].empty()) continue;
    const Json& bins = load["rounds"][0]["bins"];
    const double width = bins["seconds"];
    std::vector<Series> series;
    std::vector<double> totals;
    for (const Json& counts : bins["batches"]) {
      totals.resize(std::max(totals.size(), counts.size()), 0);
      for (size_t i = 0; i < counts.size(); ++i) {
        totals[i] += counts[i].get<double>();
      }
    }
    for (const Json& counts : bins["batches"]) {
      Series& one = series.emplace_back(
          Series{.name = absl::StrCat("client ", series.size() + 1)});
      for (size_t i = 0; i < counts.size(); ++i) {
        one.points.emplace_back(
            (static_cast<double>(i) + 0.5) * width,
            counts[i].get<double>() / std::max(totals[i], 1.0));
      }
    }
    return LinePlot(
        {.label = "seconds into the first round's window", .unit = "s"},
        {.label = "share of batches"}, series);
  }
  return LinePlot({}, {}, {});
}

std::string GapsPlot(const Json& results) {
  std::vector<Series> series;
  for (const Json& load : ListOf(results, "loads")) {
    if (load.value("clients", 1) != 1) continue;
    // Of all rounds, each quantile's median.
    Series one{.name = load.value("name", "")};
    for (int i = 1; i <= 99; ++i) {
      const double gap =
          MedianOfRounds(load, absl::StrCat("gap_quantiles_s/", i));
      if (gap > 0) one.points.emplace_back(gap, i / 100.0);
    }
    if (!one.points.empty()) series.push_back(std::move(one));
  }
  return LinePlot({.label = "time from one batch to the next, one client",
                   .unit = "s",
                   .logarithmic = true},
                  {.label = "share of batches that took no longer"}, series);
}

std::string CostPlot(const Json& results) {
  const std::vector<std::string> parts = {
      "sampling",         "gathering",          "rest of the pool",
      "gateway, sending", "trainer, receiving", "registry"};
  std::vector<Bar> bars;
  for (const Json& load : ListOf(results, "loads")) {
    if (load.value("clients", 1) != 1 || load.value("read_batches", false)) {
      continue;
    }
    const Json cost = CostOfLoad(results, load);
    if (cost.is_null()) continue;
    const Json& cpu = cost["cpu_s"];
    const double pool = cpu.value("pool", 0.0);
    // What the pool's workers say of their stages is time by the clock; where
    // others took the processor meanwhile it is more than CPU time.
    double sample = MedianOfRounds(load, "stage_s_per_batch/sample");
    double features = MedianOfRounds(load, "stage_s_per_batch/features");
    if (sample + features > pool && sample + features > 0) {
      const double fit = pool / (sample + features);
      sample *= fit;
      features *= fit;
    }
    const std::string name = load.value("name", "");
    const Json& floor = cost["floor_s"];
    bars.push_back(
        {name,
         {sample, features, pool - sample - features, cpu.value("gateway", 0.0),
          cpu.value("trainer", 0.0), cpu.value("registry", 0.0)}});
    bars.push_back({"its floor",
                    {floor["sample"], floor["gather"], 0, floor["send"],
                     floor["receive"], 0}});
  }
  return StackedBars({.label = "CPU time of a batch", .unit = "s"}, parts,
                     bars);
}

std::string CopiesPlot(const Json& results) {
  std::vector<std::string> parts;
  std::vector<Bar> bars;
  for (const Json& load : ListOf(results, "loads")) {
    if (load.value("clients", 1) != 1 || load.value("read_batches", false)) {
      continue;
    }
    const Json cost = CostOfLoad(results, load);
    if (cost.is_null()) continue;
    Bar bar{.name = load.value("name", "")};
    std::vector<std::string> names;
    for (const Json& copy : cost["copies"]) {
      names.push_back(absl::StrCat(copy.value("process", ""), ": ",
                                   copy.value("what", "")));
      bar.parts.push_back(copy["bytes"]);
    }
    // Remote loads have all the steps of the others, and more.
    if (names.size() > parts.size()) parts = names;
    bars.push_back(std::move(bar));
  }
  return StackedBars({.label = "bytes copied for a batch", .unit = "bytes"},
                     parts, bars);
}

std::string SyscallsPlot(const Json& results) {
  const std::vector<std::string> processes = {"pool", "gateway", "trainer",
                                              "registry"};
  std::vector<Bar> bars;
  for (const Json& counted : ListOf(results, "syscalls")) {
    Bar bar{.name = absl::StrCat("remote ", counted.value("fanout", ""))};
    for (const std::string& process : processes) {
      bar.parts.push_back(std::max(0.0, counted["total"].value(process, 0.0)));
    }
    bars.push_back(std::move(bar));
  }
  return StackedBars({.label = "system calls of a batch"}, processes, bars);
}

std::string ScalingSpeedPlot(const Json& results) {
  Series series{.name = "remote, fanout 10,5"};
  for (const Json& size : ListOf(results, "scaling")) {
    AddPoint(size.value("nodes", 0.0), ValuesOfRounds(size, "batches_per_s"),
             series);
  }
  return LinePlot(SizeAxis(results),
                  {.label = "batches a second", .unit = "1/s"},
                  series.points.empty() ? std::vector<Series>{}
                                        : std::vector<Series>{series});
}

std::string ScalingEdgePlot(const Json& results) {
  std::map<std::string, Series> by_fanout;
  for (const Json& size : ListOf(results, "scaling")) {
    for (const Json& alone : ListOf(size, "sampling")) {
      const std::string fanout = alone.value("fanout", "");
      Series& series = by_fanout[fanout];
      series.name = absl::StrCat("fanout ", fanout);
      AddPoint(size.value("nodes", 0.0),
               alone["s_per_edge"].get<std::vector<double>>(), series);
    }
  }
  std::vector<Series> series;
  for (auto& [unused, one] : by_fanout) series.push_back(std::move(one));
  return LinePlot(
      SizeAxis(results),
      {.label = "time of one sampled edge, one thread alone", .unit = "s"},
      series);
}

std::string ScalingMemoryPlot(const Json& results) {
  return ScalingPlot(results, "pool_peak_bytes", "memory of the pool at most",
                     {.label = "memory", .unit = "bytes"});
}

std::string ScalingStartPlot(const Json& results) {
  return ScalingPlot(results, "pool_start_s", "until the pool serves",
                     {.label = "time", .unit = "s"});
}

}  // namespace fairlead::bench
