#include "libs/partitioner/metis_partitioner.h"

#include <metis.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <new>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "libs/partitioner/csr_check.h"
#include "libs/partitioner/rebalance.h"
#include "libs/partitioner/undirected_graph.h"
#include "libs/random/philox.h"
#include "libs/status/status_macros.h"

namespace fairlead {
namespace {

static_assert(sizeof(idx_t) == sizeof(int32_t) && IDX_MAX == INT32_MAX,
              "undirected_graph.h is made for a METIS of 32 bits");

constexpr int64_t kMaxIndex = std::numeric_limits<idx_t>::max();

absl::Status CheckTypeBegins(const std::vector<int64_t>& begins,
                             int64_t num_nodes) {
  if (begins.empty()) return absl::OkStatus();
  bool rises = begins.front() == 0 && begins.back() == num_nodes;
  for (size_t i = 1; i < begins.size(); ++i) {
    rises = rises && begins[i - 1] <= begins[i];
  }
  if (rises) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("METIS: type_begins must rise from 0 to the number of "
                   "nodes, ",
                   num_nodes));
}

absl::Status TooLarge(const char* what, int64_t have) {
  return absl::ResourceExhaustedError(
      absl::StrCat("METIS: ", have, " ", what, "; its index type ends at ",
                   kMaxIndex, ". Partition by range, hash or frequency"));
}

std::vector<BalanceRange> BalanceRanges(int64_t num_nodes,
                                        const MetisOptions& options) {
  if (options.type_begins.empty()) {
    return {{.begin = 0, .end = static_cast<int32_t>(num_nodes)}};
  }
  std::vector<BalanceRange> ranges;
  for (size_t type = 0; type + 1 < options.type_begins.size(); ++type) {
    ranges.push_back(
        {.begin = static_cast<int32_t>(options.type_begins[type]),
         .end = static_cast<int32_t>(options.type_begins[type + 1])});
  }
  return ranges;
}

std::vector<int32_t> Weights(absl::Span<const int64_t> indptr,
                             MetisOptions::Balance balance) {
  std::vector<int32_t> weights(indptr.size() - 1, 1);
  if (balance == MetisOptions::Balance::kNodes) return weights;
  for (size_t node = 0; node < weights.size(); ++node) {
    weights[node] += static_cast<int32_t>(indptr[node + 1] - indptr[node]);
  }
  return weights;
}

// METIS's form: [nodes][types], all 0 but that of the node's own type.
std::vector<idx_t> WeightsByType(absl::Span<const BalanceRange> ranges,
                                 absl::Span<const int32_t> weights) {
  std::vector<idx_t> by_type(weights.size() * ranges.size(), 0);
  for (size_t type = 0; type < ranges.size(); ++type) {
    for (int32_t i = ranges[type].begin; i < ranges[type].end; ++i) {
      const auto node = static_cast<size_t>(i);
      by_type[node * ranges.size() + type] = weights[node];
    }
  }
  return by_type;
}

absl::Status OutOfMemory() {
  return absl::ResourceExhaustedError(
      "METIS: ran out of memory; partition on a larger host, or by range, hash "
      "or frequency");
}

absl::Status ToStatus(int result) {
  switch (result) {
    case METIS_OK:
      return absl::OkStatus();
    case METIS_ERROR_MEMORY:
      return OutOfMemory();
    case METIS_ERROR_INPUT:
      return absl::InternalError("METIS: refused its input; see stdout");
    default:
      return absl::AbortedError(
          "METIS: gave up, because of SIGTERM or of a want of memory of which "
          "stdout says more; run it again, or on a larger host");
  }
}

absl::Status RunMetis(UndirectedGraph& graph, std::vector<idx_t> weights,
                      idx_t num_types, uint32_t parts,
                      const MetisOptions& options, std::vector<idx_t>& found) {
  idx_t settings[METIS_NOPTIONS];
  METIS_SetDefaultOptions(settings);
  settings[METIS_OPTION_NUMBERING] = 0;
  settings[METIS_OPTION_SEED] =
      static_cast<idx_t>(SplitMix64(options.seed) >> 33);
  // In thousandths.
  settings[METIS_OPTION_UFACTOR] =
      static_cast<idx_t>(options.max_imbalance * 1000);
  auto num_nodes = static_cast<idx_t>(graph.begins.size() - 1);
  auto num_parts = static_cast<idx_t>(parts);
  idx_t cut = 0;
  graph.neighbours.reserve(1);  // no null pointer where there are no edges
  return ToStatus(METIS_PartGraphKway(
      &num_nodes, &num_types, graph.begins.data(), graph.neighbours.data(),
      weights.data(), /*vsize=*/nullptr, /*adjwgt=*/nullptr, &num_parts,
      /*tpwgts=*/nullptr, /*ubvec=*/nullptr, settings, &cut, found.data()));
}

// Of input that was found good.
absl::StatusOr<std::vector<uint32_t>> FindOwners(
    absl::Span<const int64_t> indptr, absl::Span<const int64_t> indices,
    uint32_t parts, const MetisOptions& options) {
  std::vector<uint32_t> owners(indptr.size() - 1, 0);
  if (parts == 1 || owners.empty()) return owners;

  FAIRLEAD_ASSIGN_OR_RETURN(UndirectedGraph graph,
                            MakeUndirected(indptr, indices));
  const std::vector<BalanceRange> ranges =
      BalanceRanges(static_cast<int64_t>(owners.size()), options);
  const std::vector<int32_t> weights = Weights(indptr, options.balance);
  std::vector<idx_t> found(owners.size(), 0);
  FAIRLEAD_RETURN_IF_ERROR(RunMetis(graph, WeightsByType(ranges, weights),
                                    static_cast<idx_t>(ranges.size()), parts,
                                    options, found));
  for (size_t node = 0; node < owners.size(); ++node) {
    owners[node] = static_cast<uint32_t>(found[node]);
  }
  for (const BalanceRange& range : ranges) {
    Rebalance(graph, range, weights, parts, options.max_imbalance,
              absl::MakeSpan(owners));
  }
  return owners;
}

}  // namespace

uint64_t MetisMemoryBytes(int64_t num_nodes, int64_t num_edges,
                          int64_t num_types) {
  constexpr uint64_t kPerNode = 100;
  constexpr uint64_t kPerNodeAndType = 16;
  constexpr uint64_t kPerEdge = 140;
  return static_cast<uint64_t>(num_nodes) *
             (kPerNode + kPerNodeAndType * static_cast<uint64_t>(num_types)) +
         static_cast<uint64_t>(num_edges) * kPerEdge;
}

absl::Status CheckMetisLimits(int64_t num_nodes, int64_t num_edges,
                              uint32_t parts, const MetisOptions& options) {
  FAIRLEAD_RETURN_IF_ERROR(CheckNodesAndParts("METIS", num_nodes, parts));
  if (num_nodes > 0 && parts > num_nodes) {
    return absl::InvalidArgumentError(
        absl::StrCat("METIS: ", parts, " partitions of ", num_nodes,
                     " nodes; there must not be more partitions than nodes"));
  }
  if (!(options.max_imbalance >= 0.001 && options.max_imbalance <= 1000)) {
    return absl::InvalidArgumentError(
        absl::StrCat("METIS: max_imbalance is ", options.max_imbalance,
                     "; must be in [0.001, 1000]"));
  }
  FAIRLEAD_RETURN_IF_ERROR(CheckTypeBegins(options.type_begins, num_nodes));
  const int64_t types =
      options.type_begins.empty()
          ? 1
          : static_cast<int64_t>(options.type_begins.size()) - 1;
  // Of a node too few: METIS counts to num_nodes + 1.
  if (num_nodes >= kMaxIndex) return TooLarge("nodes", num_nodes);
  if (types > kMaxIndex / std::max<int64_t>(num_nodes, 1)) {
    return TooLarge("nodes times as many types", num_nodes);
  }
  if (options.balance == MetisOptions::Balance::kNodesAndEdges &&
      num_edges > kMaxIndex - num_nodes) {
    return TooLarge("edges to be balanced along with the nodes", num_edges);
  }
  const uint64_t memory = MetisMemoryBytes(num_nodes, num_edges, types);
  if (options.max_memory_bytes > 0 && memory > options.max_memory_bytes) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "METIS: ", num_nodes, " nodes with ", num_edges, " edges may take ",
        memory, " bytes of memory, more than the limit of ",
        options.max_memory_bytes,
        "; raise it, or partition by range, hash or frequency"));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<uint32_t>> MetisOwners(
    int64_t num_nodes, absl::Span<const int64_t> indptr,
    absl::Span<const int64_t> indices, uint32_t parts,
    const MetisOptions& options) {
  FAIRLEAD_RETURN_IF_ERROR(CheckMetisLimits(
      num_nodes, static_cast<int64_t>(indices.size()), parts, options));
  FAIRLEAD_RETURN_IF_ERROR(
      CheckCsr("METIS", num_nodes, num_nodes, indptr, indices));
  try {
    return FindOwners(indptr, indices, parts, options);
  } catch (const std::bad_alloc&) {
    return OutOfMemory();
  }
}

}  // namespace fairlead
