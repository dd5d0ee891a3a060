#include "libs/partition_writer/partition_summary.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "libs/partition_writer/partition_options.h"
#include "libs/partitioner/partition_report.h"
#include "nlohmann/json.hpp"

namespace fairlead {
namespace {

using Json = nlohmann::json;
using Reports = std::vector<std::pair<std::string, PartitionReport>>;

// With more partitions than this, people want no line for each.
constexpr size_t kMaxLines = 32;

PartitionReport Sum(const Reports& reports, uint32_t parts) {
  PartitionReport sum;
  sum.nodes.resize(parts, 0);
  sum.edges.resize(parts, 0);
  sum.accesses.resize(parts);
  for (const auto& [name, report] : reports) {
    sum.num_nodes += report.num_nodes;
    sum.num_edges += report.num_edges;
    sum.cut_edges += report.cut_edges;
    for (uint32_t part = 0; part < parts; ++part) {
      sum.nodes[part] += report.nodes[part];
      sum.edges[part] += report.edges[part];
      sum.accesses[part].local += report.accesses[part].local;
      sum.accesses[part].cached += report.accesses[part].cached;
      sum.accesses[part].remote += report.accesses[part].remote;
    }
  }
  return sum;
}

Json AccessesJson(const PartitionAccesses& accesses) {
  return {{"local_rows", accesses.local},
          {"cached_rows", accesses.cached},
          {"remote_rows", accesses.remote},
          {"local_share", accesses.LocalShare()},
          {"cache_hit_rate", accesses.CacheHitRate()}};
}

Json NodesJson(const PartitionReport& report, bool has_accesses) {
  Json json = {{"num_nodes", report.num_nodes},
               {"nodes", report.nodes},
               {"node_balance", report.NodeBalance()}};
  if (!has_accesses) return json;
  json["accesses"] = AccessesJson(report.TotalAccesses());
  for (const PartitionAccesses& accesses : report.accesses) {
    json["accesses_by_partition"].push_back(AccessesJson(accesses));
  }
  return json;
}

Json EdgesJson(const PartitionReport& report) {
  return {{"num_edges", report.num_edges},
          {"edges", report.edges},
          {"edge_balance", report.EdgeBalance()},
          {"cut_edges", report.cut_edges},
          {"cut_share", report.CutShare()}};
}

}  // namespace

PartitionReport PartitionSummary::Nodes() const {
  return Sum(node_types, parts);
}

PartitionReport PartitionSummary::Edges() const {
  return Sum(edge_types, parts);
}

std::string SummaryText(const PartitionSummary& summary) {
  const PartitionReport nodes = summary.Nodes();
  const PartitionReport edges = summary.Edges();
  std::string text = absl::StrCat(
      "dataset ", summary.name, " by ", PartitionMethodName(summary.method),
      " in ", summary.parts,
      summary.parts == 1 ? " partition: " : " partitions: ", nodes.num_nodes,
      " nodes, ", edges.num_edges, " edges\n");
  for (size_t part = 0; part < summary.parts && summary.parts <= kMaxLines;
       ++part) {
    absl::StrAppend(&text, "  part-", part, ": ", nodes.nodes[part], " nodes, ",
                    edges.edges[part], " edges\n");
  }
  absl::StrAppendFormat(
      &text, "  edges cut: %.1f %%; largest to mean: nodes %.3f, edges %.3f\n",
      100 * edges.CutShare(), nodes.NodeBalance(), edges.EdgeBalance());
  if (!summary.has_accesses) return text;
  const PartitionAccesses accesses = nodes.TotalAccesses();
  absl::StrAppendFormat(&text,
                        "  feature rows of a batch: %.1f %% need no fetch; of "
                        "others' rows the cache has %.1f %%\n",
                        100 * accesses.LocalShare(),
                        100 * accesses.CacheHitRate());
  return text;
}

std::string SummaryJson(const PartitionSummary& summary) {
  Json json = {{"dataset", summary.name},
               {"method", std::string(PartitionMethodName(summary.method))},
               {"partitions", summary.parts},
               {"cache_bytes", summary.cache_bytes},
               {"node_types", Json::object()},
               {"edge_types", Json::object()}};
  json.update(NodesJson(summary.Nodes(), summary.has_accesses));
  json.update(EdgesJson(summary.Edges()));
  for (const auto& [name, report] : summary.node_types) {
    json["node_types"][name] = NodesJson(report, summary.has_accesses);
  }
  for (const auto& [name, report] : summary.edge_types) {
    json["edge_types"][name] = EdgesJson(report);
  }
  return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace fairlead
