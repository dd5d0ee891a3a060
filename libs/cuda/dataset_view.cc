#include "libs/cuda/dataset_view.h"

#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "libs/cuda/graph_view.h"
#include "libs/graph/dataset.h"
#include "libs/graph/id_array.h"

namespace fairlead::cuda {
namespace {

Numbers View(const IdArray& array) {
  Numbers numbers{.size = static_cast<int64_t>(array.size())};
  if (array.is_narrow()) {
    numbers.narrow = array.Visit([](const auto* elements) {
      return reinterpret_cast<const uint32_t*>(elements);
    });
  } else {
    numbers.wide = array.Visit([](const auto* elements) {
      return reinterpret_cast<const int64_t*>(elements);
    });
  }
  return numbers;
}

}  // namespace

absl::StatusOr<GraphView> ViewOf(const Dataset& dataset, EdgeDir direction) {
  GraphView view;
  for (const NodeType& type : dataset.node_types()) {
    if (type.book != nullptr) {
      return absl::FailedPreconditionError(absl::StrCat(
          "dataset ", dataset.name(), ": is one of ", dataset.num_partitions(),
          " partitions, and the GPU samples whole graphs alone; use the CPU's "
          "sampler"));
    }
    RowIds rows{.size = type.ids.size()};
    if (type.ids.is_range()) {
      rows.first = type.ids.first();
    } else {
      rows.list = type.ids.list().data();
    }
    view.node_types.push_back(rows);
  }
  for (const EdgeType& type : dataset.edge_types()) {
    GraphView::EdgeType& edge_type = view.edge_types.emplace_back();
    edge_type.row_type = type.row_type(direction);
    edge_type.neighbor_type = type.neighbor_type(direction);
    const std::optional<Topology>& topology = type.topology(direction);
    if (!topology.has_value()) continue;
    edge_type.edges = {.indptr = View(topology->indptr),
                       .indices = View(topology->indices),
                       .edge_ids = View(topology->edge_ids),
                       .first_edge_id = topology->first_edge_id};
  }
  return view;
}

}  // namespace fairlead::cuda
