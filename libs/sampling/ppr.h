#ifndef FAIRLEAD_LIBS_SAMPLING_PPR_H_
#define FAIRLEAD_LIBS_SAMPLING_PPR_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/types/span.h"
#include "libs/sampling/neighbor_cache.h"
#include "libs/sampling/ppr_options.h"
#include "libs/sampling/ppr_rows.h"
#include "libs/sampling/ppr_table.h"

namespace fairlead {

// Neighbour lists that are missing, by edge type: distinct node ids, ascending.
struct NeighborNeeds {
  std::vector<std::vector<int64_t>> ids;

  bool empty() const {
    for (const std::vector<int64_t>& of_type : ids) {
      if (!of_type.empty()) return false;
    }
    return true;
  }
};

struct PprResult {
  std::vector<PprRows> node_types;  // one for each, if only of zero counts
  int width = 2;                    // of an attribute row; see PprRows
};

// Personalised PageRank of seeds by forward push (Andersen, Chung, Lang: "Local
// graph partitioning using PageRank vectors", FOCS 2006), as parity 2.9 and
// W-39 have it. A state machine that is told neighbours when it asks for them:
// some are in other partitions, and who fetches them is no concern of its.
//
//   NeighborCache cache(schema.edge_types.size(), 1 << 30);  // for all batches
//   PprPush ppr(schema, options, total_degrees, &cache);
//   RETURN_IF_ERROR(ppr.Start(seeds, seed_type));            // for each batch
//   while (!ppr.Push()) {
//     const NeighborNeeds& needs = ppr.Needs();
//     for each edge type e with needs.ids[e]:      // all at once, in any order
//       RETURN_IF_ERROR(ppr.Provide(e, ids, counts, neighbors));
//   }
//   RETURN_IF_ERROR(ppr.Finish(&result));
//
// The push of one seed (in one channel): residual alpha at the seed, which is
// queued. Then rounds, until none is queued. A round empties the queue, and its
// nodes take their turns in ascending (node type, id) order. At its turn u is
// pushed, that is, unless r, its residual by then, is 0,
//   score += r; r = 0;
//   with n > 0 neighbours over all edge types: each residual of these += s,
//     s = (1 - alpha) * r / n; hop = min(hop, hop(u) + 1); and it is queued
//     for the next round, once, when its residual >= alpha * eps * its total
//     degree, even if its turn in this round is yet to come.
//   with none (a sink): u keeps all mass.
// So there is one order in which any residual is summed up, which depends on
// ids alone. Rows are the same to the bit for any number of shards, any order
// of Provide(), any order of neighbours within a list, whatever the cache
// holds, and whichever other seeds are in the batch.
//
// max_fetch_iterations = L, too, is a matter of one seed: a round counts when
// it has a node in it whose neighbours this push has not yet seen. From the
// (L+1)th on such nodes keep all mass, as a sink does; nodes seen before push
// on. If given all it asks for, a batch asks at most L times. (The originals
// count over the batch, so that a seed's rows depend on its neighbours in it.)
//
// Seeds run ahead of each other: one waits only for lists of its own. Memory:
// 40 bytes for each node that a seed has reached, while it waits for lists;
// the rest is scratch, one seed's at a time for each shard.
//
// Thread-compatible; an instance serves any number of batches, one at a time.
// Several may share a cache, as long as nothing calls Provide(), Start() or
// Finish() of one during Push() of another.
class PprPush {
 public:
  // Writes the total degree of each node: its neighbours over all edge types
  // of message passing, not capped; 0 for one that has none, or is not known.
  // Asked once for a node that a seed reaches, of whichever partition; for many
  // at once, so that their cache misses can be under way together. Called from
  // all shards at once.
  using DegreeLookup =
      std::function<void(int node_type, absl::Span<const int64_t> ids,
                         absl::Span<int32_t> degrees)>;

  // Runs shard(0) ... shard(n - 1), in any order and on any threads, and
  // returns when all have.
  using ParallelFor =
      absl::FunctionRef<void(size_t n, absl::FunctionRef<void(size_t)> shard)>;

  // REQUIRES that ValidatePprOptions has found both good, and a cache with as
  // many edge types as the schema. `cache` must outlive this.
  PprPush(PprSchema schema, PprOptions options, DegreeLookup total_degrees,
          NeighborCache* cache);
  PprPush(const PprPush&) = delete;
  PprPush& operator=(const PprPush&) = delete;
  ~PprPush();

  // Begins a batch; one that is under way is dropped. Seeds may repeat, each
  // gets rows of its own. INVALID_ARGUMENT for a seed type that is none, or a
  // negative seed.
  absl::Status Start(absl::Span<const int64_t> seeds, int seed_type);

  // The lists for which seeds wait. Empty: Push() can go on, or all is done.
  // Valid until the next call of Needs(), Push(), Start() or Finish().
  const NeighborNeeds& Needs();

  // Takes lists of one edge type: of ids[i] the next counts[i] of `neighbors`.
  // Lists may be delivered in any portions and any order; ones that no seed
  // waits for are kept, too. INVALID_ARGUMENT, with nothing taken, for an edge
  // type that is none, lengths that do not fit, a list longer than
  // num_neighbors_per_hop, or a negative id.
  absl::Status Provide(int edge_type, absl::Span<const int64_t> ids,
                       absl::Span<const int64_t> counts,
                       absl::Span<const int64_t> neighbors);

  // Pushes what can be pushed without further lists. True when all seeds are
  // done; if not, Needs() is not empty. The second form shares the seeds out
  // among shards. REQUIRES num_shards >= 1.
  bool Push();
  bool Push(size_t num_shards, ParallelFor parallel_for);

  // Ends the batch and replaces what is in `out`. FAILED_PRECONDITION if there
  // is none, or seeds still wait.
  absl::Status Finish(PprResult* out);

 private:
  // The push of one seed in one channel.
  struct Run {
    // How far it is while it waits; by node type.
    std::vector<std::vector<PprEntry>> entries;
    std::vector<std::vector<uint32_t>> queue;  // indices into entries
    int32_t fetch_rounds = 0;
    // One of the lists it waits for: without it, there is no need to look.
    int waits_for_edge_type = 0;
    int64_t waits_for_id = 0;
    bool is_waiting = false;
    bool is_done = false;
  };

  // What a shard works with; kept from batch to batch. By node type, where not
  // said otherwise, and of the run it is at.
  struct Shard {
    std::vector<PprTable> tables;
    std::vector<std::vector<uint32_t>> queue;
    std::vector<std::vector<uint32_t>> next_queue;
    // The lists of the nodes of a round: for each node, in order, one for each
    // edge type out of it.
    std::vector<absl::Span<const int64_t>> lists;
    NeighborNeeds missing;      // of all its runs in this Push()
    int missing_edge_type = 0;  // the last of them
    int64_t missing_id = 0;
    // Of one list: where its nodes' entries are, and which nodes are new.
    std::vector<uint32_t> reached;
    std::vector<int64_t> new_ids;
    std::vector<int32_t> degrees;  // of new_ids
  };

  size_t num_node_types() const { return out_edges_[0].size(); }
  size_t num_channels() const { return out_edges_.size(); }

  // Goes on with the run until it is done or has to wait.
  void Advance(size_t run, Shard* shard);
  // Puts it before the shard, at its beginning or where it had to wait.
  void Resume(size_t run, Shard* shard);
  void Suspend(size_t run, const Shard& shard);
  // Puts the round in order, and finds its lists; adds those that are not
  // there to shard->missing. `may_fetch`: nodes not yet seen have lists.
  // Returns whether the round has such nodes, or nullopt if lists are missing.
  std::optional<bool> PrepareRound(size_t channel, bool may_fetch,
                                   Shard* shard) const;
  void PushRound(size_t channel, bool may_fetch, Shard* shard) const;
  // Adds `share` to each node of a list.
  void Spread(size_t node_type, absl::Span<const int64_t> neighbors,
              double share, int32_t hop, Shard* shard) const;
  // Makes entries for those nodes that have none, and sets shard->reached to
  // where the nodes' entries are.
  void Reach(size_t node_type, absl::Span<const int64_t> ids, int32_t hop,
             Shard* shard) const;
  void EndBatch();

  const PprSchema schema_;
  const PprOptions options_;
  const double requeue_threshold_;
  const DegreeLookup total_degrees_;
  NeighborCache* const cache_;
  // By channel and node type: the edge types that go out, ascending.
  std::vector<std::vector<std::vector<int>>> out_edges_;
  std::vector<int32_t> slots_;  // by channel

  // The batch. Runs are by seed, then channel.
  std::optional<uint64_t> cache_batch_;  // none: no batch
  std::vector<int64_t> seeds_;
  int seed_type_ = 0;
  std::vector<Run> runs_;
  std::vector<std::vector<PprCandidate>> selected_;  // by node type, run
  NeighborNeeds needs_;

  std::vector<Shard> shards_;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_SAMPLING_PPR_H_
