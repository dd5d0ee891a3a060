#include "tools/dataset/import/glt_partition.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "libs/glt_folder/glt_folder.h"
#include "libs/glt_folder/glt_meta.h"
#include "libs/graph/dataset.h"
#include "libs/graph/element_type.h"
#include "libs/status/status_macros.h"
#include "tools/dataset/arrays/graph_arrays.h"

namespace fairlead {
namespace {

absl::Status Bad(const std::string& file, size_t row, const std::string& why) {
  return absl::InvalidArgumentError(
      absl::StrCat(file, ": row ", row, ": ", why));
}

// "ROOT/part1/graph/user__buys__item": where GLT keeps something of a type.
std::string GltPath(const GltFolder& folder, uint32_t partition,
                    const char* what, const std::string& type) {
  std::string path = absl::StrCat(folder.path(), "/part", partition, "/", what);
  if (!type.empty()) absl::StrAppend(&path, "/", type);
  return path;
}

std::string BookPath(const GltFolder& folder, const char* what,
                     const std::string& type) {
  return type.empty()
             ? absl::StrCat(folder.path(), "/", what, ".pt")
             : absl::StrCat(folder.path(), "/", what, "/", type, ".pt");
}

// Either of the names that versions of GLT use.
std::string IdsFile(const std::string& path) {
  std::error_code ignored;
  const std::string newer = absl::StrCat(path, "/ids.pkl");
  return std::filesystem::exists(newer, ignored)
             ? newer
             : absl::StrCat(path, "/ids.pt");
}

// Every row must be of an id that the partition owns.
absl::Status CheckOwned(const std::string& file,
                        const std::vector<int64_t>& ids, const GltBook& book,
                        const std::string& book_file, uint32_t partition) {
  for (size_t i = 0; i < ids.size(); ++i) {
    const auto id = static_cast<size_t>(ids[i]);
    if (id >= book.owners.size()) {
      return Bad(file, i,
                 absl::StrCat("is ", ids[i], ", which is beyond ", book_file,
                              ", which has ", book.owners.size(), " ids"));
    }
    if (book.owners[id] == partition) continue;
    return Bad(file, i,
               absl::StrCat("is ", ids[i], ", which is partition ",
                            book.owners[id], "'s by ", book_file));
  }
  return absl::OkStatus();
}

absl::Status CheckWithin(const std::string& file,
                         const std::vector<int64_t>& ids, const GltBook& book,
                         const std::string& book_file) {
  for (size_t i = 0; i < ids.size(); ++i) {
    if (static_cast<size_t>(ids[i]) < book.owners.size()) continue;
    return Bad(file, i,
               absl::StrCat("is ", ids[i], ", which is beyond ", book_file,
                            ", which has ", book.owners.size(), " ids"));
  }
  return absl::OkStatus();
}

// Features of the partition's own, checked against the book, and of others.
absl::StatusOr<FeatureArrays> MakeFeatures(
    GltFeatures features, const std::string& path, const GltBook& book,
    const std::string& book_file, uint32_t partition, GraphArrays* graph) {
  const std::string file = IdsFile(path);
  FAIRLEAD_RETURN_IF_ERROR(
      CheckOwned(file, features.owned.ids, book, book_file, partition));
  const std::string cache_file = absl::StrCat(path, "/cache_ids.pt");
  FAIRLEAD_RETURN_IF_ERROR(
      CheckWithin(cache_file, features.cached.ids, book, book_file));
  const absl::flat_hash_set<int64_t> owned(features.owned.ids.begin(),
                                           features.owned.ids.end());
  for (size_t id = 0; id < book.owners.size(); ++id) {
    if (book.owners[id] != partition ||
        owned.contains(static_cast<int64_t>(id))) {
      continue;
    }
    return absl::InvalidArgumentError(
        absl::StrCat(file, ": has no row for ", id, ", which is partition ",
                     partition, "'s by ", book_file, " (row ", id, ")"));
  }
  FeatureArrays arrays;
  arrays.columns = static_cast<int64_t>(features.columns);
  const auto keep = [&](GltFeatureRows rows) -> absl::StatusOr<FeatureRows> {
    FAIRLEAD_ASSIGN_OR_RETURN(
        Elements elements,
        ToFeatureType(features.dtype, std::move(rows.bytes), path));
    arrays.element_type = elements.type;
    auto bytes =
        std::make_shared<const std::vector<uint8_t>>(std::move(elements.bytes));
    graph->keep.push_back(bytes);
    return RowsOf(
        std::move(rows.ids), bytes->data(),
        arrays.columns * static_cast<int64_t>(ElementBytes(elements.type)));
  };
  FAIRLEAD_ASSIGN_OR_RETURN(const FeatureRows cached,
                            keep(std::move(features.cached)));
  FAIRLEAD_ASSIGN_OR_RETURN(arrays.owned, keep(std::move(features.owned)));
  for (size_t i = 0; i < cached.ids.size(); ++i) {
    if (owned.contains(cached.ids[i])) continue;
    arrays.cached.ids.push_back(cached.ids[i]);
    arrays.cached.rows.push_back(cached.rows[i]);
  }
  return arrays;
}

}  // namespace

std::string NodeTypeName(const std::string& glt_name) {
  return glt_name.empty() ? "node" : glt_name;
}

EdgeTypeName EdgeTypeNameOf(const GltEdgeType& type) {
  if (type.Name().empty()) return {"node", "to", "node"};
  return {type.src, type.relation, type.dst};
}

GltPartitionReader::GltPartitionReader(const GltFolder& folder,
                                       const GltBooks& books, EdgeDir edge_dir)
    : folder_(folder), books_(books), edge_dir_(edge_dir) {
  for (const auto& [name, book] : books.edges) {
    seen_[name].assign(book.owners.size(), 0);
  }
}

absl::StatusOr<GraphArrays> GltPartitionReader::Read(uint32_t partition) {
  GraphArrays graph;
  for (const std::string& type : folder_.meta().node_types) {
    FAIRLEAD_ASSIGN_OR_RETURN(graph.nodes.emplace_back(),
                              ReadNodes(partition, type, &graph));
  }
  for (const GltEdgeType& type : folder_.meta().edge_types) {
    FAIRLEAD_ASSIGN_OR_RETURN(graph.edges.emplace_back(),
                              ReadEdges(partition, type, &graph));
  }
  return graph;
}

absl::StatusOr<NodeArrays> GltPartitionReader::ReadNodes(
    uint32_t partition, const std::string& type, GraphArrays* graph) {
  NodeArrays nodes;
  nodes.name = NodeTypeName(type);
  const GltBook& book = books_.nodes.at(type);
  for (size_t id = 0; id < book.owners.size(); ++id) {
    if (book.owners[id] == partition) {
      nodes.ids.push_back(static_cast<int64_t>(id));
    }
  }
  FAIRLEAD_ASSIGN_OR_RETURN(std::optional<GltFeatures> features,
                            folder_.NodeFeatures(partition, type));
  if (features.has_value()) {
    FAIRLEAD_ASSIGN_OR_RETURN(
        nodes.features,
        MakeFeatures(*std::move(features),
                     GltPath(folder_, partition, "node_feat", type), book,
                     BookPath(folder_, "node_pb", type), partition, graph));
  }
  const auto labels = books_.labels.find(type);
  if (labels == books_.labels.end()) return nodes;
  nodes.label_columns = static_cast<int64_t>(labels->second.columns);
  nodes.labels_are_matrix = nodes.label_columns != 1;
  const std::vector<int64_t>& values = labels->second.values;
  nodes.num_classes = nodes.labels_are_matrix ? 0 : CountClasses(values);
  nodes.labels.emplace();
  for (const int64_t id : nodes.ids) {
    const auto row = values.begin() + id * nodes.label_columns;
    nodes.labels->insert(nodes.labels->end(), row, row + nodes.label_columns);
  }
  return nodes;
}

absl::Status GltPartitionReader::CheckEdges(uint32_t partition,
                                            const GltEdgeType& type,
                                            const GltEdges& edges) {
  const std::string path = GltPath(folder_, partition, "graph", type.Name());
  const std::string src = folder_.meta().heterogeneous ? type.src : "";
  const std::string dst = folder_.meta().heterogeneous ? type.dst : "";
  const auto check = [&](const char* file, const std::vector<int64_t>& ids,
                         const std::string& node_type, bool is_owner) {
    const GltBook& book = books_.nodes.at(node_type);
    const std::string name = BookPath(folder_, "node_pb", node_type);
    const std::string full = absl::StrCat(path, "/", file);
    return is_owner ? CheckOwned(full, ids, book, name, partition)
                    : CheckWithin(full, ids, book, name);
  };
  const bool by_src = edge_dir_ == EdgeDir::kOut;
  FAIRLEAD_RETURN_IF_ERROR(check("rows.pt", edges.rows, src, by_src));
  FAIRLEAD_RETURN_IF_ERROR(check("cols.pt", edges.cols, dst, !by_src));
  const std::string eids = absl::StrCat(path, "/eids.pt");
  FAIRLEAD_RETURN_IF_ERROR(
      CheckOwned(eids, edges.eids, books_.edges.at(type.Name()),
                 BookPath(folder_, "edge_pb", type.Name()), partition));
  std::vector<uint32_t>& seen = seen_[type.Name()];
  for (size_t i = 0; i < edges.eids.size(); ++i) {
    uint32_t& where = seen[static_cast<size_t>(edges.eids[i])];
    if (where != 0) {
      return Bad(eids, i,
                 absl::StrCat("is ", edges.eids[i], ", which partition ",
                              where - 1, " has already"));
    }
    where = partition + 1;
  }
  return absl::OkStatus();
}

absl::StatusOr<EdgeArrays> GltPartitionReader::ReadEdges(
    uint32_t partition, const GltEdgeType& type, GraphArrays* graph) {
  FAIRLEAD_ASSIGN_OR_RETURN(GltEdges read, folder_.Edges(partition, type));
  FAIRLEAD_RETURN_IF_ERROR(CheckEdges(partition, type, read));
  EdgeArrays edges;
  edges.name = EdgeTypeNameOf(type);
  edges.src = std::move(read.rows);
  edges.dst = std::move(read.cols);
  edges.ids = std::move(read.eids);
  edges.weights = std::move(read.weights);
  edges.out = edge_dir_ == EdgeDir::kOut;
  edges.in = !edges.out;
  FAIRLEAD_ASSIGN_OR_RETURN(std::optional<GltFeatures> features,
                            folder_.EdgeFeatures(partition, type));
  if (features.has_value()) {
    FAIRLEAD_ASSIGN_OR_RETURN(
        edges.features,
        MakeFeatures(*std::move(features),
                     GltPath(folder_, partition, "edge_feat", type.Name()),
                     books_.edges.at(type.Name()),
                     BookPath(folder_, "edge_pb", type.Name()), partition,
                     graph));
  }
  return edges;
}

absl::Status GltPartitionReader::CheckAllEdgesSeen() const {
  for (const auto& [type, seen] : seen_) {
    for (size_t id = 0; id < seen.size(); ++id) {
      if (seen[id] != 0) continue;
      return Bad(BookPath(folder_, "edge_pb", type), id,
                 absl::StrCat("gives edge ", id, " to partition ",
                              books_.edges.at(type).owners[id],
                              ", but no partition has such an edge"));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<EdgeDir> DetectEdgeDir(const GltFolder& folder,
                                      const GltBooks& books) {
  int64_t not_by_src = 0;
  int64_t not_by_dst = 0;
  for (uint32_t part = 0; part < folder.meta().num_partitions; ++part) {
    for (const GltEdgeType& type : folder.meta().edge_types) {
      FAIRLEAD_ASSIGN_OR_RETURN(const GltEdges edges, folder.Edges(part, type));
      const bool hetero = folder.meta().heterogeneous;
      const auto count = [&](const std::vector<int64_t>& ids,
                             const std::string& node_type, int64_t* wrong) {
        const GltBook& book = books.nodes.at(hetero ? node_type : "");
        for (const int64_t id : ids) {
          const auto at = static_cast<size_t>(id);
          if (at >= book.owners.size() || book.owners[at] != part) ++*wrong;
        }
      };
      count(edges.rows, type.src, &not_by_src);
      count(edges.cols, type.dst, &not_by_dst);
    }
  }
  // If neither fits, the reader names the first edge that does not fit the
  // better one.
  return not_by_src <= not_by_dst ? EdgeDir::kOut : EdgeDir::kIn;
}

}  // namespace fairlead
