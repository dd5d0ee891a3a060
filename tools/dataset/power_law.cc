#include "tools/dataset/power_law.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "libs/graph/dataset_manifest.h"
#include "libs/graph/id_writer.h"
#include "libs/graph/npy.h"
#include "libs/random/philox.h"
#include "libs/status/status_macros.h"
#include "tools/dataset/synthetic_nodes.h"

namespace fairlead {
namespace {

// A neighbour is drawn from 32 bits, which reach every rank up to here.
constexpr int64_t kMaxNodes = int64_t{1} << 31;
constexpr int64_t kMaxEdgeFactor = 1 << 16;
constexpr uint64_t kProgressStep = 1 << 16;

// The id of a rank: an affine map modulo the number of nodes, which puts
// neighbouring ranks far apart.
class RankShuffle {
 public:
  RankShuffle(uint64_t nodes, uint64_t seed) : nodes_(nodes) {
    RandomStream random(seed, 0, kShuffleVerticesLane);
    do {
      factor_ = random.Below(nodes) | 1;
    } while (std::gcd(factor_, nodes) != 1);
    inverse_ = InverseOf(factor_, nodes);
    offset_ = random.Below(nodes);
  }

  uint64_t IdOf(uint64_t rank) const {
    return (rank * factor_ + offset_) % nodes_;
  }
  uint64_t RankOf(uint64_t id) const {
    return (id + nodes_ - offset_) % nodes_ * inverse_ % nodes_;
  }

 private:
  // Extended Euclid. REQUIRES that they have no common divisor.
  static uint64_t InverseOf(uint64_t number, uint64_t modulus) {
    auto m = static_cast<int64_t>(modulus);
    int64_t a = static_cast<int64_t>(number) % m;
    int64_t b = m;
    int64_t x = 1;
    int64_t y = 0;
    while (b != 0) {
      const int64_t quotient = a / b;
      a = std::exchange(b, a - quotient * b);
      x = std::exchange(y, x - quotient * y);
    }
    return static_cast<uint64_t>((x % m + m) % m);
  }

  uint64_t nodes_;
  uint64_t factor_ = 1;
  uint64_t inverse_ = 1;
  uint64_t offset_ = 0;
};

// Ends of rows, one after the other: the share of all edges that the nodes up
// to this one have, of the whole.
class RowEnds {
 public:
  RowEnds(int64_t nodes, int64_t edges, const RankShuffle& shuffle)
      : nodes_(nodes), edges_(edges), shuffle_(shuffle) {}

  int64_t Next() {
    const auto rank =
        static_cast<double>(shuffle_.RankOf(static_cast<uint64_t>(node_)));
    sum_ += std::sqrt(rank + 1) - std::sqrt(rank);
    // The sum over all nodes is sqrt(nodes), but for rounding.
    if (++node_ == nodes_) return edges_;
    return std::min(edges_,
                    std::lround(static_cast<double>(edges_) * sum_ /
                                std::sqrt(static_cast<double>(nodes_))));
  }

 private:
  const int64_t nodes_;
  const int64_t edges_;
  const RankShuffle& shuffle_;
  int64_t node_ = 0;
  double sum_ = 0;
};

// A neighbour: rank nodes * u^2, whose density falls with the root of the rank.
uint64_t DrawNeighbor(uint64_t nodes, const RankShuffle& shuffle,
                      RandomStream* random) {
  const uint64_t u = random->Next32();
  const auto rank = static_cast<uint64_t>(
      static_cast<unsigned __int128>(u * u) * nodes >> 64);
  return shuffle.IdOf(rank);
}

template <typename Step>
absl::Status WriteTopology(const PowerLawOptions& options,
                           const std::string& directory,
                           TopologyManifest* manifest, const Step& step) {
  const auto nodes = static_cast<uint64_t>(options.num_nodes);
  const int64_t edges = options.num_nodes * options.edge_factor;
  const RankShuffle shuffle(nodes, options.node_data.seed);
  manifest->indptr = "indptr.npy";
  manifest->indices = "indices.npy";
  FAIRLEAD_ASSIGN_OR_RETURN(
      IdWriter indptr,
      IdWriter::Create(absl::StrCat(directory, "/", manifest->indptr),
                       options.num_nodes + 1, edges + 1));
  FAIRLEAD_ASSIGN_OR_RETURN(
      NpyWriter indices,
      NpyWriter::Create(absl::StrCat(directory, "/", manifest->indices), "u4",
                        {edges}));
  FAIRLEAD_RETURN_IF_ERROR(indptr.Append(0));
  RowEnds ends(options.num_nodes, edges, shuffle);
  std::vector<uint32_t> row;
  int64_t begin = 0;
  for (uint64_t node = 0; node < nodes; ++node) {
    const int64_t end = ends.Next();
    FAIRLEAD_RETURN_IF_ERROR(indptr.Append(end));
    RandomStream random(options.node_data.seed, node, kNeighborLane);
    row.clear();
    for (; begin < end; ++begin) {
      row.push_back(
          static_cast<uint32_t>(DrawNeighbor(nodes, shuffle, &random)));
      step();
    }
    std::sort(row.begin(), row.end());
    FAIRLEAD_RETURN_IF_ERROR(
        indices.Append(row.data(), row.size() * sizeof(row[0])));
  }
  FAIRLEAD_RETURN_IF_ERROR(indptr.Finish());
  return indices.Finish();
}

}  // namespace

absl::Status WritePowerLaw(
    const PowerLawOptions& options, const std::string& directory,
    const std::function<void(uint64_t, uint64_t)>& on_progress) {
  if (options.num_nodes < 1 || options.num_nodes > kMaxNodes) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--nodes=", options.num_nodes, ": must be between 1 and ", kMaxNodes));
  }
  if (options.edge_factor < 0 || options.edge_factor > kMaxEdgeFactor) {
    return absl::InvalidArgumentError(
        absl::StrCat("--edge_factor=", options.edge_factor,
                     ": must be between 0 and ", kMaxEdgeFactor));
  }
  FAIRLEAD_RETURN_IF_ERROR(CheckSyntheticNodes(options.node_data));
  const uint64_t total = static_cast<uint64_t>(
      options.num_nodes *
      (options.edge_factor + (options.node_data.feature_dim > 0 ? 1 : 0)));
  uint64_t done = 0;
  const auto step = [&] {
    if (++done % kProgressStep == 0 || done == total) on_progress(done, total);
  };

  DatasetManifest manifest;
  manifest.name =
      absl::StrCat("power-law-", options.num_nodes, "-", options.edge_factor);
  EdgeTypeManifest& type = manifest.edge_types.emplace_back();
  type.name = {"node", "to", "node"};
  FAIRLEAD_RETURN_IF_ERROR(
      WriteTopology(options, directory, &type.out.emplace(), step));
  NodeTypeManifest& node_type = manifest.node_types.emplace_back();
  node_type.name = "node";
  node_type.num_nodes = options.num_nodes;
  FAIRLEAD_RETURN_IF_ERROR(
      WriteSyntheticNodes(options.node_data, directory, step, &node_type));
  return WriteManifest(directory, manifest);
}

}  // namespace fairlead
