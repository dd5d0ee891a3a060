#ifndef FAIRLEAD_LIBS_PARTITIONER_PARTITION_REPORT_H_
#define FAIRLEAD_LIBS_PARTITIONER_PARTITION_REPORT_H_

#include <cstdint>
#include <functional>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"

namespace fairlead {

// How good a partition is. Counted from a stream of edges, so that it can be
// said of a graph that does not fit in memory.
//
//   PartitionReporter reporter(parts, EdgeOwner::kSource,
//                              [&](auto ids, auto owners) {
//                                return book.PartitionOf(ids, owners);
//                              });
//   RETURN_IF_ERROR(reporter.AddNodes(0, num_nodes));
//   while (...) RETURN_IF_ERROR(reporter.AddEdges(src, dst));
//   RETURN_IF_ERROR(reporter.AddAccesses(p, hotness, cached));  // for each p
//   Print(reporter.report());

// What a partition's batches ask for, in expected rows a batch (the sum of
// hotness, see hotness.h), by where they find it.
struct PartitionAccesses {
  double local = 0;   // its own
  double cached = 0;  // another's, of which it keeps a copy
  double remote = 0;  // another's

  // Of the rows that are another's, the share that need not be fetched; 1 if
  // none is another's.
  double CacheHitRate() const;
  // Of all rows, the share that need not be fetched; 1 if there is none.
  double LocalShare() const;

  bool operator==(const PartitionAccesses&) const = default;
};

struct PartitionReport {
  int64_t num_nodes = 0;
  int64_t num_edges = 0;
  int64_t cut_edges = 0;  // whose ends are different partitions'

  // By partition.
  std::vector<int64_t> nodes;
  std::vector<int64_t> edges;
  std::vector<PartitionAccesses> accesses;

  // Of all edges; 0 if there is none.
  double CutShare() const;
  // The largest partition to the mean: 1 is perfect, and what nothing has.
  double NodeBalance() const;
  double EdgeBalance() const;
  // Over all partitions.
  PartitionAccesses TotalAccesses() const;
};

// The owner of each id, as PartitionBook::PartitionOf. Called with at most
// PartitionReporter::kBlock ids, and as many places for owners.
using OwnerLookup = std::function<absl::Status(absl::Span<const int64_t> ids,
                                               absl::Span<uint32_t> owners)>;

// Looks up the owners of nodes 0 to owners.size() - 1 in a vector, which must
// outlive what is returned. NOT_FOUND, naming it, for any other id.
OwnerLookup LookUpIn(absl::Span<const uint32_t> owners);

// Which end's owner an edge is stored with.
enum class EdgeOwner { kSource, kDestination };

// Thread-compatible. After an error the report counts part of what was added.
class PartitionReporter {
 public:
  static constexpr int64_t kBlock = 1 << 14;

  // Of a graph whose edges lead between nodes of one kind.
  PartitionReporter(uint32_t parts, EdgeOwner edge_owner,
                    const OwnerLookup& owner_of_node)
      : PartitionReporter(parts, edge_owner, owner_of_node, owner_of_node) {}

  // Of a relation between two node types. REQUIRES parts >= 1.
  PartitionReporter(uint32_t parts, EdgeOwner edge_owner,
                    OwnerLookup owner_of_source,
                    OwnerLookup owner_of_destination);

  // Nodes [begin, end), which are sources. INVALID_ARGUMENT, naming it, if a
  // node's owner is no partition; else what the lookup says. So do the others.
  absl::Status AddNodes(int64_t begin, int64_t end);

  // Edges src[i] -> dst[i]. INVALID_ARGUMENT also if these are not as many.
  absl::Status AddEdges(absl::Span<const int64_t> src,
                        absl::Span<const int64_t> dst);

  // What `partition` asks for: hotness [nodes from 0 on], and the ids of which
  // it keeps copies; its own among them count as its own. INVALID_ARGUMENT
  // also if it is no partition, or a cached id has no hotness.
  absl::Status AddAccesses(uint32_t partition, absl::Span<const float> hotness,
                           absl::Span<const int64_t> cached);

  const PartitionReport& report() const { return report_; }

 private:
  absl::Status LookUp(const OwnerLookup& lookup, absl::Span<const int64_t> ids,
                      std::vector<uint32_t>& owners) const;

  const EdgeOwner edge_owner_;
  const OwnerLookup owner_of_source_;
  const OwnerLookup owner_of_destination_;
  PartitionReport report_;
  // Scratch, of at most kBlock.
  std::vector<int64_t> ids_;
  std::vector<uint32_t> sources_;
  std::vector<uint32_t> destinations_;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_PARTITIONER_PARTITION_REPORT_H_
