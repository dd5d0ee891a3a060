#include "libs/dist_graph/dist_graph.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "libs/graph/id_space.h"
#include "libs/graph/partition_book.h"
#include "libs/status/status_macros.h"
#include "libs/type_names/type_names.h"

namespace fairlead {
namespace {

// Of one partition: all ids below `end` are its.
absl::StatusOr<std::vector<uint32_t>> AllMine(absl::Span<const int64_t> ids,
                                              int64_t end) {
  std::vector<int64_t> missing;
  for (const int64_t id : ids) {
    if (id < 0 || id >= end) missing.push_back(id);
  }
  if (missing.empty()) return std::vector<uint32_t>(ids.size(), 0);
  return absl::NotFoundError(
      absl::StrCat("not owned by any partition: ", DescribeIds(missing),
                   "; ids are below ", end));
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
  if (type.book == nullptr) return AllMine(ids, type.id_end());
  return Owners(*type.book, ids);
}

absl::StatusOr<std::vector<uint32_t>> DistGraph::GetEdgePartitions(
    absl::Span<const int64_t> edge_ids, absl::string_view edge_type) const {
  FAIRLEAD_ASSIGN_OR_RETURN(const EdgeType* type, GetLocalGraph(edge_type));
  if (type->book != nullptr) return Owners(*type->book, edge_ids);
  const Topology& topology = type->out.has_value() ? *type->out : *type->in;
  int64_t end = topology.first_edge_id + topology.num_edges();
  for (size_t i = 0; i < topology.edge_ids.size(); ++i) {
    end = std::max(end, topology.edge_ids[i] + 1);
  }
  return AllMine(edge_ids, end);
}

}  // namespace fairlead
