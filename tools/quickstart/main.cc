// The quickstart: three services as real processes, and a GNN that trains from
// them. See README.md.

#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "boost/timer/progress_display.hpp"
#include "libs/command_line/command_line.h"
#include "libs/graph/dataset_manifest.h"
#include "libs/loader/keep_freed_memory.h"
#include "libs/loader/loader_options.h"
#include "libs/status/status_macros.h"
#include "tools/quickstart/local_cluster.h"
#include "tools/quickstart/training.h"

ABSL_FLAG(std::string, dataset, "",
          "Folder of a dataset with one node type, features, labels and "
          "splits. By default WordNet is made for this run.");
ABSL_FLAG(std::string, fanout, "15,10",
          "Neighbours per hop and edge type; also the number of layers.");
ABSL_FLAG(uint64_t, batch_size, 1024, "Seed nodes per batch.");
ABSL_FLAG(int, epochs, 5, "Passes over the training split.");
ABSL_FLAG(int64_t, hidden, 128, "Width of the hidden layers.");
ABSL_FLAG(double, learning_rate, 0.004, "Of AdamW.");
ABSL_FLAG(double, dropout, 0.4, "Between layers.");
ABSL_FLAG(int64_t, feature_dim, 128, "Hashed feature columns of WordNet.");
ABSL_FLAG(int, workers, 1, "Sampling threads of the sampler pool.");
ABSL_FLAG(uint64_t, seed, 0, "Of the split, the sampling and the weights.");
ABSL_FLAG(bool, keep, false,
          "Keep the services after the training, until Enter is pressed: to "
          "look at them, or to load from them.");

namespace fairlead {
namespace {

absl::StatusOr<GraphShape> ReadShape(const std::string& dataset) {
  FAIRLEAD_ASSIGN_OR_RETURN(const DatasetManifest manifest,
                            ReadManifest(dataset));
  if (manifest.node_types.size() != 1 || manifest.edge_types.size() < 2 ||
      manifest.node_types[0].num_classes == 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--dataset=", dataset,
        ": the quickstart trains on graphs with one node type that has "
        "classes, and two or more edge types"));
  }
  GraphShape shape;
  shape.node_type = manifest.node_types[0].name;
  shape.classes = manifest.node_types[0].num_classes;
  for (const EdgeTypeManifest& type : manifest.edge_types) {
    const auto number = static_cast<int64_t>(shape.relations.size());
    shape.relations[type.name.ToString()] = number;
  }
  return shape;
}

absl::StatusOr<TrainingResult> TrainAndTell(const std::string& title,
                                            const TrainingOptions& options) {
  std::cout << title << "\n";
  std::unique_ptr<boost::timer::progress_display> bar;
  FAIRLEAD_ASSIGN_OR_RETURN(
      const TrainingResult result,
      Train(
          options,
          [&bar](uint64_t done, uint64_t total) {
            if (isatty(STDERR_FILENO) == 0) return;
            if (bar == nullptr) {
              bar = std::make_unique<boost::timer::progress_display>(total,
                                                                     std::cerr);
            }
            *bar += done - bar->count();
          },
          [&options](int epoch, const EpochResult& epoch_result) {
            std::cout << absl::StrFormat(
                             "  epoch %d/%d  loss %.3f  train %.4f  val %.4f  "
                             "test %.4f",
                             epoch + 1, options.epochs, epoch_result.loss,
                             epoch_result.train_accuracy,
                             epoch_result.val_accuracy,
                             epoch_result.test_accuracy)
                      << std::endl;
          }));
  std::cout << absl::StrFormat(
      "  %d batches in %.1f s: %.1f batches/s\n", result.batches,
      result.seconds, static_cast<double>(result.batches) / result.seconds);
  return result;
}

absl::Status Run(const std::string& runfiles) {
  FAIRLEAD_ASSIGN_OR_RETURN(const std::vector<int32_t> fanout,
                            ParseFanout(absl::GetFlag(FLAGS_fanout)));
  if (fanout.empty() || absl::GetFlag(FLAGS_epochs) < 1) {
    return absl::InvalidArgumentError(
        "--fanout, --epochs: need at least one hop and one epoch");
  }
  FAIRLEAD_ASSIGN_OR_RETURN(
      std::unique_ptr<LocalCluster> cluster,
      LocalCluster::Start({.runfiles = runfiles,
                           .dataset = absl::GetFlag(FLAGS_dataset),
                           .feature_dim = absl::GetFlag(FLAGS_feature_dim),
                           .seed = absl::GetFlag(FLAGS_seed),
                           .workers = absl::GetFlag(FLAGS_workers)}));
  std::cout << cluster->Describe() << std::flush;

  TrainingOptions options;
  FAIRLEAD_ASSIGN_OR_RETURN(options.graph, ReadShape(cluster->dataset()));
  options.loader.registry = cluster->registry();
  options.loader.fanout = fanout;
  options.loader.batch_size = absl::GetFlag(FLAGS_batch_size);
  options.loader.seed = absl::GetFlag(FLAGS_seed);
  options.hidden = absl::GetFlag(FLAGS_hidden);
  options.dropout = absl::GetFlag(FLAGS_dropout);
  options.learning_rate = absl::GetFlag(FLAGS_learning_rate);
  options.epochs = absl::GetFlag(FLAGS_epochs);
  FAIRLEAD_ASSIGN_OR_RETURN(
      const TrainingResult graph,
      TrainAndTell(absl::StrCat("relational GraphSAGE, fanout ",
                                absl::StrJoin(fanout, ","), ":"),
                   options));
  options.loader.fanout.assign(fanout.size(), 0);
  FAIRLEAD_ASSIGN_OR_RETURN(
      const TrainingResult mlp,
      TrainAndTell("the same network without neighbours, fanout 0:", options));

  if (absl::GetFlag(FLAGS_keep)) {
    std::cout << cluster->Describe() << "Enter ends them." << std::endl;
    std::cin.get();
  }
  FAIRLEAD_RETURN_IF_ERROR(cluster->Stop());
  std::cout << absl::StrFormat(
      "quickstart: test_accuracy=%.4f mlp_accuracy=%.4f batches=%d "
      "batches_per_s=%.1f duplicates=%d missing=%d\n",
      graph.test_accuracy, mlp.test_accuracy, graph.batches + mlp.batches,
      static_cast<double>(graph.batches + mlp.batches) /
          (graph.seconds + mlp.seconds),
      graph.duplicates + mlp.duplicates, graph.missing + mlp.missing);
  return absl::OkStatus();
}

}  // namespace
}  // namespace fairlead

int main(int argc, char** argv) {
  fairlead::KeepFreedMemory();
  // Before the flags are read, which may change the folder.
  const std::string runfiles = absl::StrCat(
      std::filesystem::absolute(argv[0]).string(), ".runfiles/fairlead");
  fairlead::ParseFlagsOnly(
      argc, argv,
      "Starts the three services on this host, trains a GNN on WordNet from "
      "them, and stops them.\n"
      "Example: bazel run --config=opt //tools/quickstart -- --epochs=3",
      __FILE__);
  return fairlead::ExitCode("quickstart", fairlead::Run(runfiles));
}
