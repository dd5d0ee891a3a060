#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "libs/graph/dataset.h"
#include "libs/graph/id_space.h"
#include "libs/graph/partition_book.h"
#include "libs/random/philox.h"
#include "tools/dataset/check/across_check.h"
#include "tools/dataset/check/checked_graph.h"

namespace fairlead {
namespace {

struct Edge {
  int64_t src = 0;
  int64_t dst = 0;
  int64_t id = 0;

  auto operator<=>(const Edge&) const = default;
};

// Calls `visit(edge, partition, position)` for each edge that is listed so.
template <typename Visit>
void ForEachEdge(const CheckedGraph& graph, const EdgeTypeName& type,
                 EdgeDir direction, Visit visit) {
  for (const auto& partition : graph.partitions) {
    const CheckedTopology* listed =
        CheckedGraph::Find(partition->edges(direction), type);
    if (listed == nullptr) continue;
    const Topology& topology = listed->topology;
    const IdSpace& rows =
        partition->nodes.at(direction == EdgeDir::kOut ? type.src : type.dst);
    for (int64_t row = 0; row < topology.num_rows(); ++row) {
      const int64_t end = topology.indptr[static_cast<size_t>(row) + 1];
      for (int64_t i = topology.indptr[static_cast<size_t>(row)]; i < end;
           ++i) {
        Edge edge = {rows.Id(row), topology.indices[static_cast<size_t>(i)],
                     topology.EdgeId(i)};
        if (direction == EdgeDir::kIn) std::swap(edge.src, edge.dst);
        visit(edge, *partition, i);
      }
    }
  }
}

std::string EdgeText(const Edge& edge) {
  return absl::StrCat("edge ", edge.id, " from ", edge.src, " to ", edge.dst);
}

// The file that says which id the edges of a topology have.
std::string IdFile(const CheckedPartition& partition, EdgeDir direction,
                   const EdgeTypeName& type) {
  const TopologyManifest& manifest =
      *partition.edges(direction).at(type).manifest;
  return partition.files.Name(manifest.edge_ids.empty() ? manifest.indices
                                                        : manifest.edge_ids);
}

void CheckUnique(const CheckedGraph& graph, const EdgeTypeName& type,
                 EdgeDir direction, Findings* findings) {
  if (graph.partitions.size() == 1) {
    const CheckedTopology* listed =
        CheckedGraph::Find(graph.partitions[0]->edges(direction), type);
    // They count from first_edge_id on.
    if (listed == nullptr || listed->manifest->edge_ids.empty()) return;
  }
  std::vector<int64_t> ids;
  ForEachEdge(graph, type, direction,
              [&ids](const Edge& edge, const CheckedPartition&, int64_t) {
                ids.push_back(edge.id);
              });
  std::sort(ids.begin(), ids.end());
  // Where each of the first few that repeat was seen first.
  absl::flat_hash_map<int64_t, std::string> twice;
  for (size_t i = 1; i < ids.size() && twice.size() < kMostShown; ++i) {
    if (ids[i] == ids[i - 1]) twice[ids[i]];
  }
  if (twice.empty()) return;
  ForEachEdge(graph, type, direction,
              [&](const Edge& edge, const CheckedPartition& partition,
                  int64_t position) {
                const auto found = twice.find(edge.id);
                if (found == twice.end()) return;
                const std::string file = IdFile(partition, direction, type);
                if (found->second.empty()) {
                  found->second = absl::StrCat(file, " [", position, "]");
                  return;
                }
                findings->Error("edge_ids.repeat", file, position,
                                absl::StrCat(EdgeText(edge), " has the id of ",
                                             found->second));
              });
}

// A number that depends on which edges there are, and not on their order; two
// sums, so that what differs by chance is the same by none.
struct Fingerprint {
  uint64_t a = 0;
  uint64_t b = 0;
  uint64_t edges = 0;

  void Add(const Edge& edge) {
    const uint64_t hash =
        SplitMix64(SplitMix64(SplitMix64(static_cast<uint64_t>(edge.src)) ^
                              static_cast<uint64_t>(edge.dst)) ^
                   static_cast<uint64_t>(edge.id));
    a += hash;
    b += SplitMix64(hash);
    ++edges;
  }
  bool operator==(const Fingerprint&) const = default;
};

std::vector<Edge> SortedEdges(const CheckedGraph& graph,
                              const EdgeTypeName& type, EdgeDir direction) {
  std::vector<Edge> edges;
  ForEachEdge(graph, type, direction,
              [&edges](const Edge& edge, const CheckedPartition&, int64_t) {
                edges.push_back(edge);
              });
  std::sort(edges.begin(), edges.end());
  return edges;
}

// Reports edges that are listed in `direction` and not in the other.
void ReportMissing(const CheckedGraph& graph, const EdgeTypeName& type,
                   EdgeDir direction, const std::vector<Edge>& listed,
                   const std::vector<Edge>& in_other, Findings* findings) {
  std::vector<Edge> missing;
  std::set_difference(listed.begin(), listed.end(), in_other.begin(),
                      in_other.end(), std::back_inserter(missing));
  if (missing.size() > kMostShown) missing.resize(kMostShown);
  ForEachEdge(
      graph, type, direction,
      [&](const Edge& edge, const CheckedPartition& partition,
          int64_t position) {
        const auto found =
            std::lower_bound(missing.begin(), missing.end(), edge);
        if (found == missing.end() || *found != edge) return;
        missing.erase(found);
        findings->Error(
            "edges.one_way",
            partition.files.Name(
                partition.edges(direction).at(type).manifest->indices),
            position,
            absl::StrCat(EdgeText(edge), " of type ", type.ToString(),
                         direction == EdgeDir::kOut
                             ? " is not among those by destination (\"in\")"
                             : " is in \"in\" but not among those by source"));
      });
}

void CheckBothWays(const CheckedGraph& graph, const EdgeTypeName& type,
                   Findings* findings) {
  for (const auto& partition : graph.partitions) {
    // Where one could not be read, that has been said.
    if (partition->out.count(type) == 0 || partition->in.count(type) == 0) {
      return;
    }
  }
  Fingerprint out;
  Fingerprint in;
  ForEachEdge(graph, type, EdgeDir::kOut,
              [&out](const Edge& edge, const CheckedPartition&, int64_t) {
                out.Add(edge);
              });
  ForEachEdge(graph, type, EdgeDir::kIn,
              [&in](const Edge& edge, const CheckedPartition&, int64_t) {
                in.Add(edge);
              });
  if (out == in) return;
  const std::vector<Edge> by_src = SortedEdges(graph, type, EdgeDir::kOut);
  const std::vector<Edge> by_dst = SortedEdges(graph, type, EdgeDir::kIn);
  ReportMissing(graph, type, EdgeDir::kOut, by_src, by_dst, findings);
  ReportMissing(graph, type, EdgeDir::kIn, by_dst, by_src, findings);
}

// Calls `report(partition, row, id, owner)` for each edge that does not lie
// where the book says.
template <typename Report>
void ForEachForeignEdge(const CheckedGraph& graph, const EdgeTypeName& type,
                        EdgeDir direction, const PartitionBook& book,
                        Report report) {
  for (const auto& partition : graph.partitions) {
    const CheckedTopology* listed =
        CheckedGraph::Find(partition->edges(direction), type);
    if (listed == nullptr) continue;
    const Topology& topology = listed->topology;
    ForEachForeign(
        book, partition->index, topology.num_edges(),
        [&topology](int64_t i) { return topology.EdgeId(i); },
        [&](int64_t row, int64_t id, uint32_t owner) {
          report(*partition, row, id, owner);
        });
  }
}

// Where edges are listed by both ends, they lie as the book says with all of
// their sources, or with all of their destinations.
void CheckBookOfBoth(const CheckedGraph& graph, const EdgeTypeName& type,
                     Findings* findings) {
  const CheckedBooks* books = CheckedGraph::Find(graph.edge_books, type);
  if (books == nullptr || books->ids == nullptr) return;
  for (const auto& partition : graph.partitions) {
    if (partition->out.count(type) == 0 || partition->in.count(type) == 0) {
      return;
    }
  }
  for (const EdgeDir direction : {EdgeDir::kOut, EdgeDir::kIn}) {
    int64_t foreign = 0;
    ForEachForeignEdge(graph, type, direction, *books->ids,
                       [&foreign](const CheckedPartition&, int64_t, int64_t,
                                  uint32_t) { ++foreign; });
    if (foreign == 0) return;
  }
  ForEachForeignEdge(
      graph, type, EdgeDir::kOut, *books->ids,
      [&](const CheckedPartition& partition, int64_t row, int64_t id,
          uint32_t owner) {
        findings->Error(
            "edge_ids.foreign", IdFile(partition, EdgeDir::kOut, type), row,
            absl::StrCat("edge ", id, " of type ", type.ToString(), " is ",
                         OwnerText(owner), " by the book ", books->name));
      });
}

}  // namespace

void CheckAllEdges(const CheckedGraph& graph, Findings* findings) {
  std::set<EdgeTypeName> types;
  for (const auto& partition : graph.partitions) {
    for (const auto& type : partition->manifest.edge_types) {
      types.insert(type.name);
    }
  }
  for (const EdgeTypeName& type : types) {
    CheckUnique(graph, type, EdgeDir::kOut, findings);
    CheckUnique(graph, type, EdgeDir::kIn, findings);
    CheckBookOfBoth(graph, type, findings);
    CheckBothWays(graph, type, findings);
  }
  for (const auto& [type, nodes] : graph.nodes) {
    const auto isolated =
        std::count(nodes.has_edge.begin(), nodes.has_edge.end(), false);
    if (isolated == 0) continue;
    findings->Info("nodes.isolated", "dataset.json",
                   absl::StrCat(isolated, " of ", nodes.ids.size(),
                                " nodes of type ", type, " have no edges"));
  }
}

}  // namespace fairlead
