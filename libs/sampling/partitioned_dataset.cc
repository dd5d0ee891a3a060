#include "libs/sampling/partitioned_dataset.h"

#include <stdlib.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "gtest/gtest.h"
#include "libs/graph/dataset.h"
#include "libs/graph/dataset_manifest.h"
#include "libs/graph/dataset_writer.h"
#include "libs/graph/element_type.h"
#include "libs/graph/id_writer.h"
#include "libs/graph/npy.h"
#include "libs/graph/partition_book.h"
#include "libs/graph/table.h"
#include "libs/random/philox.h"
#include "libs/sampling/neighbor_draw.h"
#include "libs/sampling/neighbor_gather.h"
#include "libs/status/status_macros.h"

namespace fairlead::testing {
namespace {

absl::StatusOr<std::string> NewFolder() {
  std::string folder = ::testing::TempDir() + "/graph-XXXXXX";
  if (mkdtemp(folder.data()) != nullptr) return folder;
  return absl::UnavailableError(absl::StrCat("cannot make ", folder));
}

// By id, the partition that has it; kNoPartition where there is no such node.
using Owners = std::vector<uint32_t>;

class Writer {
 public:
  Writer(const Dataset& whole, uint32_t partitions, BookKind kind,
         std::string folder)
      : whole_(whole),
        partitions_(partitions),
        kind_(kind),
        folder_(std::move(folder)) {}

  absl::Status Write() {
    manifest_.name = whole_.name();
    for (const NodeType& type : whole_.node_types()) {
      FAIRLEAD_RETURN_IF_ERROR(WriteNodeBook(type));
    }
    for (const EdgeType& type : whole_.edge_types()) {
      FAIRLEAD_RETURN_IF_ERROR(WriteEdgeBook(type));
    }
    for (uint32_t p = 0; p < partitions_; ++p) {
      manifest_.partitions.push_back(absl::StrCat("part", p));
      FAIRLEAD_RETURN_IF_ERROR(WritePartition(p));
    }
    return WriteManifest(folder_, manifest_);
  }

 private:
  absl::StatusOr<PartitionBookManifest> WriteTable(const Owners& owners) {
    PartitionBookManifest book;
    book.table = absl::StrCat("book", num_tables_++, ".npy");
    book.num_partitions = partitions_;
    FAIRLEAD_RETURN_IF_ERROR(WritePartitionTable(
        absl::StrCat(folder_, "/", book.table), partitions_, owners));
    return book;
  }

  absl::Status WriteNodeBook(const NodeType& type) {
    Owners owners(static_cast<size_t>(type.ids.end()), kNoPartition);
    auto& books = manifest_.node_types.emplace_back();
    books.name = type.name;
    if (kind_ == BookKind::kRange) {
      FAIRLEAD_ASSIGN_OR_RETURN(
          const auto book,
          RangePartitionBook::CreateEven(type.ids.end(), partitions_));
      books.books.ids = book.Manifest();
      std::vector<int64_t> ids;
      for (int64_t id = 0; id < type.ids.end(); ++id) ids.push_back(id);
      FAIRLEAD_RETURN_IF_ERROR(book.PartitionOf(ids, absl::MakeSpan(owners)));
    } else {
      for (int64_t row = 0; row < type.ids.size(); ++row) {
        const int64_t id = type.ids.Id(row);
        owners[static_cast<size_t>(id)] =
            kind_ == BookKind::kHash
                ? HashOwner(id, partitions_)
                : static_cast<uint32_t>(SplitMix64(~static_cast<uint64_t>(id)) %
                                        partitions_);
      }
      if (kind_ == BookKind::kHash) {
        books.books.ids = {.hashed_ids = type.ids.end(),
                           .num_partitions = partitions_};
      } else {
        FAIRLEAD_ASSIGN_OR_RETURN(books.books.ids, WriteTable(owners));
      }
    }
    owners_.push_back(std::move(owners));
    return absl::OkStatus();
  }

  // Edges are where the node is that lists them; by their source if both do.
  absl::Status WriteEdgeBook(const EdgeType& type) {
    const EdgeDir direction =
        type.out.has_value() ? EdgeDir::kOut : EdgeDir::kIn;
    const Topology& topology = *type.topology(direction);
    const auto row_type = static_cast<size_t>(type.row_type(direction));
    Owners edge_owners;
    for (int64_t row = 0; row < topology.num_rows(); ++row) {
      const int64_t id = whole_.node_types()[row_type].ids.Id(row);
      for (int64_t i = topology.indptr[static_cast<size_t>(row)];
           i < topology.indptr[static_cast<size_t>(row) + 1]; ++i) {
        const auto edge = static_cast<size_t>(topology.EdgeId(i));
        if (edge >= edge_owners.size()) {
          edge_owners.resize(edge + 1, kNoPartition);
        }
        edge_owners[edge] = owners_[row_type][static_cast<size_t>(id)];
      }
    }
    auto& books = manifest_.edge_types.emplace_back();
    books.name = type.name;
    FAIRLEAD_ASSIGN_OR_RETURN(books.books.ids, WriteTable(edge_owners));
    edge_owners_.push_back(std::move(edge_owners));
    return absl::OkStatus();
  }

  absl::Status WritePartition(uint32_t p) {
    part_folder_ = absl::StrCat(folder_, "/part", p);
    std::error_code error;
    if (!std::filesystem::create_directory(part_folder_, error)) {
      return absl::UnavailableError(absl::StrCat(part_folder_, ": not made"));
    }
    DatasetManifest manifest;
    manifest.name = whole_.name();
    std::vector<std::vector<int64_t>> own_ids;
    for (size_t t = 0; t < whole_.node_types().size(); ++t) {
      const NodeType& type = whole_.node_types()[t];
      const std::vector<int64_t>& ids =
          own_ids.emplace_back(OwnIds(owners_[t], p));
      NodeTypeManifest& nodes = manifest.node_types.emplace_back();
      nodes.name = type.name;
      nodes.num_nodes = static_cast<int64_t>(ids.size());
      if (kind_ == BookKind::kRange) {
        nodes.ids.first_id = ids.empty() ? 0 : ids[0];
      } else {
        nodes.ids.file = absl::StrCat("ids", t, ".npy");
        FAIRLEAD_RETURN_IF_ERROR(WriteNpy<int64_t>(Path(nodes.ids.file), "i8",
                                                   {nodes.num_nodes}, ids));
      }
      FAIRLEAD_RETURN_IF_ERROR(WriteNodeRows(type, ids, &nodes));
    }
    for (size_t e = 0; e < whole_.edge_types().size(); ++e) {
      const EdgeType& type = whole_.edge_types()[e];
      EdgeTypeManifest& edges = manifest.edge_types.emplace_back();
      edges.name = type.name;
      const auto rows = [&](EdgeDir direction) {
        return own_ids[static_cast<size_t>(type.row_type(direction))];
      };
      if (type.out.has_value()) {
        FAIRLEAD_RETURN_IF_ERROR(WriteTopology(
            type, EdgeDir::kOut, rows(EdgeDir::kOut), &edges.out.emplace()));
      }
      if (type.in.has_value()) {
        FAIRLEAD_RETURN_IF_ERROR(WriteTopology(
            type, EdgeDir::kIn, rows(EdgeDir::kIn), &edges.in.emplace()));
      }
      if (type.features.has_value()) {
        FAIRLEAD_RETURN_IF_ERROR(WriteEdgeFeatures(
            type, OwnIds(edge_owners_[e], p), &edges.features.emplace()));
      }
    }
    return WriteManifest(part_folder_, manifest);
  }

  static std::vector<int64_t> OwnIds(const Owners& owners, uint32_t p) {
    std::vector<int64_t> ids;
    for (size_t id = 0; id < owners.size(); ++id) {
      if (owners[id] == p) ids.push_back(static_cast<int64_t>(id));
    }
    return ids;
  }

  absl::Status WriteNodeRows(const NodeType& type,
                             const std::vector<int64_t>& ids,
                             NodeTypeManifest* nodes) {
    nodes->num_classes = type.num_classes;
    if (type.features.has_value()) {
      FAIRLEAD_RETURN_IF_ERROR(WriteFeatures(*type.features, ids, type.name,
                                             &nodes->features.emplace()));
    }
    if (type.labels.has_value()) {
      nodes->labels = absl::StrCat(type.name, ".labels.npy");
      FAIRLEAD_RETURN_IF_ERROR(
          WriteRows(*type.labels, ids, Path(nodes->labels)));
    }
    const auto write = [&](const char* what, const std::vector<int64_t>& values,
                           std::string* file) {
      *file = absl::StrCat(type.name, ".", what, ".npy");
      return WriteNpy<int64_t>(Path(*file), "i8",
                               {static_cast<int64_t>(values.size())}, values);
    };
    if (!type.timestamps.empty()) {
      std::vector<int64_t> times;
      times.reserve(ids.size());
      for (const int64_t id : ids) {
        times.push_back(type.timestamps[static_cast<size_t>(type.ids.Row(id))]);
      }
      FAIRLEAD_RETURN_IF_ERROR(write("times", times, &nodes->timestamps));
    }
    const struct {
      const char* name;
      const std::optional<absl::Span<const int64_t>>& ids;
      std::string& file;
    } splits[] = {{"train", type.train, nodes->train},
                  {"val", type.val, nodes->val},
                  {"test", type.test, nodes->test}};
    for (const auto& split : splits) {
      if (!split.ids.has_value()) continue;
      std::vector<int64_t> own;
      for (const int64_t id : *split.ids) {
        if (std::binary_search(ids.begin(), ids.end(), id)) own.push_back(id);
      }
      FAIRLEAD_RETURN_IF_ERROR(write(split.name, own, &split.file));
    }
    return absl::OkStatus();
  }

  absl::Status WriteEdgeFeatures(const EdgeType& type,
                                 const std::vector<int64_t>& ids,
                                 FeaturesManifest* features) {
    const std::string name = type.name.ToString();
    IdsManifest& owned = features->ids.emplace();
    owned.file = absl::StrCat(name, ".features.ids.npy");
    FAIRLEAD_RETURN_IF_ERROR(WriteNpy<int64_t>(
        Path(owned.file), "i8", {static_cast<int64_t>(ids.size())}, ids));
    return WriteFeatures(*type.features, ids, name, features);
  }

  absl::Status WriteFeatures(const RowStore& store,
                             const std::vector<int64_t>& ids,
                             const std::string& name,
                             FeaturesManifest* features) {
    features->file = absl::StrCat(name, ".features.npy");
    features->element_type = store.table.element_type;
    if (!store.scale.empty()) {
      features->scale = absl::StrCat(name, ".scale.npy");
      FAIRLEAD_RETURN_IF_ERROR(WriteNpy<float>(
          Path(features->scale), "f4",
          {static_cast<int64_t>(store.scale.size())}, store.scale));
    }
    return WriteRows(store, ids, Path(features->file));
  }

  static absl::Status WriteRows(const RowStore& store,
                                const std::vector<int64_t>& ids,
                                const std::string& path) {
    std::vector<uint8_t> rows(ids.size() *
                              static_cast<size_t>(store.table.row_bytes()));
    FAIRLEAD_RETURN_IF_ERROR(store.Gather(ids, absl::MakeSpan(rows)));
    return WriteNpy<uint8_t>(
        path, NpyDtype(store.table.element_type),
        {static_cast<int64_t>(ids.size()), store.table.columns}, rows);
  }

  std::string Path(const std::string& file) const {
    return absl::StrCat(part_folder_, "/", file);
  }

  absl::Status WriteTopology(const EdgeType& type, EdgeDir direction,
                             const std::vector<int64_t>& rows,
                             TopologyManifest* manifest) {
    const Topology& from = *type.topology(direction);
    const IdSpace& ids =
        whole_.node_types()[static_cast<size_t>(type.row_type(direction))].ids;
    std::vector<int64_t> indptr = {0};
    std::vector<int64_t> indices;
    std::vector<int64_t> edge_ids;
    std::vector<float> weights;
    std::vector<int64_t> timestamps;
    for (const int64_t id : rows) {
      const auto row = static_cast<size_t>(ids.Row(id));
      for (int64_t i = from.indptr[row]; i < from.indptr[row + 1]; ++i) {
        const auto at = static_cast<size_t>(i);
        indices.push_back(from.indices[at]);
        edge_ids.push_back(from.EdgeId(i));
        if (!from.weights.empty()) weights.push_back(from.weights[at]);
        if (!from.timestamps.empty()) timestamps.push_back(from.timestamps[at]);
      }
      indptr.push_back(static_cast<int64_t>(indices.size()));
    }
    const auto name = [&](const char* what) {
      return absl::StrCat(type.name.ToString(),
                          direction == EdgeDir::kOut ? ".out." : ".in.", what,
                          ".npy");
    };
    const auto count = static_cast<int64_t>(indices.size());
    manifest->indptr = name("indptr");
    manifest->indices = name("indices");
    manifest->edge_ids = name("edge_ids");
    FAIRLEAD_RETURN_IF_ERROR(
        WriteIds(Path(manifest->indptr), indptr, INT64_MAX));
    FAIRLEAD_RETURN_IF_ERROR(
        WriteIds(Path(manifest->indices), indices, INT32_MAX));
    FAIRLEAD_RETURN_IF_ERROR(
        WriteIds(Path(manifest->edge_ids), edge_ids, INT64_MAX));
    if (!from.weights.empty()) {
      manifest->weights = name("weights");
      FAIRLEAD_RETURN_IF_ERROR(
          WriteNpy<float>(Path(manifest->weights), "f4", {count}, weights));
    }
    if (!from.timestamps.empty()) {
      manifest->timestamps = name("timestamps");
      FAIRLEAD_RETURN_IF_ERROR(WriteNpy<int64_t>(Path(manifest->timestamps),
                                                 "i8", {count}, timestamps));
    }
    return absl::OkStatus();
  }

  const Dataset& whole_;
  const uint32_t partitions_;
  const BookKind kind_;
  const std::string folder_;
  std::string part_folder_;
  int num_tables_ = 0;
  std::vector<Owners> owners_;  // by node type
  std::vector<Owners> edge_owners_;
  PartitionsManifest manifest_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<const Dataset>> WriteWhole(
    DatasetContents contents) {
  FAIRLEAD_ASSIGN_OR_RETURN(const std::string folder, NewFolder());
  FAIRLEAD_RETURN_IF_ERROR(WriteDataset(folder, std::move(contents)));
  return Dataset::Load(folder);
}

absl::StatusOr<PartitionedDataset> PartitionedDataset::Create(
    const Dataset& whole, uint32_t partitions, BookKind kind) {
  FAIRLEAD_ASSIGN_OR_RETURN(const std::string folder, NewFolder());
  FAIRLEAD_RETURN_IF_ERROR(Writer(whole, partitions, kind, folder).Write());
  PartitionedDataset dataset;
  for (uint32_t p = 0; p < partitions; ++p) {
    FAIRLEAD_ASSIGN_OR_RETURN(
        dataset.partitions_.emplace_back(),
        Dataset::Load(folder, {.partition = p, .verify = true}));
  }
  return dataset;
}

absl::Status PartitionedDataset::Answer(
    std::vector<NeighborFetch>& fetches) const {
  NeighborDrawer drawer;
  for (NeighborFetch& fetch : fetches) {
    const Dataset& owner = partition(fetch.partition);
    const EdgeType& type =
        owner.edge_types()[static_cast<size_t>(fetch.edge_type)];
    const auto row_type = static_cast<size_t>(type.row_type(fetch.direction));
    FAIRLEAD_RETURN_IF_ERROR(CheckDrawSpec(type, fetch.direction, fetch.spec));
    fetch.answer.Clear();
    FAIRLEAD_RETURN_IF_ERROR(drawer.Draw(
        *type.topology(fetch.direction), owner.node_types()[row_type].ids,
        fetch.nodes, {.times = fetch.times, .salts = fetch.salts}, fetch.spec,
        &fetch.answer));
  }
  return absl::OkStatus();
}

}  // namespace fairlead::testing
