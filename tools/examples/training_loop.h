#ifndef FAIRLEAD_TOOLS_EXAMPLES_TRAINING_LOOP_H_
#define FAIRLEAD_TOOLS_EXAMPLES_TRAINING_LOOP_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/loader/batch.h"
#include "libs/loader/dist_loader.h"
#include "libs/loader/remote_dist_dataset.h"
#include "libs/type_names/type_names.h"
#include "tools/examples/data_parallel.h"
#include "tools/quickstart/training.h"
#include "torch/types.h"

namespace torch::optim {
class Optimizer;
}

namespace fairlead {

// What a cluster says of the graph that it serves, before the first batch.
struct ServedGraph {
  GraphShape shape;      // relations are those to be passed along
  int64_t features = 0;  // columns
  std::vector<std::pair<EdgeTypeName, std::vector<int32_t>>> fanouts;
};

// FAILED_PRECONDITION unless the graph has one node type, with features, and
// edge types. Labels for link prediction are not passed along, nor are types
// that `left_out` names. NOT_FOUND if one of these is none.
absl::StatusOr<ServedGraph> AskForGraph(
    const RemoteDistDataset::Options& cluster,
    const std::vector<int32_t>& fanout,
    const std::vector<std::string>& left_out);

// What a rank brings to a step.
struct Loss {
  torch::Tensor mean;  // over the examples; not read if there are none
  int64_t examples = 0;
};

// One epoch of steps that all ranks make together, at most `max_steps` of them
// (0: any number). Ranks may have different numbers of batches: who has none
// left goes on without, and the epoch is over when that is everybody, so each
// example counts once, and nobody waits for a step that another does not make.
// Returns the mean loss over all examples of all ranks.
absl::StatusOr<double> TrainEpoch(
    DataParallel* ranks, DistLoader* loader, torch::optim::Optimizer* optimizer,
    uint64_t max_steps,
    const std::function<absl::StatusOr<Loss>(const Batch&)>& loss_of);

// The sum, over the batches of all ranks, at most `max_batches` of each (0: any
// number), of what `measure` says of them: `columns` numbers, float64.
absl::StatusOr<torch::Tensor> Evaluate(
    DataParallel* ranks, DistLoader* loader, uint64_t max_batches,
    int64_t columns,
    const std::function<absl::StatusOr<torch::Tensor>(const Batch&)>& measure);

}  // namespace fairlead

#endif  // FAIRLEAD_TOOLS_EXAMPLES_TRAINING_LOOP_H_
