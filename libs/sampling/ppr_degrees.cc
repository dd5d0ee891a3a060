#include "libs/sampling/ppr_degrees.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "libs/graph/dataset.h"
#include "libs/graph/id_array.h"
#include "libs/sampling/neighbor_draw.h"
#include "libs/status/status_macros.h"

namespace fairlead {
namespace {

// How far ahead of its use a cache line is asked for.
constexpr size_t kAhead = 16;

void AddDegrees(const IdArray& indptr, std::vector<uint32_t>* degrees) {
  constexpr int64_t kMost = std::numeric_limits<uint32_t>::max();
  indptr.Visit([=](const auto* begins) {
    for (size_t row = 0; row < degrees->size(); ++row) {
      const int64_t degree = static_cast<int64_t>(begins[row + 1]) -
                             static_cast<int64_t>(begins[row]);
      (*degrees)[row] = static_cast<uint32_t>(
          std::min(int64_t{(*degrees)[row]} + degree, kMost));
    }
  });
}

}  // namespace

absl::Status CheckPprEdgeTypes(const Dataset& dataset,
                               absl::Span<const int> edge_types,
                               EdgeDir direction) {
  if (edge_types.empty()) {
    return absl::InvalidArgumentError(
        "PPR edge_types: none, so nothing but the seeds would be reached");
  }
  const auto num_types = static_cast<int>(dataset.edge_types().size());
  std::set<int> seen;
  for (const int e : edge_types) {
    if (e < 0 || e >= num_types) {
      return absl::InvalidArgumentError(
          absl::StrCat("PPR edge_types: ", e, " is none of the ", num_types,
                       " edge types, which are numbered from 0"));
    }
    const EdgeType& type = dataset.edge_types()[static_cast<size_t>(e)];
    if (!seen.insert(e).second) {
      return absl::InvalidArgumentError(absl::StrCat(
          "PPR edge_types: ", type.name.ToString(), " is named twice"));
    }
    FAIRLEAD_RETURN_IF_ERROR(CheckDrawSpec(type, direction, {}));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::vector<uint32_t>>> TotalDegreesOfRows(
    const Dataset& dataset, absl::Span<const int> edge_types,
    EdgeDir direction) {
  FAIRLEAD_RETURN_IF_ERROR(CheckPprEdgeTypes(dataset, edge_types, direction));
  std::vector<std::vector<uint32_t>> degrees;
  for (const NodeType& type : dataset.node_types()) {
    degrees.emplace_back(static_cast<size_t>(type.num_nodes), 0);
  }
  for (const int e : edge_types) {
    const EdgeType& type = dataset.edge_types()[static_cast<size_t>(e)];
    AddDegrees(type.topology(direction)->indptr,
               &degrees[static_cast<size_t>(type.row_type(direction))]);
  }
  return degrees;
}

absl::StatusOr<PprDegrees> PprDegrees::OfWholeDataset(
    const Dataset& dataset, absl::Span<const int> edge_types,
    EdgeDir direction) {
  if (dataset.num_partitions() > 1) {
    return absl::InvalidArgumentError(absl::StrCat(
        "PPR: needs the total degrees of the whole graph, and dataset ",
        dataset.name(), " is partition ", dataset.partition(), " of ",
        dataset.num_partitions(),
        "; pass an array of them for each node type"));
  }
  FAIRLEAD_ASSIGN_OR_RETURN(std::vector<std::vector<uint32_t>> by_row,
                            TotalDegreesOfRows(dataset, edge_types, direction));
  PprDegrees degrees;
  for (size_t t = 0; t < by_row.size(); ++t) {
    OfType& type = degrees.types_.emplace_back();
    type.owned = std::move(by_row[t]);
    type.degrees = type.owned;
    type.rows = &dataset.node_types()[t].ids;
  }
  return degrees;
}

absl::StatusOr<PprDegrees> PprDegrees::OfDataset(
    const Dataset& dataset, absl::Span<const int> edge_types,
    EdgeDir direction) {
  if (dataset.num_partitions() == 1) {
    return OfWholeDataset(dataset, edge_types, direction);
  }
  PprDegrees degrees;
  for (const NodeType& type : dataset.node_types()) {
    if (type.book->Manifest().hashed_ids != 0) {
      return absl::InvalidArgumentError(absl::StrCat(
          "PPR: node type ", type.name,
          " has its ids hashed to partitions; partition the dataset by range "
          "or by a table"));
    }
    degrees.types_.emplace_back().owned.assign(
        static_cast<size_t>(type.id_end()), 0);
  }
  for (uint32_t p = 0; p < dataset.num_partitions(); ++p) {
    FAIRLEAD_ASSIGN_OR_RETURN(
        const std::unique_ptr<const Dataset> part,
        Dataset::Load(dataset.directory(), {.partition = p, .verify = false}));
    FAIRLEAD_ASSIGN_OR_RETURN(const std::vector<std::vector<uint32_t>> by_row,
                              TotalDegreesOfRows(*part, edge_types, direction));
    for (size_t t = 0; t < by_row.size(); ++t) {
      const IdSpace& ids = part->node_types()[t].ids;
      for (size_t row = 0; row < by_row[t].size(); ++row) {
        degrees.types_[t]
            .owned[static_cast<size_t>(ids.Id(static_cast<int64_t>(row)))] =
            by_row[t][row];
      }
    }
  }
  for (OfType& type : degrees.types_) type.degrees = type.owned;
  return degrees;
}

absl::StatusOr<PprDegrees> PprDegrees::OfArrays(
    const Dataset& dataset, std::vector<absl::Span<const uint32_t>> by_id) {
  if (by_id.size() != dataset.node_types().size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("PPR total degrees: ", by_id.size(), " arrays for ",
                     dataset.node_types().size(), " node types"));
  }
  PprDegrees degrees;
  for (size_t t = 0; t < by_id.size(); ++t) {
    const NodeType& type = dataset.node_types()[t];
    if (static_cast<int64_t>(by_id[t].size()) != type.id_end()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "PPR total degrees of node type ", type.name, ": ", by_id[t].size(),
          " entries, where the whole graph's ids are below ", type.id_end(),
          "; there must be one for each"));
    }
    degrees.types_.emplace_back().degrees = by_id[t];
  }
  return degrees;
}

void PprDegrees::LookUp(int node_type, absl::Span<const int64_t> ids,
                        absl::Span<int32_t> out) const {
  const OfType& type = types_[static_cast<size_t>(node_type)];
  const auto place = [&type](int64_t id) {
    const int64_t row = type.rows == nullptr ? id : type.rows->Row(id);
    // What is negative is then beyond the last.
    return static_cast<uint64_t>(row);
  };
  // Where rows must be looked up, that is most of the cost already.
  const bool prefetch = type.rows == nullptr || type.rows->is_range();
  for (size_t i = 0; i < ids.size(); ++i) {
    if (prefetch && i + kAhead < ids.size()) {
      const uint64_t ahead = place(ids[i + kAhead]);
      if (ahead < type.degrees.size()) {
        __builtin_prefetch(type.degrees.data() + ahead);
      }
    }
    const uint64_t at = place(ids[i]);
    const uint32_t degree =
        at < type.degrees.size() ? type.degrees[static_cast<size_t>(at)] : 0;
    out[i] = static_cast<int32_t>(std::min(
        degree, static_cast<uint32_t>(std::numeric_limits<int32_t>::max())));
  }
}

}  // namespace fairlead
