#ifndef FAIRLEAD_LIBS_PARTITION_WRITER_EDGE_PARTS_H_
#define FAIRLEAD_LIBS_PARTITION_WRITER_EDGE_PARTS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/graph/dataset.h"
#include "libs/graph/dataset_manifest.h"
#include "libs/graph/partition_book.h"
#include "libs/partition_writer/node_books.h"
#include "libs/partition_writer/node_parts.h"
#include "libs/partition_writer/part_files.h"
#include "libs/partition_writer/split_arrays.h"
#include "libs/partitioner/partition_report.h"

namespace fairlead {

// Edges of one type, listed in one direction, in partitions: with their row.
class TopologyParts {
 public:
  // Files begin with `prefix`; neighbours' ids are below `neighbor_end`.
  // Borrows the rest.
  TopologyParts(const PartFolders& folders, const Topology& topology,
                const TopologyManifest& source, const RowPlacement& rows,
                int64_t neighbor_end, std::string prefix);

  void AddSteps(std::vector<Step>* steps) const;
  TopologyManifest Manifest(uint32_t part) const;

  // The owner of each edge id, as the type's book. A table, if there is one,
  // is `file` in the folders' directory. INVALID_ARGUMENT for ids that leave
  // no room for a book; else as NpyWriter.
  absl::StatusOr<WrittenBook> MakeBook(const std::string& file) const;

  // One pass that tells `reporter` of all edges; `type` is for messages.
  // INVALID_ARGUMENT if an edge has an end that is no node.
  Step Report(EdgeDir direction, const EdgeTypeName& type,
              PartitionReporter* reporter) const;

 private:
  std::string File(const char* what) const;
  bool has_edge_ids() const { return !source_.edge_ids.empty(); }
  // The ranges of edge ids that partitions have, or nothing if they are none
  // or not in the order of partitions.
  std::optional<std::vector<int64_t>> IdBounds() const;
  absl::Status WriteTable(const std::string& path, int64_t num_ids) const;

  const PartFolders& folders_;
  const Topology& topology_;
  const TopologyManifest& source_;
  const RowPlacement& rows_;
  const int64_t neighbor_end_;
  const std::string prefix_;
  const EdgePlacement edges_;
  const int64_t ids_end_;
  const bool write_edge_ids_;
};

// The edges of one type in partitions. Neither copied nor moved: its steps
// borrow it.
class EdgeParts {
 public:
  // Borrows all.
  EdgeParts(const PartFolders& folders, const EdgeType& type,
            const EdgeTypeManifest& source, const NodeParts& src,
            const NodeParts& dst);
  EdgeParts(const EdgeParts&) = delete;
  EdgeParts& operator=(const EdgeParts&) = delete;

  const EdgeType& type() const { return type_; }
  const PartitionReport& report() const { return reporter_.report(); }

  // First of all. Errors as TopologyParts::MakeBook.
  absl::Status MakeBook();
  const PartitionBookManifest& book() const { return book_.manifest; }

  void AddSteps(std::vector<Step>* steps);
  EdgeTypeManifest Manifest(uint32_t part) const;

 private:
  EdgeDir direction() const {
    return type_.out.has_value() ? EdgeDir::kOut : EdgeDir::kIn;
  }

  const PartFolders& folders_;
  const EdgeType& type_;
  const EdgeTypeManifest& source_;
  const std::string prefix_;
  std::optional<TopologyParts> out_;
  std::optional<TopologyParts> in_;
  WrittenBook book_;
  std::optional<FeatureParts> features_;
  PartitionReporter reporter_;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_PARTITION_WRITER_EDGE_PARTS_H_
