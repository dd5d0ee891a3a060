#ifndef FAIRLEAD_TOOLS_EXAMPLES_TRAINER_H_
#define FAIRLEAD_TOOLS_EXAMPLES_TRAINER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "libs/loader/batch.h"
#include "libs/loader/dist_loader.h"
#include "libs/rpc/security.h"
#include "tools/examples/data_parallel.h"
#include "tools/examples/training_loop.h"
#include "tools/quickstart/relational_sage.h"
#include "torch/types.h"

namespace fairlead {

// What the trainers have in common, whatever they learn. This library has their
// flags, too: link it once.
struct TrainerFlags {
  std::string registry;
  std::shared_ptr<rpc::Security> security;  // null: plain text
  std::string job;
  uint32_t rank = 0;
  uint32_t world_size = 1;
  int epochs = 0;
  uint64_t steps = 0;
  std::vector<int32_t> fanout;
  uint64_t batch_size = 0;
  int64_t hidden = 0;
  double learning_rate = 0;
  uint64_t seed = 0;
};

// INVALID_ARGUMENT, naming the flag. `program` is the job where none is named.
absl::StatusOr<TrainerFlags> ReadTrainerFlags(absl::string_view program);

absl::StatusOr<std::unique_ptr<DataParallel>> JoinRanks(
    const TrainerFlags& flags);

// Options of any kind of loader, for this rank's part of what each server has
// of a split.
template <typename Options>
Options LoaderOptionsOf(const TrainerFlags& flags, const ServedGraph& graph,
                        const std::string& split) {
  Options options;
  options.registry = flags.registry;
  options.security = flags.security;
  options.input_nodes.split = split;
  options.input_nodes.shard = flags.rank;
  options.input_nodes.num_shards = flags.world_size;
  options.edge_type_fanouts = graph.fanouts;
  options.batch_size = flags.batch_size;
  options.shuffle = true;
  options.seed = flags.seed;
  options.to_device = "cpu";  // where the network is
  return options;
}

// A network with so many outputs for each node: the same parameters on every
// rank.
RelationalSage NewModel(const TrainerFlags& flags, const ServedGraph& graph,
                        int64_t outputs);

// What is learnt, and how well: see TrainEpoch and Evaluate.
struct Task {
  std::function<absl::StatusOr<Loss>(const Batch&)> loss_of;
  std::function<absl::StatusOr<torch::Tensor>(const Batch&)> measure;
  int64_t columns = 0;  // of what `measure` returns
  // Puts the sum of these into words.
  std::function<std::string(const torch::Tensor&)> describe;
};

// Trains, and tests after each epoch, of which the first rank tells. Returns
// the last test's sum, once all ranks are found to have the same parameters,
// whose hash goes into `parameters`.
absl::StatusOr<torch::Tensor> TrainAndTest(const TrainerFlags& flags,
                                           DataParallel* ranks,
                                           DistLoader* train, DistLoader* test,
                                           RelationalSage model,
                                           const Task& task,
                                           uint64_t* parameters);

}  // namespace fairlead

#endif  // FAIRLEAD_TOOLS_EXAMPLES_TRAINER_H_
