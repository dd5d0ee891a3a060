#ifndef FAIRLEAD_LIBS_LOADER_BATCH_DATA_H_
#define FAIRLEAD_LIBS_LOADER_BATCH_DATA_H_

#include <map>
#include <string>

#include "ATen/core/Tensor.h"
#include "libs/type_names/type_names.h"

namespace fairlead {

// What kinds of sampling other than of neighbourhoods say of a batch's seeds,
// as PyG, GLT and GiGL name it. A tensor that the batch does not have is
// undefined().
struct SeedTensors {
  // Links (parity 2.5). Local indices of sources and destinations, nodes of the
  // types that the edges in question join.
  at::Tensor edge_label_index;  // int64 [2, L]: the edges, then negatives
  at::Tensor edge_label;        // int64 [L]: 0 for negatives
  // Links with triplets, in place of these.
  at::Tensor src_index;      // int64 [P]
  at::Tensor dst_pos_index;  // int64 [P]
  at::Tensor dst_neg_index;  // int64 [P, amount], or [P] if amount is 1

  // Subgraphs: int64 [B], the local index of each input, repeats and all.
  at::Tensor mapping;

  // Anchors and their labels (parity 2.8), by label edge type, as the dataset
  // has it from anchor to label: int64 [2, E]. Row 0 is the anchor's place in
  // `batch`, ascending; row 1 the local index of a label, a node of the type
  // that the edge type leads to. Made of the received bytes, not a view of
  // them; labels as global ids, [B, M], are to be had by Batch::Get.
  std::map<EdgeTypeName, at::Tensor> y_positive;
  std::map<EdgeTypeName, at::Tensor> y_negative;

  // What is under "#META." in the message and has no place of its own here, by
  // the rest of its key.
  std::map<std::string, at::Tensor> metadata;
};

// A batch of a graph with one node and one edge type, as PyG and GLT name its
// parts (parity GL-060).
struct Data : SeedTensors {
  at::Tensor n_id;        // int64 [N]: global ids of the nodes, seeds first
  at::Tensor x;           // [N, features], of the dataset's dtype; quantised
                          // ones as float32
  at::Tensor y;           // int64 [N], or [N, K]: labels of all nodes
  at::Tensor edge_index;  // int64 [2, E]: from neighbour to the node that drew
                          // it, so messages flow to the seeds; local indices
  at::Tensor e_id;        // int64 [E]: global ids of the edges
  at::Tensor edge_attr;   // [E, features], as x
  at::Tensor batch;       // int64 [B]: the seeds as asked for, repeats and all
  at::Tensor seed_index;  // int64 [B]: the local index of each of them
  at::Tensor seed_of;     // int64 [N], in temporal sampling: the number of the
                          // seed whose neighbourhood a node is in
  at::Tensor num_sampled_nodes;  // int64 [hops + 1]: the seeds, then new nodes;
  at::Tensor num_sampled_edges;  // int64 [hops]; padded with 0 (parity C-06)

  // PPR (parity 2.9), in place of edges: which nodes each seed ranks highest.
  at::Tensor ppr_edge_index;  // int64 [2, E]: place in `batch`, local index
  at::Tensor ppr_weight;      // float64 [E, 2], or [E, 2 + 3 * channels]
};

// The same of a graph with several types: those that are in the batch.
struct HeteroData : SeedTensors {
  struct Nodes {
    at::Tensor n_id;
    at::Tensor x;
    at::Tensor y;  // of the seeds' type only; so are the next two
    at::Tensor batch;
    at::Tensor seed_index;
    at::Tensor seed_of;
    at::Tensor num_sampled_nodes;
  };
  struct Edges {
    at::Tensor edge_index;
    at::Tensor e_id;
    at::Tensor edge_attr;
    at::Tensor num_sampled_edges;
  };
  struct Ppr {
    at::Tensor edge_index;
    at::Tensor weight;
  };

  std::map<std::string, Nodes> nodes;
  std::map<EdgeTypeName, Edges> edges;
  std::map<EdgeTypeName, Ppr> ppr;  // by (seed type, "ppr", node type)
};

// How HeteroData shows an edge type that was sampled from `src` to `dst`.
enum class EdgeDirection {
  // As (dst, rev_relation, src), with edges that lead to the seeds: for message
  // passing, and what GLT does (parity C-22).
  kTowardsSeeds,
  // As it is in the dataset: (src, relation, dst), edges from src to dst.
  kNatural,
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_LOADER_BATCH_DATA_H_
