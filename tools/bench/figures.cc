#include "tools/bench/figures.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "libs/cost_model/batch_cost.h"
#include "nlohmann/json.hpp"
#include "tools/bench/own_rates.h"
#include "tools/bench/statistics.h"

namespace fairlead::bench {
namespace {

using Json = nlohmann::ordered_json;

constexpr double kCpuGoal = 1.5;
constexpr double kShareGoal = 0.05;
constexpr double kIdleGoal = 0.01;

const Json* FindNamed(const Json& list, const std::string& name) {
  for (const Json& item : list) {
    if (item.value("name", "") == name) return &item;
  }
  return nullptr;
}

const Json& ListOf(const Json& results, const char* key) {
  static const auto& none = *new Json(Json::array());
  return results.contains(key) ? results[key] : none;
}

double MedianOfFloor(const Json& results, const std::string& name) {
  const Json* floor = FindNamed(ListOf(results, "floors"), name);
  if (floor == nullptr || (*floor)["values"].empty()) return 0;
  return Median((*floor)["values"].get<std::vector<double>>());
}

// Of one thread alone, at that fanout.
double SampleRate(const Json& results, const std::string& fanout) {
  for (const Json& alone : ListOf(results, "sampling")) {
    if (alone.value("fanout", "") == fanout && !alone["s_per_edge"].empty()) {
      return Median(alone["s_per_edge"].get<std::vector<double>>());
    }
  }
  return 0;
}

double Sum(const Json& numbers) {
  double sum = 0;
  for (const Json& number : numbers) sum += number.get<double>();
  return sum;
}

Goal AtLeast(const std::string& name, double goal, const std::string& unit,
             const std::vector<double>& values) {
  Goal result{.name = name,
              .goal = absl::StrCat("at least ", WithUnit(goal, unit)),
              .value = "not measured"};
  if (values.empty()) return result;
  result.is_measured = true;
  result.value = WithUnit(Median(values), unit);
  result.is_met = Median(values) >= goal;
  return result;
}

Goal AtMost(const std::string& name, double goal, const std::string& unit,
            const std::vector<double>& values) {
  Goal result = AtLeast(name, goal, unit, values);
  result.goal = absl::StrCat("at most ", WithUnit(goal, unit));
  result.is_met = result.is_measured && Median(values) <= goal;
  return result;
}

std::vector<double> SpeedOf(const Json& results, const std::string& load) {
  const Json* found = FindNamed(ListOf(results, "loads"), load);
  if (found == nullptr) return {};
  return ValuesOfRounds(*found, "batches_per_s");
}

// How far the trainer furthest from its due is from it, round by round.
std::vector<double> Unfairness(const Json& load) {
  std::vector<double> values;
  for (const Json& round : load["rounds"]) {
    const Json& shares = round["shares"];
    double worst = 0;
    for (const Json& share : shares) {
      worst = std::max(worst, std::abs(share.get<double>() *
                                           static_cast<double>(shares.size()) -
                                       1));
    }
    values.push_back(worst);
  }
  return values;
}

}  // namespace

absl::Status CheckSchema(const Json& results) {
  const std::string schema =
      results.is_object() ? results.value("schema", "") : "";
  if (schema == kSchema) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("is no result of tools/bench: \"schema\" must be \"",
                   kSchema, "\", and is \"", schema, "\""));
}

std::vector<double> ValuesOfRounds(const Json& load, const std::string& path) {
  std::vector<double> values;
  if (!load.contains("rounds")) return values;
  const Json::json_pointer pointer("/" + path);
  for (const Json& round : load["rounds"]) {
    if (round.contains(pointer)) values.push_back(round[pointer]);
  }
  return values;
}

double MedianOfRounds(const Json& load, const std::string& path) {
  const std::vector<double> values = ValuesOfRounds(load, path);
  return values.empty() ? 0 : Median(values);
}

std::vector<Figure> FiguresOf(const Json& results) {
  std::vector<Figure> figures;
  const auto add = [&](const std::string& group, const std::string& name,
                       const std::string& unit, bool more_is_better,
                       std::vector<double> values) {
    std::erase_if(values, [](double value) { return !(value > 0); });
    if (values.empty()) return;
    figures.push_back({group, name, unit, more_is_better, std::move(values)});
  };
  for (const Json& floor : ListOf(results, "floors")) {
    const std::string unit = floor.value("unit", "");
    add("floors", floor.value("name", ""), unit, unit == "bytes/s",
        floor["values"]);
  }
  for (const Json& alone : ListOf(results, "sampling")) {
    add("sampling", absl::StrCat("one edge at ", alone.value("fanout", "")),
        "s", false, alone["s_per_edge"]);
  }
  for (const Json& part : ListOf(results, "micro")) {
    for (const Json& one : part["cases"]) {
      const std::string name =
          absl::StrCat(part.value("part", ""), ": ", one.value("name", ""));
      add("micro", name, "s", false, one["values"]);
      for (const auto& [counter, values] : one["counters"].items()) {
        const std::string figure = absl::StrCat(name, ", ", counter);
        if (counter == "bytes_per_second") {
          add("micro", figure, "bytes/s", true, values);
        } else if (absl::EndsWith(counter, "_per_second")) {
          add("micro", figure, "1/s", true, values);
        } else if (absl::StartsWith(counter, "s_per_") ||
                   absl::EndsWith(counter, "_s")) {  // s_per_edge, p99_s
          add("micro", figure, "s", false, values);
        }
      }
    }
  }
  for (const Json& load : ListOf(results, "loads")) {
    const std::string name = load.value("name", "");
    add("loads", name + ", batches", "1/s", true,
        ValuesOfRounds(load, "batches_per_s"));
    std::vector<double> cpu;
    for (const Json& round : load["rounds"]) {
      cpu.push_back(Sum(round["cpu_s_per_batch"]));
    }
    add("loads", name + ", CPU of a batch", "s", false, cpu);
  }
  for (const Json& size : ListOf(results, "scaling")) {
    add("scaling",
        NodesText(size.value("nodes", uint64_t{0})) + " nodes, batches", "1/s",
        true, ValuesOfRounds(size, "batches_per_s"));
  }
  if (results.contains("idle")) {
    add("idle", "an idle cluster", "cores", false, results["idle"]["cores"]);
  }
  return figures;
}

std::string NodesText(uint64_t nodes) {
  if (std::has_single_bit(nodes)) {
    return absl::StrCat("2^", std::countr_zero(nodes));
  }
  if (nodes % 1'000'000 == 0) return absl::StrCat(nodes / 1'000'000, " M");
  return absl::StrCat(nodes);
}

Json CostOfLoad(const Json& results, const Json& load) {
  const std::string fanout = load.value("fanout", "");
  const MachineRates rates{
      .sample_s_per_edge = SampleRate(results, fanout),
      .gather_bytes_per_s = MedianOfFloor(results, "gather_512"),
      .send_s_per_byte = MedianOfFloor(results, "tcp_send_cpu") * 1e-9,
      .receive_s_per_byte = MedianOfFloor(results, "tcp_receive_cpu") * 1e-9};
  if (rates.sample_s_per_edge <= 0 || rates.gather_bytes_per_s <= 0 ||
      rates.send_s_per_byte <= 0 || !results.contains("dataset")) {
    return nullptr;
  }
  const RowWidths widths{
      .features = results["dataset"].value("feature_row_bytes", 0.0),
      .labels = results["dataset"].value("label_row_bytes", 0.0)};
  const double seeds = load.value("batch_size", 0.0);
  // A message is ids and rows of its nodes, and two numbers for each edge and
  // seed: that gives the nodes.
  BatchShape shape;
  shape.edges = MedianOfRounds(load, "batch/edges");
  const double bytes = MedianOfRounds(load, "batch/bytes");
  shape.nodes = (bytes - 16 * (shape.edges + seeds)) /
                (8 + widths.features + widths.labels);
  if (!(shape.nodes > 0)) return nullptr;
  BatchCost cost = CostOf(shape, {.batch_size = seeds}, widths);
  cost.message_bytes = bytes;
  const bool shared = load.value("shared_memory", false);
  const CpuFloor floor =
      shared ? SharedMemoryFloorOf(cost, rates) : FloorOf(cost, rates);
  Json cpu = Json::object();
  double total = 0;
  for (const char* process : {"pool", "gateway", "trainer", "registry"}) {
    const double seconds =
        MedianOfRounds(load, absl::StrCat("cpu_s_per_batch/", process));
    if (seconds <= 0) continue;
    cpu[process] = seconds;
    total += seconds;
  }
  std::string formula =
      absl::StrFormat("sample %.0f edges x %s + gather %s / %s", cost.edges,
                      WithUnit(rates.sample_s_per_edge, "s"),
                      WithUnit(cost.gathered_bytes, "bytes"),
                      WithUnit(rates.gather_bytes_per_s, "bytes/s"));
  if (!shared) {
    absl::StrAppendFormat(&formula, " + send %s x %s/GB + receive %s x %s/GB",
                          WithUnit(bytes, "bytes"),
                          WithUnit(rates.send_s_per_byte * 1e9, "s"),
                          WithUnit(bytes, "bytes"),
                          WithUnit(rates.receive_s_per_byte * 1e9, "s"));
  }
  absl::StrAppendFormat(&formula, " = %s", WithUnit(floor.total(), "s"));
  Json copies = Json::array();
  for (const CopyStep& step :
       shared ? cost.SharedMemoryCopies() : cost.RemoteCopies()) {
    copies.push_back({{"process", step.process},
                      {"what", step.what},
                      {"bytes", step.bytes}});
  }
  return {{"batch", ToJson(cost)},
          {"floor_s", ToJson(floor)},
          {"rates",
           {{"sample_s_per_edge", rates.sample_s_per_edge},
            {"gather_bytes_per_s", rates.gather_bytes_per_s},
            {"send_s_per_byte", rates.send_s_per_byte},
            {"receive_s_per_byte", rates.receive_s_per_byte}}},
          {"cpu_s", cpu},
          {"cpu_total_s", total},
          {"ratio", total / floor.total()},
          {"formula", formula},
          {"copies", copies}};
}

std::vector<Goal> GoalsOf(const Json& results) {
  std::vector<Goal> goals = {
      AtLeast("remote, 10,5", 100, "1/s", SpeedOf(results, "remote 10,5")),
      AtLeast("remote, 15,10,5", 15, "1/s", SpeedOf(results, "remote 15,10,5")),
      AtLeast("shared memory, 15,10,5", 25, "1/s",
              SpeedOf(results, "shared memory 15,10,5"))};
  const std::vector<double> alone = SpeedOf(results, "remote 10,5");
  std::vector<double> together = SpeedOf(results, "remote 10,5, 4 clients");
  std::vector<double> ratios;
  for (size_t i = 0; i < std::min(alone.size(), together.size()); ++i) {
    ratios.push_back(together[i] / alone[i]);  // of one round: a pair
  }
  goals.push_back(
      AtLeast("4 clients together, of 1 alone (10,5)", 1, "", ratios));
  const Json* four =
      FindNamed(ListOf(results, "loads"), "remote 10,5, 4 clients");
  goals.push_back(
      AtMost("furthest of 4 clients from its share", kShareGoal, "",
             four == nullptr ? std::vector<double>{} : Unfairness(*four)));
  for (const char* name :
       {"remote 10,5", "remote 15,10,5", "shared memory 15,10,5"}) {
    const Json* load = FindNamed(ListOf(results, "loads"), name);
    std::vector<double> values;
    std::string formula;
    if (load != nullptr) {
      const Json cost = CostOfLoad(results, *load);
      if (!cost.is_null()) {
        values.push_back(cost["ratio"]);
        formula = absl::StrCat(
            "CPU of a batch ", WithUnit(cost["cpu_total_s"], "s"),
            " over its floor: ", cost["formula"].get<std::string>());
      }
    }
    Goal goal = AtMost(absl::StrCat("CPU of a batch over its floor, ", name),
                       kCpuGoal, "", values);
    goal.formula = formula;
    goals.push_back(goal);
  }
  goals.push_back(
      AtMost("CPU of an idle cluster", kIdleGoal, "cores",
             results.contains("idle")
                 ? results["idle"]["cores"].get<std::vector<double>>()
                 : std::vector<double>{}));
  return goals;
}

}  // namespace fairlead::bench
