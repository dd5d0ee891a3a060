#include "libs/partition_writer/batch_hotness.h"

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "libs/graph/dataset.h"
#include "libs/partition_writer/partition_options.h"
#include "libs/partition_writer/row_graph.h"
#include "libs/partitioner/hotness.h"
#include "libs/partitioner/typed_graph.h"
#include "libs/status/status_macros.h"

namespace fairlead {

absl::StatusOr<HotnessByType> BatchHotness(const RowGraph& graph,
                                           const RowsByType& seeds,
                                           const PartitionOptions& options) {
  FAIRLEAD_ASSIGN_OR_RETURN(const std::vector<int64_t> begins,
                            TypeBegins(graph.nodes_per_type()));
  const std::vector<std::vector<int32_t>> fanouts(graph.edge_types().size(),
                                                  options.fanouts);
  std::vector<float> needed(static_cast<size_t>(begins.back()), 0);
  for (size_t type = 0; type < seeds.size(); ++type) {
    if (seeds[type].empty()) continue;
    FAIRLEAD_ASSIGN_OR_RETURN(
        const std::vector<float> hotness,
        EstimateTypedHotness(graph.nodes_per_type(), graph.edge_types(),
                             {.type = static_cast<uint32_t>(type),
                              .ids = seeds[type],
                              .batch_size = options.hotness_batch},
                             fanouts));
    for (size_t i = 0; i < needed.size(); ++i) {
      needed[i] = 1 - (1 - needed[i]) * (1 - hotness[i]);
    }
  }
  return SplitByType(begins, needed);
}

absl::StatusOr<RowsByType> TrainRows(const Dataset& dataset) {
  RowsByType rows;
  bool is_any = false;
  for (const NodeType& type : dataset.node_types()) {
    rows.emplace_back();
    if (!type.train.has_value()) continue;
    for (const int64_t id : *type.train) {
      rows.back().push_back(type.ids.Row(id));
    }
    is_any = is_any || !rows.back().empty();
  }
  if (is_any) return rows;
  return absl::InvalidArgumentError(absl::StrCat(
      "dataset ", dataset.directory(),
      ": has no train seeds, and which nodes batches need is estimated from "
      "them; use another method, without a cache, or give it a train split"));
}

absl::Status CheckHotnessMemory(const Dataset& dataset,
                                const PartitionOptions& options) {
  const bool at_once = options.method == PartitionMethod::kFrequency;
  // A float for each partition, three doubles of an estimate, a few more.
  const uint64_t per_node =
      40 + (at_once ? sizeof(float) * static_cast<uint64_t>(options.parts) : 0);
  return CheckMemory(
      at_once ? "method frequency" : "a cache",
      RowGraph::Bytes(dataset) +
          per_node * static_cast<uint64_t>(RowGraph::NumNodes(dataset)),
      options.max_memory_bytes);
}

}  // namespace fairlead
