#include "libs/dist_graph/dist_graph.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "libs/graph/id_array.h"
#include "libs/graph/id_space.h"
#include "libs/graph/partition_book.h"
#include "libs/status/status_macros.h"
#include "libs/type_names/type_names.h"

namespace fairlead {
namespace {

// The ids of `asked` that are not among `ids`, which are in any order; sorted.
std::vector<int64_t> NotAmong(const IdArray& ids,
                              absl::Span<const int64_t> asked) {
  absl::flat_hash_set<int64_t> missing(asked.begin(), asked.end());
  for (size_t i = 0; i < ids.size() && !missing.empty(); ++i) {
    missing.erase(ids[i]);
  }
  std::vector<int64_t> sorted(missing.begin(), missing.end());
  std::sort(sorted.begin(), sorted.end());
  return sorted;
}

absl::StatusOr<std::vector<uint32_t>> Owners(const PartitionBook& book,
                                             absl::Span<const int64_t> ids) {
  std::vector<uint32_t> owners(ids.size());
  FAIRLEAD_RETURN_IF_ERROR(book.PartitionOf(ids, absl::MakeSpan(owners)));
  return owners;
}

}  // namespace

absl::StatusOr<const EdgeType*> DistGraph::GetLocalGraph(
    absl::string_view type) const {
  EdgeTypeName name;
  if (!type.empty()) {
    FAIRLEAD_ASSIGN_OR_RETURN(name, ParseEdgeTypeName(type));
  }
  FAIRLEAD_ASSIGN_OR_RETURN(const int index, dataset_.FindEdgeType(name));
  return &dataset_.edge_types()[static_cast<size_t>(index)];
}

absl::StatusOr<std::vector<uint32_t>> DistGraph::GetNodePartitions(
    absl::Span<const int64_t> ids, absl::string_view node_type) const {
  FAIRLEAD_ASSIGN_OR_RETURN(const int index, dataset_.FindNodeType(node_type));
  const NodeType& type = dataset_.node_types()[static_cast<size_t>(index)];
  if (type.book != nullptr) return Owners(*type.book, ids);
  std::vector<int64_t> rows(ids.size());
  FAIRLEAD_RETURN_IF_ERROR(type.ids.Rows(ids, absl::MakeSpan(rows)));
  return std::vector<uint32_t>(ids.size(), 0);
}

absl::StatusOr<std::vector<uint32_t>> DistGraph::GetEdgePartitions(
    absl::Span<const int64_t> edge_ids, absl::string_view edge_type) const {
  FAIRLEAD_ASSIGN_OR_RETURN(const EdgeType* type, GetLocalGraph(edge_type));
  if (type->book != nullptr) return Owners(*type->book, edge_ids);
  const Topology& topology = type->out.has_value() ? *type->out : *type->in;
  if (topology.edge_ids.empty()) {
    std::vector<int64_t> rows(edge_ids.size());
    FAIRLEAD_RETURN_IF_ERROR(
        IdSpace::Range(topology.first_edge_id, topology.num_edges())
            .Rows(edge_ids, absl::MakeSpan(rows)));
  } else {
    const std::vector<int64_t> missing = NotAmong(topology.edge_ids, edge_ids);
    if (!missing.empty()) {
      return absl::NotFoundError(
          absl::StrCat("not among the ids of the ", topology.num_edges(),
                       " edges: ", DescribeIds(missing)));
    }
  }
  return std::vector<uint32_t>(edge_ids.size(), 0);
}

}  // namespace fairlead
