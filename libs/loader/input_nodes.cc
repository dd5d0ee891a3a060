#include "libs/loader/input_nodes.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "libs/graph/npy.h"
#include "libs/rpc/edge_type_proto.h"
#include "libs/status/status_macros.h"
#include "protos/fairlead/v1/sampling.pb.h"

namespace fairlead {
namespace {

constexpr std::array<std::pair<absl::string_view, v1::Split>, 4> kSplits = {
    {{"train", v1::SPLIT_TRAIN},
     {"val", v1::SPLIT_VAL},
     {"test", v1::SPLIT_TEST},
     {"all", v1::SPLIT_ALL}}};

// Unspecified for a word that is no split.
v1::Split SplitOf(absl::string_view text) {
  for (const auto& [name, split] : kSplits) {
    if (name == text) return split;
  }
  return v1::SPLIT_UNSPECIFIED;
}

absl::Status CheckShard(absl::string_view field, uint64_t shard,
                        uint64_t num_shards) {
  if (shard < num_shards) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(field, ": there is no shard ", shard, " of ", num_shards,
                   "; shards are counted from 0"));
}

void SetSlice(uint64_t shard, uint64_t num_shards, v1::SeedNodes* seeds) {
  if (num_shards <= 1) return;
  v1::SeedSlice& slice = *seeds->mutable_slice();
  slice.set_start_numerator(shard);
  slice.set_end_numerator(shard + 1);
  slice.set_denominator(num_shards);
}

template <typename T>
void AppendIds(const NpyFile& file, v1::NodeIds* ids) {
  const absl::Span<const T> values = file.As<T>();
  ids->mutable_id()->Add(values.begin(), values.end());
}

absl::StatusOr<v1::NodeIds> ReadIds(const std::string& path) {
  FAIRLEAD_ASSIGN_OR_RETURN(const NpyFile file, NpyFile::Open(path));
  v1::NodeIds ids;
  const bool is_list = file.shape().size() == 1;
  if (is_list && file.dtype() == "i8") {
    AppendIds<int64_t>(file, &ids);
    return ids;
  }
  if (is_list && file.dtype() == "i4") {
    AppendIds<int32_t>(file, &ids);
    return ids;
  }
  if (file.dtype() == "b1") {
    return absl::InvalidArgumentError(
        absl::StrCat("input_nodes.paths: ", path,
                     " is a boolean mask; save the ids where it is true, "
                     "numpy.flatnonzero(mask)"));
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "input_nodes.paths: ", path, " has ", file.shape().size(),
      " dimensions of ", file.dtype(), "; give a list of int64 or int32 ids"));
}

}  // namespace

InputNodes InputNodes::Split(std::string split, std::string node_type) {
  return {.node_type = std::move(node_type), .split = std::move(split)};
}

InputNodes InputNodes::Ids(std::vector<int64_t> ids, std::string node_type) {
  return {.node_type = std::move(node_type), .ids = std::move(ids)};
}

InputNodes InputNodes::Files(std::vector<std::string> paths,
                             std::string node_type) {
  return {.node_type = std::move(node_type), .paths = std::move(paths)};
}

absl::Status Validate(const InputNodes& nodes) {
  FAIRLEAD_RETURN_IF_ERROR(
      CheckShard("input_nodes", nodes.shard, nodes.num_shards));
  if (nodes.ids.has_value() && !nodes.paths.empty()) {
    return absl::InvalidArgumentError(
        "input_nodes: ids and paths are both given; leave one of them out");
  }
  if (nodes.paths.size() > 1 && nodes.num_shards > 1) {
    return absl::InvalidArgumentError(
        "input_nodes: files for each server are not cut into shards as well; "
        "give every trainer files of its own, or one file and a shard of it");
  }
  for (const std::string& path : nodes.paths) {
    if (!path.empty()) continue;
    return absl::InvalidArgumentError(
        "input_nodes.paths: one is empty; give the path of a .npy file of ids");
  }
  if (nodes.ids.has_value()) {
    for (const int64_t id : *nodes.ids) {
      if (id >= 0) continue;
      return absl::OutOfRangeError(absl::StrCat(
          "input_nodes.ids: ", id, " is no node id; ids are 0 or more"));
    }
  }
  if (!nodes.ids.has_value() && nodes.paths.empty() &&
      SplitOf(nodes.split) == v1::SPLIT_UNSPECIFIED) {
    return absl::InvalidArgumentError(
        absl::StrCat("input_nodes: there is no split \"", nodes.split,
                     "\"; the splits are train, val, test and all"));
  }
  return absl::OkStatus();
}

absl::Status Validate(const InputEdges& input) {
  FAIRLEAD_RETURN_IF_ERROR(
      CheckShard("input_edges", input.shard, input.num_shards));
  if (!input.edges.has_value()) return absl::OkStatus();
  const InputEdges::List& edges = *input.edges;
  if (edges.src.size() != edges.dst.size()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "input_edges: there are ", edges.src.size(), " sources and ",
        edges.dst.size(), " destinations; give as many of each"));
  }
  if (!edges.labels.empty() && edges.labels.size() != edges.src.size()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "input_edges: there are ", edges.labels.size(), " labels for ",
        edges.src.size(), " edges; give one for each, or none"));
  }
  for (const auto& [name, values] :
       {std::pair("src", &edges.src), std::pair("dst", &edges.dst),
        std::pair("labels", &edges.labels)}) {
    const auto negative = std::find_if(values->begin(), values->end(),
                                       [](int64_t value) { return value < 0; });
    if (negative == values->end()) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("input_edges.", name, ": ", *negative,
                     " is less than 0, as no id and no label is"));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<v1::SeedNodes>> ToSeedNodes(
    const InputNodes& nodes) {
  v1::SeedNodes one;
  one.set_node_type(nodes.node_type);
  SetSlice(nodes.shard, nodes.num_shards, &one);
  if (nodes.ids.has_value()) {
    one.mutable_ids()->mutable_id()->Assign(nodes.ids->begin(),
                                            nodes.ids->end());
  } else if (nodes.paths.empty()) {
    one.set_split(SplitOf(nodes.split));
  } else {
    std::vector<v1::SeedNodes> of_servers(nodes.paths.size(), one);
    for (size_t i = 0; i < nodes.paths.size(); ++i) {
      FAIRLEAD_ASSIGN_OR_RETURN(*of_servers[i].mutable_ids(),
                                ReadIds(nodes.paths[i]));
    }
    return of_servers;
  }
  return std::vector<v1::SeedNodes>{std::move(one)};
}

v1::SeedNodes ToSeedNodes(const InputEdges& input) {
  v1::SeedNodes seeds;
  SetSlice(input.shard, input.num_shards, &seeds);
  v1::SeedEdges& edges = *seeds.mutable_edges();
  if (input.edge_type.has_value()) {
    *edges.mutable_edge_type() = ToProto(*input.edge_type);
  }
  edges.set_all(!input.edges.has_value());
  if (!input.edges.has_value()) return seeds;
  const InputEdges::List& list = *input.edges;
  edges.mutable_src()->Assign(list.src.begin(), list.src.end());
  edges.mutable_dst()->Assign(list.dst.begin(), list.dst.end());
  edges.mutable_labels()->Assign(list.labels.begin(), list.labels.end());
  return seeds;
}

}  // namespace fairlead
