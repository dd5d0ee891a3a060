#include "libs/sampling/ppr.h"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "libs/sampling/neighbor_cache.h"
#include "libs/sampling/ppr_options.h"
#include "libs/sampling/ppr_rows.h"
#include "libs/sampling/ppr_table.h"

namespace fairlead {
namespace {

// How far ahead of its use a cache line is asked for.
constexpr size_t kAhead = 8;

}  // namespace

PprPush::PprPush(PprSchema schema, PprOptions options,
                 DegreeLookup total_degrees, NeighborCache* cache)
    : schema_(std::move(schema)),
      options_(std::move(options)),
      requeue_threshold_(
          options_.requeue_threshold.value_or(options_.alpha * options_.eps)),
      total_degrees_(std::move(total_degrees)),
      cache_(cache) {
  const auto num_types = static_cast<size_t>(schema_.num_node_types);
  const auto add_channel = [&](std::vector<int> edge_types) {
    std::sort(edge_types.begin(), edge_types.end());
    std::vector<std::vector<int>>& out = out_edges_.emplace_back(num_types);
    for (const int e : edge_types) {
      const int src = schema_.edge_types[static_cast<size_t>(e)].src_type;
      out[static_cast<size_t>(src)].push_back(e);
    }
  };
  if (options_.channels.empty()) {
    std::vector<int> all;
    for (size_t e = 0; e < schema_.edge_types.size(); ++e) {
      all.push_back(static_cast<int>(e));
    }
    add_channel(std::move(all));
  } else {
    std::vector<double> ratios;
    for (const PprOptions::Channel& channel : options_.channels) {
      add_channel(channel.edge_types);
      ratios.push_back(channel.ratio);
    }
    slots_ = LargestRemainderSlots(options_.max_ppr_nodes, ratios);
  }
  needs_.ids.resize(schema_.edge_types.size());
}

PprPush::~PprPush() { EndBatch(); }

void PprPush::EndBatch() {
  if (cache_batch_.has_value()) cache_->EndBatch(*cache_batch_);
  cache_batch_.reset();
  runs_.clear();
  selected_.clear();
  for (std::vector<int64_t>& ids : needs_.ids) ids.clear();
}

absl::Status PprPush::Start(absl::Span<const int64_t> seeds, int seed_type) {
  if (seed_type < 0 || seed_type >= schema_.num_node_types) {
    return absl::InvalidArgumentError(absl::StrCat(
        "seed type ", seed_type, " is no node type; they are 0 to ",
        schema_.num_node_types - 1));
  }
  for (size_t i = 0; i < seeds.size(); ++i) {
    if (seeds[i] >= 0) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        "seed ", i, ": ", seeds[i], " is no node id; ids are >= 0"));
  }
  EndBatch();
  cache_batch_ = cache_->BeginBatch();
  seeds_.assign(seeds.begin(), seeds.end());
  seed_type_ = seed_type;
  runs_.resize(seeds.size() * num_channels());
  selected_.resize(runs_.size() * num_node_types());
  return absl::OkStatus();
}

const NeighborNeeds& PprPush::Needs() {
  for (size_t e = 0; e < needs_.ids.size(); ++e) {
    std::vector<int64_t>& ids = needs_.ids[e];
    std::erase_if(ids, [&](int64_t id) {
      return cache_->Contains(static_cast<int>(e), id);
    });
  }
  return needs_;
}

absl::Status PprPush::Provide(int edge_type, absl::Span<const int64_t> ids,
                              absl::Span<const int64_t> counts,
                              absl::Span<const int64_t> neighbors) {
  if (edge_type < 0 ||
      edge_type >= static_cast<int>(schema_.edge_types.size())) {
    return absl::InvalidArgumentError(
        absl::StrCat("neighbours of edge type ", edge_type, ", which is none; ",
                     "there are ", schema_.edge_types.size()));
  }
  const auto error = [&](const auto&... what) {
    return absl::InvalidArgumentError(
        absl::StrCat("neighbours of edge type ", edge_type, ": ", what...));
  };
  if (counts.size() != ids.size()) {
    return error(counts.size(), " counts for ", ids.size(), " nodes");
  }
  const int64_t most = options_.num_neighbors_per_hop;
  int64_t left = static_cast<int64_t>(neighbors.size());
  for (size_t i = 0; i < ids.size(); ++i) {
    if (ids[i] < 0) return error("node id ", ids[i], " is negative");
    if (counts[i] < 0 || counts[i] > left) {
      return error("count ", counts[i], " of node ", ids[i], ", where ", left,
                   " of ", neighbors.size(), " neighbours are left");
    }
    if (most >= 0 && counts[i] > most) {
      return error("node ", ids[i], " comes with ", counts[i],
                   ", more than num_neighbors_per_hop ", most,
                   "; cap lists when fetching them");
    }
    left -= counts[i];
  }
  if (left != 0) return error(left, " more than the counts say");
  for (const int64_t neighbor : neighbors) {
    if (neighbor < 0) return error("neighbour id ", neighbor, " is negative");
  }

  size_t at = 0;
  for (size_t i = 0; i < ids.size(); ++i) {
    const auto count = static_cast<size_t>(counts[i]);
    cache_->Insert(edge_type, ids[i], neighbors.subspan(at, count));
    at += count;
  }
  return absl::OkStatus();
}

bool PprPush::Push() {
  return Push(1,
              [](size_t, absl::FunctionRef<void(size_t)> shard) { shard(0); });
}

bool PprPush::Push(size_t num_shards, ParallelFor parallel_for) {
  if (shards_.size() < num_shards) shards_.resize(num_shards);
  for (Shard& shard : shards_) {
    shard.tables.resize(num_node_types());
    shard.queue.resize(num_node_types());
    shard.next_queue.resize(num_node_types());
    shard.missing.ids.resize(schema_.edge_types.size());
  }
  // A run touches nothing but its own state and its shard's. Which shard takes
  // which run is chance, and makes no difference.
  std::atomic<size_t> next_run = 0;
  parallel_for(num_shards, [&](size_t shard) {
    while (true) {
      const size_t run = next_run.fetch_add(1, std::memory_order_relaxed);
      if (run >= runs_.size()) return;
      if (!runs_[run].is_done) Advance(run, &shards_[shard]);
    }
  });

  for (size_t e = 0; e < needs_.ids.size(); ++e) {
    std::vector<int64_t>& ids = needs_.ids[e];
    for (Shard& shard : shards_) {
      std::vector<int64_t>& missing = shard.missing.ids[e];
      ids.insert(ids.end(), missing.begin(), missing.end());
      missing.clear();
    }
    std::sort(ids.begin(), ids.end());
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  }
  return std::all_of(runs_.begin(), runs_.end(),
                     [](const Run& run) { return run.is_done; });
}

void PprPush::Advance(size_t run, Shard* shard) {
  Run& state = runs_[run];
  const size_t channel = run % num_channels();
  if (state.is_waiting &&
      !cache_->Contains(state.waits_for_edge_type, state.waits_for_id)) {
    return;  // what it misses is in needs_ still
  }
  Resume(run, shard);
  while (std::any_of(shard->queue.begin(), shard->queue.end(),
                     [](const auto& queue) { return !queue.empty(); })) {
    const bool may_fetch = !options_.max_fetch_iterations.has_value() ||
                           state.fetch_rounds < *options_.max_fetch_iterations;
    const std::optional<bool> meets_new =
        PrepareRound(channel, may_fetch, shard);
    if (!meets_new.has_value()) {
      Suspend(run, *shard);
      return;
    }
    if (*meets_new) ++state.fetch_rounds;
    PushRound(channel, may_fetch, shard);
  }
  for (size_t type = 0; type < num_node_types(); ++type) {
    selected_[type * runs_.size() + run] =
        SelectPprCandidates(shard->tables[type].entries(),
                            options_.max_ppr_nodes, options_.residual_top_up);
  }
  state.is_done = true;
}

void PprPush::Suspend(size_t run, const Shard& shard) {
  Run& state = runs_[run];
  for (const PprTable& table : shard.tables) {
    const absl::Span<const PprEntry> entries = table.entries();
    state.entries.emplace_back(entries.begin(), entries.end());
  }
  state.queue = shard.queue;
  state.waits_for_edge_type = shard.missing_edge_type;
  state.waits_for_id = shard.missing_id;
  state.is_waiting = true;
}

void PprPush::Resume(size_t run, Shard* shard) {
  Run& state = runs_[run];
  if (state.is_waiting) {
    for (size_t type = 0; type < num_node_types(); ++type) {
      shard->tables[type].Assign(state.entries[type]);
    }
    shard->queue = std::move(state.queue);
    state.entries.clear();
    state.is_waiting = false;
    return;
  }
  for (PprTable& table : shard->tables) table.Clear();
  for (std::vector<uint32_t>& queue : shard->queue) queue.clear();
  const auto type = static_cast<size_t>(seed_type_);
  Reach(type, {seeds_[run / num_channels()]}, /*hop=*/0, shard);
  shard->tables[type].entries()[0].residual = options_.alpha;
  shard->queue[type].push_back(0);
}

std::optional<bool> PprPush::PrepareRound(size_t channel, bool may_fetch,
                                          Shard* shard) const {
  shard->lists.clear();
  bool meets_new = false;
  bool is_complete = true;
  for (size_t type = 0; type < num_node_types(); ++type) {
    const absl::Span<const PprEntry> entries = shard->tables[type].entries();
    std::vector<uint32_t>& queue = shard->queue[type];
    std::sort(queue.begin(), queue.end(), [&](uint32_t a, uint32_t b) {
      return entries[a].id < entries[b].id;
    });
    const std::vector<int>& out_edges = out_edges_[channel][type];
    if (out_edges.empty()) continue;
    for (size_t i = 0; i < queue.size(); ++i) {
      if (i + kAhead < queue.size()) {
        const int64_t id = entries[queue[i + kAhead]].id;
        for (const int e : out_edges) cache_->Prefetch(e, id);
      }
      const PprEntry& entry = entries[queue[i]];
      if (!entry.is_known && !may_fetch) {
        shard->lists.resize(shard->lists.size() + out_edges.size());  // empty
        continue;
      }
      meets_new = meets_new || !entry.is_known;
      for (const int e : out_edges) {
        const auto list = cache_->Find(e, entry.id);
        if (!list.has_value()) {
          shard->missing.ids[static_cast<size_t>(e)].push_back(entry.id);
          shard->missing_edge_type = e;
          shard->missing_id = entry.id;
          is_complete = false;
        }
        shard->lists.push_back(list.value_or(absl::Span<const int64_t>()));
        __builtin_prefetch(shard->lists.back().data());
      }
    }
  }
  if (!is_complete) return std::nullopt;
  return meets_new;
}

void PprPush::PushRound(size_t channel, bool may_fetch, Shard* shard) const {
  for (size_t type = 0; type < num_node_types(); ++type) {
    const absl::Span<PprEntry> entries = shard->tables[type].entries();
    for (const uint32_t at : shard->queue[type]) entries[at].is_queued = false;
  }
  size_t next_list = 0;
  for (size_t type = 0; type < num_node_types(); ++type) {
    const std::vector<int>& out_edges = out_edges_[channel][type];
    for (const uint32_t at : shard->queue[type]) {
      const auto lists = absl::MakeConstSpan(shard->lists)
                             .subspan(next_list, out_edges.size());
      next_list += out_edges.size();
      size_t num_neighbors = 0;
      for (const auto& list : lists) num_neighbors += list.size();

      PprEntry& entry = shard->tables[type].entries()[at];
      const double residual = entry.residual;
      entry.score += residual;
      entry.residual = 0;
      entry.is_known = entry.is_known || may_fetch;
      if (residual == 0 || num_neighbors == 0) continue;
      const auto n = static_cast<double>(num_neighbors);
      // A degree of 0 is wrong, then. Held to it, the node would be pushed
      // for whatever little comes, again and again.
      if (entry.requeue_at == 0) entry.requeue_at = requeue_threshold_ * n;
      const double share = (1 - options_.alpha) * residual / n;
      const int32_t hop = entry.hop + 1;
      for (size_t i = 0; i < out_edges.size(); ++i) {
        const auto e = static_cast<size_t>(out_edges[i]);
        const auto dst = static_cast<size_t>(schema_.edge_types[e].dst_type);
        Spread(dst, lists[i], share, hop, shard);
      }
    }
  }
  shard->queue.swap(shard->next_queue);
  for (std::vector<uint32_t>& queue : shard->next_queue) queue.clear();
}

void PprPush::Reach(size_t node_type, absl::Span<const int64_t> ids,
                    int32_t hop, Shard* shard) const {
  PprTable& table = shard->tables[node_type];
  const size_t first_new = table.entries().size();
  shard->reached.resize(ids.size());
  for (size_t i = 0; i < ids.size(); ++i) {
    if (i + kAhead < ids.size()) table.Prefetch(ids[i + kAhead]);
    shard->reached[i] = table.FindOrAppend(ids[i]);
  }
  const absl::Span<PprEntry> added = table.entries().subspan(first_new);
  if (added.empty()) return;
  shard->new_ids.clear();
  for (const PprEntry& entry : added) shard->new_ids.push_back(entry.id);
  shard->degrees.assign(added.size(), 0);
  total_degrees_(static_cast<int>(node_type), shard->new_ids,
                 absl::MakeSpan(shard->degrees));
  for (size_t i = 0; i < added.size(); ++i) {
    added[i].requeue_at = requeue_threshold_ * std::max(shard->degrees[i], 0);
    added[i].hop = hop;
  }
}

void PprPush::Spread(size_t node_type, absl::Span<const int64_t> neighbors,
                     double share, int32_t hop, Shard* shard) const {
  Reach(node_type, neighbors, hop, shard);
  const absl::Span<PprEntry> entries = shard->tables[node_type].entries();
  for (const uint32_t at : shard->reached) {
    PprEntry& entry = entries[at];
    entry.residual += share;
    entry.hop = std::min(entry.hop, hop);
    if (entry.is_queued || entry.residual < entry.requeue_at) continue;
    entry.is_queued = true;
    shard->next_queue[node_type].push_back(at);
  }
}

absl::Status PprPush::Finish(PprResult* out) {
  if (!cache_batch_.has_value()) {
    return absl::FailedPreconditionError("no batch to finish; Start() one");
  }
  for (size_t run = 0; run < runs_.size(); ++run) {
    if (runs_[run].is_done) continue;
    return absl::FailedPreconditionError(absl::StrCat(
        "seed ", seeds_[run / num_channels()],
        " is not done: Provide() what it Needs(), and Push() until true"));
  }
  const size_t channels = num_channels();
  out->width = slots_.empty() ? 2 : static_cast<int>(2 + 3 * channels);
  out->node_types.resize(num_node_types());
  for (size_t type = 0; type < num_node_types(); ++type) {
    PprRows& rows = out->node_types[type];
    rows.counts.clear();
    rows.ids.clear();
    rows.attributes.clear();
    for (size_t seed = 0; seed < seeds_.size(); ++seed) {
      const auto by_channel = absl::MakeConstSpan(selected_).subspan(
          (type * seeds_.size() + seed) * channels, channels);
      if (slots_.empty()) {
        AppendPprRows(by_channel[0], &rows);
      } else {
        AppendMergedPprRows(by_channel, slots_, &rows);
      }
    }
  }
  EndBatch();
  return absl::OkStatus();
}

}  // namespace fairlead
