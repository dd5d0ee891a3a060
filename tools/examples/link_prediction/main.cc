// Link prediction from anchors, trained by several processes: which synset is a
// synset's hypernym? See the README of the folder above.

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
#include "libs/loader/batch.h"
#include "libs/loader/dist_ablp_loader.h"
#include "libs/loader/keep_freed_memory.h"
#include "libs/loader/loader_options.h"
#include "libs/sampling/ablp_label_types.h"
#include "libs/status/status_macros.h"
#include "libs/type_names/type_names.h"
#include "tools/examples/data_parallel.h"
#include "tools/examples/link_prediction/anchor_links.h"
#include "tools/examples/trainer.h"
#include "tools/examples/training_loop.h"
#include "tools/quickstart/relational_sage.h"
#include "torch/types.h"

ABSL_FLAG(std::string, supervision, "synset__hypernym__synset",
          "The edges to predict, as src__relation__dst. The dataset has their "
          "labels from `dataset add_labels`.");
ABSL_FLAG(std::vector<std::string>, left_out, {"synset__hyponym__synset"},
          "Other edge types that are not passed along, since they would tell "
          "what is to be predicted; with commas.");

namespace fairlead {
namespace {

absl::StatusOr<std::unique_ptr<DistAblpLoader>> Open(
    const TrainerFlags& flags, const ServedGraph& graph,
    const EdgeTypeName& supervision, const std::string& split) {
  auto options = LoaderOptionsOf<AblpLoaderOptions>(flags, graph, split);
  options.supervision_edge_type = supervision;
  return DistAblpLoader::Create(options);
}

absl::Status Run() {
  FAIRLEAD_ASSIGN_OR_RETURN(const TrainerFlags flags,
                            ReadTrainerFlags("link_prediction"));
  FAIRLEAD_ASSIGN_OR_RETURN(
      const EdgeTypeName supervision,
      ParseEdgeTypeName(absl::GetFlag(FLAGS_supervision)));
  FAIRLEAD_ASSIGN_OR_RETURN(const std::unique_ptr<DataParallel> ranks,
                            JoinRanks(flags));
  std::vector<std::string> left_out = absl::GetFlag(FLAGS_left_out);
  left_out.push_back(supervision.ToString());
  FAIRLEAD_ASSIGN_OR_RETURN(
      const ServedGraph graph,
      AskForGraph({.registry = flags.registry, .security = flags.security},
                  flags.fanout, left_out));
  FAIRLEAD_ASSIGN_OR_RETURN(const std::unique_ptr<DistAblpLoader> train,
                            Open(flags, graph, supervision, "train"));
  FAIRLEAD_ASSIGN_OR_RETURN(const std::unique_ptr<DistAblpLoader> test,
                            Open(flags, graph, supervision, "test"));
  RelationalSage model = NewModel(flags, graph, /*outputs=*/flags.hidden);

  EdgeTypeName labels = supervision;
  absl::StrAppend(&labels.relation, kPositiveLabelSuffix);
  Task task;
  task.loss_of = [&](const Batch& batch) -> absl::StatusOr<Loss> {
    FAIRLEAD_ASSIGN_OR_RETURN(const AnchorLinks links,
                              ToAnchorLinks(graph.shape, labels, batch));
    if (links.anchor.size(0) == 0) return Loss();
    return Loss{.mean = LinkLoss(links, model->forward(links.batch)),
                .examples = links.anchor.size(0)};
  };
  task.columns = kLinkQualityColumns;
  task.measure = [&](const Batch& batch) -> absl::StatusOr<torch::Tensor> {
    FAIRLEAD_ASSIGN_OR_RETURN(const AnchorLinks links,
                              ToAnchorLinks(graph.shape, labels, batch));
    return LinkQuality(links, model->forward(links.batch));
  };
  task.describe = [](const torch::Tensor& sum) {
    const LinkMetrics metrics = ToMetrics(sum);
    return absl::StrFormat("auc %.4f  hits@%d %.4f (by chance %.4f)",
                           metrics.auc, kHitsAt, metrics.hits,
                           metrics.hits_by_chance);
  };
  uint64_t parameters = 0;
  FAIRLEAD_ASSIGN_OR_RETURN(const torch::Tensor sum,
                            TrainAndTest(flags, ranks.get(), train.get(),
                                         test.get(), model, task, &parameters));
  const LinkMetrics metrics = ToMetrics(sum);
  std::cout << absl::StrFormat(
                   "link_prediction: rank=%d test_auc=%.4f hits_at_%d=%.4f "
                   "parameters=%016x",
                   flags.rank, metrics.auc, kHitsAt, metrics.hits, parameters)
            << std::endl;
  return absl::OkStatus();
}

}  // namespace
}  // namespace fairlead

int main(int argc, char** argv) {
  fairlead::KeepFreedMemory();
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
