// GraphSAGE, trained by several processes to name the class of nodes. See the
// README of the folder above.

#include <algorithm>
#include <cstdint>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "libs/command_line/command_line.h"
#include "libs/loader/loader_options.h"
#include "libs/loader/received_batch.h"
#include "libs/loader/sample_stream.h"
#include "libs/status/status_macros.h"
#include "tools/examples/data_parallel.h"
#include "tools/examples/training_loop.h"
#include "tools/quickstart/relational_sage.h"
#include "tools/quickstart/training.h"
#include "torch/torch.h"

ABSL_FLAG(std::string, registry, "127.0.0.1:7100",
          "host:port of the registry.");
ABSL_FLAG(std::string, job, "node_classification",
          "Name of this run: the same on its ranks, other than other runs'.");
ABSL_FLAG(uint32_t, rank, 0, "Which of the processes this is, from 0.");
ABSL_FLAG(uint32_t, world_size, 1, "How many processes train together.");
ABSL_FLAG(int, epochs, 3, "Passes over the training split.");
ABSL_FLAG(uint64_t, steps, 0,
          "At most so many steps an epoch, and batches a rank to test with; 0 "
          "for all.");
ABSL_FLAG(std::string, fanout, "10,5",
          "Neighbours per hop and edge type; also the number of layers.");
ABSL_FLAG(uint64_t, batch_size, 512, "Seed nodes of a rank's batch.");
ABSL_FLAG(int64_t, hidden, 32, "Width of the hidden layers.");
ABSL_FLAG(double, learning_rate, 0.01, "Of AdamW.");
ABSL_FLAG(uint64_t, seed, 0, "Of the sampling and the weights.");

namespace fairlead {
namespace {

absl::StatusOr<std::unique_ptr<SampleStream>> Open(const ServedGraph& graph,
                                                   const std::string& split) {
  NeighborLoaderOptions options;
  options.registry = absl::GetFlag(FLAGS_registry);
  options.input_nodes.split = split;
  // This rank's part of what each server has of the split.
  options.input_nodes.shard = absl::GetFlag(FLAGS_rank);
  options.input_nodes.num_shards = absl::GetFlag(FLAGS_world_size);
  options.edge_type_fanouts = graph.fanouts;
  options.batch_size = absl::GetFlag(FLAGS_batch_size);
  options.shuffle = true;
  options.seed = absl::GetFlag(FLAGS_seed);
  return SampleStream::Create(options);
}

absl::Status Run() {
  FAIRLEAD_ASSIGN_OR_RETURN(const std::vector<int32_t> fanout,
                            ParseFanout(absl::GetFlag(FLAGS_fanout)));
  if (fanout.empty()) {
    return absl::InvalidArgumentError("--fanout: needs one hop or more");
  }
  FAIRLEAD_ASSIGN_OR_RETURN(
      const std::unique_ptr<DataParallel> ranks,
      DataParallel::Join({.registry = absl::GetFlag(FLAGS_registry),
                          .job = absl::GetFlag(FLAGS_job),
                          .rank = absl::GetFlag(FLAGS_rank),
                          .world_size = absl::GetFlag(FLAGS_world_size)}));
  FAIRLEAD_ASSIGN_OR_RETURN(
      const ServedGraph graph,
      AskForGraph(absl::GetFlag(FLAGS_registry), fanout, /*left_out=*/{}));
  if (graph.shape.classes == 0) {
    return absl::FailedPreconditionError(absl::StrCat(
        "node type ", graph.shape.node_type, ": has no classes to learn"));
  }
  FAIRLEAD_ASSIGN_OR_RETURN(const std::unique_ptr<SampleStream> train,
                            Open(graph, "train"));
  FAIRLEAD_ASSIGN_OR_RETURN(const std::unique_ptr<SampleStream> test,
                            Open(graph, "test"));

  // The same seed makes the same parameters on every rank.
  torch::manual_seed(absl::GetFlag(FLAGS_seed));
  RelationalSage model(RelationalSageImpl::Shape{
      .features = graph.features,
      .hidden = absl::GetFlag(FLAGS_hidden),
      .classes = graph.shape.classes,
      .relations = static_cast<int64_t>(graph.shape.relations.size()),
      .layers = static_cast<int64_t>(fanout.size()),
      .dropout = 0.2});
  torch::optim::AdamW optimizer(
      model->parameters(),
      torch::optim::AdamWOptions(absl::GetFlag(FLAGS_learning_rate)));

  const auto loss_of =
      [&](const ReceivedBatch& received) -> absl::StatusOr<Loss> {
    FAIRLEAD_ASSIGN_OR_RETURN(const TrainingBatch batch,
                              ToTrainingBatch(graph.shape, received));
    return Loss{.mean = torch::nn::functional::cross_entropy(
                    model->forward(batch), batch.y),
                .examples = batch.y.size(0)};
  };
  const auto right_of =
      [&](const ReceivedBatch& received) -> absl::StatusOr<torch::Tensor> {
    FAIRLEAD_ASSIGN_OR_RETURN(const TrainingBatch batch,
                              ToTrainingBatch(graph.shape, received));
    const torch::Tensor right =
        model->forward(batch).argmax(1).eq(batch.y).sum();
    return torch::tensor(
        {right.item<double>(), static_cast<double>(batch.y.size(0))},
        torch::kDouble);
  };

  double accuracy = 0;
  const uint64_t steps = absl::GetFlag(FLAGS_steps);
  for (int epoch = 0; epoch < absl::GetFlag(FLAGS_epochs); ++epoch) {
    model->train();
    FAIRLEAD_ASSIGN_OR_RETURN(
        const double loss,
        TrainEpoch(ranks.get(), train.get(), &optimizer, steps, loss_of));
    model->eval();
    FAIRLEAD_ASSIGN_OR_RETURN(
        const torch::Tensor right,
        Evaluate(ranks.get(), test.get(), steps, /*columns=*/2, right_of));
    accuracy = right[0].item<double>() / std::max(1.0, right[1].item<double>());
    if (ranks->rank() == 0) {
      std::cout << absl::StrFormat("epoch %d  loss %.3f  test accuracy %.4f",
                                   epoch + 1, loss, accuracy)
                << std::endl;
    }
  }
  FAIRLEAD_ASSIGN_OR_RETURN(const uint64_t parameters,
                            ranks->CommonDigest(model->parameters()));
  std::cout << absl::StrFormat(
                   "node_classification: rank=%d test_accuracy=%.4f "
                   "parameters=%016x",
                   ranks->rank(), accuracy, parameters)
            << std::endl;
  return absl::OkStatus();
}

}  // namespace
}  // namespace fairlead

int main(int argc, char** argv) {
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
