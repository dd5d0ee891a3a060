#include "tools/dataset/check/edge_check.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "libs/graph/dataset.h"
#include "libs/graph/dataset_manifest.h"
#include "libs/graph/id_array.h"
#include "libs/graph/id_space.h"
#include "libs/graph/npy.h"
#include "tools/dataset/check/checked_graph.h"
#include "tools/dataset/check/feature_check.h"

namespace fairlead {
namespace {

// Checks the edges of one type in one direction.
class TopologyCheck {
 public:
  TopologyCheck(const EdgeTypeName& type, EdgeDir direction,
                const TopologyManifest& manifest, CheckedGraph* graph,
                CheckedPartition* partition, Findings* findings)
      : row_type_(direction == EdgeDir::kOut ? type.src : type.dst),
        neighbor_type_(direction == EdgeDir::kOut ? type.dst : type.src),
        name_(type.ToString()),
        manifest_(manifest),
        graph_(graph),
        partition_(partition),
        files_(&partition->files),
        findings_(findings) {}

  // The topology, if it can be walked.
  std::optional<Topology> Check(const CheckedBooks* books) {
    const std::optional<IdArray> indptr = files_->Ids(manifest_.indptr);
    const std::optional<IdArray> indices = files_->Ids(manifest_.indices);
    if (!indices.has_value()) return std::nullopt;
    topology_.indices = *indices;
    topology_.first_edge_id = manifest_.first_edge_id;
    const bool ids_are_good = CheckEdgeIds(books);
    CheckNeighbors();
    CheckPerEdge();
    if (!indptr.has_value()) return std::nullopt;
    topology_.indptr = *indptr;
    if (!CheckIndptr() || !ids_are_good) return std::nullopt;
    CheckRows();
    return topology_;
  }

 private:
  bool CheckIndptr() {
    const IdArray& indptr = topology_.indptr;
    const std::string file = files_->Name(manifest_.indptr);
    const IdSpace* rows = CheckedGraph::Find(partition_->nodes, row_type_);
    if (indptr.empty() ||
        (rows != nullptr &&
         static_cast<int64_t>(indptr.size()) - 1 != rows->size())) {
      findings_->Error(
          "indptr.rows", file, std::nullopt,
          absl::StrCat(
              "has ", indptr.size(),
              " entries; it needs one more than the nodes of type ", row_type_,
              rows == nullptr ? std::string()
                              : absl::StrCat(", which are ", rows->size())));
      return false;
    }
    bool good = rows != nullptr;
    const int64_t edges = topology_.num_edges();
    const auto bad = [&](size_t i, const std::string& why) {
      findings_->Error("indptr.order", file, static_cast<int64_t>(i),
                       absl::StrCat("is ", indptr[i], why));
      good = false;
    };
    if (indptr[0] != 0) bad(0, "; it must begin with 0");
    for (size_t i = 1; i < indptr.size(); ++i) {
      if (indptr[i] < indptr[i - 1]) {
        bad(i, absl::StrCat(" after ", indptr[i - 1], "; it must rise"));
      }
    }
    if (indptr[indptr.size() - 1] != edges) {
      bad(indptr.size() - 1, absl::StrCat("; it must end with ", edges,
                                          ", the number of edges in ",
                                          files_->Name(manifest_.indices)));
    }
    return good;
  }

  // Each neighbour must be a node that some partition has.
  void CheckNeighbors() {
    const CheckedNodes* all = CheckedGraph::Find(graph_->nodes, neighbor_type_);
    if (all == nullptr) return;
    const std::string file = files_->Name(manifest_.indices);
    for (size_t i = 0; i < topology_.indices.size(); ++i) {
      const int64_t id = topology_.indices[i];
      if (all->ids.Row(id) >= 0) continue;
      findings_->Error(
          "neighbors.unknown", file, static_cast<int64_t>(i),
          absl::StrCat("is ", id, ", which is no node of type ", neighbor_type_,
                       graph_->partitions.size() > 1 ? " in any partition" : "",
                       "; these are ", all->ids.size(), ", below ",
                       all->ids.end()));
    }
  }

  // False if they cannot be read.
  bool CheckEdgeIds(const CheckedBooks* books) {
    std::string file = files_->Name(manifest_.indices);
    if (!manifest_.edge_ids.empty()) {
      const std::optional<IdArray> ids = files_->Ids(manifest_.edge_ids);
      if (!ids.has_value()) return false;
      file = files_->Name(manifest_.edge_ids);
      if (ids->size() != topology_.indices.size()) {
        findings_->Error("edge_ids.rows", file, std::nullopt,
                         absl::StrCat("has ", ids->size(), " ids for ",
                                      topology_.num_edges(), " edges"));
        return false;
      }
      topology_.edge_ids = *ids;
      for (size_t i = 0; i < ids->size(); ++i) {
        if ((*ids)[i] >= 0) continue;
        findings_->Error("edge_ids.negative", file, static_cast<int64_t>(i),
                         absl::StrCat("is ", (*ids)[i], "; ids are 0 or more"));
      }
    } else if (topology_.first_edge_id > INT64_MAX - topology_.num_edges()) {
      findings_->Error(
          "edge_ids", files_->Name("dataset.json"), std::nullopt,
          absl::StrCat("edge type ", name_, ": its first_edge_id is too far"));
      return false;
    }
    if (books == nullptr || books->ids == nullptr) return true;
    ForEachForeign(
        *books->ids, partition_->index, topology_.num_edges(),
        [this](int64_t position) { return topology_.EdgeId(position); },
        [&](int64_t row, int64_t id, uint32_t owner) {
          findings_->Error(
              "edge_ids.foreign", file, row,
              absl::StrCat("edge ", id, " of type ", name_, " is ",
                           OwnerText(owner), " by the book ", books->name));
        });
    return true;
  }

  void CheckPerEdge() {
    const int64_t edges = topology_.num_edges();
    if (!manifest_.timestamps.empty()) {
      files_->Vector(manifest_.timestamps, "i8", edges, "edges");
    }
    if (manifest_.weights.empty()) return;
    const NpyFile* file =
        files_->Vector(manifest_.weights, "f4", edges, "edges");
    if (file == nullptr) return;
    const absl::Span<const float> weights = file->As<float>();
    for (size_t i = 0; i < weights.size(); ++i) {
      if (std::isfinite(weights[i]) && weights[i] >= 0) continue;
      findings_->Error("weights", files_->Name(manifest_.weights),
                       static_cast<int64_t>(i),
                       absl::StrCat("is ", weights[i],
                                    "; weights are 0 or more, and finite"));
    }
  }

  // What the lists of neighbours are like.
  void CheckRows() {
    CheckedNodes* rows = CheckedGraph::Find(graph_->nodes, row_type_);
    CheckedNodes* others = CheckedGraph::Find(graph_->nodes, neighbor_type_);
    const IdSpace& ids = partition_->nodes.at(row_type_);
    int64_t unsorted = 0;
    int64_t parallel = 0;
    std::vector<int64_t> neighbors;
    for (int64_t row = 0; row < topology_.num_rows(); ++row) {
      const auto begin =
          static_cast<size_t>(topology_.indptr[static_cast<size_t>(row)]);
      const auto end =
          static_cast<size_t>(topology_.indptr[static_cast<size_t>(row) + 1]);
      neighbors.clear();
      for (size_t i = begin; i < end; ++i) {
        neighbors.push_back(topology_.indices[i]);
        Mark(others, neighbors.back());
      }
      if (begin < end) Mark(rows, ids.Id(row));
      if (!std::is_sorted(neighbors.begin(), neighbors.end())) {
        ++unsorted;
        std::sort(neighbors.begin(), neighbors.end());
      }
      for (size_t i = 1; i < neighbors.size(); ++i) {
        parallel += neighbors[i] == neighbors[i - 1] ? 1 : 0;
      }
    }
    const std::string file = files_->Name(manifest_.indices);
    if (unsorted > 0) {
      findings_->Info("edges.unsorted", file,
                      absl::StrCat(unsorted, " of ", topology_.num_rows(),
                                   " nodes have neighbours that do not "
                                   "ascend"));
    }
    if (parallel > 0) {
      findings_->Info("edges.parallel", file,
                      absl::StrCat(parallel, " of ", topology_.num_edges(),
                                   " edges repeat one before"));
    }
  }

  static void Mark(CheckedNodes* nodes, int64_t id) {
    if (nodes == nullptr || nodes->has_edge.empty()) return;
    const int64_t row = nodes->ids.Row(id);
    if (row >= 0) nodes->has_edge[static_cast<size_t>(row)] = true;
  }

  const std::string& row_type_;
  const std::string& neighbor_type_;
  const std::string name_;
  const TopologyManifest& manifest_;
  CheckedGraph* const graph_;
  CheckedPartition* const partition_;
  ArrayFiles* const files_;
  Findings* const findings_;
  Topology topology_;
};

void CheckEdgeFeatures(const EdgeTypeManifest& type, const CheckedBooks* books,
                       CheckedPartition* partition, Findings* findings) {
  std::optional<IdSpace> by_default;
  const auto& edges = type.out.has_value() ? partition->out : partition->in;
  const CheckedTopology* listed = CheckedGraph::Find(edges, type.name);
  if (listed != nullptr) {
    by_default = IdSpace::Range(listed->topology.first_edge_id,
                                listed->topology.num_edges());
  }
  CheckFeatures(*type.features, by_default, books,
                absl::StrCat("edge type ", type.name.ToString()), partition,
                findings);
}

}  // namespace

void CheckEdges(CheckedGraph* graph, CheckedPartition* partition,
                Findings* findings) {
  for (const EdgeTypeManifest& type : partition->manifest.edge_types) {
    const CheckedBooks* books =
        CheckedGraph::Find(graph->edge_books, type.name);
    const auto check = [&](const std::optional<TopologyManifest>& manifest,
                           EdgeDir direction, const CheckedBooks* of_ids,
                           std::map<EdgeTypeName, CheckedTopology>* into) {
      if (!manifest.has_value()) return;
      std::optional<Topology> topology =
          TopologyCheck(type.name, direction, *manifest, graph, partition,
                        findings)
              .Check(of_ids);
      if (topology.has_value()) {
        (*into)[type.name] = {&*manifest, *topology};
      }
    };
    // An edge that is listed by both ends may lie in two partitions, of which
    // the book says one: that takes all partitions to see.
    const CheckedBooks* of_one =
        type.out.has_value() && type.in.has_value() ? nullptr : books;
    check(type.out, EdgeDir::kOut, of_one, &partition->out);
    check(type.in, EdgeDir::kIn, of_one, &partition->in);
    if (type.features.has_value()) {
      CheckEdgeFeatures(type, books, partition, findings);
    }
  }
}

}  // namespace fairlead
