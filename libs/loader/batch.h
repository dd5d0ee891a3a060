#ifndef FAIRLEAD_LIBS_LOADER_BATCH_H_
#define FAIRLEAD_LIBS_LOADER_BATCH_H_

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "ATen/core/Tensor.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "libs/loader/neighbor_loader_options.h"
#include "libs/loader/remote_receiving_channel.h"

namespace fairlead {

// A batch of a graph with one node and one edge type, as PyG and GLT name its
// parts (parity GL-060). A tensor that the batch does not have is undefined().
struct Data {
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
  at::Tensor num_sampled_nodes;  // int64 [hops + 1]: the seeds, then new nodes
  at::Tensor num_sampled_edges;  // int64 [hops]
};

// The same of a graph with several types: those that are in the batch.
struct HeteroData {
  struct Nodes {
    at::Tensor n_id;
    at::Tensor x;
    at::Tensor y;  // of the seeds' type only; so are the next two
    at::Tensor batch;
    at::Tensor seed_index;
    at::Tensor num_sampled_nodes;
  };
  struct Edges {
    at::Tensor edge_index;
    at::Tensor e_id;
    at::Tensor edge_attr;
    at::Tensor num_sampled_edges;
  };

  std::map<std::string, Nodes> nodes;
  std::map<EdgeTypeName, Edges> edges;
};

// How HeteroData shows an edge type that was sampled from `src` to `dst`.
enum class EdgeDirection {
  // As (dst, rev_relation, src), with edges that lead to the seeds: for message
  // passing, and what GLT does (parity C-22).
  kTowardsSeeds,
  // As it is in the dataset: (src, relation, dst), edges from src to dst.
  kNatural,
};

// A batch as tensors. They alias the received bytes, nothing is copied, and
// keep them alive: a tensor may outlive the batch and the loader. Do not write
// to them. Copying a batch copies references.
//
// What a message says is checked before it is believed: DATA_LOSS names the
// tensor that is missing or has another dtype or shape than it must.
class Batch {
 public:
  explicit Batch(ReceivedBatch received) : received_(std::move(received)) {}

  uint64_t epoch() const { return received_.message.header.epoch(); }
  uint64_t index() const { return received_.message.header.batch_index(); }
  bool is_heterogeneous() const;

  // A tensor by its key (parity 6.4), such as "ids" or "paper.nfeats".
  // NOT_FOUND, listing the keys that there are.
  absl::StatusOr<at::Tensor> Get(absl::string_view key) const;

  // FAILED_PRECONDITION if the graph has several node or edge types.
  absl::StatusOr<Data> ToData() const;

  // FAILED_PRECONDITION if it has not.
  absl::StatusOr<HeteroData> ToHeteroData(
      EdgeDirection direction = EdgeDirection::kTowardsSeeds) const;

  // The bytes, the stamps, and all that is not a tensor.
  const ReceivedBatch& received() const { return received_; }

 private:
  class Reader;

  ReceivedBatch received_;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_LOADER_BATCH_H_
