#include "libs/partitioner/rebalance.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "libs/partitioner/undirected_graph.h"

namespace fairlead {
namespace {

class Rebalancer {
 public:
  Rebalancer(const UndirectedGraph& graph, BalanceRange range,
             absl::Span<const int32_t> weights, uint32_t parts,
             double max_imbalance, absl::Span<uint32_t> owners)
      : graph_(graph),
        range_(range),
        weights_(weights),
        owners_(owners),
        loads_(parts, 0),
        neighbours_in_(parts, 0) {
    int64_t total = 0;
    for (int32_t node = range.begin; node < range.end; ++node) {
      loads_[OwnerOf(node)] += WeightOf(node);
      total += WeightOf(node);
    }
    limit_ = std::max((total + parts - 1) / parts,
                      static_cast<int64_t>(static_cast<double>(total) / parts *
                                           (1 + max_imbalance)));
  }

  void Run() {
    if (std::none_of(loads_.begin(), loads_.end(),
                     [this](int64_t load) { return load > limit_; })) {
      return;
    }
    // (how many neighbours stay behind, node), by partition.
    std::vector<std::vector<std::pair<int32_t, int32_t>>> leaving(
        loads_.size());
    for (int32_t node = range_.begin; node < range_.end; ++node) {
      const uint32_t owner = OwnerOf(node);
      if (loads_[owner] <= limit_) continue;
      int32_t staying = 0;
      for (const int32_t neighbour : graph_.NeighboursOf(node)) {
        staying += OwnerOf(neighbour) == owner ? 1 : 0;
      }
      leaving[owner].emplace_back(staying, node);
    }
    for (uint32_t part = 0; part < loads_.size(); ++part) {
      std::sort(leaving[part].begin(), leaving[part].end());
      for (const auto& [staying, node] : leaving[part]) {
        if (loads_[part] <= limit_) break;
        Move(node);
      }
    }
  }

 private:
  uint32_t& OwnerOf(int32_t node) { return owners_[static_cast<size_t>(node)]; }
  int64_t WeightOf(int32_t node) const {
    return weights_[static_cast<size_t>(node)];
  }

  // Away from where it is, unless that made things worse.
  void Move(int32_t node) {
    const int64_t weight = WeightOf(node);
    const uint32_t from = OwnerOf(node);
    for (const int32_t neighbour : graph_.NeighboursOf(node)) {
      ++neighbours_in_[OwnerOf(neighbour)];
    }
    // Most neighbours among those with room; else, and on a tie, most room.
    const auto rank = [&](uint32_t part) {
      const bool has_room = part != from && loads_[part] + weight <= limit_;
      return std::pair(has_room ? neighbours_in_[part] : -1, -loads_[part]);
    };
    uint32_t to = 0;
    for (uint32_t part = 1; part < loads_.size(); ++part) {
      if (rank(part) > rank(to)) to = part;
    }
    for (const int32_t neighbour : graph_.NeighboursOf(node)) {
      neighbours_in_[OwnerOf(neighbour)] = 0;
    }
    if (loads_[to] + weight >= loads_[from]) return;
    loads_[from] -= weight;
    loads_[to] += weight;
    OwnerOf(node) = to;
  }

  const UndirectedGraph& graph_;
  const BalanceRange range_;
  const absl::Span<const int32_t> weights_;
  const absl::Span<uint32_t> owners_;
  std::vector<int64_t> loads_;          // by partition, of the range
  std::vector<int32_t> neighbours_in_;  // by partition; zeros between moves
  int64_t limit_ = 0;
};

}  // namespace

void Rebalance(const UndirectedGraph& graph, BalanceRange range,
               absl::Span<const int32_t> weights, uint32_t parts,
               double max_imbalance, absl::Span<uint32_t> owners) {
  Rebalancer(graph, range, weights, parts, max_imbalance, owners).Run();
}

}  // namespace fairlead
