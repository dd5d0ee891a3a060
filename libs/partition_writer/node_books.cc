#include "libs/partition_writer/node_books.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "libs/graph/dataset.h"
#include "libs/graph/id_space.h"
#include "libs/graph/partition_book.h"
#include "libs/partition_writer/batch_hotness.h"
#include "libs/partition_writer/partition_options.h"
#include "libs/partition_writer/row_graph.h"
#include "libs/partitioner/frequency_partitioner.h"
#include "libs/partitioner/id_partitioners.h"
#include "libs/partitioner/metis_partitioner.h"
#include "libs/partitioner/typed_graph.h"
#include "libs/status/status_macros.h"
#include "libs/type_names/type_names.h"

namespace fairlead {
namespace {

using OwnersByType = std::vector<std::vector<uint32_t>>;

// Edges of all types that lie with the nodes before each: [nodes + 1].
std::vector<int64_t> EdgesBefore(const Dataset& dataset, size_t node_type) {
  std::vector<int64_t> before(
      static_cast<size_t>(dataset.node_types()[node_type].num_nodes) + 1, 0);
  for (const EdgeType& type : dataset.edge_types()) {
    for (const EdgeDir direction : {EdgeDir::kOut, EdgeDir::kIn}) {
      const std::optional<Topology>& topology = type.topology(direction);
      if (!topology.has_value() ||
          static_cast<size_t>(type.row_type(direction)) != node_type) {
        continue;
      }
      for (size_t i = 0; i < before.size(); ++i) {
        before[i] += topology->indptr[i];
      }
    }
  }
  return before;
}

// As many nodes in each, or nodes and edges, whatever their ids.
absl::StatusOr<PartitionBookManifest> RangeBook(
    const Dataset& dataset, size_t node_type, const PartitionOptions& options) {
  const IdSpace& ids = dataset.node_types()[node_type].ids;
  const auto parts = static_cast<uint32_t>(options.parts);
  PartitionBookManifest manifest;
  FAIRLEAD_ASSIGN_OR_RETURN(
      manifest.bounds,
      options.balance_edges
          ? EdgeBalancedRangeBounds(EdgesBefore(dataset, node_type), parts)
          : EvenRangeBounds(ids.size(), parts));
  for (int64_t& bound : manifest.bounds) {
    bound = bound == ids.size() ? ids.end() : ids.Id(bound);
  }
  // Whoever has the first node has the ids before it, which are no nodes.
  manifest.bounds.front() = 0;
  return manifest;
}

// Ids are, or nearly are, from 0 on, so that a table of them is no waste.
absl::Status CheckDense(const NodeType& type, PartitionMethod method) {
  constexpr int64_t kSlack = 1 << 20;
  if (type.ids.is_range() &&
      (type.ids.size() == 0 || type.ids.first() <= type.ids.size() + kSlack)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("node type ", type.name,
                   ": its ids are no range that begins near 0, and ", "method ",
                   PartitionMethodName(method),
                   " makes a table of all ids; use method hash or range"));
}

absl::StatusOr<OwnersByType> RandomOwnersByType(
    const Dataset& dataset, const PartitionOptions& options) {
  OwnersByType owners;
  for (const NodeType& type : dataset.node_types()) {
    // Types of one size are not shuffled alike.
    FAIRLEAD_ASSIGN_OR_RETURN(
        owners.emplace_back(),
        RandomOwners(type.num_nodes, static_cast<uint32_t>(options.parts),
                     options.seed + owners.size()));
  }
  return owners;
}

absl::StatusOr<OwnersByType> MetisOwnersByType(
    const Dataset& dataset, const PartitionOptions& options) {
  const auto parts = static_cast<uint32_t>(options.parts);
  const int64_t nodes = RowGraph::NumNodes(dataset);
  const int64_t edges = RowGraph::NumEdges(dataset);
  const uint64_t graph_bytes = RowGraph::Bytes(dataset);
  const auto types = static_cast<int64_t>(dataset.node_types().size());
  FAIRLEAD_RETURN_IF_ERROR(CheckMetisLimits(nodes, edges, parts, {}));
  FAIRLEAD_RETURN_IF_ERROR(CheckMemory(
      "method metis",
      graph_bytes +
          std::max(graph_bytes, MetisMemoryBytes(nodes, edges, types)),
      options.max_memory_bytes));
  const auto combine = [&dataset]() -> absl::StatusOr<CombinedGraph> {
    FAIRLEAD_ASSIGN_OR_RETURN(const RowGraph graph, RowGraph::Make(dataset));
    return CombineGraph(graph.nodes_per_type(), graph.edge_types());
  };
  FAIRLEAD_ASSIGN_OR_RETURN(const CombinedGraph graph, combine());
  FAIRLEAD_ASSIGN_OR_RETURN(
      const std::vector<uint32_t> owners,
      MetisOwners(graph.num_nodes(), graph.indptr, graph.indices, parts,
                  {.seed = options.seed,
                   .balance = options.balance_edges
                                  ? MetisOptions::Balance::kNodesAndEdges
                                  : MetisOptions::Balance::kNodes,
                   .type_begins = graph.type_begins}));
  return SplitByType(graph.type_begins, owners);
}

absl::StatusOr<OwnersByType> FrequencyOwnersByType(
    const Dataset& dataset, const PartitionOptions& options,
    const RowGraph& graph) {
  const auto parts = static_cast<uint32_t>(options.parts);
  FAIRLEAD_ASSIGN_OR_RETURN(const RowsByType train, TrainRows(dataset));
  // Who has which train seeds to begin with.
  OwnersByType seed_owners;
  for (const std::vector<int64_t>& rows : train) {
    FAIRLEAD_ASSIGN_OR_RETURN(
        seed_owners.emplace_back(),
        RandomOwners(static_cast<int64_t>(rows.size()), parts,
                     options.seed + seed_owners.size()));
  }
  std::vector<HotnessByType> hotness;  // by partition
  for (uint32_t part = 0; part < parts; ++part) {
    RowsByType seeds(train.size());
    for (size_t type = 0; type < train.size(); ++type) {
      for (size_t i = 0; i < train[type].size(); ++i) {
        if (seed_owners[type][i] == part) seeds[type].push_back(train[type][i]);
      }
    }
    FAIRLEAD_ASSIGN_OR_RETURN(hotness.emplace_back(),
                              BatchHotness(graph, seeds, options));
  }
  OwnersByType owners;
  for (size_t type = 0; type < train.size(); ++type) {
    std::vector<absl::Span<const float>> of_type;
    of_type.reserve(hotness.size());
    for (const HotnessByType& of_part : hotness) {
      of_type.emplace_back(of_part[type]);
    }
    FAIRLEAD_ASSIGN_OR_RETURN(owners.emplace_back(),
                              FrequencyOwners(of_type, FrequencyOptions()));
  }
  return owners;
}

absl::StatusOr<OwnersByType> OwnersByMethod(const Dataset& dataset,
                                            const PartitionOptions& options,
                                            const RowGraph* graph) {
  for (const NodeType& type : dataset.node_types()) {
    FAIRLEAD_RETURN_IF_ERROR(CheckDense(type, options.method));
  }
  switch (options.method) {
    case PartitionMethod::kMetis:
      return MetisOwnersByType(dataset, options);
    case PartitionMethod::kFrequency:
      return FrequencyOwnersByType(dataset, options, *graph);
    default:
      return RandomOwnersByType(dataset, options);
  }
}

}  // namespace

absl::StatusOr<WrittenBook> OpenWritten(const std::string& directory,
                                        PartitionBookManifest manifest) {
  WrittenBook written;
  written.manifest = manifest;
  if (!manifest.table.empty()) {
    manifest.table = absl::StrCat(directory, "/", manifest.table);
  }
  FAIRLEAD_ASSIGN_OR_RETURN(written.book, PartitionBook::Open(manifest));
  return written;
}

absl::StatusOr<std::vector<WrittenBook>> MakeNodeBooks(
    const Dataset& dataset, const PartitionOptions& options,
    const RowGraph* graph, const std::string& directory) {
  const auto parts = static_cast<uint32_t>(options.parts);
  const bool is_range = options.method == PartitionMethod::kRange;
  const bool is_hash = options.method == PartitionMethod::kHash;
  OwnersByType owners;
  if (!is_range && !is_hash) {
    FAIRLEAD_ASSIGN_OR_RETURN(owners, OwnersByMethod(dataset, options, graph));
  }
  std::vector<WrittenBook> books;
  for (size_t i = 0; i < dataset.node_types().size(); ++i) {
    const NodeType& type = dataset.node_types()[i];
    PartitionBookManifest manifest;
    if (is_range || (is_hash && type.num_nodes == 0)) {
      FAIRLEAD_ASSIGN_OR_RETURN(manifest, RangeBook(dataset, i, options));
    } else if (is_hash) {
      manifest = {.hashed_ids = type.ids.end(), .num_partitions = parts};
    } else {
      // Ids before the first are nobody's.
      owners[i].insert(owners[i].begin(), static_cast<size_t>(type.ids.first()),
                       kNoPartition);
      manifest = {
          .table = absl::StrCat(EscapeTypeName(type.name), ".partition.npy"),
          .num_partitions = parts};
      FAIRLEAD_RETURN_IF_ERROR(WritePartitionTable(
          absl::StrCat(directory, "/", manifest.table), parts, owners[i]));
      std::vector<uint32_t>().swap(owners[i]);
    }
    FAIRLEAD_ASSIGN_OR_RETURN(books.emplace_back(),
                              OpenWritten(directory, std::move(manifest)));
  }
  return books;
}

}  // namespace fairlead
