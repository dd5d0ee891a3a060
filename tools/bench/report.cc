#include "tools/bench/report.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "nlohmann/json.hpp"
#include "tools/bench/figures.h"
#include "tools/bench/report_plots.h"
#include "tools/bench/report_style.h"
#include "tools/bench/statistics.h"
#include "tools/bench/svg_plot.h"

namespace fairlead::bench {
namespace {

using Json = nlohmann::ordered_json;

bool IsVerdict(absl::string_view cell) {
  return cell == "met" || cell == "missed" || cell == "better" ||
         cell == "worse";
}

class HtmlTable {
 public:
  explicit HtmlTable(const std::vector<std::string>& head) {
    html_ = "<table><thead><tr>";
    for (const std::string& cell : head) {
      absl::StrAppend(&html_, "<th>", EscapeHtml(cell), "</th>");
    }
    absl::StrAppend(&html_, "</tr></thead><tbody>");
  }
  void Add(const std::vector<std::string>& cells, absl::string_view css = "") {
    absl::StrAppend(&html_, "<tr", css.empty() ? "" : " class=\"", css,
                    css.empty() ? "" : "\"", ">");
    for (const std::string& cell : cells) {
      absl::StrAppend(&html_,
                      IsVerdict(cell) ? "<td class=\"verdict\">" : "<td>",
                      EscapeHtml(cell), "</td>");
    }
    absl::StrAppend(&html_, "</tr>");
    is_empty_ = false;
  }
  std::string Html() const {
    if (is_empty_) return "<p class=\"soft\">not measured in this run</p>";
    return html_ + "</tbody></table>";
  }

 private:
  std::string html_;
  bool is_empty_ = true;
};

std::string Card(absl::string_view title, absl::string_view note,
                 absl::string_view content) {
  return absl::StrCat("<section class=\"card\"><h2>", EscapeHtml(title),
                      "</h2><p class=\"soft\">", EscapeHtml(note), "</p>",
                      content, "</section>\n");
}

std::string Folded(absl::string_view title, absl::string_view content) {
  return absl::StrCat("<details class=\"card\"><summary>", EscapeHtml(title),
                      "</summary>", content, "</details>\n");
}

std::string RangeOf(const Figure& figure) {
  return absl::StrCat(WithUnit(Quantile(figure.values, 0), figure.unit), " to ",
                      WithUnit(Quantile(figure.values, 1), figure.unit));
}

std::string Header(const Json& results) {
  const Json machine = results.value("machine", Json::object());
  const Json taken = results.value("taken", Json::object());
  const Json dataset = results.value("dataset", Json::object());
  std::string html = absl::StrCat(
      "<header><h1>Fairlead, measured</h1><p class=\"soft\">",
      EscapeHtml(absl::StrCat(
          taken.value("at", ""), ", in ",
          absl::StrFormat("%.0f s", taken.value("seconds", 0.0)), ": version ",
          taken.value("version", ""), ", commit ",
          taken.value("commit", "").empty() ? "unknown"
                                            : taken.value("commit", ""),
          ", built ", taken.value("config", ""))),
      "<br>",
      EscapeHtml(absl::StrCat(
          machine.value("cpu", ""), ", ", machine.value("cores", 0), " cores, ",
          WithUnit(machine.value("memory_bytes", 0.0), "bytes"), ", ",
          machine.value("kernel", ""), "; load average ",
          absl::StrFormat("%.2f before, %.2f after",
                          machine.value("load_before", 0.0),
                          machine.value("load_after", 0.0)))));
  if (!dataset.empty()) {
    absl::StrAppend(
        &html, "<br>",
        EscapeHtml(absl::StrFormat(
            "graph %s: %d nodes, %d edges, %d bytes of features a node; %d "
            "sampling threads; medians of %d rounds",
            dataset.value("name", ""), dataset.value("nodes", int64_t{0}),
            dataset.value("edges", int64_t{0}),
            dataset.value("feature_row_bytes", 0), taken.value("workers", 0),
            taken.value("rounds", 0))));
  }
  absl::StrAppend(&html, "</p>");
  if (taken.value("quick", false)) {
    absl::StrAppend(&html,
                    "<p class=\"warning\">A quick run, on a small graph: to "
                    "see that all works, not to quote.</p>");
  }
  if (taken.value("config", "") != "opt") {
    absl::StrAppend(&html,
                    "<p class=\"warning\">Not an optimised build: no figure "
                    "of ours here means anything.</p>");
  }
  const double busy = machine.value("load_before", 0.0);
  if (busy > 0.5) {
    absl::StrAppendFormat(
        &html,
        "<p class=\"warning\">The machine was busy with other work before "
        "(load average %.1f): ratios within this run stand, figures by "
        "themselves do not.</p>",
        busy);
  }
  const Json missing = results.value("not_measured", Json::object());
  for (const auto& [part, why] : missing.items()) {
    absl::StrAppend(
        &html, "<p class=\"warning\">",
        EscapeHtml(absl::StrCat(part, ": ", why.get<std::string>())), "</p>");
  }
  return html + "</header>\n";
}

std::string GoalsCard(const Json& results) {
  HtmlTable table({"goal", "wanted", "measured", "", "how"});
  for (const Goal& goal : GoalsOf(results)) {
    table.Add({goal.name, goal.goal, goal.value,
               !goal.is_measured ? "-" : (goal.is_met ? "met" : "missed"),
               goal.formula},
              !goal.is_measured ? "" : (goal.is_met ? "met" : "missed"));
  }
  return Card("Goals",
              "For 2^20 nodes, 20 M edges, 128 float32 features, batches of "
              "1024, services and trainer as processes over loopback.",
              table.Html());
}

// What both runs have: name, before, after and how they compare.
std::vector<std::pair<Figure, Comparison>> CompareAll(const Json& results,
                                                      const Json& baseline) {
  std::vector<std::pair<Figure, Comparison>> compared;
  const std::vector<Figure> earlier = FiguresOf(baseline);
  for (const Figure& figure : FiguresOf(results)) {
    const auto before =
        std::find_if(earlier.begin(), earlier.end(), [&](const Figure& other) {
          return other.group == figure.group && other.name == figure.name &&
                 other.unit == figure.unit;
        });
    if (before == earlier.end()) continue;
    compared.emplace_back(figure, Compare(before->values, figure.values));
  }
  return compared;
}

// "better", "worse", or that nothing is known.
std::string Verdict(const Figure& figure, const Comparison& comparison) {
  if (comparison.is_inside_noise()) return "inside noise";
  return (comparison.ratio > 1) == figure.more_is_better ? "better" : "worse";
}

std::string ComparisonCard(const Json& results, const Json& baseline) {
  if (baseline.is_null()) return "";
  HtmlTable table(
      {"figure", "before", "now", "ratio", "lowest to highest", ""});
  for (const auto& [figure, comparison] : CompareAll(results, baseline)) {
    const std::string verdict = Verdict(figure, comparison);
    table.Add(
        {absl::StrCat(figure.group, ": ", figure.name),
         WithUnit(comparison.before, figure.unit),
         WithUnit(comparison.after, figure.unit),
         absl::StrFormat("%.2f", comparison.ratio),
         absl::StrFormat("%.2f to %.2f", comparison.lowest, comparison.highest),
         verdict},
        verdict == "better"  ? "met"
        : verdict == "worse" ? "missed"
                             : "noise");
  }
  const Json taken = baseline.value("taken", Json::object());
  const Json machine = baseline.value("machine", Json::object());
  const bool same_machine =
      machine.value("cpu", "") ==
      results.value("machine", Json::object()).value("cpu", "");
  return Card(
      absl::StrCat("Against the run of ", taken.value("at", ""), ", commit ",
                   taken.value("commit", "")),
      absl::StrCat(
          "Medians, their ratio, and the ratios of every value now to every "
          "value then. Where 1 lies among these, nothing is known to have "
          "changed. Look at the floors first: where they moved, the machine "
          "did. ",
          same_machine ? "" : "That run was on another processor."),
      table.Html());
}

std::string FiguresTable(const Json& results, absl::string_view group) {
  HtmlTable table({"", "median", "lowest to highest"});
  for (const Figure& figure : FiguresOf(results)) {
    if (figure.group != group) continue;
    std::string name = figure.name;
    for (const Json& floor : results.value("floors", Json::array())) {
      if (group == "floors" && floor.value("name", "") == name) {
        name = floor.value("what", "");
      }
    }
    table.Add(
        {name, WithUnit(Median(figure.values), figure.unit), RangeOf(figure)});
  }
  return table.Html();
}

std::string ModelTable(const Json& results) {
  HtmlTable table({"fanout", "", "sampled", "by the model", "ratio"});
  for (const Json& one : results.value("sampling", Json::array())) {
    for (const char* what : {"edges", "nodes"}) {
      const double sampled = one["sampled"][what];
      const double expected = one["expected"][what];
      table.Add({one.value("fanout", ""), what,
                 absl::StrFormat("%.0f", sampled),
                 absl::StrFormat("%.0f", expected),
                 absl::StrFormat("%.3f", expected / sampled)});
    }
  }
  return table.Html();
}

std::string SyscallsTable(const Json& results) {
  HtmlTable table({"fanout", "process", "call", "a batch"});
  for (const Json& counted : results.value("syscalls", Json::array())) {
    for (const auto& [process, calls] : counted["by_process"].items()) {
      std::vector<std::pair<double, std::string>> order;
      for (const auto& [call, count] : calls.items()) {
        order.emplace_back(count.get<double>(), call);
      }
      std::sort(order.rbegin(), order.rend());
      for (const auto& [count, call] : order) {
        if (count < 0.05) continue;
        table.Add({counted.value("fanout", ""), process, call,
                   absl::StrFormat("%.2f", count)});
      }
    }
  }
  return table.Html();
}

constexpr char kMethod[] = R"(<ul>
<li>A load is started, warmed up, and watched from one moment to another: batches that came between them, and the CPU time of every
process. Loads take turns, round after round; 1 and 4 clients of one round are a pair.</li>
<li>Trainers are processes that read no byte of a batch (<code>loadgen --read_batches=false</code>): a model's work is not in these
figures. Everything runs on the same cores, the trainers too.</li>
<li>The floor of a batch is what its sampling (this sampler, alone, one thread), gathering (a loop with prefetches), sending and
receiving (a loopback socket) cost in CPU time in this same run. A kernel that copies by other ways, or huge pages, could go
below it.</li>
<li>Nothing is pinned, unless the whole run is (<code>taskset -c 0,1</code>). tools/bench/README.md has the rest.</li></ul>)";

}  // namespace

std::string ReportHtml(const Json& results, const Json& baseline) {
  std::string html = absl::StrCat(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
      "<meta name=\"viewport\" content=\"width=device-width\">"
      "<title>Fairlead, measured</title><style>",
      kReportStyle, "</style></head><body>\n");
  absl::StrAppend(&html, Header(results), GoalsCard(results),
                  ComparisonCard(results, baseline));
  absl::StrAppend(
      &html, "<div class=\"plots\">\n",
      Card("Throughput against clients",
           "Contention would bend the upper line down.",
           ThroughputPlot(results)),
      Card("Shares of four clients over time",
           "Equal clients on one backend: a quarter each is their due.",
           SharesPlot(results)),
      Card("From one batch to the next",
           "How evenly batches come: the steeper, the more so.",
           GapsPlot(results)),
      Card("CPU time of a batch, by stage",
           "Measured, and the sum of the machine's floors for the same bytes.",
           CostPlot(results)),
      Card("Bytes copied for a batch",
           "Counted by hand from the code's stages, for batches as measured.",
           CopiesPlot(results)),
      Card("System calls of a batch", "Counted by strace, set-up left out.",
           SyscallsPlot(results)),
      Card("Scaling: throughput", "One client, remote, fanout 10,5.",
           ScalingSpeedPlot(results)),
      Card("Scaling: one sampled edge",
           "Larger graphs miss more caches. One thread, nothing else.",
           ScalingEdgePlot(results)),
      Card("Scaling: memory", "Of the sampler pool, with its mapped dataset.",
           ScalingMemoryPlot(results)),
      Card("Scaling: start", "Until the sampler pool is ready; files in cache.",
           ScalingStartPlot(results)),
      "</div>\n");
  absl::StrAppend(
      &html,
      Card("Floors of this machine",
           "Measured in this run; nothing of Fairlead is in them.",
           FiguresTable(results, "floors")),
      Card("Loads", "Medians over rounds.", FiguresTable(results, "loads")),
      Card("The cost model",
           "Mean batches as sampled, and as libs/cost_model "
           "expects them from the graph's degrees alone.",
           ModelTable(results)),
      Folded("Benchmarks of the parts", FiguresTable(results, "micro")),
      Folded("System calls by name", SyscallsTable(results)),
      Card("Method", "", kMethod), "</body></html>\n");
  return html;
}

std::string ReportText(const Json& results, const Json& baseline) {
  std::string text;
  for (const Goal& goal : GoalsOf(results)) {
    absl::StrAppendFormat(
        &text, "%-7s %-50s %-18s %s\n",
        !goal.is_measured ? "-" : (goal.is_met ? "met" : "missed"), goal.name,
        goal.value, goal.goal);
  }
  const Json missing = results.value("not_measured", Json::object());
  for (const auto& [part, why] : missing.items()) {
    absl::StrAppend(&text, "failed  ", part, ": ", why.get<std::string>(),
                    "\n");
  }
  if (baseline.is_null()) return text;
  int noise = 0;
  for (const auto& [figure, comparison] : CompareAll(results, baseline)) {
    if (comparison.is_inside_noise()) {
      ++noise;
      continue;
    }
    absl::StrAppendFormat(
        &text, "%-7s %-50s %s -> %s: %s\n", Verdict(figure, comparison),
        absl::StrCat(figure.group, ": ", figure.name),
        WithUnit(comparison.before, figure.unit),
        WithUnit(comparison.after, figure.unit), comparison.ToString());
  }
  absl::StrAppend(&text, noise, " figures inside noise\n");
  return text;
}

}  // namespace fairlead::bench
