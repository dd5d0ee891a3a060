#ifndef FAIRLEAD_LIBS_LOADER_INPUT_NODES_H_
#define FAIRLEAD_LIBS_LOADER_INPUT_NODES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/type_names/type_names.h"
#include "protos/fairlead/v1/sampling.pb.h"

namespace fairlead {

// The seeds of a loader: nodes or edges, and of these all, or the part that is
// this trainer's.

// Nodes in any form that GLT takes (parity GL-053):
//
//   options.input_nodes = InputNodes::Split("train");
//   options.input_nodes = InputNodes::Ids({4, 8, 15}, "paper");
//   options.input_nodes = InputNodes::Files({"mine.npy"});
//
// Boolean masks are refused, wherever one is met: they say nothing of which
// nodes there are on other servers.
struct InputNodes {
  std::string node_type = {};  // may be empty where the graph has one type

  // "train", "val", "test" or "all"; not used if there are `ids` or `paths`.
  std::string split = "train";
  std::optional<std::vector<int64_t>> ids = std::nullopt;  // repeats allowed

  // .npy files of ids, int64 or int32, on the trainer's host: one, dealt out to
  // servers as `ids` are; or one for each server, in the order of server_ranks,
  // which then samples these ids and no others.
  std::vector<std::string> paths = {};

  // Shard `shard` of `num_shards`: shards are of nearly equal size and together
  // make up the whole.
  uint64_t shard = 0;
  uint64_t num_shards = 1;

  static InputNodes Split(std::string split, std::string node_type = {});
  static InputNodes Ids(std::vector<int64_t> ids, std::string node_type = {});
  static InputNodes Files(std::vector<std::string> paths,
                          std::string node_type = {});
};

// Edges to start from. The default, all edges that each server's partition has,
// takes no list.
struct InputEdges {
  // May be left out where the graph has one edge type.
  std::optional<EdgeTypeName> edge_type = std::nullopt;

  struct List {
    std::vector<int64_t> src;
    std::vector<int64_t> dst;          // as many
    std::vector<int64_t> labels = {};  // as many, or none; 0 or more
  };
  std::optional<List> edges = std::nullopt;  // need not be edges of the graph

  uint64_t shard = 0;  // as for nodes
  uint64_t num_shards = 1;
};

// INVALID_ARGUMENT, naming what is wrong, for what can be told without a file
// or a server.
absl::Status Validate(const InputNodes& nodes);
absl::Status Validate(const InputEdges& edges);

// As the contracts put it: one, or one for each server. Reads files: NOT_FOUND
// if there is none, INVALID_ARGUMENT if one holds no ids. REQUIRES
// Validate(nodes).ok().
absl::StatusOr<std::vector<v1::SeedNodes>> ToSeedNodes(const InputNodes& nodes);
v1::SeedNodes ToSeedNodes(const InputEdges& edges);

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_LOADER_INPUT_NODES_H_
