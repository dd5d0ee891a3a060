#include "libs/partition_client/fetch_encoding.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "google/protobuf/repeated_field.h"
#include "libs/graph/dataset.h"
#include "libs/sampling/neighbor_draw.h"
#include "libs/status/status_macros.h"
#include "protos/fairlead/v1/graph_store.pb.h"

namespace fairlead {
namespace {

template <typename T, typename Field>
absl::Span<const T> View(const Field& field) {
  return absl::MakeConstSpan(field.data(), static_cast<size_t>(field.size()));
}

template <typename T>
std::vector<T> ToVector(const google::protobuf::RepeatedField<T>& field) {
  return {field.begin(), field.end()};
}

v1::EdgeDir Encode(EdgeDir direction) {
  return direction == EdgeDir::kIn ? v1::EDGE_DIR_IN : v1::EDGE_DIR_OUT;
}

v1::TemporalStrategy Encode(TemporalStrategy strategy) {
  switch (strategy) {
    case TemporalStrategy::kUniform:
      return v1::TEMPORAL_STRATEGY_UNIFORM;
    case TemporalStrategy::kLast:
      return v1::TEMPORAL_STRATEGY_LAST;
    case TemporalStrategy::kNone:
      break;
  }
  return v1::TEMPORAL_STRATEGY_UNSPECIFIED;
}

absl::StatusOr<DrawSpec> Decode(const v1::DrawSpec& spec) {
  DrawSpec decoded{.fanout = spec.fanout(),
                   .replace = spec.replace(),
                   .weighted = spec.weighted(),
                   .with_edge_ids = spec.with_edge_ids(),
                   .key = spec.key(),
                   .lane = spec.lane()};
  if (spec.fanout() < -1) {
    return absl::InvalidArgumentError(
        absl::StrCat("spec.fanout: ", spec.fanout(),
                     " is no number of neighbours; -1 is all"));
  }
  switch (spec.temporal()) {
    case v1::TEMPORAL_STRATEGY_UNSPECIFIED:
      return decoded;
    case v1::TEMPORAL_STRATEGY_UNIFORM:
      decoded.temporal = TemporalStrategy::kUniform;
      return decoded;
    case v1::TEMPORAL_STRATEGY_LAST:
      decoded.temporal = TemporalStrategy::kLast;
      return decoded;
    default:
      // A newer peer's: to draw in another way would be a lie.
      return absl::InvalidArgumentError(
          absl::StrCat("spec.temporal: ", spec.temporal(), " is no strategy"));
  }
}

absl::Status Draw(const Dataset& dataset, const v1::DrawRequest& request,
                  NeighborDrawer& drawer, v1::DrawResponse* response) {
  if (request.edge_type() >= dataset.edge_types().size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("edge_type: ", request.edge_type(), " is none of the ",
                     dataset.edge_types().size(), " that there are"));
  }
  const EdgeType& type = dataset.edge_types()[request.edge_type()];
  const EdgeDir direction =
      request.edge_dir() == v1::EDGE_DIR_IN ? EdgeDir::kIn : EdgeDir::kOut;
  FAIRLEAD_ASSIGN_OR_RETURN(const DrawSpec spec, Decode(request.spec()));
  FAIRLEAD_RETURN_IF_ERROR(CheckDrawSpec(type, direction, spec));
  const int expected_times =
      spec.temporal == TemporalStrategy::kNone ? 0 : request.nodes_size();
  if (request.times_size() != expected_times ||
      (request.salts_size() != 0 &&
       request.salts_size() != request.nodes_size())) {
    return absl::InvalidArgumentError(absl::StrCat(
        "times, salts: ", request.times_size(), " and ", request.salts_size(),
        " for ", request.nodes_size(), " nodes"));
  }
  const NodeType& rows =
      dataset.node_types()[static_cast<size_t>(type.row_type(direction))];
  DrawnNeighbors drawn;
  FAIRLEAD_RETURN_IF_ERROR(drawer.Draw(
      *type.topology(direction), rows.ids, View<int64_t>(request.nodes()),
      {.times = View<int64_t>(request.times()),
       .salts = View<int64_t>(request.salts())},
      spec, &drawn));
  response->mutable_counts()->Add(drawn.counts.begin(), drawn.counts.end());
  response->mutable_neighbors()->Add(drawn.neighbors.begin(),
                                     drawn.neighbors.end());
  response->mutable_edge_ids()->Add(drawn.edge_ids.begin(),
                                    drawn.edge_ids.end());
  return absl::OkStatus();
}

absl::StatusOr<const RowStore*> FindStore(const Dataset& dataset,
                                          const v1::RowsRequest& request) {
  const std::optional<RowStore>* store = nullptr;
  if (request.of_edges() && request.type() < dataset.edge_types().size() &&
      request.kind() == v1::ROW_KIND_FEATURES) {
    store = &dataset.edge_types()[request.type()].features;
  }
  if (!request.of_edges() && request.type() < dataset.node_types().size()) {
    const NodeType& type = dataset.node_types()[request.type()];
    if (request.kind() == v1::ROW_KIND_FEATURES) store = &type.features;
    if (request.kind() == v1::ROW_KIND_LABELS) store = &type.labels;
  }
  if (store != nullptr && store->has_value()) return &**store;
  return absl::InvalidArgumentError(
      absl::StrCat("rows: there are no ", v1::RowKind_Name(request.kind()),
                   " of ", request.of_edges() ? "edge" : "node", " type ",
                   request.type(), " in partition ", dataset.partition()));
}

absl::Status BadAnswer(const std::string& why) {
  return absl::InternalError(absl::StrCat("answered with ", why));
}

}  // namespace

v1::PeerFetchRequest EncodeFetches(const PartitionFetches& fetches) {
  v1::PeerFetchRequest request;
  for (const NeighborFetch* fetch : fetches.neighbors) {
    v1::DrawRequest* draw = request.add_draws();
    draw->set_edge_type(static_cast<uint32_t>(fetch->edge_type));
    draw->set_edge_dir(Encode(fetch->direction));
    v1::DrawSpec* spec = draw->mutable_spec();
    spec->set_fanout(fetch->spec.fanout);
    spec->set_replace(fetch->spec.replace);
    spec->set_weighted(fetch->spec.weighted);
    spec->set_temporal(Encode(fetch->spec.temporal));
    spec->set_with_edge_ids(fetch->spec.with_edge_ids);
    spec->set_key(fetch->spec.key);
    spec->set_lane(fetch->spec.lane);
    draw->mutable_nodes()->Add(fetch->nodes.begin(), fetch->nodes.end());
    draw->mutable_times()->Add(fetch->times.begin(), fetch->times.end());
    draw->mutable_salts()->Add(fetch->salts.begin(), fetch->salts.end());
  }
  for (const RowFetch* fetch : fetches.rows) {
    v1::RowsRequest* rows = request.add_rows();
    rows->set_of_edges(fetch->of_edges);
    rows->set_type(static_cast<uint32_t>(fetch->type));
    rows->set_kind(fetch->kind == RowKind::kLabels ? v1::ROW_KIND_LABELS
                                                   : v1::ROW_KIND_FEATURES);
    rows->mutable_ids()->Add(fetch->ids.begin(), fetch->ids.end());
  }
  return request;
}

absl::Status DecodeAnswers(v1::PeerFetchResponse* response,
                           const PartitionFetches& fetches) {
  if (response->draws_size() != static_cast<int>(fetches.neighbors.size()) ||
      response->rows_size() != static_cast<int>(fetches.rows.size())) {
    return BadAnswer(absl::StrCat(response->draws_size(), " draws and ",
                                  response->rows_size(), " blocks of rows for ",
                                  fetches.neighbors.size(), " and ",
                                  fetches.rows.size(), " questions"));
  }
  for (size_t i = 0; i < fetches.neighbors.size(); ++i) {
    const v1::DrawResponse& draw = response->draws(static_cast<int>(i));
    // Whether counts and neighbours agree, the sampler sees.
    fetches.neighbors[i]->answer = {.counts = ToVector(draw.counts()),
                                    .neighbors = ToVector(draw.neighbors()),
                                    .edge_ids = ToVector(draw.edge_ids())};
  }
  for (size_t i = 0; i < fetches.rows.size(); ++i) {
    RowFetch& fetch = *fetches.rows[i];
    std::string* rows = response->mutable_rows(static_cast<int>(i));
    if (rows->size() != fetch.ids.size() * fetch.row_bytes) {
      return BadAnswer(absl::StrCat(rows->size(), " bytes for ",
                                    fetch.ids.size(), " rows of ",
                                    fetch.row_bytes, " bytes"));
    }
    fetch.answer = std::move(*rows);
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::PeerFetchResponse> AnswerFetches(
    const Dataset& dataset, const v1::PeerFetchRequest& request) {
  v1::PeerFetchResponse response;
  NeighborDrawer drawer;
  for (const v1::DrawRequest& draw : request.draws()) {
    FAIRLEAD_RETURN_IF_ERROR(Draw(dataset, draw, drawer, response.add_draws()));
  }
  for (const v1::RowsRequest& rows : request.rows()) {
    FAIRLEAD_ASSIGN_OR_RETURN(const RowStore* store, FindStore(dataset, rows));
    std::string* out = response.add_rows();
    out->resize(static_cast<size_t>(rows.ids_size()) *
                static_cast<size_t>(store->table.row_bytes()));
    FAIRLEAD_RETURN_IF_ERROR(store->Gather(
        View<int64_t>(rows.ids()),
        absl::MakeSpan(reinterpret_cast<uint8_t*>(out->data()), out->size())));
  }
  return response;
}

}  // namespace fairlead
