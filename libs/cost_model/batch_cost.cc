#include "libs/cost_model/batch_cost.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "libs/cost_model/degree_profile.h"

namespace fairlead {
namespace {

constexpr double kCacheLine = 64;

// Of a message (libs/tensor_message): every tensor starts at a multiple of 64,
// so that half of that is lost before each, and the header has about so many
// bytes for itself and for each tensor.
constexpr double kAlignmentLoss = 32;
constexpr double kHeaderBytes = 150;
constexpr double kHeaderBytesPerTensor = 26;
constexpr double kMessageId = 8;  // int64, all of them

// A slot of NodeIndex (libs/sampling); it is at most half full.
constexpr double kIndexSlot = 16;

// What a node with a list of so many draws from it, and how many different
// edges that is.
struct Draws {
  double edges;
  double distinct;
};
Draws DrawsOf(double list, int32_t fanout, bool replace) {
  if (list <= 0) return {0, 0};
  if (fanout < 0) return {list, list};
  const double f = fanout;
  if (!replace) return {std::min(list, f), std::min(list, f)};
  return {f,
          list * -std::expm1(f * std::log1p(-std::min(1 / list, 1 - 1e-12)))};
}

// Cache lines that `draws` places of a list of `list` entries of `entry` bytes
// lie in.
double LinesOf(double list, double draws, double entry) {
  if (draws <= 0) return 0;
  // A list starts anywhere in a line.
  const double lines = 1 + std::max(0.0, list * entry - entry) / kCacheLine;
  if (lines <= 1) return 1;
  return lines * -std::expm1(draws * std::log1p(-1 / lines));
}

}  // namespace

absl::StatusOr<BatchShape> ExpectBatch(const DegreeProfile& profile,
                                       const SampledLoad& load) {
  if (!(load.batch_size >= 1) || load.batch_size > profile.nodes) {
    return absl::InvalidArgumentError(
        absl::StrCat("batch_size: must be from 1 to the number of nodes, ",
                     profile.nodes, "; got ", load.batch_size));
  }
  for (const int32_t fanout : load.fanout) {
    if (fanout < -1) {
      return absl::InvalidArgumentError(
          absl::StrCat("fanout: must be -1 or more, got ", fanout));
    }
  }
  BatchShape shape;
  shape.seeds = load.batch_size;
  shape.nodes = load.batch_size;
  double listed_edges = 0;
  for (const DegreeClass& c : profile.classes) {
    listed_edges += c.nodes * c.listed;
  }
  // By class: the share of its nodes that is in the batch, and the share that
  // came with the last hop.
  const double seeded = load.batch_size / profile.nodes;
  std::vector<double> present(profile.classes.size(), seeded);
  std::vector<double> frontier(profile.classes.size(), seeded);
  for (const int32_t fanout : load.fanout) {
    BatchShape::Hop hop;
    double distinct = 0;
    for (size_t i = 0; i < profile.classes.size(); ++i) {
      const DegreeClass& c = profile.classes[i];
      const Draws draws = DrawsOf(c.list, fanout, load.replace);
      const double nodes = c.nodes * frontier[i];
      hop.frontier += nodes;
      hop.edges += nodes * draws.edges;
      distinct += nodes * draws.distinct;
      hop.list_lines += nodes * LinesOf(c.list, draws.edges, profile.id_bytes);
    }
    // Of all edges, this share was drawn; a node stays out of the batch if
    // none of those that lead to it was.
    const double share =
        listed_edges > 0 ? std::min(distinct / listed_edges, 1 - 1e-12) : 0;
    for (size_t i = 0; i < profile.classes.size(); ++i) {
      const DegreeClass& c = profile.classes[i];
      const double reached = -std::expm1(c.listed * std::log1p(-share));
      frontier[i] = (1 - present[i]) * reached;
      present[i] += frontier[i];
      hop.new_nodes += c.nodes * frontier[i];
    }
    shape.nodes += hop.new_nodes;
    shape.edges += hop.edges;
    shape.hops.push_back(hop);
  }
  return shape;
}

BatchCost CostOf(const BatchShape& shape, const SampledLoad& load,
                 const RowWidths& widths) {
  BatchCost cost;
  cost.edges = shape.edges;
  cost.nodes = shape.nodes;
  // ids; rows and cols, maybe eids; batch and batch_locals.
  cost.topology_bytes =
      kMessageId * (shape.nodes + shape.edges * (load.with_edge ? 3 : 2) +
                    2 * load.batch_size);
  cost.gathered_bytes = shape.nodes * (widths.features + widths.labels);
  // Besides those: #IS_HETERO, num_sampled_nodes, num_sampled_edges.
  const double tensors = 8 + (widths.features > 0 ? 1 : 0) +
                         (widths.labels > 0 ? 1 : 0) + (load.with_edge ? 1 : 0);
  const auto hops = static_cast<double>(load.fanout.size());
  cost.message_bytes =
      cost.topology_bytes + cost.gathered_bytes + kMessageId * (2 * hops + 2) +
      tensors * (kAlignmentLoss + kHeaderBytesPerTensor) + kHeaderBytes;
  cost.index_bytes = kIndexSlot * static_cast<double>(std::bit_ceil(
                                      static_cast<uint64_t>(2 * shape.nodes)));
  for (const BatchShape::Hop& hop : shape.hops) {
    cost.reads.offsets += hop.frontier;
    cost.reads.neighbours += hop.list_lines;
  }
  cost.reads.index = shape.edges + load.batch_size;
  if (widths.features > 0) {
    cost.reads.features = shape.nodes;
    cost.feature_lines =
        shape.nodes * std::max(1.0, std::ceil(widths.features / kCacheLine));
  }
  if (widths.labels > 0) cost.reads.labels = shape.nodes;
  return cost;
}

std::vector<CopyStep> BatchCost::SharedMemoryCopies() const {
  return {
      {"pool", "draws, into the sampler's arrays", topology_bytes},
      {"pool", "those arrays, into shared memory", topology_bytes},
      {"pool", "features and labels, from the dataset into shared memory",
       gathered_bytes},
  };
}

std::vector<CopyStep> BatchCost::RemoteCopies() const {
  std::vector<CopyStep> steps = SharedMemoryCopies();
  steps.push_back({"gateway", "shared memory, into the kernel's socket buffer",
                   message_bytes});
  steps.push_back({"trainer",
                   "the kernel's socket buffer, into the transport's",
                   message_bytes});
  steps.push_back(
      {"trainer", "the transport's, into one aligned buffer", message_bytes});
  return steps;
}

CpuFloor SharedMemoryFloorOf(const BatchCost& cost, const MachineRates& rates) {
  return {.sample = cost.edges * rates.sample_s_per_edge,
          .gather = cost.gathered_bytes / rates.gather_bytes_per_s};
}

CpuFloor FloorOf(const BatchCost& cost, const MachineRates& rates) {
  CpuFloor floor = SharedMemoryFloorOf(cost, rates);
  floor.send = cost.message_bytes * rates.send_s_per_byte;
  floor.receive = cost.message_bytes * rates.receive_s_per_byte;
  return floor;
}

}  // namespace fairlead
