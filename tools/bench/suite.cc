#include "tools/bench/suite.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <ios>
#include <iterator>
#include <memory>
#include <set>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "libs/child_process/child_process.h"
#include "libs/graph/dataset.h"
#include "libs/loader/loader_options.h"
#include "libs/status/status_macros.h"
#include "nlohmann/json.hpp"
#include "tools/bench/bench_cluster.h"
#include "tools/bench/floors.h"
#include "tools/bench/load_plan.h"
#include "tools/bench/load_window.h"
#include "tools/bench/machine.h"
#include "tools/bench/micro.h"
#include "tools/bench/own_rates.h"
#include "tools/bench/process_usage.h"
#include "tools/bench/syscalls.h"

namespace fairlead::bench {
namespace {

using Json = nlohmann::ordered_json;

constexpr absl::Duration kDatasetTimeout = absl::Minutes(30);
constexpr uint64_t kMinBuffer = 64 << 20;
constexpr uint64_t kMessagesInBuffer = 8;  // as `fairleadctl advise` wants it
constexpr uint64_t kSmallestGraph = 1 << 16;
constexpr uint64_t kNextGraph = 4;  // times as many nodes
constexpr int kPairs = 3;           // of one client and four, in a round

// So that what is measured next reads it from memory, and not from a disk.
void ReadThrough(const std::string& folder) {
  std::vector<char> piece(1 << 20);
  std::error_code ignored;
  for (const auto& entry :
       std::filesystem::directory_iterator(folder, ignored)) {
    std::ifstream file(entry.path(), std::ios::binary);
    while (
        file.read(piece.data(), static_cast<std::streamsize>(piece.size()))) {
    }
  }
}

// What was measured now, behind what was measured before.
void Append(const Json& values, Json& to) {
  to.insert(to.end(), values.begin(), values.end());
}

class Suite {
 public:
  explicit Suite(const SuiteOptions& options) : options_(options) {}

  absl::StatusOr<Json> Run();

 private:
  bool Has(const char* part) const {
    return options_.parts.empty() || options_.parts.contains(part);
  }
  bool NeedsDataset() const {
    return Has("sampling") || Has("loads") || Has("idle") || Has("syscalls");
  }
  void Step(const std::string& step) {
    if (options_.on_step != nullptr) options_.on_step(done_, steps_, step);
    ++done_;
  }
  std::string Folder(const std::string& name) const {
    return absl::StrCat(options_.work_dir, "/", name);
  }
  WindowOptions Window(const std::string& dataset) const {
    return {.warm_up = options_.warm_up,
            .length = options_.window,
            .bin = options_.window / 10,
            .dataset = dataset,
            .folder = Folder("trainers"),
            .shm_dir = options_.shm_dir + "/trainers"};
  }

  // Ten minutes are not lost for one part: what it has is kept.
  void Note(const char* part, const absl::Status& status) {
    if (status.ok()) return;
    results_["not_measured"][part] = status.ToString();
  }

  // Floors are taken in every round of the loads that are compared with them:
  // the machine changes meanwhile.
  int FloorRoundsAtOnce() const { return Has("loads") ? 1 : options_.rounds; }
  absl::Status RunFloors();
  absl::Status RunMicros();
  // Makes it, unless it is there. Its folder.
  absl::StatusOr<std::string> MakeDataset(
      const std::string& name, const std::vector<std::string>& arguments);
  // Adds to what `into` has of it.
  absl::Status RunSampling(const std::string& dataset, int rounds, Json& into);
  absl::StatusOr<std::unique_ptr<BenchCluster>> StartCluster(
      const std::string& dataset);
  std::vector<LoadSpec> Loads() const;
  int Pairs() const { return options_.quick ? 1 : kPairs; }
  // Room for as many messages as `advise` asks for, by the cost model.
  uint64_t BufferFor(const std::string& fanout) const;
  absl::Status RunOnDataset();
  absl::Status RunLoads(const std::string& dataset);
  void RunSyscalls(BenchCluster& cluster);
  absl::Status RunScaling();
  std::vector<uint64_t> GraphSizes() const;
  int CountSteps() const;

  const SuiteOptions& options_;
  Json results_ = Json::object();
  int done_ = 0;
  int steps_ = 0;
};

absl::Status Suite::RunFloors() {
  const FloorOptions floor_options{.rounds = FloorRoundsAtOnce(),
                                   .table_bytes = options_.table_bytes,
                                   .seconds = options_.seconds_per_floor};
  std::vector<Floor> floors = MemoryFloors(floor_options);
  FAIRLEAD_ASSIGN_OR_RETURN(const std::vector<Floor> exchange,
                            ExchangeFloors(floor_options));
  floors.insert(floors.end(), exchange.begin(), exchange.end());
  Json& list = results_["floors"];
  for (size_t i = 0; i < floors.size(); ++i) {
    if (i < list.size()) {
      Append(floors[i].values, list[i]["values"]);
      continue;
    }
    list.push_back({{"name", floors[i].name},
                    {"what", floors[i].what},
                    {"unit", floors[i].unit},
                    {"values", floors[i].values}});
  }
  return absl::OkStatus();
}

absl::Status Suite::RunMicros() {
  Json& list = results_["micro"] = Json::array();
  for (const MicroSpec& spec : MicroSpecs(options_.quick)) {
    Step(absl::StrCat("benchmark of the ", spec.part));
    FAIRLEAD_ASSIGN_OR_RETURN(
        Json cases, RunMicro(options_.programs, spec, options_.rounds,
                             options_.seconds_per_micro, Folder("micro")));
    list.push_back({{"part", spec.part}, {"cases", std::move(cases)}});
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> Suite::MakeDataset(
    const std::string& name, const std::vector<std::string>& arguments) {
  std::string folder = Folder(name);
  if (std::filesystem::exists(folder + "/dataset.json")) return folder;
  std::vector<std::string> command = {
      options_.programs.Path("tools/dataset/dataset")};
  command.insert(command.end(), arguments.begin(), arguments.end());
  command.push_back(absl::StrCat("--out=", folder));
  FAIRLEAD_ASSIGN_OR_RETURN(
      const Outcome outcome,
      RunToEnd(command, kDatasetTimeout, options_.work_dir));
  if (outcome.exit_code == 0) return folder;
  return absl::InternalError(absl::StrCat("dataset: ", outcome.err));
}

absl::Status Suite::RunSampling(const std::string& dataset, int rounds,
                                Json& into) {
  ReadThrough(dataset);
  FAIRLEAD_ASSIGN_OR_RETURN(const std::unique_ptr<const Dataset> graph,
                            Dataset::Load(dataset));
  const RowWidths widths = WidthsOf(*graph);
  into["dataset"] = {{"name", graph->name()},
                     {"nodes", graph->node_types()[0].num_nodes},
                     {"edges", graph->edge_types()[0].num_edges()},
                     {"feature_row_bytes", widths.features},
                     {"label_row_bytes", widths.labels}};
  Json& list = into["sampling"];
  for (size_t i = 0; i < std::size(kFanouts); ++i) {
    FAIRLEAD_ASSIGN_OR_RETURN(const std::vector<int32_t> fanout,
                              ParseFanout(kFanouts[i]));
    FAIRLEAD_ASSIGN_OR_RETURN(
        Json measured, MeasureSampling(*graph, fanout, options_.batch_size,
                                       rounds, options_.seconds_per_floor));
    if (i < list.size()) {
      Append(measured["s_per_edge"], list[i]["s_per_edge"]);
    } else {
      list.push_back(std::move(measured));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<BenchCluster>> Suite::StartCluster(
    const std::string& dataset) {
  return BenchCluster::Start(options_.programs,
                             {.dataset = dataset,
                              .folder = Folder("services"),
                              .shm_dir = options_.shm_dir + "/cluster",
                              .workers = options_.workers});
}

uint64_t Suite::BufferFor(const std::string& fanout) const {
  for (const Json& measured : results_["sampling"]) {
    if (measured.value("fanout", "") != fanout) continue;
    const auto message =
        static_cast<uint64_t>(measured["expected"].value("message_bytes", 0.0));
    return std::max(kMinBuffer, kMessagesInBuffer * message);
  }
  return kMinBuffer;
}

std::vector<LoadSpec> Suite::Loads() const {
  std::vector<LoadSpec> loads = PlanLoads(options_.clients);
  for (LoadSpec& load : loads) {
    load.batch_size = options_.batch_size;
    load.workers = options_.workers;
    load.buffer_bytes = BufferFor(load.fanout);
  }
  return loads;
}

absl::Status Suite::RunLoads(const std::string& dataset) {
  FAIRLEAD_ASSIGN_OR_RETURN(const std::unique_ptr<BenchCluster> cluster,
                            StartCluster(dataset));
  if (Has("idle")) {
    Step("an idle cluster");
    results_["idle"] = WatchIdle(*cluster, options_.rounds, Window(dataset));
  }
  if (Has("loads")) {
    const std::vector<LoadSpec> loads = Loads();
    Json& list = results_["loads"] = Json::array();
    for (const LoadSpec& load : loads) {
      list.push_back({{"name", load.name},
                      {"shared_memory", load.shared_memory},
                      {"fanout", load.fanout},
                      {"batch_size", load.batch_size},
                      {"clients", load.clients},
                      {"read_batches", load.read_batches},
                      {"workers", options_.workers},
                      {"buffer_bytes", load.buffer_bytes},
                      {"rounds", Json::array()}});
    }
    for (int round = 0; round < options_.rounds; ++round) {
      if (round > 0) {
        Step(absl::StrCat("floors and sampling again, round ", round + 1));
        if (Has("floors")) FAIRLEAD_RETURN_IF_ERROR(RunFloors());
        FAIRLEAD_RETURN_IF_ERROR(
            RunSampling(dataset, FloorRoundsAtOnce(), results_));
      }
      for (const size_t i : TurnsOfRound(loads, Pairs())) {
        Step(absl::StrCat(loads[i].name, ", round ", round + 1));
        // A dozen batches of each client are in its buffer or on the way: of
        // its share that is much, unless it is watched for as many as one
        // client alone.
        WindowOptions window = Window(dataset);
        window.length *= std::min(loads[i].clients, 4);
        FAIRLEAD_ASSIGN_OR_RETURN(
            Json watched,
            WatchLoad(options_.programs, cluster.get(), loads[i], window));
        list[i]["rounds"].push_back(std::move(watched));
      }
    }
  }
  if (Has("syscalls")) RunSyscalls(*cluster);
  return absl::OkStatus();
}

void Suite::RunSyscalls(BenchCluster& cluster) {
  Json& list = results_["syscalls"] = Json::array();
  for (const char* fanout : kFanouts) {
    Step(absl::StrCat("system calls at ", fanout));
    const absl::StatusOr<Json> counted =
        CountSystemCalls(options_.programs, cluster,
                         {.name = fanout,
                          .fanout = fanout,
                          .batch_size = options_.batch_size,
                          .buffer_bytes = BufferFor(fanout)},
                         options_.traced_batches, Folder("syscalls"));
    if (!counted.ok()) {
      results_["not_measured"]["syscalls"] =
          std::string(counted.status().message());
      return;
    }
    Json entry = {{"fanout", fanout}};
    entry.update(*counted);
    list.push_back(std::move(entry));
  }
}

std::vector<uint64_t> Suite::GraphSizes() const {
  std::vector<uint64_t> sizes;
  for (uint64_t nodes = kSmallestGraph; nodes < options_.max_nodes;
       nodes *= kNextGraph) {
    sizes.push_back(nodes);
  }
  sizes.push_back(options_.max_nodes);
  return sizes;
}

absl::Status Suite::RunScaling() {
  Json& list = results_["scaling"] = Json::array();
  for (const uint64_t nodes : GraphSizes()) {
    Step(absl::StrCat("a graph of ", nodes, " nodes"));
    // Features of one byte a number: of 100 M nodes they fit into memory.
    FAIRLEAD_ASSIGN_OR_RETURN(
        const std::string dataset,
        MakeDataset(
            absl::StrCat("power-law-", nodes),
            {"power_law", absl::StrCat("--nodes=", nodes), "--edge_factor=16",
             "--feature_dim=16", "--int8_features"}));
    Json size = {{"nodes", nodes}};
    FAIRLEAD_RETURN_IF_ERROR(RunSampling(dataset, options_.rounds, size));
    FAIRLEAD_ASSIGN_OR_RETURN(const std::unique_ptr<BenchCluster> cluster,
                              StartCluster(dataset));
    size["pool_start_s"] = absl::ToDoubleSeconds(cluster->pool_start());
    size["rounds"] = Json::array();
    for (int round = 0; round < options_.rounds; ++round) {
      FAIRLEAD_ASSIGN_OR_RETURN(Json window,
                                WatchLoad(options_.programs, cluster.get(),
                                          {.name = "scaling",
                                           .fanout = "10,5",
                                           .batch_size = options_.batch_size},
                                          Window(dataset)));
      size["rounds"].push_back(std::move(window));
    }
    size["pool_peak_bytes"] = PeakResidentBytesOf(cluster->pids()["pool"]);
    list.push_back(std::move(size));
  }
  return absl::OkStatus();
}

absl::Status Suite::RunOnDataset() {
  Step("sampling alone");
  std::string dataset = options_.dataset;
  if (dataset.empty()) {
    FAIRLEAD_ASSIGN_OR_RETURN(
        dataset,
        MakeDataset(absl::StrCat("kronecker-", options_.scale),
                    {"kronecker", absl::StrCat("--scale=", options_.scale),
                     "--edge_factor=20", "--feature_dim=128"}));
  }
  FAIRLEAD_RETURN_IF_ERROR(RunSampling(dataset, FloorRoundsAtOnce(), results_));
  if (!Has("loads") && !Has("idle") && !Has("syscalls")) {
    return absl::OkStatus();
  }
  return RunLoads(dataset);
}

int Suite::CountSteps() const {
  int steps = 0;
  if (Has("floors")) ++steps;
  if (Has("micro")) {
    steps += static_cast<int>(MicroSpecs(options_.quick).size());
  }
  if (NeedsDataset()) ++steps;
  if (Has("idle")) ++steps;
  if (Has("loads")) {
    steps += options_.rounds *
                 static_cast<int>(TurnsOfRound(Loads(), Pairs()).size()) +
             options_.rounds - 1;  // floors again
  }
  if (Has("syscalls")) steps += 2;
  if (Has("scaling")) steps += static_cast<int>(GraphSizes().size());
  return steps;
}

absl::StatusOr<Json> Suite::Run() {
  for (const std::string& part : options_.parts) {
    if (std::count(SuiteParts().begin(), SuiteParts().end(), part) == 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("--parts: there is no \"", part, "\"; there are ",
                       absl::StrJoin(SuiteParts(), ", ")));
    }
  }
  std::error_code error;
  std::filesystem::create_directories(options_.work_dir, error);
  std::filesystem::create_directories(options_.shm_dir, error);
  if (!std::filesystem::is_directory(options_.work_dir, error)) {
    return absl::UnavailableError(
        absl::StrCat("--work_dir=", options_.work_dir, ": cannot be made"));
  }
  results_["machine"] = DescribeMachine();
  results_["not_measured"] = Json::object();
  results_["sampling"] = Json::array();
  steps_ = CountSteps();
  if (Has("floors")) {
    Step("floors of this machine");
    Note("floors", RunFloors());
  }
  if (Has("micro")) Note("micro", RunMicros());
  if (NeedsDataset()) Note("loads", RunOnDataset());
  if (Has("scaling")) Note("scaling", RunScaling());
  results_["machine"]["load_after"] = LoadAverage();
  return std::move(results_);
}

}  // namespace

const std::vector<std::string>& SuiteParts() {
  static const auto& parts = *new std::vector<std::string>{
      "floors", "micro", "sampling", "idle", "loads", "syscalls", "scaling"};
  return parts;
}

absl::StatusOr<Json> RunSuite(const SuiteOptions& options) {
  Suite suite(options);
  absl::StatusOr<Json> results = suite.Run();
  std::error_code ignored;
  std::filesystem::remove_all(options.shm_dir, ignored);
  return results;
}

}  // namespace fairlead::bench
