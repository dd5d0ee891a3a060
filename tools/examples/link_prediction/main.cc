// Link prediction from anchors, trained by several processes: which synset is a
// synset's hypernym? See the README of the folder above.

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
#include "libs/sampling/ablp_label_types.h"
#include "libs/status/status_macros.h"
#include "libs/type_names/type_names.h"
#include "tools/examples/data_parallel.h"
#include "tools/examples/link_prediction/anchor_links.h"
#include "tools/examples/training_loop.h"
#include "tools/quickstart/relational_sage.h"
#include "torch/torch.h"

ABSL_FLAG(std::string, registry, "127.0.0.1:7100",
          "host:port of the registry.");
ABSL_FLAG(std::string, job, "link_prediction",
          "Name of this run: the same on its ranks, other than other runs'.");
ABSL_FLAG(uint32_t, rank, 0, "Which of the processes this is, from 0.");
ABSL_FLAG(uint32_t, world_size, 1, "How many processes train together.");
ABSL_FLAG(std::string, supervision, "synset__hypernym__synset",
          "The edges to predict, as src__relation__dst. The dataset has their "
          "labels from `dataset add_labels`.");
ABSL_FLAG(std::vector<std::string>, left_out, {"synset__hyponym__synset"},
          "Other edge types that are not passed along, since they would tell "
          "what is to be predicted; with commas.");
ABSL_FLAG(int, epochs, 3, "Passes over the training split.");
ABSL_FLAG(uint64_t, steps, 0,
          "At most so many steps an epoch, and batches a rank to test with; 0 "
          "for all.");
ABSL_FLAG(std::string, fanout, "10,5",
          "Neighbours per hop and edge type; also the number of layers.");
ABSL_FLAG(uint64_t, batch_size, 512, "Anchors of a rank's batch.");
ABSL_FLAG(int64_t, hidden, 32, "Width of the layers and of an embedding.");
ABSL_FLAG(double, learning_rate, 0.01, "Of AdamW.");
ABSL_FLAG(uint64_t, seed, 0, "Of the sampling and the weights.");

namespace fairlead {
namespace {

absl::StatusOr<std::unique_ptr<SampleStream>> Open(
    const ServedGraph& graph, const EdgeTypeName& supervision,
    const std::string& split) {
  AblpLoaderOptions options;
  options.registry = absl::GetFlag(FLAGS_registry);
  options.input_nodes.split = split;
  // This rank's part of what each server has of the split.
  options.input_nodes.shard = absl::GetFlag(FLAGS_rank);
  options.input_nodes.num_shards = absl::GetFlag(FLAGS_world_size);
  options.supervision_edge_type = supervision;
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
      const EdgeTypeName supervision,
      ParseEdgeTypeName(absl::GetFlag(FLAGS_supervision)));
  FAIRLEAD_ASSIGN_OR_RETURN(
      const std::unique_ptr<DataParallel> ranks,
      DataParallel::Join({.registry = absl::GetFlag(FLAGS_registry),
                          .job = absl::GetFlag(FLAGS_job),
                          .rank = absl::GetFlag(FLAGS_rank),
                          .world_size = absl::GetFlag(FLAGS_world_size)}));
  std::vector<std::string> left_out = absl::GetFlag(FLAGS_left_out);
  left_out.push_back(supervision.ToString());
  FAIRLEAD_ASSIGN_OR_RETURN(
      const ServedGraph graph,
      AskForGraph(absl::GetFlag(FLAGS_registry), fanout, left_out));
  FAIRLEAD_ASSIGN_OR_RETURN(const std::unique_ptr<SampleStream> train,
                            Open(graph, supervision, "train"));
  FAIRLEAD_ASSIGN_OR_RETURN(const std::unique_ptr<SampleStream> test,
                            Open(graph, supervision, "test"));

  // The same seed makes the same parameters on every rank.
  torch::manual_seed(absl::GetFlag(FLAGS_seed));
  RelationalSage model(RelationalSageImpl::Shape{
      .features = graph.features,
      .hidden = absl::GetFlag(FLAGS_hidden),
      .classes = absl::GetFlag(FLAGS_hidden),
      .relations = static_cast<int64_t>(graph.shape.relations.size()),
      .layers = static_cast<int64_t>(fanout.size()),
      .dropout = 0.2});
  torch::optim::AdamW optimizer(
      model->parameters(),
      torch::optim::AdamWOptions(absl::GetFlag(FLAGS_learning_rate)));

  EdgeTypeName labels = supervision;
  absl::StrAppend(&labels.relation, kPositiveLabelSuffix);
  const auto loss_of =
      [&](const ReceivedBatch& received) -> absl::StatusOr<Loss> {
    FAIRLEAD_ASSIGN_OR_RETURN(const AnchorLinks links,
                              ToAnchorLinks(graph.shape, labels, received));
    if (links.anchor.size(0) == 0) return Loss();
    return Loss{.mean = LinkLoss(links, model->forward(links.batch)),
                .examples = links.anchor.size(0)};
  };
  const auto quality_of =
      [&](const ReceivedBatch& received) -> absl::StatusOr<torch::Tensor> {
    FAIRLEAD_ASSIGN_OR_RETURN(const AnchorLinks links,
                              ToAnchorLinks(graph.shape, labels, received));
    return LinkQuality(links, model->forward(links.batch));
  };

  LinkMetrics metrics;
  const uint64_t steps = absl::GetFlag(FLAGS_steps);
  for (int epoch = 0; epoch < absl::GetFlag(FLAGS_epochs); ++epoch) {
    model->train();
    FAIRLEAD_ASSIGN_OR_RETURN(
        const double loss,
        TrainEpoch(ranks.get(), train.get(), &optimizer, steps, loss_of));
    model->eval();
    FAIRLEAD_ASSIGN_OR_RETURN(const torch::Tensor sum,
                              Evaluate(ranks.get(), test.get(), steps,
                                       kLinkQualityColumns, quality_of));
    metrics = ToMetrics(sum);
    if (ranks->rank() == 0) {
      std::cout << absl::StrFormat(
                       "epoch %d  loss %.3f  test auc %.4f  hits@%d %.4f (by "
                       "chance %.4f)",
                       epoch + 1, loss, metrics.auc, kHitsAt, metrics.hits,
                       metrics.hits_by_chance)
                << std::endl;
    }
  }
  FAIRLEAD_ASSIGN_OR_RETURN(const uint64_t parameters,
                            ranks->CommonDigest(model->parameters()));
  std::cout << absl::StrFormat(
                   "link_prediction: rank=%d test_auc=%.4f hits_at_%d=%.4f "
                   "parameters=%016x",
                   ranks->rank(), metrics.auc, kHitsAt, metrics.hits,
                   parameters)
            << std::endl;
  return absl::OkStatus();
}

}  // namespace
}  // namespace fairlead

int main(int argc, char** argv) {
  fairlead::ParseFlagsOnly(
      argc, argv,
      "One of --world_size processes that train GraphSAGE together to predict "
      "links, from a cluster that serves a graph with labels for them "
      "(`dataset "
      "add_labels`).\n"
      "A batch has anchors, the nodes that their edges of type --supervision "
      "lead to, and the neighbourhoods of both, without those edges. The score "
      "of a link is the cosine of its ends' embeddings, against all other "
      "labels in the batch. Start one for each --rank:\n"
      "  bazel run --config=opt //tools/examples/link_prediction -- --rank=0 "
      "--world_size=2\n"
      "  bazel run --config=opt //tools/examples/link_prediction -- --rank=1 "
      "--world_size=2",
      __FILE__);
  return fairlead::ExitCode("link_prediction", fairlead::Run());
}
