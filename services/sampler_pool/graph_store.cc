#include "services/sampler_pool/graph_store.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "libs/batch_maker/channel_plan.h"
#include "libs/batch_maker/element_dtype.h"
#include "libs/graph/dataset.h"
#include "libs/graph/partition_book.h"
#include "libs/partition_client/fetch_encoding.h"
#include "libs/rpc/edge_type_proto.h"
#include "libs/sampling/ablp_label_types.h"
#include "libs/sampling/ablp_labels.h"
#include "libs/sampling/neighbor_draw.h"
#include "libs/status/status_macros.h"
#include "libs/type_names/type_names.h"
#include "protos/fairlead/v1/graph_store.pb.h"

namespace fairlead {
namespace {

// Of a chunk: half a megabyte of ids.
constexpr uint64_t kChunkIds = 65'536;
constexpr uint32_t kMaxChunkEdges = 1U << 20;

void Describe(const RowStore& store, v1::RowsMeta* meta) {
  meta->set_dtype(ToDType(store.table.element_type));
  meta->set_columns(static_cast<uint64_t>(store.table.columns));
  meta->set_rows(static_cast<uint64_t>(store.table.rows));
  meta->mutable_scale()->Add(store.scale.begin(), store.scale.end());
}

void DescribeSplit(v1::Split split,
                   const std::optional<absl::Span<const int64_t>>& ids,
                   v1::NodeTypeMeta* meta) {
  if (!ids.has_value()) return;
  v1::SplitMeta* described = meta->add_splits();
  described->set_split(split);
  described->set_nodes(ids->size());
}

absl::Span<const int64_t> View(
    const google::protobuf::RepeatedField<int64_t>& ids) {
  return absl::MakeConstSpan(ids.data(), static_cast<size_t>(ids.size()));
}

// The labels of some anchors along a label edge type.
absl::StatusOr<PaddedLabels> ReadLabels(const Dataset& dataset, int edge_type,
                                        int anchor_type,
                                        absl::Span<const int64_t> anchors,
                                        int64_t cap) {
  FAIRLEAD_ASSIGN_OR_RETURN(const LabelSide side,
                            FindLabelSide(dataset, edge_type, anchor_type));
  NeighborDrawer drawer;
  DrawnNeighbors labels;
  FAIRLEAD_RETURN_IF_ERROR(drawer.Draw(
      *dataset.edge_types()[static_cast<size_t>(edge_type)].topology(
          side.direction),
      dataset.node_types()[static_cast<size_t>(anchor_type)].ids, anchors,
      DrawContext(), {.fanout = -1}, &labels));
  return PadLabels(labels.counts, labels.neighbors, cap);
}

// Rows [from, from + count) of a matrix.
void AppendRows(const PaddedLabels& labels, size_t from, size_t count,
                google::protobuf::RepeatedField<int64_t>* out) {
  const auto columns = static_cast<size_t>(labels.columns);
  const int64_t* begin = labels.values.data() + from * columns;
  out->Add(begin, begin + count * columns);
}

}  // namespace

v1::GetDatasetMetaResponse GraphStore::Meta() const {
  v1::GetDatasetMetaResponse meta;
  meta.set_dataset_name(dataset_.name());
  meta.set_num_partitions(dataset_.num_partitions());
  meta.set_partition(dataset_.partition());
  meta.set_is_heterogeneous(dataset_.is_heterogeneous());
  meta.set_edge_dir(dataset_.Has(EdgeDir::kOut) ? v1::EDGE_DIR_OUT
                                                : v1::EDGE_DIR_IN);
  for (const NodeType& type : dataset_.node_types()) {
    v1::NodeTypeMeta* described = meta.add_node_types();
    described->set_name(type.name);
    described->set_nodes(static_cast<uint64_t>(type.num_nodes));
    described->set_id_end(static_cast<uint64_t>(type.id_end()));
    if (type.features.has_value()) {
      Describe(*type.features, described->mutable_features());
    }
    if (type.labels.has_value()) {
      Describe(*type.labels, described->mutable_labels());
    }
    described->set_classes(static_cast<uint32_t>(type.num_classes));
    described->set_has_timestamps(!type.timestamps.empty());
    DescribeSplit(v1::SPLIT_TRAIN, type.train, described);
    DescribeSplit(v1::SPLIT_VAL, type.val, described);
    DescribeSplit(v1::SPLIT_TEST, type.test, described);
  }
  for (const EdgeType& type : dataset_.edge_types()) {
    v1::EdgeTypeMeta* described = meta.add_edge_types();
    *described->mutable_edge_type() = ToProto(type.name);
    described->set_edges(static_cast<uint64_t>(type.num_edges()));
    if (type.features.has_value()) {
      Describe(*type.features, described->mutable_features());
    }
    const Topology& topology = type.out.has_value() ? *type.out : *type.in;
    described->set_has_weights(!topology.weights.empty());
    described->set_has_timestamps(!topology.timestamps.empty());
    described->set_has_out(type.out.has_value());
    described->set_has_in(type.in.has_value());
  }
  return meta;
}

absl::StatusOr<const PartitionBook*> GraphStore::FindBook(
    const v1::TypeRef& type, bool of_features) const {
  const PartitionBook* book = nullptr;
  if (type.kind_case() == v1::TypeRef::kEdgeType) {
    FAIRLEAD_ASSIGN_OR_RETURN(
        const int index, dataset_.FindEdgeType(FromProto(type.edge_type())));
    const EdgeType& found = dataset_.edge_types()[static_cast<size_t>(index)];
    book = of_features ? found.feature_book.get() : found.book.get();
  } else {
    FAIRLEAD_ASSIGN_OR_RETURN(const int index,
                              dataset_.FindNodeType(type.node_type()));
    const NodeType& found = dataset_.node_types()[static_cast<size_t>(index)];
    book = of_features ? found.feature_book.get() : found.book.get();
  }
  if (book != nullptr) return book;
  return absl::FailedPreconditionError(absl::StrCat(
      "dataset ", dataset_.name(), ": has one partition, and so no book"));
}

absl::StatusOr<v1::GetPartitionIdsResponse> GraphStore::PartitionIds(
    const v1::GetPartitionIdsRequest& request) const {
  FAIRLEAD_ASSIGN_OR_RETURN(const PartitionBook* book,
                            FindBook(request.type(), request.of_features()));
  std::vector<uint32_t> owners(static_cast<size_t>(request.ids_size()));
  FAIRLEAD_RETURN_IF_ERROR(
      book->PartitionOf(View(request.ids()), absl::MakeSpan(owners)));
  v1::GetPartitionIdsResponse response;
  response.mutable_partitions()->Add(owners.begin(), owners.end());
  return response;
}

absl::Status GraphStore::Book(
    const v1::GetPartitionBookRequest& request,
    const ChunkSink<v1::PartitionBookChunk>& sink) const {
  FAIRLEAD_ASSIGN_OR_RETURN(const PartitionBook* book,
                            FindBook(request.type(), request.of_features()));
  const PartitionBookManifest manifest = book->Manifest();
  v1::PartitionBookChunk chunk;
  chunk.set_num_partitions(book->num_partitions());
  chunk.set_num_ids(static_cast<uint64_t>(book->num_ids()));
  chunk.mutable_bounds()->Add(manifest.bounds.begin(), manifest.bounds.end());
  chunk.set_is_hashed(manifest.hashed_ids != 0);
  if (!sink(chunk) || manifest.table.empty()) return absl::OkStatus();
  std::vector<int64_t> ids;
  std::vector<uint32_t> owners;
  for (int64_t from = 0; from < book->num_ids();
       from += static_cast<int64_t>(kChunkIds)) {
    const int64_t to =
        std::min(book->num_ids(), from + static_cast<int64_t>(kChunkIds));
    ids.clear();
    for (int64_t id = from; id < to; ++id) ids.push_back(id);
    owners.resize(ids.size());
    // An id that is nobody's is not an error here: that is what it says.
    static_cast<void>(book->PartitionOf(ids, absl::MakeSpan(owners)));
    v1::PartitionBookChunk entries;
    entries.mutable_owners()->Add(owners.begin(), owners.end());
    if (!sink(entries)) break;
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::GetRowsResponse> GraphStore::Rows(
    const v1::GetRowsRequest& request) const {
  const bool of_edges = request.type().kind_case() == v1::TypeRef::kEdgeType;
  v1::RowsRequest rows;
  rows.set_of_edges(of_edges);
  if (of_edges) {
    FAIRLEAD_ASSIGN_OR_RETURN(
        const int index,
        dataset_.FindEdgeType(FromProto(request.type().edge_type())));
    rows.set_type(static_cast<uint32_t>(index));
  } else {
    FAIRLEAD_ASSIGN_OR_RETURN(
        const int index, dataset_.FindNodeType(request.type().node_type()));
    rows.set_type(static_cast<uint32_t>(index));
  }
  rows.set_kind(request.kind());
  *rows.mutable_ids() = request.ids();
  v1::PeerFetchRequest fetch;
  *fetch.add_rows() = std::move(rows);
  FAIRLEAD_ASSIGN_OR_RETURN(v1::PeerFetchResponse answer,
                            AnswerFetches(dataset_, fetch));
  v1::GetRowsResponse response;
  const auto index = static_cast<size_t>(fetch.rows(0).type());
  if (of_edges) {
    Describe(*dataset_.edge_types()[index].features, response.mutable_meta());
  } else {
    const NodeType& type = dataset_.node_types()[index];
    Describe(
        request.kind() == v1::ROW_KIND_LABELS ? *type.labels : *type.features,
        response.mutable_meta());
  }
  response.set_rows(std::move(*answer.mutable_rows(0)));
  return response;
}

absl::Status GraphStore::EdgeIndex(
    const v1::GetEdgeIndexRequest& request,
    const ChunkSink<v1::EdgeIndexChunk>& sink) const {
  if (!request.layout().empty() && request.layout() != "coo") {
    return absl::InvalidArgumentError(absl::StrCat(
        "layout: \"", request.layout(), "\" is not served; use \"coo\""));
  }
  if (request.chunk_edges() > kMaxChunkEdges) {
    return absl::InvalidArgumentError(
        absl::StrCat("chunk_edges: ", request.chunk_edges(), " is more than ",
                     kMaxChunkEdges));
  }
  FAIRLEAD_ASSIGN_OR_RETURN(
      const int index, dataset_.FindEdgeType(FromProto(request.edge_type())));
  const EdgeType& type = dataset_.edge_types()[static_cast<size_t>(index)];
  const EdgeDir direction = type.out.has_value() ? EdgeDir::kOut : EdgeDir::kIn;
  const Topology& topology = *type.topology(direction);
  const absl::Span<const NodeType> nodes = dataset_.node_types();
  const IdSpace& rows =
      nodes[static_cast<size_t>(type.row_type(direction))].ids;
  const int chunk_edges = request.chunk_edges() == 0
                              ? static_cast<int>(kChunkIds)
                              : static_cast<int>(request.chunk_edges());
  v1::EdgeIndexChunk chunk;
  chunk.set_row_count(static_cast<uint64_t>(
      nodes[static_cast<size_t>(type.src_type)].id_end()));
  chunk.set_col_count(static_cast<uint64_t>(
      nodes[static_cast<size_t>(type.dst_type)].id_end()));
  chunk.set_edges(static_cast<uint64_t>(topology.num_edges()));
  bool sent = false;
  for (int64_t row = 0; row < topology.num_rows(); ++row) {
    const int64_t id = rows.Id(row);
    const int64_t end = topology.indptr[static_cast<size_t>(row) + 1];
    for (int64_t i = topology.indptr[static_cast<size_t>(row)]; i < end; ++i) {
      const int64_t neighbor = topology.indices[static_cast<size_t>(i)];
      chunk.add_rows(direction == EdgeDir::kOut ? id : neighbor);
      chunk.add_cols(direction == EdgeDir::kOut ? neighbor : id);
      if (request.with_ids()) chunk.add_edge_ids(topology.EdgeId(i));
      if (chunk.rows_size() < chunk_edges) continue;
      if (!sink(chunk)) return absl::OkStatus();
      chunk.Clear();
      sent = true;
    }
  }
  if (!sent || chunk.rows_size() > 0) sink(chunk);
  return absl::OkStatus();
}

absl::Status GraphStore::NodeIds(
    const v1::GetNodeIdsRequest& request,
    const ChunkSink<v1::NodeIdsChunk>& sink) const {
  FAIRLEAD_ASSIGN_OR_RETURN(
      const SeedList ids,
      SelectNodes(dataset_, request.node_type(),
                  request.split() == v1::SPLIT_UNSPECIFIED ? v1::SPLIT_ALL
                                                           : request.split(),
                  request.has_slice() ? &request.slice() : nullptr));
  v1::NodeIdsChunk chunk;
  for (uint64_t i = 0; i < ids.size(); ++i) {
    chunk.add_ids(ids[i]);
    if (static_cast<uint64_t>(chunk.ids_size()) < kChunkIds) continue;
    if (!sink(chunk)) return absl::OkStatus();
    chunk.Clear();
  }
  if (chunk.ids_size() > 0) sink(chunk);
  return absl::OkStatus();
}

absl::Status GraphStore::AblpInput(
    const v1::GetAblpInputRequest& request,
    const ChunkSink<v1::AblpInputChunk>& sink) const {
  FAIRLEAD_ASSIGN_OR_RETURN(
      const SeedList seeds,
      SelectNodes(dataset_, request.node_type(), request.split(),
                  request.has_slice() ? &request.slice() : nullptr));
  FAIRLEAD_ASSIGN_OR_RETURN(const int anchor_type,
                            dataset_.FindNodeType(request.node_type()));
  const EdgeTypeName supervision = FromProto(request.supervision_edge_type());
  // Edges that can be read from either end would label others' ids.
  FAIRLEAD_ASSIGN_OR_RETURN(const int labelled_type,
                            dataset_.FindNodeType(supervision.src));
  if (labelled_type != anchor_type) {
    return absl::InvalidArgumentError(absl::StrCat(
        "supervision_edge_type: starts at nodes of type ", supervision.src,
        ", not at the anchors' node_type ", request.node_type()));
  }
  std::vector<int64_t> anchors(seeds.size());
  for (uint64_t i = 0; i < seeds.size(); ++i) anchors[i] = seeds[i];
  const int64_t cap = request.max_labels_per_anchor_node();
  FAIRLEAD_ASSIGN_OR_RETURN(
      const int positive_type,
      FindLabelEdgeType(dataset_, supervision, kPositiveLabelSuffix));
  FAIRLEAD_ASSIGN_OR_RETURN(
      const PaddedLabels positives,
      ReadLabels(dataset_, positive_type, anchor_type, anchors, cap));
  const absl::StatusOr<int> negative_type =
      FindLabelEdgeType(dataset_, supervision, kNegativeLabelSuffix);
  PaddedLabels negatives;
  if (negative_type.ok()) {
    FAIRLEAD_ASSIGN_OR_RETURN(negatives, ReadLabels(dataset_, *negative_type,
                                                    anchor_type, anchors, cap));
  } else if (!absl::IsNotFound(negative_type.status())) {
    return negative_type.status();
  }
  const auto columns =
      static_cast<size_t>(1 + positives.columns + negatives.columns);
  const size_t chunk_anchors = std::max<size_t>(1, kChunkIds / columns);
  for (size_t from = 0; from == 0 || from < anchors.size();
       from += chunk_anchors) {
    const size_t count = std::min(chunk_anchors, anchors.size() - from);
    v1::AblpInputChunk chunk;
    chunk.set_positive_columns(static_cast<uint32_t>(positives.columns));
    chunk.set_negative_columns(static_cast<uint32_t>(negatives.columns));
    chunk.set_has_negatives(negative_type.ok());
    chunk.mutable_anchors()->Add(
        anchors.begin() + static_cast<ptrdiff_t>(from),
        anchors.begin() + static_cast<ptrdiff_t>(from + count));
    AppendRows(positives, from, count, chunk.mutable_positives());
    if (negative_type.ok()) {
      AppendRows(negatives, from, count, chunk.mutable_negatives());
    }
    if (!sink(chunk)) break;
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::PeerFetchResponse> GraphStore::Fetch(
    const v1::PeerFetchRequest& request) const {
  if (request.dataset_name() != dataset_.name() ||
      request.num_partitions() != dataset_.num_partitions() ||
      request.partition() != dataset_.partition()) {
    return absl::FailedPreconditionError(
        absl::StrCat("this pool serves partition ", dataset_.partition(),
                     " of ", dataset_.num_partitions(), " of dataset ",
                     dataset_.name(), ", not ", request.partition(), " of ",
                     request.num_partitions(), " of ", request.dataset_name()));
  }
  return AnswerFetches(dataset_, request);
}

}  // namespace fairlead
