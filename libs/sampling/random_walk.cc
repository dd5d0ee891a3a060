#include "libs/sampling/random_walk.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "libs/random/philox.h"
#include "libs/sampling/unit_real.h"
#include "libs/status/status_macros.h"

namespace fairlead {
namespace {

constexpr uint64_t kMaxIds = uint64_t{1} << 31;  // 16 GiB
constexpr double kMinParameter = 1e-9;
constexpr double kMaxParameter = 1e9;

// Candidates to try before the weights are added up. Part of which walks are
// drawn: another number gives other walks, of the same distribution.
constexpr int kTrials = 24;

absl::Status CheckParameter(const char* name, double value) {
  // (Not the other way round: NaN is refused.)
  if (value >= kMinParameter && value <= kMaxParameter) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("random walks: ", name, " is ", value, "; it must be from ",
                   kMinParameter, " to ", kMaxParameter));
}

absl::Status CheckOptions(const RandomWalkOptions& options, size_t walks) {
  FAIRLEAD_RETURN_IF_ERROR(CheckParameter("p", options.p));
  FAIRLEAD_RETURN_IF_ERROR(CheckParameter("q", options.q));
  if (options.length < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("random walks: length is ", options.length,
                     "; it must be 0 or more steps"));
  }
  const uint64_t columns = static_cast<uint64_t>(options.length) + 1;
  if (columns > kMaxIds / std::max<size_t>(walks, 1)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "random walks: ", walks, " walks of ", options.length,
        " steps are more than ", kMaxIds, " ids; use smaller batches"));
  }
  return absl::OkStatus();
}

absl::Status NoNodeError(absl::string_view what, int64_t id,
                         int64_t num_nodes) {
  if (num_nodes == std::numeric_limits<int64_t>::max()) {
    return absl::OutOfRangeError(
        absl::StrCat("random walks: ", what, " ", id, " is negative"));
  }
  return absl::OutOfRangeError(absl::StrCat("random walks: ", what, " ", id,
                                            " is none of the ", num_nodes,
                                            " nodes, whose ids start at 0"));
}

// How node2vec chooses among the edges of a node, having come from another.
class SecondOrderStep {
 public:
  // REQUIRES both lists to be sorted, `list` not to be empty.
  SecondOrderStep(double p, double q, absl::Span<const int64_t> list,
                  int64_t previous, absl::Span<const int64_t> previous_list)
      : weights_({1 / p, 1, 1 / q}),
        list_(list),
        previous_(previous),
        previous_list_(previous_list) {}

  // Rejection: a candidate drawn uniformly is taken with a probability
  // proportional to its weight; O(log degree) a trial. Going back may weigh far
  // more than all else, which would have all else rejected: what it has above
  // the other weights is drawn apart. After some trials without success, which
  // say nothing about what should be drawn, all weights are added up: so it
  // ends, and the probabilities are exact in either case.
  int64_t Draw(RandomStream& random) const {
    const double cap = std::max(weights_[kCommon], weights_[kFar]);
    const double lowest =
        std::min({weights_[kBack], weights_[kCommon], weights_[kFar]});
    const double flat = static_cast<double>(list_.size()) * cap;
    double excess = 0;
    if (weights_[kBack] > cap) {
      const auto [begin, end] =
          std::equal_range(list_.begin(), list_.end(), previous_);
      excess = static_cast<double>(end - begin) * (weights_[kBack] - cap);
    }
    for (int trial = 0; trial < kTrials; ++trial) {
      if (excess > 0 && DrawUnitReal(random) * (flat + excess) >= flat) {
        return previous_;
      }
      const int64_t candidate = list_[random.Below(list_.size())];
      const double height = DrawUnitReal(random) * cap;
      if (height < lowest || height < weights_[KindOf(candidate)]) {
        return candidate;
      }
    }
    return DrawByCounting(random);
  }

 private:
  enum Kind : size_t { kBack, kCommon, kFar };

  Kind KindOf(int64_t candidate) const {
    if (candidate == previous_) return kBack;
    return std::binary_search(previous_list_.begin(), previous_list_.end(),
                              candidate)
               ? kCommon
               : kFar;
  }

  // Draws a kind, then one of that kind. O(degree log degree).
  int64_t DrawByCounting(RandomStream& random) const {
    std::array<uint64_t, 3> counts = {};
    for (const int64_t candidate : list_) ++counts[KindOf(candidate)];
    double total = 0;
    for (size_t kind = 0; kind < 3; ++kind) {
      total += static_cast<double>(counts[kind]) * weights_[kind];
    }
    double rest = DrawUnitReal(random) * total;
    size_t chosen = 0;
    for (size_t kind = 0; kind < 3; ++kind) {
      if (counts[kind] == 0) continue;
      chosen = kind;  // (the last one if rounding left something over)
      rest -= static_cast<double>(counts[kind]) * weights_[kind];
      if (rest < 0) break;
    }
    uint64_t to_skip = random.Below(counts[chosen]);
    const auto is_it = [&](int64_t candidate) {
      return KindOf(candidate) == chosen && to_skip-- == 0;
    };
    return *std::find_if(list_.begin(), list_.end(), is_it);
  }

  const std::array<double, 3> weights_;  // by Kind
  const absl::Span<const int64_t> list_;
  const int64_t previous_;
  const absl::Span<const int64_t> previous_list_;
};

}  // namespace

RandomWalks::RandomWalks(const RandomWalkOptions& options,
                         const RandomWalkRequest& request, int64_t num_nodes)
    : options_(options),
      num_nodes_(num_nodes),
      key_(DeriveRandomKey(options.seed, RandomPurpose::kWalk, request.epoch,
                           request.batch_index)) {
  const size_t columns = static_cast<size_t>(options.length) + 1;
  walks_.assign(request.starts.size() * columns, kPad);
  for (size_t walk = 0; walk < request.starts.size(); ++walk) {
    walks_[walk * columns] = request.starts[walk];
  }
  if (options.length > 0) {
    active_.resize(request.starts.size());
    std::iota(active_.begin(), active_.end(), 0);
  }
  FindNeeds();
}

absl::StatusOr<RandomWalks> RandomWalks::CreateWithin(
    int64_t num_nodes, const RandomWalkOptions& options,
    const RandomWalkRequest& request) {
  FAIRLEAD_RETURN_IF_ERROR(CheckOptions(options, request.starts.size()));
  for (const int64_t start : request.starts) {
    if (start < 0 || start >= num_nodes) {
      return NoNodeError("start", start, num_nodes);
    }
  }
  return RandomWalks(options, request, num_nodes);
}

absl::StatusOr<RandomWalks> RandomWalks::Create(
    const RandomWalkOptions& options, const RandomWalkRequest& request) {
  return CreateWithin(std::numeric_limits<int64_t>::max(), options, request);
}

absl::StatusOr<std::vector<int64_t>> RandomWalks::WalkCsr(
    absl::Span<const int64_t> indptr, absl::Span<const int64_t> indices,
    const RandomWalkOptions& options, const RandomWalkRequest& request) {
  if (indptr.empty()) {
    return absl::InvalidArgumentError(
        "random walks: indptr is empty; it must have one entry more than there "
        "are nodes");
  }
  FAIRLEAD_ASSIGN_OR_RETURN(
      RandomWalks walks,
      CreateWithin(static_cast<int64_t>(indptr.size()) - 1, options, request));
  while (!walks.done()) {
    FAIRLEAD_RETURN_IF_ERROR(walks.MarkGiven(walks.needs_));
    for (const int64_t id : walks.needs_) {
      const int64_t begin = indptr[static_cast<size_t>(id)];
      const int64_t end = indptr[static_cast<size_t>(id) + 1];
      if (begin < 0 || begin > end ||
          end > static_cast<int64_t>(indices.size())) {
        return absl::InvalidArgumentError(absl::StrCat(
            "random walks: row ", id, " of indptr is [", begin, ", ", end,
            "), which is not within the ", indices.size(), " indices"));
      }
      walks.Lend(id, indices.subspan(static_cast<size_t>(begin),
                                     static_cast<size_t>(end - begin)));
    }
    FAIRLEAD_RETURN_IF_ERROR(walks.Step());
  }
  return std::move(walks).TakeWalks();
}

void RandomWalks::FindNeeds() {
  needs_.clear();
  for (const int64_t walk : active_) {
    const int64_t node = WalkAt(walk)[step_];
    const auto [list, is_new] = lists_.try_emplace(node);
    list->second.used_at = step_;
    if (is_new) needs_.push_back(node);
  }
  std::sort(needs_.begin(), needs_.end());
  missing_ = needs_.size();
  // A walk was at its previous node one step ago; older lists nobody needs.
  absl::erase_if(lists_, [this](const auto& entry) {
    return entry.second.used_at < step_ - 1;
  });
}

absl::Status RandomWalks::MarkGiven(absl::Span<const int64_t> ids) {
  for (size_t i = 0; i < ids.size(); ++i) {
    const auto list = lists_.find(ids[i]);
    if (list != lists_.end() && !list->second.is_given) {
      list->second.is_given = true;
      continue;
    }
    for (const int64_t marked : ids.first(i)) {
      lists_.find(marked)->second.is_given = false;
    }
    return absl::InvalidArgumentError(absl::StrCat(
        "random walks: the neighbours of node ", ids[i],
        list == lists_.end() ? " are not needed for" : " are held already for",
        " step ", step_ + 1, "; give what Needs() names, and once"));
  }
  missing_ -= ids.size();
  return absl::OkStatus();
}

absl::Status RandomWalks::Provide(absl::Span<const int64_t> ids,
                                  absl::Span<const int64_t> counts,
                                  absl::Span<const int64_t> neighbors) {
  if (ids.size() != counts.size()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "random walks: ", counts.size(), " counts for ", ids.size(), " ids"));
  }
  size_t left = neighbors.size();
  for (size_t i = 0; i < ids.size(); ++i) {
    if (counts[i] < 0 || static_cast<uint64_t>(counts[i]) > left) {
      return absl::InvalidArgumentError(absl::StrCat(
          "random walks: node ", ids[i], " has ", counts[i],
          " neighbours, but ", left, " of ", neighbors.size(), " are left"));
    }
    const absl::Span<const int64_t> list = neighbors.subspan(
        neighbors.size() - left, static_cast<size_t>(counts[i]));
    for (const int64_t neighbor : list) {
      if (neighbor >= 0) continue;
      return absl::InvalidArgumentError(
          absl::StrCat("random walks: neighbour ", neighbor, " of node ",
                       ids[i], " is negative; lists must not be padded"));
    }
    left -= list.size();
  }
  if (left > 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("random walks: ", neighbors.size(), " neighbours, but ",
                     ids.size(), " counts for ", neighbors.size() - left));
  }
  FAIRLEAD_RETURN_IF_ERROR(MarkGiven(ids));
  const int64_t* next = neighbors.data();
  for (size_t i = 0; i < ids.size(); ++i) {
    NeighborList& list = lists_.find(ids[i])->second;
    list.owned.assign(next, next + counts[i]);
    if (IsSecondOrder() &&
        !std::is_sorted(list.owned.begin(), list.owned.end())) {
      std::sort(list.owned.begin(), list.owned.end());
    }
    list.view = list.owned;
    next += counts[i];
  }
  return absl::OkStatus();
}

void RandomWalks::Lend(int64_t id, absl::Span<const int64_t> neighbors) {
  NeighborList& list = lists_.find(id)->second;
  list.view = neighbors;
  if (IsSecondOrder() && !std::is_sorted(neighbors.begin(), neighbors.end())) {
    list.owned.assign(neighbors.begin(), neighbors.end());
    std::sort(list.owned.begin(), list.owned.end());
    list.view = list.owned;
  }
}

int64_t RandomWalks::DrawNext(int64_t walk,
                              absl::Span<const int64_t> neighbors) {
  if (neighbors.size() == 1) return neighbors[0];
  RandomStream random(key_, static_cast<uint64_t>(walk),
                      static_cast<uint32_t>(step_));
  if (!IsSecondOrder() || step_ == 0) {
    return neighbors[random.Below(neighbors.size())];
  }
  const int64_t previous = WalkAt(walk)[step_ - 1];
  return SecondOrderStep(options_.p, options_.q, neighbors, previous,
                         lists_.find(previous)->second.view)
      .Draw(random);
}

absl::Status RandomWalks::Step() {
  if (done()) {
    return absl::FailedPreconditionError(
        "random walks: all walks are done; there is no step left");
  }
  if (missing_ > 0) {
    const auto first = std::find_if(
        needs_.begin(), needs_.end(),
        [this](int64_t id) { return !lists_.find(id)->second.is_given; });
    return absl::FailedPreconditionError(absl::StrCat(
        "random walks: step ", step_ + 1, " needs the neighbours of ", missing_,
        " more nodes, of node ", *first, " first; give them to Provide()"));
  }
  std::vector<int64_t> go_on;
  go_on.reserve(active_.size());
  for (const int64_t walk : active_) {
    int64_t* const nodes = WalkAt(walk);
    const int64_t node = nodes[step_];
    const absl::Span<const int64_t> neighbors = lists_.find(node)->second.view;
    if (neighbors.empty()) {
      if (options_.dead_end == RandomWalkOptions::DeadEnd::kStay) {
        std::fill(nodes + step_ + 1, nodes + options_.length + 1, node);
      }
      continue;
    }
    const int64_t next = DrawNext(walk, neighbors);
    if (next < 0 || next >= num_nodes_) {
      return NoNodeError(absl::StrCat("neighbour of node ", node, ","), next,
                         num_nodes_);
    }
    nodes[step_ + 1] = next;
    go_on.push_back(walk);
  }
  active_ = std::move(go_on);
  ++step_;
  if (step_ == options_.length) active_.clear();
  FindNeeds();
  return absl::OkStatus();
}

}  // namespace fairlead
