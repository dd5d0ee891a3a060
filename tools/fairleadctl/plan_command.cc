#include "tools/fairleadctl/plan_command.h"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "libs/cost_model/batch_cost.h"
#include "libs/cost_model/degree_profile.h"
#include "libs/graph/dataset.h"
#include "libs/graph/element_type.h"
#include "libs/loader/loader_options.h"
#include "libs/status/status_macros.h"
#include "nlohmann/json.hpp"
#include "tools/fairleadctl/arguments.h"
#include "tools/fairleadctl/capacity_plan.h"
#include "tools/fairleadctl/command_context.h"

ABSL_FLAG(std::string, dataset, "",
          "plan: folder of the dataset, of one node and one edge type; or give "
          "--nodes and --edges.");
ABSL_FLAG(double, nodes, 0, "plan: of a graph that is not there yet.");
ABSL_FLAG(double, edges, 0, "plan: likewise.");
ABSL_FLAG(
    double, skew, 0.76,
    "plan: of that graph's degrees, from 0.5 (all nodes alike) to below 1 "
    "(few hubs have most edges); 0.76 is Graph500's.");
ABSL_FLAG(
    std::string, degrees, "",
    "plan: a file with a line `degree nodes` for each degree, in place of "
    "--nodes, --edges and --skew.");
ABSL_FLAG(int64_t, feature_dim, 128,
          "plan: features of a node, of that graph.");
ABSL_FLAG(std::string, dtype, "float32",
          "plan: of these features: float32, float16, bfloat16, int8, uint8, "
          "int64.");
ABSL_FLAG(std::string, fanout, "15,10,5",
          "plan: neighbours per node, hop by hop; -1 for all.");
ABSL_FLAG(uint64_t, batch_size, 1024, "plan: seeds per batch.");
ABSL_FLAG(bool, replace, false, "plan: draw neighbours with replacement.");
ABSL_FLAG(double, trainers, 1, "plan: how many load at a time.");
ABSL_FLAG(double, batches_per_s, 10, "plan: that each trainer wants.");
ABSL_FLAG(double, hosts, 1, "plan: storage hosts, a partition each.");
ABSL_FLAG(double, prefetch_size, 4,
          "plan: batches under way for each trainer and host.");
ABSL_FLAG(
    std::string, bench, "",
    "plan: results of `tools/dev bench` on such a machine, for its rates; "
    "by default those of a virtual core at 2.6 GHz.");

namespace fairlead {
namespace {

using Json = nlohmann::json;

double BytesOfFiles(const std::string& folder) {
  double bytes = 0;
  std::error_code error;
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(folder, error)) {
    if (entry.is_regular_file(error)) {
      bytes += static_cast<double>(entry.file_size(error));
    }
  }
  return bytes;
}

absl::Status ReadDataset(const std::string& folder,
                         CapacityQuestion& question) {
  FAIRLEAD_ASSIGN_OR_RETURN(
      const std::unique_ptr<const Dataset> dataset,
      Dataset::Load(folder, {.partition = 0, .verify = false}));
  if (dataset->is_heterogeneous() || dataset->num_partitions() > 1) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--dataset=", folder,
        ": the model knows whole graphs of one node and one edge type; give "
        "--nodes, --edges and --feature_dim of it in place of the folder"));
  }
  const EdgeType& edges = dataset->edge_types()[0];
  const Topology& topology = edges.out.has_value() ? *edges.out : *edges.in;
  question.profile = DegreeProfile::Of(topology.indptr, topology.indices);
  const NodeType& nodes = dataset->node_types()[0];
  if (nodes.features.has_value()) {
    question.widths.features =
        static_cast<double>(nodes.features->table.row_bytes());
  }
  if (nodes.labels.has_value()) {
    question.widths.labels =
        static_cast<double>(nodes.labels->table.row_bytes());
  }
  question.dataset_bytes = BytesOfFiles(folder);
  return absl::OkStatus();
}

absl::StatusOr<DegreeProfile> ReadHistogram(const std::string& path) {
  std::ifstream file(path);
  if (!file.is_open()) {
    return absl::NotFoundError(
        absl::StrCat("--degrees=", path, ": cannot be read"));
  }
  std::vector<std::pair<double, double>> histogram;
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    double degree = 0;
    double nodes = 0;
    std::string rest;
    if (!(words >> degree >> nodes) || words >> rest) {
      return absl::InvalidArgumentError(
          absl::StrCat("--degrees=", path, ": \"", line,
                       "\" is no line of a degree and a number of nodes"));
    }
    histogram.emplace_back(degree, nodes);
  }
  return DegreeProfile::OfHistogram(histogram);
}

absl::Status TakeNumbers(CapacityQuestion& question) {
  if (!absl::GetFlag(FLAGS_degrees).empty()) {
    FAIRLEAD_ASSIGN_OR_RETURN(question.profile,
                              ReadHistogram(absl::GetFlag(FLAGS_degrees)));
  } else if (absl::GetFlag(FLAGS_nodes) > 0) {
    FAIRLEAD_ASSIGN_OR_RETURN(question.profile, DegreeProfile::OfKronecker(
                                                    absl::GetFlag(FLAGS_nodes),
                                                    absl::GetFlag(FLAGS_edges),
                                                    absl::GetFlag(FLAGS_skew)));
  } else {
    return absl::InvalidArgumentError(
        "plan: say of which graph: --dataset=DIR, or --nodes=N --edges=M, or "
        "--degrees=FILE");
  }
  const std::optional<ElementType> dtype =
      ParseElementType(absl::GetFlag(FLAGS_dtype));
  if (!dtype.has_value() || absl::GetFlag(FLAGS_feature_dim) < 0) {
    return absl::InvalidArgumentError(
        "--dtype, --feature_dim: must be a type such as float32, and 0 or "
        "more");
  }
  question.widths.features =
      static_cast<double>(absl::GetFlag(FLAGS_feature_dim)) *
      static_cast<double>(ElementBytes(*dtype));
  question.widths.labels = sizeof(int64_t);
  const DegreeProfile& profile = question.profile;
  question.dataset_bytes =
      sizeof(int64_t) * (profile.nodes + profile.edges) +
      profile.nodes * (question.widths.features + question.widths.labels);
  return absl::OkStatus();
}

// The median of what a benchmark measured; nullopt if it did not.
std::optional<double> RateIn(const Json& list, const char* key,
                             const std::string& name, const char* values) {
  for (const Json& item : list) {
    if (item.value(key, "") != name || !item.contains(values)) continue;
    std::vector<double> sorted = item[values];
    if (sorted.empty()) continue;
    std::sort(sorted.begin(), sorted.end());
    return sorted[sorted.size() / 2];
  }
  return std::nullopt;
}

absl::StatusOr<MachineRates> ReadRates(const std::string& path) {
  std::ifstream file(path);
  const Json results = Json::parse(file, nullptr, /*allow_exceptions=*/false);
  MachineRates rates;
  if (!results.is_object() || !results.contains("floors") ||
      !results.contains("sampling")) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--bench=", path,
        ": is no result of `tools/dev bench` with its parts floors and "
        "sampling"));
  }
  const Json& floors = results["floors"];
  const auto gather = RateIn(floors, "name", "gather_512", "values");
  const auto send = RateIn(floors, "name", "tcp_send_cpu", "values");
  const auto receive = RateIn(floors, "name", "tcp_receive_cpu", "values");
  std::optional<double> sample = RateIn(
      results["sampling"], "fanout", absl::GetFlag(FLAGS_fanout), "s_per_edge");
  if (!sample.has_value()) {
    sample = RateIn(results["sampling"], "fanout", "15,10,5", "s_per_edge");
  }
  rates.gather_bytes_per_s = gather.value_or(rates.gather_bytes_per_s);
  rates.send_s_per_byte = send.value_or(rates.send_s_per_byte * 1e9) * 1e-9;
  rates.receive_s_per_byte =
      receive.value_or(rates.receive_s_per_byte * 1e9) * 1e-9;
  rates.sample_s_per_edge = sample.value_or(rates.sample_s_per_edge);
  return rates;
}

}  // namespace

absl::Status RunPlan(const CommandContext& context,
                     absl::Span<const std::string> args) {
  FAIRLEAD_RETURN_IF_ERROR(CheckArguments("plan", args, {}));
  CapacityQuestion question;
  if (absl::GetFlag(FLAGS_dataset).empty()) {
    FAIRLEAD_RETURN_IF_ERROR(TakeNumbers(question));
  } else {
    FAIRLEAD_RETURN_IF_ERROR(
        ReadDataset(absl::GetFlag(FLAGS_dataset), question));
  }
  if (!absl::GetFlag(FLAGS_bench).empty()) {
    FAIRLEAD_ASSIGN_OR_RETURN(question.rates,
                              ReadRates(absl::GetFlag(FLAGS_bench)));
  }
  FAIRLEAD_ASSIGN_OR_RETURN(question.load.fanout,
                            ParseFanout(absl::GetFlag(FLAGS_fanout)));
  question.load.batch_size =
      static_cast<double>(absl::GetFlag(FLAGS_batch_size));
  question.load.replace = absl::GetFlag(FLAGS_replace);
  question.trainers = absl::GetFlag(FLAGS_trainers);
  question.batches_per_s = absl::GetFlag(FLAGS_batches_per_s);
  question.hosts = absl::GetFlag(FLAGS_hosts);
  question.prefetch = absl::GetFlag(FLAGS_prefetch_size);
  FAIRLEAD_ASSIGN_OR_RETURN(const CapacityPlan plan, PlanCapacity(question));
  context.out << (context.json ? plan.ToJson().dump() + "\n" : plan.ToText());
  return absl::OkStatus();
}

}  // namespace fairlead
