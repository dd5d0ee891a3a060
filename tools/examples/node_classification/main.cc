// GraphSAGE, trained by several processes to name the class of nodes. See the
// README of the folder above.

#include <algorithm>
#include <cstdint>
#include <iostream>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "libs/command_line/command_line.h"
#include "libs/loader/batch.h"
#include "libs/loader/dist_neighbor_loader.h"
#include "libs/loader/keep_freed_memory.h"
#include "libs/loader/loader_options.h"
#include "libs/status/status_macros.h"
#include "tools/examples/data_parallel.h"
#include "tools/examples/trainer.h"
#include "tools/examples/training_loop.h"
#include "tools/quickstart/relational_sage.h"
#include "tools/quickstart/training.h"
#include "torch/nn/functional/loss.h"
#include "torch/types.h"

namespace fairlead {
namespace {

absl::StatusOr<std::unique_ptr<DistNeighborLoader>> Open(
    const TrainerFlags& flags, const ServedGraph& graph,
    const std::string& split) {
  return DistNeighborLoader::Create(
      LoaderOptionsOf<NeighborLoaderOptions>(flags, graph, split));
}

// Of a sum of (right, all).
double Accuracy(const torch::Tensor& sum) {
  return sum[0].item<double>() / std::max(1.0, sum[1].item<double>());
}

absl::Status Run() {
  FAIRLEAD_ASSIGN_OR_RETURN(const TrainerFlags flags,
                            ReadTrainerFlags("node_classification"));
  FAIRLEAD_ASSIGN_OR_RETURN(const std::unique_ptr<DataParallel> ranks,
                            JoinRanks(flags));
  FAIRLEAD_ASSIGN_OR_RETURN(
      const ServedGraph graph,
      AskForGraph({.registry = flags.registry, .security = flags.security},
                  flags.fanout, /*left_out=*/{}));
  if (graph.shape.classes == 0) {
    return absl::FailedPreconditionError(absl::StrCat(
        "node type ", graph.shape.node_type, ": has no classes to learn"));
  }
  FAIRLEAD_ASSIGN_OR_RETURN(const std::unique_ptr<DistNeighborLoader> train,
                            Open(flags, graph, "train"));
  FAIRLEAD_ASSIGN_OR_RETURN(const std::unique_ptr<DistNeighborLoader> test,
                            Open(flags, graph, "test"));
  RelationalSage model = NewModel(flags, graph, graph.shape.classes);

  Task task;
  task.loss_of = [&](const Batch& loaded) -> absl::StatusOr<Loss> {
    FAIRLEAD_ASSIGN_OR_RETURN(const TrainingBatch batch,
                              ToTrainingBatch(graph.shape, loaded.received()));
    return Loss{.mean = torch::nn::functional::cross_entropy(
                    model->forward(batch), batch.y),
                .examples = batch.y.size(0)};
  };
  task.columns = 2;
  task.measure = [&](const Batch& loaded) -> absl::StatusOr<torch::Tensor> {
    FAIRLEAD_ASSIGN_OR_RETURN(const TrainingBatch batch,
                              ToTrainingBatch(graph.shape, loaded.received()));
    const torch::Tensor right =
        model->forward(batch).argmax(1).eq(batch.y).sum();
    return torch::tensor(
        {right.item<double>(), static_cast<double>(batch.y.size(0))},
        torch::kDouble);
  };
  task.describe = [](const torch::Tensor& sum) {
    return absl::StrFormat("accuracy %.4f", Accuracy(sum));
  };
  uint64_t parameters = 0;
  FAIRLEAD_ASSIGN_OR_RETURN(const torch::Tensor sum,
                            TrainAndTest(flags, ranks.get(), train.get(),
                                         test.get(), model, task, &parameters));
  std::cout << absl::StrFormat(
                   "node_classification: rank=%d test_accuracy=%.4f "
                   "parameters=%016x",
                   flags.rank, Accuracy(sum), parameters)
            << std::endl;
  return absl::OkStatus();
}

}  // namespace
}  // namespace fairlead

int main(int argc, char** argv) {
  fairlead::KeepFreedMemory();
  fairlead::ParseFlagsOnly(
      argc, argv,
      "One of --world_size processes that train GraphSAGE together to name the "
      "class of nodes, from a cluster that serves a graph with one node type, "
      "with features, classes and splits.\n"
      "Each samples for its part of the training split, and they average their "
      "gradients at the registry at every step. Start one for each --rank:\n"
      "  bazel run --config=opt //tools/examples/node_classification -- "
      "--rank=0 --world_size=2\n"
      "  bazel run --config=opt //tools/examples/node_classification -- "
      "--rank=1 --world_size=2",
      __FILE__);
  return fairlead::ExitCode("node_classification", fairlead::Run());
}
