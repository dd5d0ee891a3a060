#ifndef FAIRLEAD_LIBS_PARTITION_WRITER_PARTITION_SUMMARY_H_
#define FAIRLEAD_LIBS_PARTITION_WRITER_PARTITION_SUMMARY_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "libs/partition_writer/partition_options.h"
#include "libs/partitioner/partition_report.h"

namespace fairlead {

// What partitions came of a dataset, and how good they are.
struct PartitionSummary {
  std::string name;  // of the dataset
  PartitionMethod method = PartitionMethod::kRange;
  uint32_t parts = 0;
  uint64_t cache_bytes = 0;
  bool has_accesses = false;  // whether reports have them

  // By name; nodes and accesses, or edges and the cut.
  std::vector<std::pair<std::string, PartitionReport>> node_types;
  std::vector<std::pair<std::string, PartitionReport>> edge_types;

  // Of all types together.
  PartitionReport Nodes() const;
  PartitionReport Edges() const;
};

// A few lines for people, and one JSON object for programs, which has the same
// for each type.
std::string SummaryText(const PartitionSummary& summary);
std::string SummaryJson(const PartitionSummary& summary);

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_PARTITION_WRITER_PARTITION_SUMMARY_H_
