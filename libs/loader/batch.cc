#include "libs/loader/batch.h"

#include <cstdint>
#include <cstring>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "ATen/core/Tensor.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "libs/loader/batch_data.h"
#include "libs/loader/batch_reader.h"
#include "libs/loader/placement.h"
#include "libs/status/status_macros.h"
#include "libs/tensor_message/tensor_message.h"
#include "libs/tensor_message/torch_adaptor.h"
#include "libs/type_names/type_names.h"
#include "protos/fairlead/v1/messages.pb.h"

namespace fairlead {
namespace {

// Puts tensors where they are to be.
class Mover {
 public:
  Mover(const Placement& placement, const ReceivedBatch& received)
      : placement_(placement), received_(received) {}

  // The first that went wrong; what was to be moved then is not.
  const absl::Status& status() const { return status_; }

  template <typename... Tensors>
  void operator()(Tensors&... tensors) {
    (Move(tensors), ...);
  }

  template <typename Key>
  void operator()(std::map<Key, at::Tensor>& tensors) {
    for (auto& [key, tensor] : tensors) Move(tensor);
  }

  void operator()(SeedTensors& seeds) {
    (*this)(seeds.edge_label_index, seeds.edge_label, seeds.src_index,
            seeds.dst_pos_index, seeds.dst_neg_index, seeds.mapping);
    (*this)(seeds.y_positive);
    (*this)(seeds.y_negative);
    (*this)(seeds.metadata);
  }

  void operator()(HeteroData::Nodes& nodes) {
    (*this)(nodes.n_id, nodes.x, nodes.y, nodes.batch, nodes.seed_index,
            nodes.seed_of, nodes.num_sampled_nodes);
  }

  void operator()(HeteroData::Edges& edges) {
    (*this)(edges.edge_index, edges.e_id, edges.edge_attr,
            edges.num_sampled_edges);
  }

 private:
  void Move(at::Tensor& tensor) {
    absl::StatusOr<at::Tensor> there = placement_.Put(tensor, received_);
    status_.Update(there.status());
    if (there.ok()) tensor = *std::move(there);
  }

  const Placement& placement_;
  const ReceivedBatch& received_;
  absl::Status status_;
};

}  // namespace

bool Batch::is_heterogeneous() const {
  const TensorView* const view = received_.message.Find("#IS_HETERO");
  if (view == nullptr || view->dtype != v1::DTYPE_INT64 ||
      view->bytes.size() != sizeof(int64_t)) {
    return false;
  }
  int64_t value = 0;
  std::memcpy(&value, view->bytes.data(), sizeof(value));
  return value != 0;
}

absl::StatusOr<at::Tensor> Batch::Get(absl::string_view key) const {
  const TensorView* const view = received_.message.Find(key);
  if (view != nullptr) {
    return placement_.Put(ToTorch(*view, received_.buffer), received_);
  }
  return absl::NotFoundError(absl::StrCat(
      "batch ", index(), ": has no tensor \"", key, "\", but ",
      absl::StrJoin(received_.message.tensors, ", ",
                    [](std::string* out, const TensorView& tensor) {
                      absl::StrAppend(out, tensor.name);
                    })));
}

absl::StatusOr<Data> Batch::ToData() const {
  if (is_heterogeneous()) {
    return absl::FailedPreconditionError(
        "the graph has several node or edge types; use ToHeteroData");
  }
  const BatchReader reader(received_);
  std::map<std::string, HeteroData::Nodes> by_type;
  HeteroData::Nodes& nodes = by_type[""];
  FAIRLEAD_ASSIGN_OR_RETURN(nodes, reader.Nodes(""));
  FAIRLEAD_ASSIGN_OR_RETURN(HeteroData::Edges edges,
                            reader.Edges("", EdgeDirection::kTowardsSeeds));
  FAIRLEAD_ASSIGN_OR_RETURN(
      HeteroData::Ppr ppr,
      reader.Ppr("#META.edge_index", "#META.edge_attr",
                 nodes.batch.defined() ? nodes.batch.numel() : 0,
                 nodes.n_id.numel()));
  FAIRLEAD_ASSIGN_OR_RETURN(SeedTensors seeds, reader.Seeds(by_type));
  Mover move(placement_, received_);
  move(nodes);
  move(edges);
  move(seeds);
  move(ppr.edge_index, ppr.weight);
  FAIRLEAD_RETURN_IF_ERROR(move.status());
  return Data{std::move(seeds),
              nodes.n_id,
              nodes.x,
              nodes.y,
              edges.edge_index,
              edges.e_id,
              edges.edge_attr,
              nodes.batch,
              nodes.seed_index,
              nodes.seed_of,
              nodes.num_sampled_nodes,
              edges.num_sampled_edges,
              ppr.edge_index,
              ppr.weight};
}

absl::StatusOr<HeteroData> Batch::ToHeteroData(EdgeDirection direction) const {
  if (!is_heterogeneous()) {
    return absl::FailedPreconditionError(
        "the graph has one node type and one edge type; use ToData");
  }
  const BatchReader reader(received_);
  HeteroData data;
  for (const std::string& type : reader.TypesWith("ids")) {
    FAIRLEAD_ASSIGN_OR_RETURN(data.nodes[type], reader.Nodes(type + "."));
  }
  for (const std::string& name : reader.TypesWith("rows")) {
    const absl::StatusOr<EdgeTypeName> type = ParseEdgeTypeName(name);
    if (!type.ok()) return reader.Error(type.status().message());
    if (!data.nodes.contains(type->src) || !data.nodes.contains(type->dst)) {
      return reader.Error(absl::StrCat("edge type \"", name,
                                       "\" does not join node types of it"));
    }
    FAIRLEAD_ASSIGN_OR_RETURN(
        data.edges[direction == EdgeDirection::kTowardsSeeds
                       ? ReverseEdgeType(*type)
                       : *type],
        reader.Edges(name + ".", direction));
  }
  FAIRLEAD_ASSIGN_OR_RETURN(const std::vector<EdgeTypeName> ppr_types,
                            reader.EdgeTypesAfter("#META.ppr_edge_index."));
  for (const EdgeTypeName& type : ppr_types) {
    // A type of which a seed ranks no node may be absent.
    const auto seeds = data.nodes.find(type.src);
    const auto ranked = data.nodes.find(type.dst);
    const std::string name = type.ToString();
    FAIRLEAD_ASSIGN_OR_RETURN(
        data.ppr[type],
        reader.Ppr(
            "#META.ppr_edge_index." + name, "#META.ppr_weight." + name,
            seeds == data.nodes.end() || !seeds->second.batch.defined()
                ? 0
                : seeds->second.batch.numel(),
            ranked == data.nodes.end() ? 0 : ranked->second.n_id.numel()));
  }
  FAIRLEAD_ASSIGN_OR_RETURN(static_cast<SeedTensors&>(data),
                            reader.Seeds(data.nodes));
  Mover move(placement_, received_);
  for (auto& [type, nodes] : data.nodes) move(nodes);
  for (auto& [type, edges] : data.edges) move(edges);
  for (auto& [type, ppr] : data.ppr) move(ppr.edge_index, ppr.weight);
  move(static_cast<SeedTensors&>(data));
  FAIRLEAD_RETURN_IF_ERROR(move.status());
  return data;
}

}  // namespace fairlead
