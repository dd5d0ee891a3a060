#include "tools/dataset/kronecker.h"

#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "libs/graph/dataset_manifest.h"
#include "libs/graph/id_writer.h"
#include "libs/graph/npy.h"
#include "libs/random/philox.h"
#include "libs/status/status_macros.h"
#include "tools/dataset/synthetic_nodes.h"

namespace fairlead {
namespace {

constexpr int kMaxScale = 32;
constexpr uint64_t kProgressStep = 1 << 16;

// Bounds of the quadrants A, A+B, A+B+C in 32-bit fixed point.
constexpr uint32_t kA = static_cast<uint32_t>(0.57 * 0x1p32);
constexpr uint32_t kAB = static_cast<uint32_t>(0.76 * 0x1p32);
constexpr uint32_t kABC = static_cast<uint32_t>(0.95 * 0x1p32);

// A bijection on [0, 2^scale) that hides which vertices are the hubs: rounds
// of multiplication by an odd number and folding high bits into low ones.
uint64_t ShuffleVertex(uint64_t vertex, int scale, uint64_t key) {
  const uint64_t mask = (uint64_t{1} << scale) - 1;
  const int fold = std::max(1, scale / 2);
  for (int round = 0; round < 3; ++round) {
    vertex = (vertex * (SplitMix64(key + static_cast<uint64_t>(round)) | 1) +
              SplitMix64(key ^ static_cast<uint64_t>(round))) &
             mask;
    vertex ^= vertex >> fold;
  }
  return vertex;
}

// The two ends of edge number `edge`; `key` shuffles the vertices.
std::pair<uint64_t, uint64_t> Edge(const KroneckerOptions& options,
                                   uint64_t key, uint64_t edge) {
  RandomStream random(options.node_data.seed, edge, kEdgeLane);
  uint64_t src = 0;
  uint64_t dst = 0;
  for (int bit = 0; bit < options.scale; ++bit) {
    const uint32_t draw = random.Next32();
    src = src << 1 | (draw >= kAB ? 1 : 0);
    dst = dst << 1 | ((draw >= kA && draw < kAB) || draw >= kABC ? 1 : 0);
  }
  return {ShuffleVertex(src, options.scale, key),
          ShuffleVertex(dst, options.scale, key)};
}

// The topology, which is in memory at once: it is in order of edges when made,
// and by node when written. Edges are made twice, once to count and once to
// place them: cheaper than to keep them, since each can be made from its
// number. Calls `step` for each.
template <typename Step>
absl::Status WriteTopology(const KroneckerOptions& options, uint64_t key,
                           const std::string& directory,
                           TopologyManifest* manifest, const Step& step) {
  const uint64_t nodes = uint64_t{1} << options.scale;
  const uint64_t edges = nodes * static_cast<uint64_t>(options.edge_factor);
  std::vector<int64_t> indptr(nodes + 1, 0);
  for (uint64_t edge = 0; edge < edges; ++edge) {
    ++indptr[Edge(options, key, edge).first + 1];
    step();
  }
  for (uint64_t i = 0; i < nodes; ++i) indptr[i + 1] += indptr[i];
  std::vector<uint32_t> indices(edges);
  std::vector<int64_t> next(indptr.begin(), indptr.end() - 1);
  for (uint64_t edge = 0; edge < edges; ++edge) {
    const auto [src, dst] = Edge(options, key, edge);
    indices[static_cast<uint64_t>(next[src]++)] = static_cast<uint32_t>(dst);
    step();
  }
  for (uint64_t i = 0; i < nodes; ++i) {
    std::sort(indices.begin() + indptr[i], indices.begin() + indptr[i + 1]);
  }
  manifest->indptr = "indptr.npy";
  manifest->indices = "indices.npy";
  FAIRLEAD_RETURN_IF_ERROR(
      WriteIds(absl::StrCat(directory, "/", manifest->indptr), indptr,
               static_cast<int64_t>(edges) + 1));
  return WriteNpy<uint32_t>(absl::StrCat(directory, "/", manifest->indices),
                            "u4", {static_cast<int64_t>(edges)}, indices);
}

// What that takes. Features are not in memory at once.
absl::Status CheckMemory(uint64_t nodes, uint64_t edges) {
  const uint64_t needed =
      sizeof(uint32_t) * edges + 4 * sizeof(int64_t) * nodes;
  const uint64_t there = static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES)) *
                         static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  if (needed <= there) return absl::OkStatus();
  return absl::ResourceExhaustedError(
      absl::StrCat("a graph of ", nodes, " nodes and ", edges, " edges takes ",
                   needed >> 30, " GiB to make, and this machine has ",
                   there >> 30, "; lower --scale or --edge_factor"));
}

}  // namespace

absl::Status WriteKronecker(
    const KroneckerOptions& options, const std::string& directory,
    const std::function<void(uint64_t, uint64_t)>& on_progress) {
  if (options.scale < 1 || options.scale > kMaxScale) {
    return absl::InvalidArgumentError(
        absl::StrCat("--scale=", options.scale, ": must be between 1 and ",
                     kMaxScale, "; it is log2 of the number of nodes"));
  }
  if (options.edge_factor < 0 || options.edge_factor > 1 << 16) {
    return absl::InvalidArgumentError(
        absl::StrCat("--edge_factor=", options.edge_factor,
                     ": must be between 0 and 65536 edges per node"));
  }
  FAIRLEAD_RETURN_IF_ERROR(CheckSyntheticNodes(options.node_data));
  const uint64_t nodes = uint64_t{1} << options.scale;
  const uint64_t edges = nodes * static_cast<uint64_t>(options.edge_factor);
  FAIRLEAD_RETURN_IF_ERROR(CheckMemory(nodes, edges));
  const uint64_t key =
      RandomStream(options.node_data.seed, 0, kShuffleVerticesLane).Next64();
  const uint64_t total =
      2 * edges + (options.node_data.feature_dim > 0 ? nodes : 0);
  uint64_t done = 0;
  const auto step = [&] {
    if (++done % kProgressStep == 0 || done == total) on_progress(done, total);
  };

  DatasetManifest manifest;
  manifest.name =
      absl::StrCat("kronecker-", options.scale, "-", options.edge_factor);
  EdgeTypeManifest& type = manifest.edge_types.emplace_back();
  type.name = {"node", "to", "node"};
  FAIRLEAD_RETURN_IF_ERROR(
      WriteTopology(options, key, directory, &type.out.emplace(), step));
  NodeTypeManifest& node_type = manifest.node_types.emplace_back();
  node_type.name = "node";
  node_type.num_nodes = static_cast<int64_t>(nodes);
  FAIRLEAD_RETURN_IF_ERROR(
      WriteSyntheticNodes(options.node_data, directory, step, &node_type));
  return WriteManifest(directory, manifest);
}

}  // namespace fairlead
