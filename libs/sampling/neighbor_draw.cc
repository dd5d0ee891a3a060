#include "libs/sampling/neighbor_draw.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "libs/graph/dataset.h"
#include "libs/random/philox.h"
#include "libs/status/status_macros.h"

namespace fairlead {
namespace {

// How far ahead of its use a cache line is asked for: far enough to hide a
// miss of some hundred nanoseconds behind work of a few per item.
constexpr size_t kAhead = 16;

// Up to here, looking through the draws so far is faster than a hash set.
constexpr int64_t kLinearSearch = 64;

RandomStream StreamOf(const DrawSpec& spec, int64_t node, int64_t salt) {
  const uint64_t key =
      salt == 0 ? spec.key : spec.key ^ SplitMix64(static_cast<uint64_t>(salt));
  return RandomStream(key, static_cast<uint64_t>(node), spec.lane);
}

// Draws `count` of [0, degree) without replacement, each subset as likely as
// any other, and appends first + draw (Floyd: Bentley and Floyd, "A sample of
// brilliance", CACM 1987). REQUIRES 0 < count < degree.
void DrawDistinct(RandomStream& random, int64_t first, int64_t degree,
                  int64_t count, std::vector<int64_t>* out) {
  const size_t begin = out->size();
  if (count <= kLinearSearch) {
    for (int64_t top = degree - count; top < degree; ++top) {
      const int64_t draw =
          first +
          static_cast<int64_t>(random.Below(static_cast<uint64_t>(top) + 1));
      const bool is_taken =
          std::find(out->begin() + static_cast<ptrdiff_t>(begin), out->end(),
                    draw) != out->end();
      out->push_back(is_taken ? first + top : draw);
    }
    return;
  }
  absl::flat_hash_set<int64_t> taken;
  taken.reserve(static_cast<size_t>(count));
  for (int64_t top = degree - count; top < degree; ++top) {
    const int64_t draw =
        first +
        static_cast<int64_t>(random.Below(static_cast<uint64_t>(top) + 1));
    const int64_t chosen = taken.insert(draw).second ? draw : first + top;
    taken.insert(chosen);
    out->push_back(chosen);
  }
}

// In (0, 1], in steps of 2^-53.
double UnitInterval(RandomStream& random) {
  return (static_cast<double>(random.Next64() >> 11) + 1) * 0x1p-53;
}

}  // namespace

absl::Status CheckDrawSpec(const EdgeType& type, EdgeDir direction,
                           const DrawSpec& spec) {
  const std::optional<Topology>& topology = type.topology(direction);
  if (!topology.has_value()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "edge_dir: edges of type ", type.name.ToString(),
        direction == EdgeDir::kIn
            ? " are not listed by destination in this dataset; sample with "
              "edge_dir OUT, or add them with `dataset add_in_edges`"
            : " are listed by destination alone in this dataset; sample with "
              "edge_dir IN"));
  }
  // (Where a partition has no edges of a type, it has no weights either.)
  if (topology->num_edges() == 0) return absl::OkStatus();
  if (spec.weighted && topology->weights.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("with_weight: edges of type ", type.name.ToString(),
                     " have no weights in this dataset"));
  }
  if (spec.temporal != TemporalStrategy::kNone &&
      topology->timestamps.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("temporal: edges of type ", type.name.ToString(),
                     " have no timestamps in this dataset"));
  }
  return absl::OkStatus();
}

void NeighborDrawer::DrawUniform(const Row& row, int64_t node, int64_t salt,
                                 const DrawSpec& spec) {
  if (spec.fanout < 0 || (!spec.replace && row.degree <= spec.fanout)) {
    for (int64_t i = 0; i < row.degree; ++i) {
      positions_.push_back(row.first + i);
    }
    return;
  }
  RandomStream random = StreamOf(spec, node, salt);
  if (!spec.replace) {
    DrawDistinct(random, row.first, row.degree, spec.fanout, &positions_);
    return;
  }
  for (int32_t i = 0; i < spec.fanout; ++i) {
    positions_.push_back(row.first + static_cast<int64_t>(random.Below(
                                         static_cast<uint64_t>(row.degree))));
  }
}

void NeighborDrawer::DrawUniformOfEligible(int64_t node, int64_t salt,
                                           const DrawSpec& spec) {
  const size_t begin = positions_.size();
  DrawUniform({.first = 0, .degree = static_cast<int64_t>(eligible_.size())},
              node, salt, spec);
  for (size_t i = begin; i < positions_.size(); ++i) {
    positions_[i] = eligible_[static_cast<size_t>(positions_[i])];
  }
}

void NeighborDrawer::DrawWeighted(const Topology& topology, int64_t node,
                                  int64_t salt, const DrawSpec& spec) {
  const absl::Span<const float> weights = topology.weights;
  if (spec.fanout < 0) {
    positions_.insert(positions_.end(), eligible_.begin(), eligible_.end());
    return;
  }
  const auto weight = [&weights](int64_t position) {
    return static_cast<double>(weights[static_cast<size_t>(position)]);
  };
  std::erase_if(eligible_,
                [&](int64_t position) { return !(weight(position) > 0); });
  const auto fanout = static_cast<size_t>(spec.fanout);
  if (eligible_.empty()) return;
  RandomStream random = StreamOf(spec, node, salt);
  keys_.clear();
  if (spec.replace) {
    double total = 0;
    for (const int64_t position : eligible_) {
      total += weight(position);
      keys_.push_back(total);
    }
    for (size_t i = 0; i < fanout; ++i) {
      const double draw = UnitInterval(random) * total;
      // The first whose sum reaches the draw, which is never 0.
      const auto found = std::lower_bound(keys_.begin(), keys_.end(), draw);
      const auto index = std::min<ptrdiff_t>(
          found - keys_.begin(), static_cast<ptrdiff_t>(keys_.size()) - 1);
      positions_.push_back(eligible_[static_cast<size_t>(index)]);
    }
    return;
  }
  if (eligible_.size() <= fanout) {
    positions_.insert(positions_.end(), eligible_.begin(), eligible_.end());
    return;
  }
  // Efraimidis and Spirakis, "Weighted random sampling with a reservoir", IPL
  // 2006: the smallest of exponential variates with the weights as rates.
  std::vector<std::pair<double, int64_t>> variates;
  variates.reserve(eligible_.size());
  for (const int64_t position : eligible_) {
    variates.emplace_back(-std::log(UnitInterval(random)) / weight(position),
                          position);
  }
  std::nth_element(variates.begin(),
                   variates.begin() + static_cast<ptrdiff_t>(fanout),
                   variates.end());
  const size_t begin = positions_.size();
  for (size_t i = 0; i < fanout; ++i) {
    positions_.push_back(variates[i].second);
  }
  std::sort(positions_.begin() + static_cast<ptrdiff_t>(begin),
            positions_.end());
}

void NeighborDrawer::TakeLast(const Topology& topology, const DrawSpec& spec) {
  const size_t count =
      spec.fanout < 0
          ? eligible_.size()
          : std::min(eligible_.size(), static_cast<size_t>(spec.fanout));
  const auto time = [&topology](int64_t position) {
    return topology.timestamps[static_cast<size_t>(position)];
  };
  // The latest first; of equal times the later position.
  std::partial_sort(eligible_.begin(),
                    eligible_.begin() + static_cast<ptrdiff_t>(count),
                    eligible_.end(), [&time](int64_t a, int64_t b) {
                      return std::pair(time(a), a) > std::pair(time(b), b);
                    });
  positions_.insert(positions_.end(), eligible_.begin(),
                    eligible_.begin() + static_cast<ptrdiff_t>(count));
}

void NeighborDrawer::DrawPositions(const Topology& topology, const Row& row,
                                   int64_t node, int64_t time, int64_t salt,
                                   const DrawSpec& spec) {
  if (row.degree == 0) return;
  if (!spec.weighted && spec.temporal == TemporalStrategy::kNone) {
    DrawUniform(row, node, salt, spec);
    return;
  }
  eligible_.clear();
  for (int64_t position = row.first; position < row.first + row.degree;
       ++position) {
    if (spec.temporal == TemporalStrategy::kNone ||
        topology.timestamps[static_cast<size_t>(position)] <= time) {
      eligible_.push_back(position);
    }
  }
  if (eligible_.empty()) return;
  if (spec.temporal == TemporalStrategy::kLast) {
    TakeLast(topology, spec);
  } else if (spec.weighted) {
    DrawWeighted(topology, node, salt, spec);
  } else {
    DrawUniformOfEligible(node, salt, spec);
  }
}

absl::Status NeighborDrawer::Draw(const Topology& topology, const IdSpace& rows,
                                  absl::Span<const int64_t> nodes,
                                  const DrawContext& context,
                                  const DrawSpec& spec, DrawnNeighbors* out) {
  // Where rows are a range there is nothing to look up; else all are, so that
  // the misses of one are under way while the next is asked for.
  const bool look_up = !rows.is_range();
  rows_.resize(look_up ? nodes.size() : 0);
  if (look_up) {
    FAIRLEAD_RETURN_IF_ERROR(rows.Rows(nodes, absl::MakeSpan(rows_)));
  }
  positions_.clear();
  for (size_t i = 0; i < nodes.size(); ++i) {
    const int64_t row = look_up ? rows_[i] : rows.Row(nodes[i]);
    if (row < 0) {
      return absl::NotFoundError(absl::StrCat(
          "id ", nodes[i], ": is no node of this partition, which has ",
          rows.size(), " from id ", rows.is_range() ? rows.first() : 0, " on"));
    }
    if (i + kAhead < nodes.size()) {
      const int64_t ahead =
          look_up ? rows_[i + kAhead] : rows.Row(nodes[i + kAhead]);
      if (ahead >= 0) topology.indptr.Prefetch(static_cast<size_t>(ahead));
    }
    const int64_t first = topology.indptr[static_cast<size_t>(row)];
    const int64_t degree =
        topology.indptr[static_cast<size_t>(row) + 1] - first;
    // Files may be loaded unchecked.
    if (first < 0 || degree < 0 || first > topology.num_edges() - degree) {
      return absl::DataLossError(absl::StrCat(
          "id ", nodes[i], ": its edges from ", first, " to ", first + degree,
          " are not among the ", topology.num_edges(),
          " that there are; `dataset check` tells what is wrong"));
    }
    const size_t before = positions_.size();
    DrawPositions(topology, {.first = first, .degree = degree}, nodes[i],
                  context.times.empty() ? INT64_MAX : context.times[i],
                  context.salts.empty() ? 0 : context.salts[i], spec);
    out->counts.push_back(static_cast<int32_t>(positions_.size() - before));
  }
  // Positions become ids in a pass of their own, so that their misses are
  // under way together.
  const size_t begin = out->neighbors.size();
  out->neighbors.resize(begin + positions_.size());
  topology.indices.Visit([this, out, begin](const auto* indices) {
    for (size_t i = 0; i < positions_.size(); ++i) {
      if (i + kAhead < positions_.size()) {
        __builtin_prefetch(&indices[positions_[i + kAhead]]);
      }
      out->neighbors[begin + i] = static_cast<int64_t>(indices[positions_[i]]);
    }
  });
  if (!spec.with_edge_ids) return absl::OkStatus();
  for (const int64_t position : positions_) {
    out->edge_ids.push_back(topology.EdgeId(position));
  }
  return absl::OkStatus();
}

}  // namespace fairlead
