#include "tools/dataset/edit/add_edges.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "libs/graph/dataset.h"
#include "libs/graph/dataset_manifest.h"
#include "libs/graph/id_space.h"
#include "libs/status/status_macros.h"
#include "tools/dataset/arrays/graph_arrays.h"
#include "tools/dataset/arrays/graph_writer.h"
#include "tools/dataset/edit/folder_edit.h"

namespace fairlead {
namespace {

using Partitions = std::vector<std::unique_ptr<const Dataset>>;

// The edges of a type, in any partition, that lead to nodes of `rows`, or from
// these, as they are listed from their other end.
EdgeArrays GatherEdges(const Partitions& partitions, size_t type, EdgeDir to,
                       const IdSpace& rows) {
  EdgeArrays edges;
  const EdgeDir from = to == EdgeDir::kIn ? EdgeDir::kOut : EdgeDir::kIn;
  edges.name = partitions[0]->edge_types()[type].name;
  for (const auto& partition : partitions) {
    const EdgeType& of_type = partition->edge_types()[type];
    const Topology& topology = *of_type.topology(from);
    const IdSpace& listing =
        partition->node_types()[static_cast<size_t>(of_type.row_type(from))]
            .ids;
    if (!topology.weights.empty() && !edges.weights.has_value()) {
      edges.weights.emplace();
    }
    if (!topology.timestamps.empty() && !edges.timestamps.has_value()) {
      edges.timestamps.emplace();
    }
    for (int64_t row = 0; row < topology.num_rows(); ++row) {
      const int64_t end = topology.indptr[static_cast<size_t>(row) + 1];
      for (int64_t i = topology.indptr[static_cast<size_t>(row)]; i < end;
           ++i) {
        const auto at = static_cast<size_t>(i);
        const int64_t neighbor = topology.indices[at];
        if (rows.Row(neighbor) < 0) continue;
        const int64_t id = listing.Id(row);
        edges.src.push_back(to == EdgeDir::kIn ? id : neighbor);
        edges.dst.push_back(to == EdgeDir::kIn ? neighbor : id);
        edges.ids.push_back(topology.EdgeId(i));
        if (edges.weights.has_value() && !topology.weights.empty()) {
          edges.weights->push_back(topology.weights[at]);
        }
        if (edges.timestamps.has_value() && !topology.timestamps.empty()) {
          edges.timestamps->push_back(topology.timestamps[at]);
        }
      }
    }
  }
  return edges;
}

// Whose the rows of features are by default depends on which list comes first:
// it is said before a new one does.
void PinFeatures(EdgeTypeManifest* type) {
  if (!type->features.has_value() || type->features->ids.has_value()) return;
  const TopologyManifest& listed =
      type->out.has_value() ? *type->out : *type->in;
  type->features->ids = {.file = "", .first_id = listed.first_edge_id};
}

absl::Status AddToPartition(const std::string& folder, size_t index,
                            const Partitions& partitions, EdgeDir direction) {
  FAIRLEAD_ASSIGN_OR_RETURN(DatasetManifest manifest, ReadManifest(folder));
  const Dataset& dataset = *partitions[index];
  const bool by_src = direction == EdgeDir::kOut;
  bool changed = false;
  for (EdgeTypeManifest& type : manifest.edge_types) {
    std::optional<TopologyManifest>& list = by_src ? type.out : type.in;
    if (list.has_value()) continue;
    changed = true;
    FAIRLEAD_ASSIGN_OR_RETURN(const int number,
                              dataset.FindEdgeType(type.name));
    const EdgeType& of_type = dataset.edge_types()[static_cast<size_t>(number)];
    const IdSpace& rows =
        dataset.node_types()[static_cast<size_t>(of_type.row_type(direction))]
            .ids;
    const EdgeArrays edges =
        GatherEdges(partitions, static_cast<size_t>(number), direction, rows);
    const std::string stem = by_src ? type.name.ToString()
                                    : absl::StrCat(type.name.ToString(), ".in");
    TopologyManifest written;
    FAIRLEAD_RETURN_IF_ERROR(WriteEdgesOneWay(folder,
                                              FreeStem(folder, stem, "indptr"),
                                              edges, by_src, rows, &written));
    if (by_src) PinFeatures(&type);
    list = std::move(written);
  }
  return changed ? ReplaceManifest(folder, manifest) : absl::OkStatus();
}

}  // namespace

absl::Status AddEdges(const std::string& directory, EdgeDir direction) {
  FAIRLEAD_ASSIGN_OR_RETURN(const std::vector<std::string> folders,
                            PartitionFolders(directory));
  Partitions partitions;
  for (size_t i = 0; i < folders.size(); ++i) {
    Dataset::LoadOptions load;
    load.partition = static_cast<uint32_t>(i);
    FAIRLEAD_ASSIGN_OR_RETURN(partitions.emplace_back(),
                              Dataset::Load(directory, load));
  }
  const EdgeDir other =
      direction == EdgeDir::kIn ? EdgeDir::kOut : EdgeDir::kIn;
  for (size_t type = 0; type < partitions[0]->edge_types().size(); ++type) {
    for (size_t i = 0; i < partitions.size(); ++i) {
      const EdgeType& of_type = partitions[i]->edge_types()[type];
      if (of_type.topology(other).has_value()) continue;
      if (partitions[0]->edge_types()[type].topology(direction).has_value() &&
          of_type.topology(direction).has_value()) {
        continue;
      }
      return absl::InvalidArgumentError(absl::StrCat(
          folders[i], ": edge type ", of_type.name.ToString(),
          ": is listed by source in some partitions and by destination in "
          "others; the lists that are there must be of one kind"));
    }
  }
  for (size_t i = 0; i < folders.size(); ++i) {
    FAIRLEAD_RETURN_IF_ERROR(
        AddToPartition(folders[i], i, partitions, direction));
  }
  return absl::OkStatus();
}

}  // namespace fairlead
