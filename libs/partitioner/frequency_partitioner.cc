#include "libs/partitioner/frequency_partitioner.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "libs/graph/partition_book.h"
#include "libs/partitioner/csr_check.h"
#include "libs/status/status_macros.h"

namespace fairlead {
namespace {

absl::Status CheckHotness(uint64_t partition, absl::Span<const float> hotness) {
  for (size_t node = 0; node < hotness.size(); ++node) {
    if (!(hotness[node] >= 0) || std::isinf(hotness[node])) {
      return absl::InvalidArgumentError(absl::StrCat(
          "hotness: that of node ", node, " for partition ", partition, " is ",
          hotness[node], "; must be a number, and not negative"));
    }
  }
  return absl::OkStatus();
}

// How many nodes each partition has, and may have.
class Room {
 public:
  explicit Room(uint32_t parts) : owned_(parts, 0) {}

  // Of the first `nodes` nodes, which must not fall.
  void Allow(int64_t nodes, double max_imbalance) {
    const auto parts = static_cast<int64_t>(owned_.size());
    const double wanted = static_cast<double>(nodes) /
                          static_cast<double>(parts) * (1 + max_imbalance);
    limit_ = wanted >= static_cast<double>(nodes)
                 ? nodes
                 : std::max(nodes / parts, static_cast<int64_t>(wanted));
    // Where limits add up to too few nodes, some have one more.
    one_more_ = std::max<int64_t>(0, nodes - limit_ * parts);
    for (const int64_t owned : owned_) one_more_ -= owned > limit_ ? 1 : 0;
  }

  bool IsOpen(uint32_t part) const {
    return owned_[part] < limit_ || (owned_[part] == limit_ && one_more_ > 0);
  }
  int64_t Owned(uint32_t part) const { return owned_[part]; }

  // REQUIRES IsOpen(part).
  void Take(uint32_t part) {
    if (owned_[part]++ == limit_) --one_more_;
  }

 private:
  std::vector<int64_t> owned_;
  int64_t limit_ = 0;
  int64_t one_more_ = 0;  // partitions that may yet have limit_ + 1
};

class FrequencyAssigner {
 public:
  FrequencyAssigner(absl::Span<const absl::Span<const float>> hotness,
                    double max_imbalance)
      : hotness_(hotness),
        parts_(static_cast<uint32_t>(hotness.size())),
        max_imbalance_(max_imbalance),
        room_(parts_),
        owners_(hotness[0].size()) {}

  // REQUIRES that chunks follow each other from node 0.
  void AssignChunk(int64_t begin, int64_t end) {
    room_.Allow(end, max_imbalance_);
    std::vector<Choice> rest(static_cast<size_t>(end - begin));
    for (size_t i = 0; i < rest.size(); ++i) {
      rest[i].node = begin + static_cast<int64_t>(i);
    }
    while (!rest.empty()) {
      for (Choice& choice : rest) Choose(choice);
      std::sort(rest.begin(), rest.end());
      rest.erase(rest.begin(), rest.begin() + AssignUntilOneIsFull(rest));
    }
  }

  std::vector<uint32_t> TakeOwners() { return std::move(owners_); }

 private:
  struct Choice {
    int64_t node = 0;
    float regret = 0;   // of the second choice, in hotness
    uint32_t part = 0;  // the first choice; if no regret, any like it

    bool operator<(const Choice& other) const {
      return regret != other.regret ? regret > other.regret : node < other.node;
    }
  };

  float Hotness(uint32_t part, int64_t node) const {
    return hotness_[part][static_cast<size_t>(node)];
  }

  void Choose(Choice& choice) const {
    float best = -1;
    float second = -1;
    for (uint32_t part = 0; part < parts_; ++part) {
      if (!room_.IsOpen(part)) continue;
      const float hotness = Hotness(part, choice.node);
      if (hotness > best) {
        second = best;
        best = hotness;
        choice.part = part;
      } else {
        second = std::max(second, hotness);
      }
    }
    choice.regret = best - second;
  }

  // Of those that need the node as much, the one with fewest nodes.
  uint32_t Emptiest(const Choice& choice) const {
    uint32_t emptiest = choice.part;
    for (uint32_t part = choice.part + 1; part < parts_; ++part) {
      if (room_.IsOpen(part) &&
          Hotness(part, choice.node) == Hotness(choice.part, choice.node) &&
          room_.Owned(part) < room_.Owned(emptiest)) {
        emptiest = part;
      }
    }
    return emptiest;
  }

  // Returns how many were assigned.
  ptrdiff_t AssignUntilOneIsFull(absl::Span<const Choice> choices) {
    ptrdiff_t assigned = 0;
    for (const Choice& choice : choices) {
      const uint32_t owner =
          choice.regret == 0 ? Emptiest(choice) : choice.part;
      room_.Take(owner);
      owners_[static_cast<size_t>(choice.node)] = owner;
      ++assigned;
      if (!room_.IsOpen(owner)) break;
    }
    return assigned;
  }

  const absl::Span<const absl::Span<const float>> hotness_;
  const uint32_t parts_;
  const double max_imbalance_;
  Room room_;
  std::vector<uint32_t> owners_;
};

absl::Status CheckFrequencyInput(
    absl::Span<const absl::Span<const float>> hotness,
    const FrequencyOptions& options) {
  if (hotness.empty() || hotness.size() > kMaxPartitions) {
    return absl::InvalidArgumentError(
        absl::StrCat("frequency partitions: hotness of ", hotness.size(),
                     " partitions; there must be 1 to ", kMaxPartitions));
  }
  for (size_t part = 0; part < hotness.size(); ++part) {
    if (hotness[part].size() != hotness[0].size()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "frequency partitions: hotness of ", hotness[part].size(),
          " nodes for partition ", part, ", of ", hotness[0].size(),
          " for partition 0; must be the same"));
    }
    FAIRLEAD_RETURN_IF_ERROR(CheckHotness(part, hotness[part]));
  }
  if (!(options.max_imbalance >= 0) || std::isinf(options.max_imbalance)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "frequency partitions: max_imbalance is ", options.max_imbalance,
        "; must be a number, and not negative"));
  }
  if (options.chunk_size < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("frequency partitions: chunk_size is ", options.chunk_size,
                     "; must be positive, or 0 for all"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<uint32_t>> FrequencyOwners(
    absl::Span<const absl::Span<const float>> hotness,
    const FrequencyOptions& options) {
  FAIRLEAD_RETURN_IF_ERROR(CheckFrequencyInput(hotness, options));
  const auto num_nodes = static_cast<int64_t>(hotness[0].size());
  const auto parts = static_cast<int64_t>(hotness.size());
  int64_t chunk = num_nodes;
  if (options.chunk_size > 0 && options.chunk_size < num_nodes / parts) {
    chunk = options.chunk_size * parts;
  }
  FrequencyAssigner assigner(hotness, options.max_imbalance);
  for (int64_t begin = 0; begin < num_nodes; begin += chunk) {
    assigner.AssignChunk(begin, std::min(num_nodes, begin + chunk));
  }
  return assigner.TakeOwners();
}

absl::StatusOr<std::vector<int64_t>> SelectCache(
    absl::Span<const float> hotness, absl::Span<const uint32_t> owners,
    uint32_t partition, uint64_t row_bytes, uint64_t budget_bytes) {
  if (hotness.size() != owners.size()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "cache of partition ", partition, ": hotness of ", hotness.size(),
        " nodes, owners of ", owners.size(), "; must be the same"));
  }
  if (row_bytes == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("cache of partition ", partition,
                     ": a row has 0 bytes; must be positive"));
  }
  FAIRLEAD_RETURN_IF_ERROR(CheckHotness(partition, hotness));
  std::vector<int64_t> ids;
  for (size_t node = 0; node < owners.size(); ++node) {
    if (owners[node] != partition && owners[node] != kNoPartition &&
        hotness[node] > 0) {
      ids.push_back(static_cast<int64_t>(node));
    }
  }
  const auto hotter = [hotness](int64_t a, int64_t b) {
    const float hotness_a = hotness[static_cast<size_t>(a)];
    const float hotness_b = hotness[static_cast<size_t>(b)];
    return hotness_a != hotness_b ? hotness_a > hotness_b : a < b;
  };
  const uint64_t rows =
      std::min<uint64_t>(budget_bytes / row_bytes, ids.size());
  const auto end = ids.begin() + static_cast<ptrdiff_t>(rows);
  // All that are kept before all that are not, then in order: what is not kept
  // need not be sorted.
  if (end != ids.end()) std::nth_element(ids.begin(), end, ids.end(), hotter);
  std::sort(ids.begin(), end, hotter);
  ids.erase(end, ids.end());
  return ids;
}

}  // namespace fairlead
