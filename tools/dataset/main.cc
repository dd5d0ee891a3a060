// Makes datasets: folders of .npy files that a sampler pool serves.

#include <algorithm>
#include <cstdint>
#include <functional>
#include <iostream>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "boost/timer/progress_display.hpp"
#include "libs/command_line/command_line.h"
#include "libs/graph/dataset.h"
#include "libs/graph/dataset_writer.h"
#include "libs/status/status_macros.h"
#include "tools/dataset/folder_commands.h"
#include "tools/dataset/kronecker.h"
#include "tools/dataset/output_folder.h"
#include "tools/dataset/power_law.h"
#include "tools/dataset/synthetic_nodes.h"
#include "tools/dataset/wordnet.h"

ABSL_FLAG(std::string, out, "", "The folder to make. Required.");
ABSL_FLAG(std::string, in, "",
          "The folder to read, of commands that read one.");
ABSL_FLAG(bool, overwrite, false, "Replace --out if it is a dataset.");
ABSL_FLAG(int64_t, feature_dim, 0,
          "wordnet: hashed feature columns, 128 by default; 4 columns for the "
          "part of speech come on top. kronecker, power_law: feature columns, "
          "64 by default, -1 for none.");
ABSL_FLAG(bool, int8_features, false,
          "kronecker, power_law: features as int8 with a scale, a quarter of "
          "float32.");
ABSL_FLAG(uint64_t, seed, 0, "Of everything that is random.");
ABSL_FLAG(std::string, wordnet_dir, "/usr/share/wordnet",
          "wordnet: where the package wordnet-base keeps its data files.");
ABSL_FLAG(int, scale, 16, "kronecker: log2 of the number of nodes.");
ABSL_FLAG(int64_t, edge_factor, 16, "kronecker, power_law: edges per node.");
ABSL_FLAG(int64_t, nodes, 1 << 16, "power_law: how many there are.");

namespace fairlead {
namespace {

constexpr char kUsage[] =
    "Makes a dataset: a folder of .npy files for --dataset of a sampler pool.\n"
    "\n"
    "  dataset wordnet --out=DIR    WordNet 3.0: 117,659 synsets, 26 kinds of "
    "edges, 45 classes\n"
    "  dataset kronecker --out=DIR  a synthetic power-law graph by the "
    "Graph500 "
    "specification\n"
    "  dataset power_law --out=DIR  another, of any size: it is written as it "
    "is made\n"
    "\n"
    "Example: bazel run --config=opt //tools/dataset -- kronecker --scale=20 "
    "--edge_factor=20 --feature_dim=128 --out=/tmp/big";

int64_t FeatureDim(int64_t by_default) {
  const int64_t dim = absl::GetFlag(FLAGS_feature_dim);
  if (dim == 0) return by_default;
  return dim == -1 ? 0 : dim;
}

absl::Status MakeWordNet(const std::string& directory) {
  FAIRLEAD_ASSIGN_OR_RETURN(
      DatasetContents contents,
      ReadWordNet({.directory = absl::GetFlag(FLAGS_wordnet_dir),
                   .feature_dim = FeatureDim(128),
                   .seed = absl::GetFlag(FLAGS_seed)}));
  return WriteDataset(directory, std::move(contents));
}

SyntheticNodes NodeData() {
  return {.feature_dim = FeatureDim(64),
          .int8_features = absl::GetFlag(FLAGS_int8_features),
          .seed = absl::GetFlag(FLAGS_seed)};
}

// Shows what `Write...` says of its progress as a bar.
std::function<void(uint64_t, uint64_t)> ProgressBar() {
  return [bar = std::shared_ptr<boost::timer::progress_display>()](
             uint64_t done, uint64_t total) mutable {
    if (bar == nullptr) {
      bar = std::make_shared<boost::timer::progress_display>(total, std::cerr);
    }
    *bar += done - bar->count();
  };
}

absl::Status MakeKronecker(const std::string& directory) {
  return WriteKronecker({.scale = absl::GetFlag(FLAGS_scale),
                         .edge_factor = absl::GetFlag(FLAGS_edge_factor),
                         .node_data = NodeData()},
                        directory, ProgressBar());
}

absl::Status MakePowerLaw(const std::string& directory) {
  return WritePowerLaw({.num_nodes = absl::GetFlag(FLAGS_nodes),
                        .edge_factor = absl::GetFlag(FLAGS_edge_factor),
                        .node_data = NodeData()},
                       directory, ProgressBar());
}

struct Kind {
  absl::string_view name;
  absl::Status (*make)(const std::string& directory);
};
constexpr Kind kKinds[] = {{"wordnet", MakeWordNet},
                           {"kronecker", MakeKronecker},
                           {"power_law", MakePowerLaw}};

absl::Status Make(const std::vector<std::string>& arguments) {
  if (arguments.size() == 1 && IsFolderCommand(arguments[0])) {
    return RunFolderCommand(arguments[0],
                            {.in = absl::GetFlag(FLAGS_in),
                             .out = absl::GetFlag(FLAGS_out),
                             .overwrite = absl::GetFlag(FLAGS_overwrite),
                             .seed = absl::GetFlag(FLAGS_seed)});
  }
  const auto* const kind =
      std::find_if(std::begin(kKinds), std::end(kKinds), [&](const Kind& k) {
        return arguments.size() == 1 && arguments[0] == k.name;
      });
  if (kind == std::end(kKinds)) {
    return absl::InvalidArgumentError(
        "name one kind of dataset, wordnet, kronecker or power_law; see "
        "--help");
  }
  FAIRLEAD_ASSIGN_OR_RETURN(
      OutputFolder folder,
      OutputFolder::Create(absl::GetFlag(FLAGS_out),
                           absl::GetFlag(FLAGS_overwrite)));
  FAIRLEAD_RETURN_IF_ERROR(kind->make(folder.path()));
  // Whatever was written can be read: better known here than in a service.
  FAIRLEAD_ASSIGN_OR_RETURN(const std::unique_ptr<const Dataset> dataset,
                            Dataset::Load(folder.path()));
  FAIRLEAD_RETURN_IF_ERROR(folder.Commit());
  int64_t edges = 0;
  for (const EdgeType& type : dataset->edge_types()) {
    edges += type.num_edges();
  }
  std::cerr << "dataset " << dataset->name() << " in "
            << absl::GetFlag(FLAGS_out) << ": "
            << dataset->node_types()[0].num_nodes << " nodes, " << edges
            << " edges of " << dataset->edge_types().size() << " kinds\n";
  return absl::OkStatus();
}

}  // namespace
}  // namespace fairlead

int main(int argc, char** argv) {
  const std::vector<std::string> arguments = fairlead::ParseCommandLine(
      argc, argv,
      absl::StrCat(fairlead::kUsage, "\n\n", fairlead::FolderCommandsUsage()),
      __FILE__);
  return fairlead::ExitCode("dataset", fairlead::Make(arguments));
}
