#include "libs/loader/batch_reader.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
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
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"
#include "libs/loader/batch_data.h"
#include "libs/sampling/ablp_labels.h"
#include "libs/status/status_macros.h"
#include "libs/tensor_message/tensor_message.h"
#include "libs/tensor_message/torch_adaptor.h"
#include "libs/type_names/type_names.h"
#include "protos/fairlead/v1/messages.pb.h"

namespace fairlead {
namespace {

constexpr absl::string_view kMeta = "#META.";

// What is under kMeta and has a place of its own: whole keys, and the
// beginnings of those that name an edge type.
constexpr std::array<absl::string_view, 8> kKnown = {
    "edge_label_index", "edge_label", "src_index",  "dst_pos_index",
    "dst_neg_index",    "mapping",    "edge_index", "edge_attr"};
constexpr std::array<absl::string_view, 4> kKnownByType = {
    "gigl_positive_labels.", "gigl_negative_labels.", "ppr_edge_index.",
    "ppr_weight."};

bool IsKnown(absl::string_view name) {
  return std::find(kKnown.begin(), kKnown.end(), name) != kKnown.end() ||
         std::any_of(kKnownByType.begin(), kKnownByType.end(),
                     [name](absl::string_view prefix) {
                       return absl::StartsWith(name, prefix);
                     });
}

// A tensor of its own that holds these.
at::Tensor FromVector(std::vector<int64_t> values,
                      const std::vector<int64_t>& shape) {
  const auto owned = std::make_shared<std::vector<int64_t>>(std::move(values));
  return at::from_blob(
      owned->data(), shape, [owned](void* /*data*/) {},
      at::TensorOptions().dtype(at::kLong));
}

int64_t LengthOf(const at::Tensor& tensor) {
  return tensor.defined() ? tensor.size(0) : -1;
}

}  // namespace

absl::Status BatchReader::Error(absl::string_view why) const {
  const v1::MessageHeader& header = received_.message.header;
  return absl::DataLossError(
      absl::StrCat("channel ", header.channel_id(), ", epoch ", header.epoch(),
                   ", batch ", header.batch_index(), ": ", why));
}

absl::StatusOr<at::Tensor> BatchReader::List(const std::string& key,
                                             bool required) const {
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

absl::StatusOr<at::Tensor> BatchReader::Features(const std::string& key,
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
  const auto values = std::make_shared<std::vector<float>>(view->bytes.size());
  for (size_t i = 0; i < values->size(); ++i) {
    const uint8_t byte = view->bytes[i];
    const int element = is_signed ? static_cast<int8_t>(byte) : byte;
    (*values)[i] = scales[i % columns] * static_cast<float>(element);
  }
  return at::from_blob(
      values->data(), view->shape, [values](void* /*data*/) {},
      at::TensorOptions().dtype(at::kFloat));
}

absl::StatusOr<at::Tensor> BatchReader::Rows(const std::string& key,
                                             int64_t rows,
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

absl::StatusOr<at::Tensor> BatchReader::Pair(const std::string& first,
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
    std::vector<int64_t> copy;
    copy.reserve(2 * a.numel());
    for (const at::Tensor& list : {a, b}) {
      const auto* const values = static_cast<int64_t*>(list.data_ptr());
      copy.insert(copy.end(), values, values + list.numel());
    }
    return FromVector(std::move(copy), {2, a.numel()});
  }
  return at::from_blob(
      begin, {2, a.numel()}, {stride, 1},
      [owner = received_.buffer](void* /*data*/) {}, options);
}

absl::StatusOr<HeteroData::Nodes> BatchReader::Nodes(
    const std::string& prefix) const {
  HeteroData::Nodes nodes;
  FAIRLEAD_ASSIGN_OR_RETURN(nodes.n_id, List(prefix + "ids", true));
  const int64_t count = nodes.n_id.numel();
  FAIRLEAD_ASSIGN_OR_RETURN(nodes.x, Features(prefix + "nfeats", count));
  FAIRLEAD_ASSIGN_OR_RETURN(nodes.y,
                            Rows(prefix + "nlabels", count, v1::DTYPE_INT64));
  FAIRLEAD_ASSIGN_OR_RETURN(nodes.batch, List(prefix + "batch", false));
  FAIRLEAD_ASSIGN_OR_RETURN(
      nodes.seed_index,
      Indices(prefix + "batch_locals",
              nodes.batch.defined() ? nodes.batch.numel() : -1, count));
  FAIRLEAD_ASSIGN_OR_RETURN(nodes.seed_of, List(prefix + "seed_of", false));
  FAIRLEAD_ASSIGN_OR_RETURN(nodes.num_sampled_nodes,
                            List(prefix + "num_sampled_nodes", false));
  return nodes;
}

absl::StatusOr<HeteroData::Edges> BatchReader::Edges(
    const std::string& prefix, EdgeDirection direction) const {
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

std::vector<std::string> BatchReader::TypesWith(absl::string_view field) const {
  const std::string suffix = absl::StrCat(".", field);
  std::vector<std::string> types;
  for (const TensorView& tensor : received_.message.tensors) {
    absl::string_view name = tensor.name;
    if (absl::ConsumeSuffix(&name, suffix)) types.emplace_back(name);
  }
  return types;
}

absl::StatusOr<std::vector<EdgeTypeName>> BatchReader::EdgeTypesAfter(
    absl::string_view prefix) const {
  std::vector<EdgeTypeName> types;
  for (const TensorView& tensor : received_.message.tensors) {
    absl::string_view name = tensor.name;
    if (!absl::ConsumePrefix(&name, prefix)) continue;
    absl::StatusOr<EdgeTypeName> type = ParseEdgeTypeName(name);
    if (!type.ok()) {
      return Error(absl::StrCat("tensor \"", tensor.name,
                                "\": ", type.status().message()));
    }
    types.push_back(*std::move(type));
  }
  return types;
}

absl::StatusOr<at::Tensor> BatchReader::Indices(const std::string& key,
                                                int64_t rows,
                                                int64_t limit) const {
  const TensorView* const view = received_.message.Find(key);
  if (view == nullptr) return at::Tensor();
  if (view->dtype != v1::DTYPE_INT64 || view->shape.empty() ||
      view->shape.size() > 2 || (rows >= 0 && view->shape[0] != rows)) {
    return Error(absl::StrCat("tensor \"", key, "\" is no int64 with ",
                              rows < 0 ? "any number of" : absl::StrCat(rows),
                              " rows"));
  }
  for (const int64_t index : view->As<int64_t>()) {
    if (index >= 0 && index < limit) continue;
    return Error(absl::StrCat("tensor \"", key, "\": there is no ", index,
                              " among ", limit));
  }
  return ToTorch(*view, received_.buffer);
}

absl::StatusOr<HeteroData::Ppr> BatchReader::Ppr(const std::string& index_key,
                                                 const std::string& weight_key,
                                                 int64_t seeds,
                                                 int64_t nodes) const {
  HeteroData::Ppr ppr;
  FAIRLEAD_ASSIGN_OR_RETURN(ppr.edge_index,
                            Indices(index_key, 2, std::max(seeds, nodes)));
  if (!ppr.edge_index.defined()) return ppr;
  if (ppr.edge_index.dim() != 2) {
    return Error(absl::StrCat("tensor \"", index_key, "\" is no pairs"));
  }
  const int64_t pairs = ppr.edge_index.size(1);
  const auto* const places = ppr.edge_index.data_ptr<int64_t>();
  if (std::any_of(places, places + pairs,
                  [seeds](int64_t place) { return place >= seeds; }) ||
      std::any_of(places + pairs, places + 2 * pairs,
                  [nodes](int64_t local) { return local >= nodes; })) {
    return Error(absl::StrCat("tensor \"", index_key, "\" is not of ", seeds,
                              " seeds and ", nodes, " nodes"));
  }
  FAIRLEAD_ASSIGN_OR_RETURN(ppr.weight,
                            Rows(weight_key, pairs, v1::DTYPE_FLOAT64));
  if (!ppr.weight.defined()) {
    return Error(absl::StrCat("there is no tensor \"", weight_key, "\""));
  }
  return ppr;
}

absl::StatusOr<SeedTensors> BatchReader::Seeds(
    const std::map<std::string, HeteroData::Nodes>& nodes) const {
  int64_t seeds = -1;
  int64_t sources = 0;  // nodes of the seeds' type
  int64_t most = 0;     // nodes of any
  for (const auto& [type, of_type] : nodes) {
    most = std::max(most, of_type.n_id.numel());
    if (!of_type.batch.defined()) continue;
    seeds = of_type.batch.numel();
    sources = of_type.n_id.numel();
  }
  SeedTensors tensors;
  FAIRLEAD_ASSIGN_OR_RETURN(tensors.mapping,
                            Indices("#META.mapping", seeds, sources));
  FAIRLEAD_ASSIGN_OR_RETURN(tensors.edge_label_index,
                            Indices("#META.edge_label_index", 2, most));
  FAIRLEAD_ASSIGN_OR_RETURN(tensors.edge_label,
                            List("#META.edge_label", false));
  if (tensors.edge_label_index.defined() &&
      (tensors.edge_label_index.dim() != 2 ||
       tensors.edge_label_index.size(1) != LengthOf(tensors.edge_label))) {
    return Error(
        "tensors \"#META.edge_label_index\" and \"#META.edge_label\" do not "
        "fit each other");
  }
  FAIRLEAD_ASSIGN_OR_RETURN(tensors.src_index,
                            Indices("#META.src_index", -1, sources));
  const int64_t triplets = LengthOf(tensors.src_index);
  FAIRLEAD_ASSIGN_OR_RETURN(tensors.dst_pos_index,
                            Indices("#META.dst_pos_index", triplets, most));
  FAIRLEAD_ASSIGN_OR_RETURN(tensors.dst_neg_index,
                            Indices("#META.dst_neg_index", triplets, most));
  if (LengthOf(tensors.dst_pos_index) != triplets ||
      LengthOf(tensors.dst_neg_index) != triplets) {
    return Error(
        "of the tensors \"#META.src_index\", \"#META.dst_pos_index\" and "
        "\"#META.dst_neg_index\" one is there without another");
  }
  FAIRLEAD_ASSIGN_OR_RETURN(tensors.y_positive,
                            Labels("#META.gigl_positive_labels.", nodes));
  FAIRLEAD_ASSIGN_OR_RETURN(tensors.y_negative,
                            Labels("#META.gigl_negative_labels.", nodes));
  for (const TensorView& view : received_.message.tensors) {
    absl::string_view name = view.name;
    if (!absl::ConsumePrefix(&name, kMeta) || IsKnown(name)) continue;
    tensors.metadata.emplace(name, ToTorch(view, received_.buffer));
  }
  return tensors;
}

absl::StatusOr<std::map<EdgeTypeName, at::Tensor>> BatchReader::Labels(
    absl::string_view prefix,
    const std::map<std::string, HeteroData::Nodes>& nodes) const {
  FAIRLEAD_ASSIGN_OR_RETURN(const std::vector<EdgeTypeName> types,
                            EdgeTypesAfter(prefix));
  // A homogeneous batch does not name its type.
  const auto nodes_of = [&nodes](const std::string& type) {
    const auto found = nodes.find(type);
    return found == nodes.end() ? nodes.find("") : found;
  };
  std::map<EdgeTypeName, at::Tensor> labels;
  for (const EdgeTypeName& type : types) {
    const std::string key = absl::StrCat(prefix, type.ToString());
    const TensorView& view = *received_.message.Find(key);
    const auto anchors = nodes_of(type.src);
    if (anchors == nodes.end() || view.dtype != v1::DTYPE_INT64 ||
        view.shape.size() != 2 ||
        view.shape[0] != LengthOf(anchors->second.batch)) {
      return Error(absl::StrCat("tensor \"", key,
                                "\" has no row of int64 for each anchor"));
    }
    absl::Span<const int64_t> among;
    if (const auto labelled = nodes_of(type.dst); labelled != nodes.end()) {
      const at::Tensor& n_id = labelled->second.n_id;
      among = {n_id.data_ptr<int64_t>(), static_cast<size_t>(n_id.numel())};
    }
    absl::StatusOr<std::vector<int64_t>> pairs =
        RemapLabels(view.As<int64_t>(), view.shape[1], among);
    if (!pairs.ok()) {
      return Error(
          absl::StrCat("tensor \"", key, "\": ", pairs.status().message()));
    }
    const auto columns = static_cast<int64_t>(pairs->size() / 2);
    labels[type] = FromVector(*std::move(pairs), {2, columns});
  }
  return labels;
}

}  // namespace fairlead
