#include "libs/partition_writer/partition_writer.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "libs/graph/dataset.h"
#include "libs/graph/dataset_manifest.h"
#include "libs/graph/partition_book.h"
#include "libs/graph/table.h"
#include "libs/partition_writer/batch_hotness.h"
#include "libs/partition_writer/edge_parts.h"
#include "libs/partition_writer/feature_cache.h"
#include "libs/partition_writer/node_books.h"
#include "libs/partition_writer/node_parts.h"
#include "libs/partition_writer/part_files.h"
#include "libs/partition_writer/partition_options.h"
#include "libs/partition_writer/partition_summary.h"
#include "libs/partition_writer/row_graph.h"
#include "libs/partitioner/partition_report.h"
#include "libs/status/status_macros.h"

namespace fairlead {
namespace {

using OnProgress = std::function<void(uint64_t done, uint64_t total)>;

struct Source {
  DatasetManifest manifest;  // types by name, as in the dataset
  std::unique_ptr<const Dataset> dataset;
};

absl::Status CheckNotCached(const std::string& directory,
                            const std::optional<RowStore>& features,
                            const std::string& type) {
  if (!features.has_value() || !features->cached.has_value()) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "dataset ", directory, ": ", type,
      " has \"cached\" features, copies of what other partitions have, which a "
      "whole graph has no use for; leave them out"));
}

absl::StatusOr<Source> OpenSource(const std::string& directory) {
  FAIRLEAD_ASSIGN_OR_RETURN(DatasetFolder folder, ReadDatasetFolder(directory));
  if (folder.partitions.has_value()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "dataset ", directory, ": is in ", folder.partitions->partitions.size(),
        " partitions already; partition the dataset that it was made of"));
  }
  Source source{.manifest = *std::move(folder.whole), .dataset = nullptr};
  const auto by_name = [](const auto& a, const auto& b) {
    return a.name < b.name;
  };
  std::sort(source.manifest.node_types.begin(),
            source.manifest.node_types.end(), by_name);
  std::sort(source.manifest.edge_types.begin(),
            source.manifest.edge_types.end(), by_name);
  FAIRLEAD_ASSIGN_OR_RETURN(source.dataset, Dataset::Load(directory));
  for (const NodeType& type : source.dataset->node_types()) {
    FAIRLEAD_RETURN_IF_ERROR(
        CheckNotCached(directory, type.features, "node type " + type.name));
  }
  for (const EdgeType& type : source.dataset->edge_types()) {
    FAIRLEAD_RETURN_IF_ERROR(CheckNotCached(
        directory, type.features, "edge type " + type.name.ToString()));
  }
  return source;
}

absl::Status CheckOptions(const PartitionOptions& options) {
  if (options.parts < 1 || options.parts > kMaxPartitions) {
    return absl::InvalidArgumentError(absl::StrCat(
        "parts: ", options.parts, "; must be 1 to ", kMaxPartitions));
  }
  if (options.balance_edges && options.method != PartitionMethod::kRange &&
      options.method != PartitionMethod::kMetis) {
    return absl::InvalidArgumentError(absl::StrCat(
        "balance_edges: method ", PartitionMethodName(options.method),
        " looks at no edges; use range or metis, or leave it out"));
  }
  return absl::OkStatus();
}

// One run, from the books to dataset.json.
class Run {
 public:
  Run(const std::string& source_directory, const Source& source,
      const std::string& directory, const PartitionOptions& options)
      : source_directory_(source_directory),
        source_(source),
        dataset_(*source.dataset),
        options_(options),
        folders_(directory, static_cast<uint32_t>(options.parts)) {}

  absl::StatusOr<PartitionSummary> Go(const OnProgress& on_progress) {
    FAIRLEAD_RETURN_IF_ERROR(folders_.Create());
    FAIRLEAD_RETURN_IF_ERROR(PlaceNodes());
    FAIRLEAD_RETURN_IF_ERROR(PlaceEdges());
    FAIRLEAD_RETURN_IF_ERROR(WriteArrays(on_progress));
    FAIRLEAD_RETURN_IF_ERROR(WriteManifests());
    return Summary();
  }

 private:
  bool needs_hotness() const {
    return options_.cache_bytes > 0 ||
           options_.method == PartitionMethod::kFrequency;
  }

  // Decides on nodes' owners, and writes caches, for both of which the topology
  // may be in memory, until it returns.
  absl::Status PlaceNodes() {
    std::optional<RowGraph> graph;
    if (needs_hotness()) {
      FAIRLEAD_RETURN_IF_ERROR(CheckHotnessMemory(dataset_, options_));
    }
    if (options_.method == PartitionMethod::kFrequency) {
      FAIRLEAD_ASSIGN_OR_RETURN(graph, RowGraph::Make(dataset_));
    }
    FAIRLEAD_ASSIGN_OR_RETURN(
        books_,
        MakeNodeBooks(dataset_, options_, graph.has_value() ? &*graph : nullptr,
                      folders_.directory()));
    for (size_t i = 0; i < dataset_.node_types().size(); ++i) {
      nodes_.push_back(std::make_unique<NodeParts>(
          folders_, source_directory_, dataset_.node_types()[i],
          source_.manifest.node_types[i], *books_[i].book));
      FAIRLEAD_RETURN_IF_ERROR(ReportNodes(i));
    }
    if (!needs_hotness()) return absl::OkStatus();
    if (!graph.has_value()) {
      FAIRLEAD_ASSIGN_OR_RETURN(graph, RowGraph::Make(dataset_));
    }
    return WriteCaches(*graph);
  }

  // The reporter takes nodes for 0 to n - 1: rows.
  absl::Status ReportNodes(size_t type) {
    const RowPlacement& placement = nodes_[type]->placement();
    const OwnerLookup owner_of_row = [&placement](
                                         absl::Span<const int64_t> rows,
                                         absl::Span<uint32_t> owners) {
      std::vector<int64_t> ids;
      ids.reserve(rows.size());
      for (const int64_t row : rows) ids.push_back(placement.ids->Id(row));
      return placement.book->PartitionOf(ids, owners);
    };
    node_reporters_.push_back(std::make_unique<PartitionReporter>(
        folders_.parts(), EdgeOwner::kSource, owner_of_row));
    return node_reporters_.back()->AddNodes(0, placement.ids->size());
  }

  absl::Status WriteCaches(const RowGraph& graph) {
    FAIRLEAD_ASSIGN_OR_RETURN(const RowsByType train, TrainRows(dataset_));
    for (uint32_t part = 0; part < folders_.parts(); ++part) {
      FAIRLEAD_ASSIGN_OR_RETURN(
          const HotnessByType hotness,
          BatchHotness(graph, SeedsOf(dataset_, books_, train, part),
                       options_));
      FAIRLEAD_ASSIGN_OR_RETURN(
          const RowsByType cached,
          ChooseCache(dataset_, books_, part, hotness, options_.cache_bytes));
      for (size_t type = 0; type < nodes_.size(); ++type) {
        FAIRLEAD_RETURN_IF_ERROR(
            nodes_[type]->WriteCacheOf(part, cached[type]));
        // Only of what has rows to fetch.
        if (!dataset_.node_types()[type].features.has_value()) continue;
        FAIRLEAD_RETURN_IF_ERROR(node_reporters_[type]->AddAccesses(
            part, hotness[type], cached[type]));
      }
    }
    return absl::OkStatus();
  }

  absl::Status PlaceEdges() {
    for (size_t i = 0; i < dataset_.edge_types().size(); ++i) {
      const EdgeType& type = dataset_.edge_types()[i];
      edges_.push_back(std::make_unique<EdgeParts>(
          folders_, type, source_.manifest.edge_types[i],
          *nodes_[static_cast<size_t>(type.src_type)],
          *nodes_[static_cast<size_t>(type.dst_type)]));
      FAIRLEAD_RETURN_IF_ERROR(edges_.back()->MakeBook());
    }
    return absl::OkStatus();
  }

  absl::Status WriteArrays(const OnProgress& on_progress) {
    std::vector<Step> steps;
    for (const auto& edges : edges_) edges->AddSteps(&steps);
    for (const auto& nodes : nodes_) {
      FAIRLEAD_RETURN_IF_ERROR(nodes->AddSteps(&steps));
    }
    uint64_t total = 0;
    for (const Step& step : steps) total += static_cast<uint64_t>(step.work);
    uint64_t done = 0;
    for (const Step& step : steps) {
      FAIRLEAD_RETURN_IF_ERROR(step.run([&](int64_t more) {
        done += static_cast<uint64_t>(more);
        on_progress(done, total);
      }));
    }
    return absl::OkStatus();
  }

  // The folder's own comes last: without it, it is no dataset.
  absl::Status WriteManifests() const {
    PartitionsManifest partitions;
    partitions.name = dataset_.name();
    for (uint32_t part = 0; part < folders_.parts(); ++part) {
      partitions.partitions.push_back(PartFolders::Name(part));
      DatasetManifest manifest;
      manifest.name = dataset_.name();
      for (const auto& nodes : nodes_) {
        manifest.node_types.push_back(nodes->Manifest(part));
      }
      for (const auto& edges : edges_) {
        manifest.edge_types.push_back(edges->Manifest(part));
      }
      FAIRLEAD_RETURN_IF_ERROR(WriteManifest(
          absl::StrCat(folders_.directory(), "/", PartFolders::Name(part)),
          manifest));
    }
    for (size_t i = 0; i < nodes_.size(); ++i) {
      partitions.node_types.push_back({.name = nodes_[i]->type().name,
                                       .books = {.ids = books_[i].manifest}});
    }
    for (const auto& edges : edges_) {
      partitions.edge_types.push_back(
          {.name = edges->type().name, .books = {.ids = edges->book()}});
    }
    return WriteManifest(folders_.directory(), partitions);
  }

  PartitionSummary Summary() const {
    PartitionSummary summary;
    summary.name = dataset_.name();
    summary.method = options_.method;
    summary.parts = folders_.parts();
    summary.cache_bytes = options_.cache_bytes;
    summary.has_accesses = needs_hotness();
    for (size_t i = 0; i < nodes_.size(); ++i) {
      summary.node_types.emplace_back(nodes_[i]->type().name,
                                      node_reporters_[i]->report());
    }
    for (const auto& edges : edges_) {
      summary.edge_types.emplace_back(edges->type().name.ToString(),
                                      edges->report());
    }
    return summary;
  }

  const std::string& source_directory_;
  const Source& source_;
  const Dataset& dataset_;
  const PartitionOptions& options_;
  const PartFolders folders_;
  std::vector<WrittenBook> books_;  // by node type
  std::vector<std::unique_ptr<NodeParts>> nodes_;
  std::vector<std::unique_ptr<PartitionReporter>> node_reporters_;
  std::vector<std::unique_ptr<EdgeParts>> edges_;
};

}  // namespace

absl::StatusOr<PartitionSummary> WritePartitions(
    const std::string& source, const std::string& directory,
    const PartitionOptions& options,
    const std::function<void(uint64_t, uint64_t)>& on_progress) {
  FAIRLEAD_RETURN_IF_ERROR(CheckOptions(options));
  FAIRLEAD_ASSIGN_OR_RETURN(const Source opened, OpenSource(source));
  return Run(source, opened, directory, options).Go(on_progress);
}

}  // namespace fairlead
