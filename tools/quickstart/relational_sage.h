#ifndef FAIRLEAD_TOOLS_QUICKSTART_RELATIONAL_SAGE_H_
#define FAIRLEAD_TOOLS_QUICKSTART_RELATIONAL_SAGE_H_

#include <cstdint>
#include <vector>

#include "torch/nn/module.h"
#include "torch/nn/modules/linear.h"
#include "torch/nn/modules/normalization.h"
#include "torch/types.h"

namespace fairlead {

// The sampled edges of one relation in a batch.
struct RelationEdges {
  int64_t relation = 0;
  torch::Tensor rows;  // int64 [E], local index of the node that receives
  torch::Tensor cols;  // int64 [E], local index of its neighbour
  std::vector<int64_t> edges_per_hop;  // rows and cols are in order of hops
};

// A batch as the network sees it.
struct TrainingBatch {
  torch::Tensor x;  // float32 [nodes, features], seeds first, then by hop
  std::vector<RelationEdges> edges;
  std::vector<int64_t> nodes_per_hop;  // hops + 1
  torch::Tensor seed_locals;           // int64 [seeds]
  torch::Tensor y;                     // int64 [seeds]
};

// GraphSAGE with mean aggregation (Hamilton, Ying, Leskovec, NeurIPS 2017) and
// a weight matrix per relation (Schlichtkrull et al., ESWC 2018). In layer l,
//
//   h_v = relu(W h_v + sum over relations r of W_r mean over N_r(v) of h_u)
//
// Without edges it is a multi-layer perceptron. It has as many layers as the
// batch has hops, and each computes only the nodes that later ones need.
class RelationalSageImpl : public torch::nn::Module {
 public:
  struct Shape {
    int64_t features = 0;
    int64_t hidden = 128;
    int64_t classes = 0;
    int64_t relations = 0;
    int64_t layers = 2;
    double dropout = 0.5;
  };

  explicit RelationalSageImpl(const Shape& shape);

  // Logits of the seeds, [seeds, classes].
  torch::Tensor forward(const TrainingBatch& batch);

 private:
  const Shape shape_;
  std::vector<torch::nn::Linear> self_;
  std::vector<torch::nn::LayerNorm> norm_;      // one per layer but the last
  std::vector<torch::Tensor> relation_weight_;  // [relations, in, out] each
};
TORCH_MODULE(RelationalSage);

}  // namespace fairlead

#endif  // FAIRLEAD_TOOLS_QUICKSTART_RELATIONAL_SAGE_H_
