#include "libs/loader/batch.h"

#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ATen/core/Tensor.h"
// Not ATen/Functions.h nor most of ATen/ops: clang 14 cannot compile those as
// C++20.
#include "ATen/ops/from_blob.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "libs/loader/neighbor_loader_options.h"
#include "libs/status/status_macros.h"
#include "libs/tensor_message/tensor_message.h"
#include "libs/tensor_message/torch_adaptor.h"
#include "libs/type_names/type_names.h"
#include "protos/fairlead/v1/messages.pb.h"

namespace fairlead {
namespace {

absl::Status Malformed(const v1::MessageHeader& header, absl::string_view why) {
  return absl::DataLossError(
      absl::StrCat("channel ", header.channel_id(), ", epoch ", header.epoch(),
                   ", batch ", header.batch_index(), ": ", why));
}

}  // namespace

// Takes tensors out of a message, checked.
class Batch::Reader {
 public:
  explicit Reader(const ReceivedBatch& received) : received_(received) {}

  absl::Status Error(absl::string_view why) const {
    return Malformed(received_.message.header, why);
  }

  // A list of int64. Undefined if it is not there and need not be.
  absl::StatusOr<at::Tensor> List(const std::string& key, bool required) const {
    const TensorView* const view = received_.message.Find(key);
    if (view == nullptr) {
      if (!required) return at::Tensor();
      return Error(absl::StrCat("there is no tensor \"", key, "\""));
    }
    if (view->dtype != v1::DTYPE_INT64 || view->shape.size() != 1) {
      return Error(absl::StrCat("tensor \"", key, "\" is no list of int64"));
    }
    return ToTorch(*view, received_.buffer);
  }

  // Features: a row for each of `rows` nodes or edges. Undefined if they are
  // not there. As they came, but quantised ones (int8, uint8 with a scale) as
  // the float32 that they stand for, which is a copy.
  absl::StatusOr<at::Tensor> Features(const std::string& key,
                                      int64_t rows) const {
    const TensorView* const view = received_.message.Find(key);
    if (view == nullptr) return at::Tensor();
    const TensorView* const scale =
        received_.message.Find(absl::StrCat(key, "_scale"));
    if (scale == nullptr) return Rows(key, rows, view->dtype);
    const bool is_signed = view->dtype == v1::DTYPE_INT8;
    if ((!is_signed && view->dtype != v1::DTYPE_UINT8) ||
        view->shape.size() != 2 || view->shape[0] != rows ||
        scale->dtype != v1::DTYPE_FLOAT32 || scale->shape.size() != 1 ||
        (scale->shape[0] != 1 && scale->shape[0] != view->shape[1])) {
      return Error(absl::StrCat("tensor \"", key,
                                "\" and its scale do not fit each other"));
    }
    const auto columns = static_cast<size_t>(view->shape[1]);
    std::vector<float> scales(static_cast<size_t>(scale->shape[0]));
    std::memcpy(scales.data(), scale->bytes.data(), scale->bytes.size());
    if (scales.size() == 1) scales.assign(columns, scales[0]);
    const auto values =
        std::make_shared<std::vector<float>>(view->bytes.size());
    for (size_t i = 0; i < values->size(); ++i) {
      const uint8_t byte = view->bytes[i];
      const int element = is_signed ? static_cast<int8_t>(byte) : byte;
      (*values)[i] = scales[i % columns] * static_cast<float>(element);
    }
    return at::from_blob(
        values->data(), view->shape, [values](void* /*data*/) {},
        at::TensorOptions().dtype(at::kFloat));
  }

  // A row for each of `rows` nodes. Undefined if it is not there.
  absl::StatusOr<at::Tensor> Rows(const std::string& key, int64_t rows,
                                  v1::DType dtype) const {
    const TensorView* const view = received_.message.Find(key);
    if (view == nullptr) return at::Tensor();
    if (view->dtype != dtype || view->shape.empty() || view->shape.size() > 2 ||
        view->shape[0] != rows) {
      return Error(absl::StrCat("tensor \"", key, "\" is no ",
                                v1::DType_Name(dtype), " with a row for each ",
                                "of ", rows, " nodes"));
    }
    return ToTorch(*view, received_.buffer);
  }

  // [2, E] of the lists `first` and `second`. Where the one stands before the
  // other in the message, a view of both with a stride; else a copy.
  absl::StatusOr<at::Tensor> Pair(const std::string& first,
                                  const std::string& second) const {
    FAIRLEAD_ASSIGN_OR_RETURN(const at::Tensor a, List(first, true));
    FAIRLEAD_ASSIGN_OR_RETURN(const at::Tensor b, List(second, true));
    if (a.numel() != b.numel()) {
      return Error(absl::StrCat("tensors \"", first, "\" and \"", second,
                                "\" are of different lengths"));
    }
    auto* const begin = static_cast<int64_t*>(a.data_ptr());
    const int64_t stride = static_cast<int64_t*>(b.data_ptr()) - begin;
    const auto options = at::TensorOptions().dtype(at::kLong);
    if (stride < a.numel()) {
      const auto copy = std::make_shared<std::vector<int64_t>>();
      copy->reserve(2 * a.numel());
      for (const at::Tensor& list : {a, b}) {
        const auto* const values = static_cast<int64_t*>(list.data_ptr());
        copy->insert(copy->end(), values, values + list.numel());
      }
      return at::from_blob(
          copy->data(), {2, a.numel()}, [copy](void* /*data*/) {}, options);
    }
    return at::from_blob(
        begin, {2, a.numel()}, {stride, 1},
        [owner = received_.buffer](void* /*data*/) {}, options);
  }

  absl::StatusOr<HeteroData::Nodes> Nodes(const std::string& prefix) const {
    HeteroData::Nodes nodes;
    FAIRLEAD_ASSIGN_OR_RETURN(nodes.n_id, List(prefix + "ids", true));
    const int64_t count = nodes.n_id.numel();
    FAIRLEAD_ASSIGN_OR_RETURN(nodes.x, Features(prefix + "nfeats", count));
    FAIRLEAD_ASSIGN_OR_RETURN(nodes.y,
                              Rows(prefix + "nlabels", count, v1::DTYPE_INT64));
    FAIRLEAD_ASSIGN_OR_RETURN(nodes.batch, List(prefix + "batch", false));
    FAIRLEAD_ASSIGN_OR_RETURN(nodes.seed_index,
                              List(prefix + "batch_locals", false));
    FAIRLEAD_ASSIGN_OR_RETURN(nodes.num_sampled_nodes,
                              List(prefix + "num_sampled_nodes", false));
    return nodes;
  }

  absl::StatusOr<HeteroData::Edges> Edges(const std::string& prefix,
                                          EdgeDirection direction) const {
    HeteroData::Edges edges;
    const std::string rows = prefix + "rows";
    const std::string cols = prefix + "cols";
    FAIRLEAD_ASSIGN_OR_RETURN(edges.edge_index,
                              direction == EdgeDirection::kTowardsSeeds
                                  ? Pair(cols, rows)
                                  : Pair(rows, cols));
    FAIRLEAD_ASSIGN_OR_RETURN(edges.e_id, List(prefix + "eids", false));
    FAIRLEAD_ASSIGN_OR_RETURN(
        edges.edge_attr, Features(prefix + "efeats", edges.edge_index.size(1)));
    FAIRLEAD_ASSIGN_OR_RETURN(edges.num_sampled_edges,
                              List(prefix + "num_sampled_edges", false));
    return edges;
  }

  // The types whose `field` is in the message.
  std::vector<std::string> TypesWith(absl::string_view field) const {
    const std::string suffix = absl::StrCat(".", field);
    std::vector<std::string> types;
    for (const TensorView& tensor : received_.message.tensors) {
      absl::string_view name = tensor.name;
      if (absl::ConsumeSuffix(&name, suffix)) types.emplace_back(name);
    }
    return types;
  }

 private:
  const ReceivedBatch& received_;
};

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
  if (view != nullptr) return ToTorch(*view, received_.buffer);
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
  const Reader reader(received_);
  FAIRLEAD_ASSIGN_OR_RETURN(HeteroData::Nodes nodes, reader.Nodes(""));
  FAIRLEAD_ASSIGN_OR_RETURN(HeteroData::Edges edges,
                            reader.Edges("", EdgeDirection::kTowardsSeeds));
  return Data{.n_id = std::move(nodes.n_id),
              .x = std::move(nodes.x),
              .y = std::move(nodes.y),
              .edge_index = std::move(edges.edge_index),
              .e_id = std::move(edges.e_id),
              .edge_attr = std::move(edges.edge_attr),
              .batch = std::move(nodes.batch),
              .seed_index = std::move(nodes.seed_index),
              .num_sampled_nodes = std::move(nodes.num_sampled_nodes),
              .num_sampled_edges = std::move(edges.num_sampled_edges)};
}

absl::StatusOr<HeteroData> Batch::ToHeteroData(EdgeDirection direction) const {
  if (!is_heterogeneous()) {
    return absl::FailedPreconditionError(
        "the graph has one node type and one edge type; use ToData");
  }
  const Reader reader(received_);
  HeteroData data;
  const std::vector<std::string> node_types = reader.TypesWith("ids");
  for (const std::string& type : node_types) {
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
  return data;
}

}  // namespace fairlead
