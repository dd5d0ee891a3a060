#include "tools/examples/trainer.h"

#include <cstdint>
#include <iostream>
#include <memory>
#include <string>

#include "absl/flags/flag.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "libs/loader/loader_options.h"
#include "libs/rpc/registry_address.h"
#include "libs/rpc/security_flags.h"
#include "libs/security/identity.h"
#include "libs/status/status_macros.h"
#include "torch/optim/adamw.h"
#include "torch/types.h"
#include "torch/utils.h"

ABSL_FLAG(std::string, registry, "127.0.0.1:7100",
          "host:port of the registry; empty for the port after $MASTER_PORT "
          "of $MASTER_ADDR, where it is beside torch.distributed's master.");
ABSL_FLAG(std::string, job, "",
          "Name of this run: the same on its ranks, other than other runs'; "
          "empty for the program's name.");
ABSL_FLAG(uint32_t, rank, 0, "Which of the processes this is, from 0.");
ABSL_FLAG(uint32_t, world_size, 1, "How many processes train together.");
ABSL_FLAG(int, epochs, 3, "Passes over the training split.");
ABSL_FLAG(uint64_t, steps, 0,
          "At most so many steps an epoch, and batches a rank to test with; 0 "
          "for all.");
ABSL_FLAG(std::string, fanout, "10,5",
          "Neighbours per hop and edge type; also the number of layers.");
ABSL_FLAG(uint64_t, batch_size, 512, "Seed nodes, or anchors, of a batch.");
ABSL_FLAG(int64_t, hidden, 32, "Width of the layers and of an embedding.");
ABSL_FLAG(double, learning_rate, 0.01, "Of AdamW.");
ABSL_FLAG(uint64_t, seed, 0, "Of the sampling and the weights.");

namespace fairlead {

absl::StatusOr<TrainerFlags> ReadTrainerFlags(absl::string_view program) {
  TrainerFlags flags;
  FAIRLEAD_ASSIGN_OR_RETURN(
      flags.registry, rpc::RegistryAddress(absl::GetFlag(FLAGS_registry)));
  FAIRLEAD_ASSIGN_OR_RETURN(flags.security,
                            rpc::SecurityFromFlags(security::Role::kTrainer));
  flags.job = absl::GetFlag(FLAGS_job);
  if (flags.job.empty()) flags.job = std::string(program);
  flags.rank = absl::GetFlag(FLAGS_rank);
  flags.world_size = absl::GetFlag(FLAGS_world_size);
  flags.epochs = absl::GetFlag(FLAGS_epochs);
  flags.steps = absl::GetFlag(FLAGS_steps);
  FAIRLEAD_ASSIGN_OR_RETURN(flags.fanout,
                            ParseFanout(absl::GetFlag(FLAGS_fanout)));
  if (flags.fanout.empty()) {
    return absl::InvalidArgumentError("--fanout: needs one hop or more");
  }
  flags.batch_size = absl::GetFlag(FLAGS_batch_size);
  flags.hidden = absl::GetFlag(FLAGS_hidden);
  flags.learning_rate = absl::GetFlag(FLAGS_learning_rate);
  flags.seed = absl::GetFlag(FLAGS_seed);
  return flags;
}

absl::StatusOr<std::unique_ptr<DataParallel>> JoinRanks(
    const TrainerFlags& flags) {
  return DataParallel::Join({.registry = flags.registry,
                             .security = flags.security,
                             .job = flags.job,
                             .rank = flags.rank,
                             .world_size = flags.world_size});
}

RelationalSage NewModel(const TrainerFlags& flags, const ServedGraph& graph,
                        int64_t outputs) {
  torch::manual_seed(flags.seed);
  return RelationalSage(RelationalSageImpl::Shape{
      .features = graph.features,
      .hidden = flags.hidden,
      .classes = outputs,
      .relations = static_cast<int64_t>(graph.shape.relations.size()),
      .layers = static_cast<int64_t>(flags.fanout.size()),
      .dropout = 0.2});
}

absl::StatusOr<torch::Tensor> TrainAndTest(const TrainerFlags& flags,
                                           DataParallel* ranks,
                                           DistLoader* train, DistLoader* test,
                                           RelationalSage model,
                                           const Task& task,
                                           uint64_t* parameters) {
  torch::optim::AdamW optimizer(
      model->parameters(), torch::optim::AdamWOptions(flags.learning_rate));
  torch::Tensor sum = torch::zeros({task.columns}, torch::kDouble);
  for (int epoch = 0; epoch < flags.epochs; ++epoch) {
    model->train();
    FAIRLEAD_ASSIGN_OR_RETURN(
        const double loss,
        TrainEpoch(ranks, train, &optimizer, flags.steps, task.loss_of));
    model->eval();
    FAIRLEAD_ASSIGN_OR_RETURN(
        sum, Evaluate(ranks, test, flags.steps, task.columns, task.measure));
    if (ranks->rank() == 0) {
      std::cout << absl::StrFormat("epoch %d  loss %.3f  test %s", epoch + 1,
                                   loss, task.describe(sum))
                << std::endl;
    }
  }
  FAIRLEAD_ASSIGN_OR_RETURN(*parameters,
                            ranks->CommonDigest(model->parameters()));
  return sum;
}

}  // namespace fairlead
