#include "tools/quickstart/relational_sage.h"

#include <cmath>
#include <cstdint>
#include <numeric>
#include <string>

#include "torch/nn/modules/linear.h"
#include "torch/nn/modules/normalization.h"
#include "torch/types.h"

namespace fairlead {

RelationalSageImpl::RelationalSageImpl(const Shape& shape) : shape_(shape) {
  for (int64_t layer = 0; layer < shape.layers; ++layer) {
    const int64_t in = layer == 0 ? shape.features : shape.hidden;
    const bool is_last = layer + 1 == shape.layers;
    const int64_t out = is_last ? shape.classes : shape.hidden;
    const std::string suffix = std::to_string(layer);
    self_.push_back(
        register_module("self" + suffix, torch::nn::Linear(in, out)));
    relation_weight_.push_back(register_parameter(
        "relation" + suffix, torch::randn({shape.relations, in, out}) /
                                 std::sqrt(static_cast<double>(in))));
    if (!is_last) {
      norm_.push_back(register_module(
          "norm" + suffix,
          torch::nn::LayerNorm(torch::nn::LayerNormOptions({out}))));
    }
  }
}

torch::Tensor RelationalSageImpl::forward(const TrainingBatch& batch) {
  torch::Tensor h = batch.x;
  for (int64_t layer = 0; layer < shape_.layers; ++layer) {
    // Nodes that a layer after this one still reads: those within that many
    // hops of the seeds. They come first, so they are a prefix.
    const int64_t hops_left = shape_.layers - 1 - layer;
    const int64_t targets = std::accumulate(
        batch.nodes_per_hop.begin(),
        batch.nodes_per_hop.begin() +
            std::min<int64_t>(hops_left + 1,
                              static_cast<int64_t>(batch.nodes_per_hop.size())),
        int64_t{0});
    if (layer > 0) {
      h = torch::dropout(h, shape_.dropout, is_training());
    }
    torch::Tensor out = self_[layer]->forward(h.narrow(0, 0, targets));
    for (const RelationEdges& edges : batch.edges) {
      const int64_t used = std::accumulate(
          edges.edges_per_hop.begin(),
          edges.edges_per_hop.begin() +
              std::min<int64_t>(hops_left + 1, static_cast<int64_t>(
                                                   edges.edges_per_hop.size())),
          int64_t{0});
      if (used == 0) continue;
      const torch::Tensor rows = edges.rows.narrow(0, 0, used);
      const torch::Tensor cols = edges.cols.narrow(0, 0, used);
      const torch::Tensor degree =
          torch::zeros({targets}).index_add_(0, rows, torch::ones({used}));
      const torch::Tensor messages =
          h.index_select(0, cols) / degree.index_select(0, rows).unsqueeze(1);
      out = out.index_add(0, rows,
                          messages.mm(relation_weight_[layer][edges.relation]));
    }
    h = hops_left == 0 ? out : torch::relu(norm_[layer]->forward(out));
  }
  return h.index_select(0, batch.seed_locals);
}

}  // namespace fairlead
