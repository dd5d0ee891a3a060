#ifndef FAIRLEAD_LIBS_SAMPLING_RANDOM_WALK_H_
#define FAIRLEAD_LIBS_SAMPLING_RANDOM_WALK_H_

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace fairlead {

// Random walks over a graph that may be elsewhere: DeepWalk (Perozzi, Al-Rfou,
// Skiena, KDD 2014) and node2vec (Grover, Leskovec, KDD 2016). All walks of a
// batch take a step together, so that the lists of a hop can be asked for
// together:
//
//   ASSIGN_OR_RETURN(RandomWalks walks, RandomWalks::Create(options, request));
//   while (!walks.done()) {
//     ... ask the partitions that own walks.Needs() for neighbour lists ...
//     RETURN_IF_ERROR(walks.Provide(ids, counts, neighbors));  // each answer
//     RETURN_IF_ERROR(walks.Step());
//   }
//   const std::vector<int64_t> matrix = std::move(walks).TakeWalks();

struct RandomWalkOptions {
  // Steps of a walk; a walk has length + 1 nodes. 0 or more.
  int64_t length = 0;

  // From `v`, having come from `t`, an edge to `x` is taken with a probability
  // proportional to 1/p if x is t, else to 1 if t has an edge to x, else to
  // 1/q. (Where edges have a direction, others look for one from x to t; that
  // would need the lists of all of v's neighbours.) Parallel edges count each;
  // the first step is uniform. With p == q == 1 all are. From 1e-9 to 1e9.
  double p = 1;
  double q = 1;

  // What becomes of a walk at a node without neighbours.
  enum class DeadEnd {
    kPad,   // it ends: -1 from there on
    kStay,  // it stays: that node again and again, as with PyG
  };
  DeadEnd dead_end = DeadEnd::kPad;

  uint64_t seed = 0;
};

struct RandomWalkRequest {
  absl::Span<const int64_t> starts;  // repeats allowed: a walk each
  uint64_t epoch = 0;
  uint64_t batch_index = 0;
};

// The walks of a batch. They are a pure function of the neighbour lists, the
// options and the request: draws are keyed by (seed, epoch, batch index) and
// made for (walk number, step), so the order in which lists arrive changes
// nothing (design invariant 2, W-32). Unless p == q == 1 the order within a
// list does not matter either; with p == q == 1 it does.
//
// Holds the lists of two hops. Thread-compatible. Moves, but does not copy.
class RandomWalks {
 public:
  static constexpr int64_t kPad = -1;

  // INVALID_ARGUMENT for options out of their ranges or a result of more than
  // 2^31 ids; OUT_OF_RANGE for a negative start.
  static absl::StatusOr<RandomWalks> Create(const RandomWalkOptions& options,
                                            const RandomWalkRequest& request);

  // Walks over a graph in memory: the neighbours of node i are
  // indices[indptr[i]] to indices[indptr[i + 1] - 1], in any order. Returns
  // what TakeWalks does; the same walks as step by step. Looks only at rows it
  // comes to. INVALID_ARGUMENT as Create, and if a row's bounds are not within
  // `indices`; OUT_OF_RANGE if a start or neighbour is none of the nodes.
  static absl::StatusOr<std::vector<int64_t>> WalkCsr(
      absl::Span<const int64_t> indptr, absl::Span<const int64_t> indices,
      const RandomWalkOptions& options, const RandomWalkRequest& request);

  RandomWalks(RandomWalks&&) = default;
  RandomWalks& operator=(RandomWalks&&) = default;

  // Whether all walks are as long as they get.
  bool done() const { return active_.empty(); }

  // The nodes whose lists Step() needs and that Provide() must give, distinct
  // and ascending; lists that are still held are not asked for again. Valid,
  // and the same, until Step() or a move.
  absl::Span<const int64_t> Needs() const { return needs_; }

  // Gives, in any order and in any number of calls, lists that Needs() named:
  // counts[i] neighbours of ids[i], one list after the other in `neighbors`,
  // each in any order. Copies them. INVALID_ARGUMENT, naming it and having
  // taken none of this call's lists, if an id is not needed or was given
  // before, a count or neighbour is negative, or sizes do not fit.
  absl::Status Provide(absl::Span<const int64_t> ids,
                       absl::Span<const int64_t> counts,
                       absl::Span<const int64_t> neighbors);

  // All walks take a step. FAILED_PRECONDITION, and nothing happens, if lists
  // are missing or all is done.
  absl::Status Step();

  // int64 [starts, length + 1], row after row: a row is a walk, its first node
  // the start. kPad where a walk did not come to, yet or at all.
  absl::Span<const int64_t> walks() const { return walks_; }
  std::vector<int64_t> TakeWalks() && { return std::move(walks_); }

 private:
  struct NeighborList {
    absl::Span<const int64_t> view;  // ascending unless walks are first order
    std::vector<int64_t> owned;      // what `view` shows, unless that is lent
    int64_t used_at = 0;             // the last step that starts at this node
    bool is_given = false;
  };

  RandomWalks(const RandomWalkOptions& options,
              const RandomWalkRequest& request, int64_t num_nodes);

  static absl::StatusOr<RandomWalks> CreateWithin(
      int64_t num_nodes, const RandomWalkOptions& options,
      const RandomWalkRequest& request);

  bool IsSecondOrder() const { return options_.p != 1 || options_.q != 1; }
  int64_t* WalkAt(int64_t walk) {
    return &walks_[static_cast<size_t>(walk * (options_.length + 1))];
  }

  // Finds what the step from column step_ needs, and drops what none does.
  void FindNeeds();
  // Marks ids as given. INVALID_ARGUMENT, having marked none, as Provide.
  absl::Status MarkGiven(absl::Span<const int64_t> ids);
  // Takes a list that may be kept as it is for as long as the walks live.
  void Lend(int64_t id, absl::Span<const int64_t> neighbors);
  int64_t DrawNext(int64_t walk, absl::Span<const int64_t> neighbors);

  RandomWalkOptions options_;
  int64_t num_nodes_;  // ids are less
  uint64_t key_;
  std::vector<int64_t> walks_;
  int64_t step_ = 0;             // the column that the next step starts from
  std::vector<int64_t> active_;  // numbers of walks that go on, ascending
  std::vector<int64_t> needs_;
  size_t missing_ = 0;  // how many of needs_ were not given
  absl::flat_hash_map<int64_t, NeighborList> lists_;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_SAMPLING_RANDOM_WALK_H_
