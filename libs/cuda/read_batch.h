#ifndef FAIRLEAD_LIBS_CUDA_READ_BATCH_H_
#define FAIRLEAD_LIBS_CUDA_READ_BATCH_H_

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/cuda/k_hop_request.h"
#include "libs/sampling/neighbor_sampler.h"
#include "libs/status/status_macros.h"

namespace fairlead::cuda::testing {

// A batch as the CPU's sampler gives it, to be compared.
template <typename Executor>
absl::StatusOr<SampledSubgraph> ReadBatch(Executor& executor,
                                          const KHopBatch& batch,
                                          const KHopRequest& request) {
  absl::Status status;
  const auto read = [&](const int64_t* from, int64_t size) {
    std::vector<int64_t> numbers(static_cast<size_t>(size));
    if (size > 0 && from != nullptr) {
      status.Update(executor.Read(numbers.data(), from,
                                  numbers.size() * sizeof(int64_t)));
    }
    return numbers;
  };
  SampledSubgraph out;
  for (const KHopBatch::Nodes& nodes : batch.nodes) {
    out.nodes.push_back({.ids = read(nodes.ids, nodes.size),
                         .num_sampled_nodes = nodes.num_sampled_nodes});
  }
  for (const KHopBatch::Edges& edges : batch.edges) {
    const int64_t ids = edges.edge_ids == nullptr ? 0 : edges.size;
    out.edges.push_back({.rows = read(edges.rows, edges.size),
                         .cols = read(edges.cols, edges.size),
                         .edge_ids = read(edges.edge_ids, ids),
                         .num_sampled_edges = edges.num_sampled_edges});
  }
  for (size_t i = 0; i < request.seeds.size(); ++i) {
    std::vector<int64_t> locals =
        read(batch.seed_locals[i],
             static_cast<int64_t>(request.seeds[i].ids.size()));
    if (i == 0) {
      out.seed_locals = std::move(locals);
    } else {
      out.more_seed_locals.push_back(std::move(locals));
    }
  }
  FAIRLEAD_RETURN_IF_ERROR(status);
  return out;
}

}  // namespace fairlead::cuda::testing

#endif  // FAIRLEAD_LIBS_CUDA_READ_BATCH_H_
