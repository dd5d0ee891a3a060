#include "libs/partitioner/partition_report.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "libs/status/status_macros.h"

namespace fairlead {
namespace {

double Balance(const std::vector<int64_t>& counts) {
  const int64_t total =
      std::accumulate(counts.begin(), counts.end(), int64_t{0});
  if (total == 0) return 1;
  const int64_t largest = *std::max_element(counts.begin(), counts.end());
  return static_cast<double>(largest) * static_cast<double>(counts.size()) /
         static_cast<double>(total);
}

}  // namespace

double PartitionAccesses::CacheHitRate() const {
  const double of_others = cached + remote;
  return of_others == 0 ? 1 : cached / of_others;
}

double PartitionAccesses::LocalShare() const {
  const double all = local + cached + remote;
  return all == 0 ? 1 : (local + cached) / all;
}

double PartitionReport::CutShare() const {
  return num_edges == 0
             ? 0
             : static_cast<double>(cut_edges) / static_cast<double>(num_edges);
}

double PartitionReport::NodeBalance() const { return Balance(nodes); }

double PartitionReport::EdgeBalance() const { return Balance(edges); }

PartitionAccesses PartitionReport::TotalAccesses() const {
  PartitionAccesses total;
  for (const PartitionAccesses& each : accesses) {
    total.local += each.local;
    total.cached += each.cached;
    total.remote += each.remote;
  }
  return total;
}

OwnerLookup LookUpIn(absl::Span<const uint32_t> owners) {
  return [owners](absl::Span<const int64_t> ids, absl::Span<uint32_t> out) {
    for (size_t i = 0; i < ids.size(); ++i) {
      // A negative id is a large one here.
      if (static_cast<uint64_t>(ids[i]) >= owners.size()) {
        return absl::NotFoundError(
            absl::StrCat("node ", ids[i], " has no owner; nodes are 0 to ",
                         static_cast<int64_t>(owners.size()) - 1));
      }
      out[i] = owners[static_cast<size_t>(ids[i])];
    }
    return absl::OkStatus();
  };
}

PartitionReporter::PartitionReporter(uint32_t parts, EdgeOwner edge_owner,
                                     OwnerLookup owner_of_source,
                                     OwnerLookup owner_of_destination)
    : edge_owner_(edge_owner),
      owner_of_source_(std::move(owner_of_source)),
      owner_of_destination_(std::move(owner_of_destination)) {
  report_.nodes.resize(parts, 0);
  report_.edges.resize(parts, 0);
  report_.accesses.resize(parts);
}

absl::Status PartitionReporter::LookUp(const OwnerLookup& lookup,
                                       absl::Span<const int64_t> ids,
                                       std::vector<uint32_t>& owners) const {
  owners.resize(ids.size());
  FAIRLEAD_RETURN_IF_ERROR(lookup(ids, absl::MakeSpan(owners)));
  for (size_t i = 0; i < ids.size(); ++i) {
    if (owners[i] >= report_.nodes.size()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "partition report: the owner of node ", ids[i], " is ", owners[i],
          ", but there are ", report_.nodes.size(), " partitions"));
    }
  }
  return absl::OkStatus();
}

absl::Status PartitionReporter::AddNodes(int64_t begin, int64_t end) {
  while (begin < end) {
    ids_.resize(static_cast<size_t>(std::min(kBlock, end - begin)));
    std::iota(ids_.begin(), ids_.end(), begin);
    FAIRLEAD_RETURN_IF_ERROR(LookUp(owner_of_source_, ids_, sources_));
    for (const uint32_t owner : sources_) ++report_.nodes[owner];
    const auto count = static_cast<int64_t>(ids_.size());
    report_.num_nodes += count;
    begin += count;
  }
  return absl::OkStatus();
}

absl::Status PartitionReporter::AddEdges(absl::Span<const int64_t> src,
                                         absl::Span<const int64_t> dst) {
  if (src.size() != dst.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("partition report: ", src.size(), " sources and ",
                     dst.size(), " destinations of edges; must be as many"));
  }
  while (!src.empty()) {
    const size_t count = std::min(static_cast<size_t>(kBlock), src.size());
    FAIRLEAD_RETURN_IF_ERROR(
        LookUp(owner_of_source_, src.first(count), sources_));
    FAIRLEAD_RETURN_IF_ERROR(
        LookUp(owner_of_destination_, dst.first(count), destinations_));
    const std::vector<uint32_t>& stored_with =
        edge_owner_ == EdgeOwner::kSource ? sources_ : destinations_;
    for (size_t i = 0; i < count; ++i) {
      ++report_.edges[stored_with[i]];
      report_.cut_edges += sources_[i] != destinations_[i] ? 1 : 0;
    }
    report_.num_edges += static_cast<int64_t>(count);
    src.remove_prefix(count);
    dst.remove_prefix(count);
  }
  return absl::OkStatus();
}

absl::Status PartitionReporter::AddAccesses(uint32_t partition,
                                            absl::Span<const float> hotness,
                                            absl::Span<const int64_t> cached) {
  if (partition >= report_.accesses.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("partition report: accesses of partition ", partition,
                     " of ", report_.accesses.size()));
  }
  std::vector<bool> is_cached(hotness.size(), false);
  for (const int64_t id : cached) {
    if (static_cast<uint64_t>(id) >= hotness.size()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "partition report: partition ", partition, " caches node ", id,
          ", but has hotness of ", hotness.size(), " nodes"));
    }
    is_cached[static_cast<size_t>(id)] = true;
  }
  PartitionAccesses& accesses = report_.accesses[partition];
  const auto num_nodes = static_cast<int64_t>(hotness.size());
  for (int64_t begin = 0; begin < num_nodes; begin += kBlock) {
    ids_.resize(static_cast<size_t>(std::min(kBlock, num_nodes - begin)));
    std::iota(ids_.begin(), ids_.end(), begin);
    FAIRLEAD_RETURN_IF_ERROR(LookUp(owner_of_source_, ids_, sources_));
    for (size_t i = 0; i < ids_.size(); ++i) {
      const auto node = static_cast<size_t>(ids_[i]);
      double& counted = sources_[i] == partition ? accesses.local
                        : is_cached[node]        ? accesses.cached
                                                 : accesses.remote;
      counted += static_cast<double>(hotness[node]);
    }
  }
  return absl::OkStatus();
}

}  // namespace fairlead
