#ifndef FAIRLEAD_LIBS_CUDA_READ_BATCH_H_
#define FAIRLEAD_LIBS_CUDA_READ_BATCH_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "libs/cuda/k_hop_request.h"
#include "libs/sampling/neighbor_sampler.h"
#include "libs/status/status_macros.h"

namespace fairlead::cuda {

// A batch as the CPU's sampler gives it. `from` has Read(to, from, bytes), of
// the memory where the batch is: an executor, a session, a sampler. What `out`
// had goes, and its memory is used again.
template <typename Reader>
absl::Status ReadBatch(Reader& from, const KHopBatch& batch,
                       const KHopRequest& request, SampledSubgraph* out) {
  const auto read = [&from](const int64_t* numbers, int64_t size,
                            std::vector<int64_t>* to) -> absl::Status {
    to->resize(numbers == nullptr ? 0 : static_cast<size_t>(size));
    if (to->empty()) return absl::OkStatus();
    return from.Read(to->data(), numbers, to->size() * sizeof(int64_t));
  };
  out->nodes.resize(batch.nodes.size());
  for (size_t t = 0; t < batch.nodes.size(); ++t) {
    const KHopBatch::Nodes& nodes = batch.nodes[t];
    FAIRLEAD_RETURN_IF_ERROR(read(nodes.ids, nodes.size, &out->nodes[t].ids));
    out->nodes[t].num_sampled_nodes = nodes.num_sampled_nodes;
    out->nodes[t].seed_of.clear();
  }
  out->edges.resize(batch.edges.size());
  for (size_t e = 0; e < batch.edges.size(); ++e) {
    const KHopBatch::Edges& edges = batch.edges[e];
    SampledSubgraph::Edges& to = out->edges[e];
    FAIRLEAD_RETURN_IF_ERROR(read(edges.rows, edges.size, &to.rows));
    FAIRLEAD_RETURN_IF_ERROR(read(edges.cols, edges.size, &to.cols));
    FAIRLEAD_RETURN_IF_ERROR(read(edges.edge_ids, edges.size, &to.edge_ids));
    to.num_sampled_edges = edges.num_sampled_edges;
  }
  out->seed_locals.clear();
  out->more_seed_locals.clear();
  for (size_t i = 0; i < request.seeds.size(); ++i) {
    std::vector<int64_t>& locals =
        i == 0 ? out->seed_locals : out->more_seed_locals.emplace_back();
    FAIRLEAD_RETURN_IF_ERROR(
        read(batch.seed_locals[i],
             static_cast<int64_t>(request.seeds[i].ids.size()), &locals));
  }
  return absl::OkStatus();
}

}  // namespace fairlead::cuda

#endif  // FAIRLEAD_LIBS_CUDA_READ_BATCH_H_
