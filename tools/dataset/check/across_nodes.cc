#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "libs/graph/id_space.h"
#include "libs/graph/partition_book.h"
#include "tools/dataset/check/across_check.h"
#include "tools/dataset/check/checked_graph.h"

namespace fairlead {
namespace {

// Nodes that are counted one by one: more than any folder of ours has, fewer
// than a mistyped num_nodes.
constexpr int64_t kMostNodes = int64_t{1} << 33;

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

}  // namespace fairlead
