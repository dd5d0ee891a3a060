#include "libs/partition_writer/edge_parts.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
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
#include "libs/partition_writer/node_books.h"
#include "libs/partition_writer/node_parts.h"
#include "libs/partition_writer/part_files.h"
#include "libs/partition_writer/split_arrays.h"
#include "libs/partition_writer/table_writer.h"
#include "libs/partitioner/partition_report.h"
#include "libs/status/status_macros.h"
#include "libs/type_names/type_names.h"

namespace fairlead {
namespace {

// A table of edge ids may be this much longer than there are edges.
constexpr int64_t kTableSlack = 16;
constexpr int64_t kSmallTable = 1 << 20;

// One more than the largest; -1 if that is more than an id can be.
int64_t EdgeIdsEnd(const Topology& topology) {
  if (topology.num_edges() == 0) return 0;
  const int64_t largest =
      topology.edge_ids.empty()
          ? topology.first_edge_id
          : topology.edge_ids.Visit([&topology](const auto* ids) {
              return static_cast<int64_t>(
                  *std::max_element(ids, ids + topology.edge_ids.size()));
            });
  const int64_t more =
      topology.edge_ids.empty() ? topology.num_edges() : int64_t{1};
  return largest > INT64_MAX - more ? -1 : largest + more;
}

OwnerLookup LookUpInBook(const RowPlacement& nodes) {
  return [&book = *nodes.book](absl::Span<const int64_t> ids,
                               absl::Span<uint32_t> owners) {
    return book.PartitionOf(ids, owners);
  };
}

}  // namespace

TopologyParts::TopologyParts(const PartFolders& folders,
                             const Topology& topology,
                             const TopologyManifest& source,
                             const RowPlacement& rows, int64_t neighbor_end,
                             std::string prefix)
    : folders_(folders),
      topology_(topology),
      source_(source),
      rows_(rows),
      neighbor_end_(neighbor_end),
      prefix_(std::move(prefix)),
      edges_(PlaceEdges(rows, topology)),
      ids_end_(EdgeIdsEnd(topology)),
      write_edge_ids_(has_edge_ids() || !AreRanges(edges_.parts)) {}

std::string TopologyParts::File(const char* what) const {
  return absl::StrCat(prefix_, ".", what, ".npy");
}

void TopologyParts::AddSteps(std::vector<Step>* steps) const {
  steps->push_back(SplitIndptr(folders_, edges_, File("indptr")));
  steps->push_back(
      SplitIndices(folders_, edges_, neighbor_end_, File("indices")));
  if (write_edge_ids_) {
    steps->push_back(
        SplitEdgeIds(folders_, edges_, ids_end_, File("edge_ids")));
  }
  if (!source_.weights.empty()) {
    steps->push_back(SplitWeights(folders_, edges_, File("weights")));
  }
  if (!source_.timestamps.empty()) {
    steps->push_back(SplitTimestamps(folders_, edges_, File("timestamps")));
  }
}

TopologyManifest TopologyParts::Manifest(uint32_t part) const {
  TopologyManifest manifest;
  manifest.indptr = File("indptr");
  manifest.indices = File("indices");
  if (write_edge_ids_) {
    manifest.edge_ids = File("edge_ids");
  } else {
    manifest.first_edge_id = topology_.first_edge_id + edges_.parts[part].first;
  }
  if (!source_.weights.empty()) manifest.weights = File("weights");
  if (!source_.timestamps.empty()) manifest.timestamps = File("timestamps");
  return manifest;
}

std::optional<std::vector<int64_t>> TopologyParts::IdBounds() const {
  std::vector<int64_t> bounds(edges_.parts.size() + 1, 0);
  if (topology_.num_edges() == 0) return bounds;
  if (write_edge_ids_) return std::nullopt;
  for (size_t part = 0; part < edges_.parts.size(); ++part) {
    const Extent& extent = edges_.parts[part];
    bounds[part + 1] = bounds[part];
    if (extent.count == 0) continue;
    if (topology_.first_edge_id + extent.first < bounds[part]) {
      return std::nullopt;
    }
    bounds[part + 1] = topology_.first_edge_id + extent.last + 1;
  }
  return bounds;
}

absl::Status TopologyParts::WriteTable(const std::string& path,
                                       int64_t num_ids) const {
  FAIRLEAD_ASSIGN_OR_RETURN(
      TableWriter table, TableWriter::Create(path, num_ids, folders_.parts()));
  return ForEachBlock(
      topology_.num_rows(), *rows_.book,
      [this](int64_t row) { return rows_.ids->Id(row); },
      [&](int64_t first, absl::Span<const uint32_t> owners) {
        for (size_t i = 0; i < owners.size(); ++i) {
          const size_t row = static_cast<size_t>(first) + i;
          const int64_t end = topology_.indptr[row + 1];
          for (int64_t edge = topology_.indptr[row]; edge < end; ++edge) {
            table.Set(topology_.EdgeId(edge), owners[i]);
          }
        }
        return absl::OkStatus();
      });
}

absl::StatusOr<WrittenBook> TopologyParts::MakeBook(
    const std::string& file) const {
  if (ids_end_ < 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        prefix_, ": has edge ids up to 2^63 - 1 and beyond; leave one free"));
  }
  PartitionBookManifest manifest;
  if (std::optional<std::vector<int64_t>> bounds = IdBounds()) {
    manifest.bounds = *std::move(bounds);
  } else if (ids_end_ / kTableSlack > topology_.num_edges() &&
             ids_end_ > kSmallTable) {
    // Ids that are spread too far for a table. Where their features are, their
    // hash says.
    manifest = {.hashed_ids = ids_end_, .num_partitions = folders_.parts()};
  } else {
    manifest = {.table = file, .num_partitions = folders_.parts()};
    FAIRLEAD_RETURN_IF_ERROR(
        WriteTable(absl::StrCat(folders_.directory(), "/", file), ids_end_));
  }
  return OpenWritten(folders_.directory(), std::move(manifest));
}

Step TopologyParts::Report(EdgeDir direction, const EdgeTypeName& type,
                           PartitionReporter* reporter) const {
  const auto run = [this, direction, &type,
                    reporter](const std::function<void(int64_t)>& advance) {
    constexpr auto kBlock = static_cast<size_t>(PartitionReporter::kBlock);
    std::vector<int64_t> rows;
    std::vector<int64_t> neighbors;
    const auto flush = [&]() -> absl::Status {
      const absl::Status status = direction == EdgeDir::kOut
                                      ? reporter->AddEdges(rows, neighbors)
                                      : reporter->AddEdges(neighbors, rows);
      if (!status.ok()) {
        return absl::InvalidArgumentError(absl::StrCat(
            "edge type ", type.ToString(),
            ": an edge has an end that is no node: ", status.message()));
      }
      advance(static_cast<int64_t>(rows.size()));
      rows.clear();
      neighbors.clear();
      return absl::OkStatus();
    };
    for (size_t row = 0; row + 1 < topology_.indptr.size(); ++row) {
      const int64_t end = topology_.indptr[row + 1];
      for (int64_t edge = topology_.indptr[row]; edge < end; ++edge) {
        rows.push_back(rows_.ids->Id(static_cast<int64_t>(row)));
        neighbors.push_back(topology_.indices[static_cast<size_t>(edge)]);
        if (rows.size() == kBlock) FAIRLEAD_RETURN_IF_ERROR(flush());
      }
    }
    return flush();
  };
  return {.work = topology_.num_edges(), .run = run};
}

EdgeParts::EdgeParts(const PartFolders& folders, const EdgeType& type,
                     const EdgeTypeManifest& source, const NodeParts& src,
                     const NodeParts& dst)
    : folders_(folders),
      type_(type),
      source_(source),
      prefix_(type.name.ToString()),
      reporter_(
          folders.parts(),
          type.out.has_value() ? EdgeOwner::kSource : EdgeOwner::kDestination,
          LookUpInBook(src.placement()), LookUpInBook(dst.placement())) {
  if (type.out.has_value()) {
    out_.emplace(folders, *type.out, *source.out, src.placement(),
                 dst.type().id_end(), prefix_);
  }
  if (type.in.has_value()) {
    in_.emplace(folders, *type.in, *source.in, dst.placement(),
                src.type().id_end(), prefix_ + ".in");
  }
}

absl::Status EdgeParts::MakeBook() {
  FAIRLEAD_ASSIGN_OR_RETURN(
      book_,
      (out_.has_value() ? out_ : in_)->MakeBook(prefix_ + ".partition.npy"));
  if (!type_.features.has_value()) return absl::OkStatus();
  features_.emplace(folders_, *type_.features, *source_.features, *book_.book,
                    prefix_, /*is_aligned=*/false);
  return absl::OkStatus();
}

void EdgeParts::AddSteps(std::vector<Step>* steps) {
  steps->push_back((out_.has_value() ? out_ : in_)
                       ->Report(direction(), type_.name, &reporter_));
  if (out_.has_value()) out_->AddSteps(steps);
  if (in_.has_value()) in_->AddSteps(steps);
  if (features_.has_value()) features_->AddSteps(steps);
}

EdgeTypeManifest EdgeParts::Manifest(uint32_t part) const {
  EdgeTypeManifest manifest;
  manifest.name = type_.name;
  if (out_.has_value()) manifest.out = out_->Manifest(part);
  if (in_.has_value()) manifest.in = in_->Manifest(part);
  if (features_.has_value()) manifest.features = features_->Manifest(part);
  return manifest;
}

}  // namespace fairlead
