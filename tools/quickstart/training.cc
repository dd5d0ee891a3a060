#include "tools/quickstart/training.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "libs/loader/received_batch.h"
#include "libs/loader/sample_stream.h"
#include "libs/status/status_macros.h"
#include "libs/tensor_message/tensor_message.h"
#include "libs/tensor_message/torch_adaptor.h"
#include "tools/quickstart/relational_sage.h"
#include "torch/nn/functional/loss.h"
#include "torch/optim/adamw.h"
#include "torch/types.h"
#include "torch/utils.h"

namespace fairlead {
namespace {

absl::StatusOr<const TensorView*> FindTensor(const TensorMessage& message,
                                             const std::string& name,
                                             v1::DType dtype, size_t rank) {
  const TensorView* tensor = message.Find(name);
  if (tensor == nullptr || tensor->dtype != dtype ||
      tensor->shape.size() != rank) {
    return absl::DataLossError(absl::StrCat(
        "batch ", message.header.batch_index(), ": tensor ", name,
        tensor == nullptr ? " is missing; does the dataset have features and "
                            "labels?"
                          : " is of another dtype or rank than expected"));
  }
  return tensor;
}

std::vector<int64_t> ToVector(const TensorView& tensor) {
  const absl::Span<const int64_t> values = tensor.As<int64_t>();
  return {values.begin(), values.end()};
}

// One pass over a split.
struct Pass {
  double loss = 0;
  double accuracy = 0;
};

absl::StatusOr<Pass> RunPass(
    const GraphShape& graph, SampleStream& stream,
    const std::function<torch::Tensor(const TrainingBatch&)>& logits_of) {
  FAIRLEAD_RETURN_IF_ERROR(stream.StartEpoch());
  Pass pass;
  int64_t seeds = 0;
  while (true) {
    FAIRLEAD_ASSIGN_OR_RETURN(const std::optional<ReceivedBatch> received,
                              stream.Next());
    if (!received.has_value()) break;
    FAIRLEAD_ASSIGN_OR_RETURN(const TrainingBatch batch,
                              ToTrainingBatch(graph, *received));
    const torch::Tensor logits = logits_of(batch);
    pass.loss += torch::nn::functional::cross_entropy(logits.detach(), batch.y)
                     .item<double>() *
                 static_cast<double>(batch.y.size(0));
    pass.accuracy += logits.argmax(1).eq(batch.y).sum().item<double>();
    seeds += batch.y.size(0);
  }
  if (seeds > 0) {
    pass.loss /= static_cast<double>(seeds);
    pass.accuracy /= static_cast<double>(seeds);
  }
  return pass;
}

}  // namespace

absl::StatusOr<TrainingBatch> ToTrainingBatch(const GraphShape& graph,
                                              const ReceivedBatch& received) {
  const TensorMessage& message = received.message;
  const auto tensor = [&](const std::string& name, v1::DType dtype,
                          size_t rank) -> absl::StatusOr<torch::Tensor> {
    FAIRLEAD_ASSIGN_OR_RETURN(const TensorView* view,
                              FindTensor(message, name, dtype, rank));
    return ToTorch(*view, received.buffer);
  };
  const std::string nodes = graph.node_type + ".";
  TrainingBatch batch;
  FAIRLEAD_ASSIGN_OR_RETURN(batch.x,
                            tensor(nodes + "nfeats", v1::DTYPE_FLOAT32, 2));
  FAIRLEAD_ASSIGN_OR_RETURN(batch.seed_locals,
                            tensor(nodes + "batch_locals", v1::DTYPE_INT64, 1));
  FAIRLEAD_ASSIGN_OR_RETURN(const torch::Tensor labels,
                            tensor(nodes + "nlabels", v1::DTYPE_INT64, 1));
  FAIRLEAD_ASSIGN_OR_RETURN(
      const TensorView* per_hop,
      FindTensor(message, nodes + "num_sampled_nodes", v1::DTYPE_INT64, 1));
  batch.nodes_per_hop = ToVector(*per_hop);
  batch.y = labels.index_select(0, batch.seed_locals);
  for (const auto& [relation, number] : graph.relations) {
    if (message.Find(relation + ".rows") == nullptr) continue;
    RelationEdges edges;
    edges.relation = number;
    FAIRLEAD_ASSIGN_OR_RETURN(edges.rows,
                              tensor(relation + ".rows", v1::DTYPE_INT64, 1));
    FAIRLEAD_ASSIGN_OR_RETURN(edges.cols,
                              tensor(relation + ".cols", v1::DTYPE_INT64, 1));
    FAIRLEAD_ASSIGN_OR_RETURN(
        per_hop, FindTensor(message, relation + ".num_sampled_edges",
                            v1::DTYPE_INT64, 1));
    edges.edges_per_hop = ToVector(*per_hop);
    batch.edges.push_back(std::move(edges));
  }
  return batch;
}

absl::StatusOr<TrainingResult> Train(
    const TrainingOptions& options,
    const std::function<void(uint64_t, uint64_t)>& on_batch,
    const std::function<void(int, const EpochResult&)>& on_epoch) {
  const absl::Time start = absl::Now();
  const auto open = [&options](const char* split, bool shuffle) {
    NeighborLoaderOptions loader = options.loader;
    loader.input_nodes.split = split;
    loader.shuffle = shuffle;
    return SampleStream::Create(std::move(loader));
  };
  FAIRLEAD_ASSIGN_OR_RETURN(const std::unique_ptr<SampleStream> train,
                            open("train", /*shuffle=*/true));
  FAIRLEAD_ASSIGN_OR_RETURN(const std::unique_ptr<SampleStream> val,
                            open("val", /*shuffle=*/false));
  FAIRLEAD_ASSIGN_OR_RETURN(const std::unique_ptr<SampleStream> test,
                            open("test", /*shuffle=*/false));

  torch::manual_seed(options.loader.seed);
  RelationalSage model(nullptr);
  std::unique_ptr<torch::optim::AdamW> optimizer;
  auto learn = [&, done = uint64_t{0}](const TrainingBatch& batch) mutable {
    if (optimizer == nullptr) {
      // The width of the features is known from the first batch on.
      model = RelationalSage(RelationalSageImpl::Shape{
          .features = batch.x.size(1),
          .hidden = options.hidden,
          .classes = options.graph.classes,
          .relations = static_cast<int64_t>(options.graph.relations.size()),
          .layers = static_cast<int64_t>(options.loader.fanout.size()),
          .dropout = options.dropout});
      optimizer = std::make_unique<torch::optim::AdamW>(
          model->parameters(),
          torch::optim::AdamWOptions(options.learning_rate));
    }
    model->train();
    optimizer->zero_grad();
    torch::Tensor logits = model->forward(batch);
    torch::nn::functional::cross_entropy(logits, batch.y).backward();
    optimizer->step();
    on_batch(++done, train->batches() * static_cast<uint64_t>(options.epochs));
    return logits;
  };
  const auto look = [&model](const TrainingBatch& batch) {
    const torch::NoGradGuard no_grad;
    model->eval();
    return model->forward(batch);
  };

  TrainingResult result;
  double best_val = -1;
  for (int epoch = 0; epoch < options.epochs; ++epoch) {
    EpochResult epoch_result;
    FAIRLEAD_ASSIGN_OR_RETURN(const Pass train_pass,
                              RunPass(options.graph, *train, std::ref(learn)));
    epoch_result.loss = train_pass.loss;
    epoch_result.train_accuracy = train_pass.accuracy;
    FAIRLEAD_ASSIGN_OR_RETURN(const Pass val_pass,
                              RunPass(options.graph, *val, look));
    epoch_result.val_accuracy = val_pass.accuracy;
    FAIRLEAD_ASSIGN_OR_RETURN(const Pass test_pass,
                              RunPass(options.graph, *test, look));
    epoch_result.test_accuracy = test_pass.accuracy;
    on_epoch(epoch, epoch_result);
    if (val_pass.accuracy > best_val) {
      best_val = val_pass.accuracy;
      result.test_accuracy = test_pass.accuracy;
    }
  }
  for (const SampleStream* stream : {train.get(), val.get(), test.get()}) {
    const ReceiveStats stats = stream->stats();
    result.batches += stats.batches;
    result.duplicates += stats.duplicates;
    result.missing += stats.missing;
  }
  result.seconds = absl::ToDoubleSeconds(absl::Now() - start);
  return result;
}

}  // namespace fairlead
