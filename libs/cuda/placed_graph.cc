#include "libs/cuda/placed_graph.h"

#include <cstddef>
#include <cstdint>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/cuda/graph_view.h"
#include "libs/cuda/memory.h"
#include "libs/status/status_macros.h"

namespace fairlead::cuda {

absl::StatusOr<PlacedGraph> PlacedGraph::Create(const GraphView& host,
                                                const Memory& memory) {
  PlacedGraph placed;
  placed.view_ = host;
  const auto move = [&placed, &memory](const auto*& array,
                                       int64_t size) -> absl::Status {
    if (array == nullptr || size == 0) return absl::OkStatus();
    const size_t bytes = static_cast<size_t>(size) * sizeof(*array);
    FAIRLEAD_ASSIGN_OR_RETURN(SharedMemory there, memory.allocate(bytes));
    FAIRLEAD_RETURN_IF_ERROR(memory.copy(there.get(), array, bytes));
    array = reinterpret_cast<decltype(&*array)>(there.get());
    placed.bytes_ += bytes;
    placed.arrays_.push_back(std::move(there));
    return absl::OkStatus();
  };
  for (RowIds& rows : placed.view_.node_types) {
    FAIRLEAD_RETURN_IF_ERROR(move(rows.list, rows.size));
  }
  for (GraphView::EdgeType& type : placed.view_.edge_types) {
    for (Numbers* const numbers :
         {&type.edges.indptr, &type.edges.indices, &type.edges.edge_ids}) {
      FAIRLEAD_RETURN_IF_ERROR(move(numbers->wide, numbers->size));
      FAIRLEAD_RETURN_IF_ERROR(move(numbers->narrow, numbers->size));
    }
  }
  return placed;
}

}  // namespace fairlead::cuda
