#include "libs/sampling/ppr_rows.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "absl/types/span.h"

namespace fairlead {
namespace {

// (Orders are objects, not functions, so that algorithms inline them.)
constexpr auto kComesFirst = [](const PprCandidate& a, const PprCandidate& b) {
  return a.value != b.value ? a.value > b.value : a.id < b.id;
};

double Proximity(int32_t hop) { return 1 / (1 + static_cast<double>(hop)); }

// An entry, and what it is ranked by.
struct Ranked {
  double key = 0;
  const PprEntry* entry = nullptr;
};

// Moves the `size` of highest key, ties by id, to the front, in no order, and
// drops the others. In two steps, since neighbours of one node have equal keys
// by the hundred, and a heap would turn ties over again and again: first the
// key at which to cut, from keys alone, then which of its ties to keep.
// REQUIRES size > 0.
void KeepHighest(size_t size, std::vector<Ranked>* ranked) {
  if (ranked->size() <= size) return;
  std::vector<double> highest;  // a heap, the lowest on top
  for (const Ranked& r : *ranked) {
    if (highest.size() == size) {
      if (r.key <= highest.front()) continue;
      std::pop_heap(highest.begin(), highest.end(), std::greater<>());
      highest.pop_back();
    }
    highest.push_back(r.key);
    std::push_heap(highest.begin(), highest.end(), std::greater<>());
  }
  const double cut = highest.front();
  const auto ties =
      std::partition(ranked->begin(), ranked->end(),
                     [cut](const Ranked& r) { return r.key > cut; });
  const auto end_ties = std::partition(
      ties, ranked->end(), [cut](const Ranked& r) { return r.key == cut; });
  const auto end = ranked->begin() + static_cast<ptrdiff_t>(size);
  std::nth_element(ties, end, end_ties, [](const Ranked& a, const Ranked& b) {
    return a.entry->id < b.entry->id;
  });
  ranked->erase(end, ranked->end());
}

// A node as one channel has it.
struct View {
  PprCandidate node;
  size_t channel = 0;
};

// A node, and all views of it.
struct Merged {
  PprCandidate best;  // highest value, fewest hops
  size_t owner = 0;   // the channel it belongs to
  size_t first_view = 0;
  size_t end_view = 0;
};

// All views, by node, each node's by channel.
std::vector<View> ViewsByNode(
    absl::Span<const std::vector<PprCandidate>> by_channel) {
  std::vector<View> views;
  for (size_t channel = 0; channel < by_channel.size(); ++channel) {
    for (const PprCandidate& node : by_channel[channel]) {
      views.push_back({node, channel});
    }
  }
  std::sort(views.begin(), views.end(), [](const View& a, const View& b) {
    return a.node.id != b.node.id ? a.node.id < b.node.id
                                  : a.channel < b.channel;
  });
  return views;
}

// Each node once, best first.
std::vector<Merged> MergeViews(absl::Span<const View> views) {
  std::vector<Merged> nodes;
  for (size_t i = 0; i < views.size(); ++i) {
    const auto& [node, channel] = views[i];
    if (nodes.empty() || nodes.back().best.id != node.id) {
      nodes.push_back({node, channel, i, i + 1});
      continue;
    }
    Merged& merged = nodes.back();
    merged.end_view = i + 1;
    merged.best.hop = std::min(merged.best.hop, node.hop);
    if (node.value > merged.best.value) {
      merged.best.value = node.value;
      merged.owner = channel;
    }
  }
  std::sort(nodes.begin(), nodes.end(), [](const Merged& a, const Merged& b) {
    return kComesFirst(a.best, b.best);
  });
  return nodes;
}

// Which of the nodes, best first, are kept.
std::vector<bool> FillSlots(absl::Span<const Merged> nodes,
                            absl::Span<const int32_t> slots) {
  std::vector<bool> is_kept(nodes.size());
  std::vector<int32_t> left(slots.begin(), slots.end());
  for (size_t i = 0; i < nodes.size(); ++i) {
    if (left[nodes[i].owner] == 0) continue;
    --left[nodes[i].owner];
    is_kept[i] = true;
  }
  int64_t free = 0;
  for (const int32_t count : left) free += count;
  for (size_t i = 0; i < nodes.size() && free > 0; ++i) {
    if (is_kept[i]) continue;
    --free;
    is_kept[i] = true;
  }
  return is_kept;
}

}  // namespace

std::vector<PprCandidate> SelectPprCandidates(
    absl::Span<const PprEntry> entries, int32_t max_nodes,
    bool residual_top_up) {
  const auto max_size = static_cast<size_t>(max_nodes);
  std::vector<Ranked> ranked;
  for (const PprEntry& entry : entries) {
    if (entry.score > 0) ranked.push_back({entry.score, &entry});
  }
  KeepHighest(max_size, &ranked);
  std::vector<PprCandidate> selected;
  for (const auto& [score, entry] : ranked) {
    const double value = residual_top_up ? score + entry->residual : score;
    selected.push_back({entry->id, value, entry->hop});
  }
  if (residual_top_up && selected.size() < max_size) {
    ranked.clear();
    for (const PprEntry& entry : entries) {
      if (entry.score > 0 || entry.residual <= 0) continue;
      ranked.push_back({entry.residual, &entry});
    }
    KeepHighest(max_size - selected.size(), &ranked);
    for (const auto& [residual, entry] : ranked) {
      selected.push_back({entry->id, residual, entry->hop});
    }
  }
  std::sort(selected.begin(), selected.end(), kComesFirst);
  return selected;
}

void AppendPprRows(absl::Span<const PprCandidate> candidates, PprRows* rows) {
  rows->counts.push_back(static_cast<int64_t>(candidates.size()));
  for (const PprCandidate& node : candidates) {
    rows->ids.push_back(node.id);
    rows->attributes.push_back(node.value);
    rows->attributes.push_back(Proximity(node.hop));
  }
}

void AppendMergedPprRows(absl::Span<const std::vector<PprCandidate>> by_channel,
                         absl::Span<const int32_t> slots, PprRows* rows) {
  const std::vector<View> views = ViewsByNode(by_channel);
  const std::vector<Merged> nodes = MergeViews(views);
  const std::vector<bool> is_kept = FillSlots(nodes, slots);
  const size_t size_before = rows->ids.size();
  const size_t width = 2 + 3 * by_channel.size();
  for (size_t i = 0; i < nodes.size(); ++i) {
    if (!is_kept[i]) continue;
    const Merged& merged = nodes[i];
    rows->ids.push_back(merged.best.id);
    const size_t row = rows->attributes.size();
    rows->attributes.resize(row + width);  // zeros
    double* const attributes = rows->attributes.data() + row;
    attributes[0] = merged.best.value;
    attributes[1] = Proximity(merged.best.hop);
    for (size_t v = merged.first_view; v < merged.end_view; ++v) {
      double* const of_channel = attributes + 2 + 3 * views[v].channel;
      of_channel[0] = views[v].node.value;
      of_channel[1] = Proximity(views[v].node.hop);
      of_channel[2] = 1;
    }
  }
  rows->counts.push_back(static_cast<int64_t>(rows->ids.size() - size_before));
}

}  // namespace fairlead
