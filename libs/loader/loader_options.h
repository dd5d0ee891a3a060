#ifndef FAIRLEAD_LIBS_LOADER_LOADER_OPTIONS_H_
#define FAIRLEAD_LIBS_LOADER_LOADER_OPTIONS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "libs/loader/input_nodes.h"
#include "libs/loader/sample_stream_options.h"
#include "libs/type_names/type_names.h"
#include "protos/fairlead/v1/sampling.pb.h"

namespace fairlead {

// What each kind of loader loads and how: for every kind a struct that has what
// makes sense for it. The defaults make a trainer that runs against a registry
// on this host; most need a fanout, batch_size and shuffle.
//
//   NeighborLoaderOptions options;
//   options.fanout = {15, 10};
//   options.batch_size = 512;

// Of all kinds.
struct LoaderOptions : DeliveryOptions {
  uint64_t batch_size = 1;
  bool shuffle = false;          // a new order in each epoch
  bool drop_last = false;        // leave out a last batch that is not full
  bool collect_features = true;  // labels come whenever the dataset has them
  uint64_t seed = 0;             // the same seed gives the same batches
  v1::EdgeDir edge_dir = v1::EDGE_DIR_OUT;  // along edges, or against them

  // Where tensors are to be: see Placement::Create. Of no meaning to a
  // SampleStream, which gives bytes.
  std::string to_device = {};
  bool pin_memory = false;
  uint64_t pinned_budget = uint64_t{4} << 30;
};

// Of the kinds that draw neighbours.
struct NeighborhoodOptions {
  // Neighbours per node, hop by hop, along every edge type: > 0 that many, -1
  // all, 0 none at this hop. Empty samples the seeds alone.
  std::vector<int32_t> fanout = {};

  // In place of `fanout`: edge types that are absent are not traversed.
  std::vector<std::pair<EdgeTypeName, std::vector<int32_t>>> edge_type_fanouts =
      {};

  bool with_edge = false;    // edge ids, and edge features if collected
  bool replace = false;      // draw with replacement
  bool with_weight = false;  // draw by the edges' weights
};

// Only edges that are not later than the seed they are drawn for.
struct TemporalOptions {
  v1::TemporalStrategy temporal = v1::TEMPORAL_STRATEGY_UNSPECIFIED;  // all

  // The time of each seed, in place of its node's timestamp: as many as ids or
  // edges.
  std::vector<int64_t> input_times = {};
};

// The neighbourhoods of nodes.
struct NeighborLoaderOptions : LoaderOptions,
                               NeighborhoodOptions,
                               TemporalOptions {
  InputNodes input_nodes = {};
};

// The neighbourhoods of the ends of edges, and of pairs that are no edges
// (parity 2.5).
struct LinkNeighborLoaderOptions : LoaderOptions,
                                   NeighborhoodOptions,
                                   TemporalOptions {
  InputEdges input_edges = {};

  v1::NegativeMode negatives = v1::NEGATIVE_MODE_NONE;
  double amount = 1;    // negatives for each edge; whole for triplets
  bool strict = false;  // no negative is an edge, of any partition

  // Labels count from 1 if their least is 0, so that negatives' 0 is theirs
  // alone, as in GLT (parity C-25); otherwise they are as they were given.
  bool glt_labels = false;
};

// All edges between nodes, and with a fanout what is around them (parity 2.10).
struct SubGraphLoaderOptions : LoaderOptions, NeighborhoodOptions {
  InputNodes input_nodes = {};
};

// The neighbourhoods of anchors and of the nodes that they are labelled with
// (parity 2.8).
struct AblpLoaderOptions : LoaderOptions, NeighborhoodOptions {
  InputNodes input_nodes = {};  // the anchors

  // The edges that are to be predicted, from anchors to labels. The dataset has
  // labels as edges of the same types with "_gigl_positive", and maybe
  // "_gigl_negative", behind the relation.
  EdgeTypeName supervision_edge_type = {};
  uint32_t max_labels_per_anchor_node = 0;  // 0 for any number
};

// The nodes that seeds rank highest by personalised PageRank (parity 2.9).
struct PprLoaderOptions : LoaderOptions {
  InputNodes input_nodes = {};

  double alpha = 0.5;                    // of a restart; large stays near
  double eps = 1e-4;                     // of what may be left unpushed
  uint32_t max_ppr_nodes = 50;           // for each seed and node type
  int32_t num_neighbors_per_hop = 1000;  // of a node; -1 all (parity C-14)
  uint32_t max_fetch_iterations = 0;     // 0 for any number
  bool residual_top_up = true;           // fill free places by residual

  // Several pushes, along edge types of their own. None: one along all.
  struct Channel {
    std::vector<EdgeTypeName> edge_types;
    double ratio = 1;  // its share of max_ppr_nodes; any scale
  };
  std::vector<Channel> channels = {};
};

// INVALID_ARGUMENT, naming the option and what it may be, for what can be told
// without a file or a server.
absl::Status Validate(const NeighborLoaderOptions& options);
absl::Status Validate(const LinkNeighborLoaderOptions& options);
absl::Status Validate(const SubGraphLoaderOptions& options);
absl::Status Validate(const AblpLoaderOptions& options);
absl::Status Validate(const PprLoaderOptions& options);

// Checked, with files of seeds read, and as the contracts put it. Errors as
// Validate and ToSeedNodes(InputNodes).
absl::StatusOr<SampleStreamOptions> Resolve(
    const NeighborLoaderOptions& options);
absl::StatusOr<SampleStreamOptions> Resolve(
    const LinkNeighborLoaderOptions& options);
absl::StatusOr<SampleStreamOptions> Resolve(
    const SubGraphLoaderOptions& options);
absl::StatusOr<SampleStreamOptions> Resolve(const AblpLoaderOptions& options);
absl::StatusOr<SampleStreamOptions> Resolve(const PprLoaderOptions& options);

// "15,10,5" as a fanout; "" is the empty one. INVALID_ARGUMENT, showing a good
// one, for anything else.
absl::StatusOr<std::vector<int32_t>> ParseFanout(absl::string_view text);

// Node ids, or nullopt for no words. INVALID_ARGUMENT for a word that is none.
absl::StatusOr<std::optional<std::vector<int64_t>>> ParseIds(
    const std::vector<std::string>& words);

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_LOADER_LOADER_OPTIONS_H_
