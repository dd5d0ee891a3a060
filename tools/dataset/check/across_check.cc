#include "tools/dataset/check/across_check.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "libs/graph/dataset.h"
#include "libs/graph/id_space.h"
#include "libs/graph/partition_book.h"
#include "libs/random/philox.h"
#include "tools/dataset/check/checked_graph.h"

namespace fairlead {
namespace {

// Nodes that are counted one by one: more than any folder of ours has, fewer
// than a mistyped num_nodes.
constexpr int64_t kMostNodes = int64_t{1} << 33;

// Enough to show of one kind, however many there are.
constexpr size_t kMostShown = 100;

// All ids of a type, ascending. False if some partition's are unknown, or they
// are beyond counting.
bool GatherNodes(const CheckedGraph& graph, const std::string& type,
                 CheckedNodes* nodes) {
  int64_t total = 0;
  std::vector<const IdSpace*> parts;
  for (const auto& partition : graph.partitions) {
    const IdSpace* ids = CheckedGraph::Find(partition->nodes, type);
    if (ids == nullptr || ids->size() > kMostNodes) return false;
    total += ids->size();
    if (ids->size() > 0) parts.push_back(ids);
  }
  if (total > kMostNodes) return false;
  std::sort(parts.begin(), parts.end(),
            [](const auto* a, const auto* b) { return a->Id(0) < b->Id(0); });
  bool is_range = true;
  for (size_t i = 0; i < parts.size(); ++i) {
    is_range = is_range && parts[i]->is_range() &&
               (i == 0 || parts[i]->first() == parts[i - 1]->end());
  }
  if (is_range) {
    nodes->ids = IdSpace::Range(parts.empty() ? 0 : parts[0]->first(), total);
    return true;
  }
  nodes->storage.reserve(static_cast<size_t>(total));
  for (const IdSpace* ids : parts) {
    for (int64_t row = 0; row < ids->size(); ++row) {
      nodes->storage.push_back(ids->Id(row));
    }
  }
  std::sort(nodes->storage.begin(), nodes->storage.end());
  return true;
}

void ReportShared(const CheckedGraph& graph, const std::string& type,
                  const std::vector<int64_t>& twice, Findings* findings) {
  for (const int64_t id : twice) {
    std::string where;
    for (const auto& partition : graph.partitions) {
      if (partition->nodes.at(type).Row(id) < 0) continue;
      absl::StrAppend(&where, where.empty() ? "" : " and ",
                      partition->files.folder());
    }
    findings->Error(
        "nodes.shared", "dataset.json", std::nullopt,
        absl::StrCat("node ", id, " of type ", type, " is in ", where));
  }
}

// Ids that the book gives to a partition which has them not. A book of bounds
// may span ids that there are none of; a table says of each whose it is.
void CheckCovered(const CheckedBooks& books, const std::string& type,
                  const CheckedNodes& nodes, Findings* findings) {
  const PartitionBook& book = *books.ids;
  const PartitionBookManifest manifest = book.Manifest();
  const bool is_table = !manifest.table.empty();
  if (!is_table && manifest.bounds.empty()) return;
  if (!is_table) {
    const int64_t missing = book.num_ids() - nodes.ids.size();
    if (missing <= 0) return;
    const std::string text =
        absl::StrCat("the bounds of node type ", type, " span ", book.num_ids(),
                     " ids, but partitions have ", nodes.ids.size(), " nodes");
    if (nodes.ids.is_range()) {
      findings->Error("nodes.missing", books.name, std::nullopt, text);
    } else {
      findings->Info("nodes.missing", books.name, text);
    }
    return;
  }
  std::vector<int64_t> ids;
  std::vector<uint32_t> owners;
  constexpr int64_t kBlock = 4096;
  for (int64_t from = 0; from < book.num_ids(); from += kBlock) {
    ids.clear();
    for (int64_t id = from; id < std::min(from + kBlock, book.num_ids());
         ++id) {
      ids.push_back(id);
    }
    owners.resize(ids.size());
    static_cast<void>(book.PartitionOf(ids, absl::MakeSpan(owners)));
    for (size_t i = 0; i < ids.size(); ++i) {
      if (owners[i] == kNoPartition || nodes.ids.Row(ids[i]) >= 0) continue;
      findings->Error("nodes.missing", books.name, ids[i],
                      absl::StrCat("gives node ", ids[i], " of type ", type,
                                   " to partition ", owners[i],
                                   ", which has no such node"));
    }
  }
}

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

void CheckAllNodes(CheckedGraph* graph, Findings* findings) {
  std::set<std::string> types;
  for (const auto& partition : graph->partitions) {
    for (const auto& type : partition->manifest.node_types) {
      types.insert(type.name);
    }
  }
  for (const std::string& type : types) {
    CheckedNodes nodes;
    if (!GatherNodes(*graph, type, &nodes)) continue;
    std::vector<int64_t>& ids = nodes.storage;
    std::vector<int64_t> twice;
    for (size_t i = 1; i < ids.size() && twice.size() < kMostShown; ++i) {
      if (ids[i] == ids[i - 1] && (twice.empty() || twice.back() != ids[i])) {
        twice.push_back(ids[i]);
      }
    }
    ReportShared(*graph, type, twice, findings);
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
    CheckedNodes& kept = graph->nodes[type] = std::move(nodes);
    if (!kept.storage.empty()) {
      absl::StatusOr<IdSpace> list =
          IdSpace::List(kept.storage, absl::StrCat("node type ", type));
      if (!list.ok()) {
        findings->Error("nodes", "dataset.json", std::nullopt,
                        std::string(list.status().message()));
        graph->nodes.erase(type);
        continue;
      }
      kept.ids = *std::move(list);
    }
    kept.has_edge.resize(static_cast<size_t>(kept.ids.size()), false);
    const CheckedBooks* books = CheckedGraph::Find(graph->node_books, type);
    if (books != nullptr && books->ids != nullptr) {
      CheckCovered(*books, type, kept, findings);
    }
  }
}

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
