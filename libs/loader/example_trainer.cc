// A trainer in 30 lines: one epoch of neighbourhoods as tensors. Run it against
// a cluster that serves a graph with one node type:
//
//   bazel run //libs/loader:example_trainer -- 127.0.0.1:7100

#include <iostream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "libs/command_line/command_line.h"
#include "libs/loader/dist_neighbor_loader.h"
#include "libs/loader/keep_freed_memory.h"
#include "libs/status/status_macros.h"

absl::Status Train(const std::string& registry) {
  fairlead::NeighborLoaderOptions options;
  options.registry = registry;
  options.input_nodes.split = "train";
  options.fanout = {15, 10};
  options.batch_size = 512;
  options.shuffle = true;
  FAIRLEAD_ASSIGN_OR_RETURN(const auto loader,
                            fairlead::DistNeighborLoader::Create(options));
  for (const fairlead::Batch& batch : *loader) {  // its next epoch
    FAIRLEAD_ASSIGN_OR_RETURN(const fairlead::Data data, batch.ToData());
    // model->forward(data.x, data.edge_index) and so on; the seeds are rows
    // data.seed_index of what comes out.
    std::cout << "batch " << batch.index() << ": " << data.batch.numel()
              << " seeds, " << data.n_id.numel() << " nodes, "
              << data.edge_index.size(1) << " edges\n";
  }
  return loader->status();  // OK: every batch of the epoch was there
}

int main(int argc, char** argv) {
  fairlead::KeepFreedMemory();
  const std::vector<std::string> arguments = fairlead::ParseCommandLine(
      argc, argv,
      "Reads one epoch of the cluster of the registry that is named.\n"
      "Example: bazel run //libs/loader:example_trainer -- 127.0.0.1:7100",
      __FILE__);
  return fairlead::ExitCode(
      "example_trainer",
      Train(arguments.empty() ? "127.0.0.1:7100" : arguments[0]));
}
