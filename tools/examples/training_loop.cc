#include "tools/examples/training_loop.h"

#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "boost/timer/progress_display.hpp"
#include "libs/loader/batch.h"
#include "libs/loader/dist_loader.h"
#include "libs/loader/remote_dist_dataset.h"
#include "libs/sampling/ablp_label_types.h"
#include "libs/status/status_macros.h"
#include "libs/type_names/type_names.h"
#include "tools/examples/data_parallel.h"
#include "torch/optim/optimizer.h"
#include "torch/types.h"
#include "torch/utils.h"

namespace fairlead {
namespace {

// A bar on the first rank's terminal.
std::unique_ptr<boost::timer::progress_display> BarOf(const DataParallel& ranks,
                                                      uint64_t steps) {
  if (ranks.rank() != 0 || isatty(STDERR_FILENO) == 0) return nullptr;
  return std::make_unique<boost::timer::progress_display>(steps, std::cerr);
}

uint64_t AtMost(uint64_t batches, uint64_t max_batches) {
  return max_batches == 0 ? batches : std::min(batches, max_batches);
}

}  // namespace

absl::StatusOr<ServedGraph> AskForGraph(
    const RemoteDistDataset::Options& cluster,
    const std::vector<int32_t>& fanout,
    const std::vector<std::string>& left_out) {
  FAIRLEAD_ASSIGN_OR_RETURN(const std::unique_ptr<RemoteDistDataset> dataset,
                            RemoteDistDataset::Connect(cluster));
  const v1::GetDatasetMetaResponse& meta = dataset->meta(0);
  if (meta.node_types_size() != 1 || !meta.node_types(0).has_features()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "dataset ", meta.dataset_name(), ", which the cluster at ",
        cluster.registry,
        " serves: this example trains on graphs with one node type, which has "
        "features"));
  }
  ServedGraph graph;
  graph.shape.node_type = meta.node_types(0).name();
  graph.shape.classes = meta.node_types(0).classes();
  graph.features =
      static_cast<int64_t>(meta.node_types(0).features().columns());
  std::vector<std::string> not_found = left_out;
  for (const EdgeTypeName& type : dataset->edge_types()) {
    const std::string name = type.ToString();
    if (absl::EndsWith(type.relation, kPositiveLabelSuffix) ||
        absl::EndsWith(type.relation, kNegativeLabelSuffix) ||
        std::erase(not_found, name) > 0) {
      continue;
    }
    const auto number = static_cast<int64_t>(graph.shape.relations.size());
    graph.shape.relations[name] = number;
    graph.fanouts.emplace_back(type, fanout);
  }
  if (!not_found.empty()) {
    return absl::NotFoundError(absl::StrCat(
        "dataset ", meta.dataset_name(), ": has no edge type ", not_found[0]));
  }
  if (graph.fanouts.empty()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "dataset ", meta.dataset_name(), ": has no edges to pass along"));
  }
  return graph;
}

absl::StatusOr<double> TrainEpoch(
    DataParallel* ranks, DistLoader* loader, torch::optim::Optimizer* optimizer,
    uint64_t max_steps,
    const std::function<absl::StatusOr<Loss>(const Batch&)>& loss_of) {
  FAIRLEAD_RETURN_IF_ERROR(loader->StartEpoch());
  std::vector<torch::Tensor> parameters;
  for (const auto& group : optimizer->param_groups()) {
    parameters.insert(parameters.end(), group.params().begin(),
                      group.params().end());
  }
  const auto bar = BarOf(*ranks, AtMost(loader->batches(), max_steps));
  double loss_sum = 0;
  int64_t all_examples = 0;
  for (uint64_t step = 0; max_steps == 0 || step < max_steps; ++step) {
    FAIRLEAD_ASSIGN_OR_RETURN(const std::optional<Batch> batch, loader->Next());
    optimizer->zero_grad();
    std::optional<int64_t> examples;
    if (batch.has_value()) {
      FAIRLEAD_ASSIGN_OR_RETURN(const Loss loss, loss_of(*batch));
      examples = loss.examples;
      if (loss.examples > 0) {
        loss.mean.backward();
        loss_sum +=
            loss.mean.item<double>() * static_cast<double>(loss.examples);
        all_examples += loss.examples;
      }
      if (bar != nullptr) ++*bar;
    }
    FAIRLEAD_ASSIGN_OR_RETURN(const bool goes_on,
                              ranks->AverageGradients(parameters, examples));
    if (!goes_on) break;
    optimizer->step();
  }
  FAIRLEAD_ASSIGN_OR_RETURN(
      const torch::Tensor sums,
      ranks->Sum(torch::tensor({loss_sum, static_cast<double>(all_examples)},
                               torch::kDouble)));
  return sums[0].item<double>() / std::max(1.0, sums[1].item<double>());
}

absl::StatusOr<torch::Tensor> Evaluate(
    DataParallel* ranks, DistLoader* loader, uint64_t max_batches,
    int64_t columns,
    const std::function<absl::StatusOr<torch::Tensor>(const Batch&)>& measure) {
  const torch::NoGradGuard no_grad;
  FAIRLEAD_RETURN_IF_ERROR(loader->StartEpoch());
  torch::Tensor sum = torch::zeros({columns}, torch::kDouble);
  const uint64_t batches = AtMost(loader->batches(), max_batches);
  for (uint64_t i = 0; i < batches; ++i) {
    FAIRLEAD_ASSIGN_OR_RETURN(const std::optional<Batch> batch, loader->Next());
    if (!batch.has_value()) break;
    FAIRLEAD_ASSIGN_OR_RETURN(const torch::Tensor measured, measure(*batch));
    sum += measured;
  }
  return ranks->Sum(sum);
}

}  // namespace fairlead
