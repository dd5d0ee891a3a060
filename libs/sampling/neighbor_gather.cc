#include "libs/sampling/neighbor_gather.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "libs/graph/dataset.h"
#include "libs/graph/partition_book.h"
#include "libs/sampling/neighbor_draw.h"
#include "libs/status/status_macros.h"

namespace fairlead {
namespace {

absl::Status BadAnswer(const NeighborFetch& fetch, const std::string& why) {
  return absl::InternalError(absl::StrCat("partition ", fetch.partition,
                                          " answered a request for neighbours "
                                          "of ",
                                          fetch.nodes.size(), " nodes with ",
                                          why));
}

absl::Status CheckAnswer(const NeighborFetch& fetch) {
  const DrawnNeighbors& answer = fetch.answer;
  if (answer.counts.size() != fetch.nodes.size()) {
    return BadAnswer(fetch, absl::StrCat(answer.counts.size(), " counts"));
  }
  uint64_t total = 0;
  for (const int32_t count : answer.counts) {
    if (count < 0) return BadAnswer(fetch, absl::StrCat("a count of ", count));
    total += static_cast<uint64_t>(count);
  }
  if (answer.neighbors.size() != total ||
      answer.edge_ids.size() != (fetch.spec.with_edge_ids ? total : 0)) {
    return BadAnswer(fetch,
                     absl::StrCat(answer.neighbors.size(), " neighbours and ",
                                  answer.edge_ids.size(),
                                  " edge ids where counts "
                                  "say ",
                                  total));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status NeighborGather::Begin(const Dataset& dataset, int edge_type,
                                   EdgeDir direction,
                                   absl::Span<const int64_t> nodes,
                                   const DrawContext& context,
                                   const DrawSpec& spec,
                                   std::vector<NeighborFetch>* fetches) {
  own_partition_ = dataset.partition();
  with_edge_ids_ = spec.with_edge_ids;
  num_nodes_ = nodes.size();
  local_.Clear();
  split_.reset();
  first_fetch_ = fetches->size();
  num_fetches_ = 0;
  const EdgeType& type = dataset.edge_types()[static_cast<size_t>(edge_type)];
  const NodeType& rows =
      dataset.node_types()[static_cast<size_t>(type.row_type(direction))];
  const Topology& topology = *type.topology(direction);
  if (rows.book == nullptr) {
    return drawer_.Draw(topology, rows.ids, nodes, context, spec, &local_);
  }
  FAIRLEAD_ASSIGN_OR_RETURN(split_, rows.book->Split(nodes));
  NeighborFetch own;
  for (uint32_t p = 0; p < rows.book->num_partitions(); ++p) {
    const absl::Span<const int64_t> ids = split_->IdsOf(p);
    if (ids.empty()) continue;
    NeighborFetch fetch{.partition = p,
                        .edge_type = edge_type,
                        .direction = direction,
                        .spec = spec,
                        .nodes = {ids.begin(), ids.end()}};
    for (const int64_t position : split_->PositionsOf(p)) {
      const auto at = static_cast<size_t>(position);
      if (!context.times.empty()) fetch.times.push_back(context.times[at]);
      if (!context.salts.empty()) fetch.salts.push_back(context.salts[at]);
    }
    if (p == own_partition_) {
      own = std::move(fetch);
    } else {
      fetches->push_back(std::move(fetch));
    }
  }
  num_fetches_ = fetches->size() - first_fetch_;
  return drawer_.Draw(topology, rows.ids, own.nodes,
                      {.times = own.times, .salts = own.salts}, spec, &local_);
}

absl::Status NeighborGather::Stitch(absl::Span<const NeighborFetch> fetches,
                                    DrawnNeighbors* out) const {
  struct Source {
    const DrawnNeighbors* drawn = nullptr;
    size_t next_count = 0;
    size_t next_neighbor = 0;
  };
  const auto partitions = static_cast<uint32_t>(split_->begins.size() - 1);
  std::vector<Source> sources(partitions);
  sources[own_partition_].drawn = &local_;
  std::vector<uint32_t> owner(num_nodes_);
  for (uint32_t p = 0; p < partitions; ++p) {
    for (const int64_t position : split_->PositionsOf(p)) {
      owner[static_cast<size_t>(position)] = p;
    }
  }
  for (const NeighborFetch& fetch :
       fetches.subspan(first_fetch_, num_fetches_)) {
    FAIRLEAD_RETURN_IF_ERROR(CheckAnswer(fetch));
    sources[fetch.partition].drawn = &fetch.answer;
  }
  out->Clear();
  for (size_t i = 0; i < num_nodes_; ++i) {
    Source& source = sources[owner[i]];
    const int32_t count = source.drawn->counts[source.next_count++];
    out->counts.push_back(count);
    const auto begin = static_cast<ptrdiff_t>(source.next_neighbor);
    source.next_neighbor += static_cast<size_t>(count);
    const auto end = static_cast<ptrdiff_t>(source.next_neighbor);
    const std::vector<int64_t>& from = source.drawn->neighbors;
    out->neighbors.insert(out->neighbors.end(), from.begin() + begin,
                          from.begin() + end);
    if (with_edge_ids_) {
      const std::vector<int64_t>& ids = source.drawn->edge_ids;
      out->edge_ids.insert(out->edge_ids.end(), ids.begin() + begin,
                           ids.begin() + end);
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<const DrawnNeighbors*> NeighborGather::Finish(
    absl::Span<const NeighborFetch> fetches, DrawnNeighbors* scratch) {
  if (num_fetches_ == 0) return &local_;
  FAIRLEAD_RETURN_IF_ERROR(Stitch(fetches, scratch));
  return scratch;
}

}  // namespace fairlead
