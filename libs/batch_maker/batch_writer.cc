#include "libs/batch_maker/batch_writer.h"

#include <cstdint>
#include <cstring>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "libs/batch_maker/batch_rows.h"
#include "libs/batch_maker/channel_plan.h"
#include "libs/batch_maker/element_dtype.h"
#include "libs/cuda/accelerator.h"
#include "libs/dist_graph/row_gather.h"
#include "libs/graph/dataset.h"
#include "libs/sampling/batch_sampler.h"
#include "libs/sampling/neighbor_sampler.h"
#include "libs/status/status_macros.h"
#include "libs/tensor_message/tensor_message.h"
#include "libs/type_names/type_names.h"
#include "protos/fairlead/v1/messages.pb.h"

namespace fairlead {
namespace {

template <typename T>
absl::Span<const uint8_t> Bytes(absl::Span<const T> values) {
  return {reinterpret_cast<const uint8_t*>(values.data()),
          values.size() * sizeof(T)};
}

// The type that a message names edges by: that of the nodes they are listed by
// first (parity 6.4), so for edge_dir "in" the reversed one.
EdgeTypeName KeyOf(const EdgeType& type, EdgeDir direction) {
  return direction == EdgeDir::kOut ? type.name : ReverseEdgeType(type.name);
}

}  // namespace

// Collects the tensors of a message: what each is, and where it comes from.
class BatchWriter::Fields {
 public:
  explicit Fields(cuda::Accelerator* accelerator) : accelerator_(accelerator) {}

  void Add(std::string name, absl::Span<const int64_t> values) {
    specs_.push_back({std::move(name),
                      v1::DTYPE_INT64,
                      {static_cast<int64_t>(values.size())}});
    sources_.push_back(Bytes(values));
  }

  void Add(std::string name, int64_t value) {
    specs_.push_back({std::move(name), v1::DTYPE_INT64, {1}});
    sources_.push_back(Constant{value});
  }

  void Add(const MetaTensor& tensor) {
    struct Visitor {
      v1::DType operator()(const std::vector<int64_t>&) const {
        return v1::DTYPE_INT64;
      }
      v1::DType operator()(const std::vector<float>&) const {
        return v1::DTYPE_FLOAT32;
      }
      v1::DType operator()(const std::vector<double>&) const {
        return v1::DTYPE_FLOAT64;
      }
    };
    specs_.push_back(
        {tensor.name, std::visit(Visitor(), tensor.values), tensor.shape});
    sources_.push_back(std::visit(
        [](const auto& values) { return Bytes(absl::MakeConstSpan(values)); },
        tensor.values));
  }

  // A row for each id; a single column gives a vector (C-08).
  void AddRows(const std::string& name, const RowStore& store,
               const RowGather* gather, absl::Span<const int64_t> ids,
               bool vector_if_one_column) {
    std::vector<int64_t> shape = {static_cast<int64_t>(ids.size())};
    if (!(vector_if_one_column && store.table.columns == 1)) {
      shape.push_back(store.table.columns);
    }
    specs_.push_back(
        {name, ToDType(store.table.element_type), std::move(shape)});
    if (gather != nullptr) {
      sources_.push_back(gather);
    } else {
      sources_.push_back(Rows{&store, ids, WhoHas(store)});
    }
    if (store.scale.empty()) return;
    specs_.push_back({name + "_scale",
                      v1::DTYPE_FLOAT32,
                      {static_cast<int64_t>(store.scale.size())}});
    sources_.push_back(Bytes(store.scale));
  }

  absl::StatusOr<BatchWriter> Finish(const v1::MessageHeader& header) && {
    FAIRLEAD_ASSIGN_OR_RETURN(MessageLayout layout,
                              MessageLayout::Plan(header, specs_));
    return BatchWriter(std::move(layout), std::move(sources_));
  }

 private:
  cuda::Accelerator* WhoHas(const RowStore& store) const {
    return accelerator_ != nullptr && accelerator_->Has(store) ? accelerator_
                                                               : nullptr;
  }

  cuda::Accelerator* const accelerator_;
  std::vector<TensorSpec> specs_;
  std::vector<Source> sources_;
};

absl::StatusOr<BatchWriter> BatchWriter::Plan(const ChannelPlan& plan,
                                              const v1::MessageHeader& header,
                                              absl::Span<const int64_t> seeds,
                                              const SampledBatch& batch,
                                              const BatchRows& rows) {
  const Dataset& dataset = plan.dataset();
  const SampledSubgraph& subgraph = batch.subgraph;
  const NeighborSamplerOptions& options = plan.sampling().neighbors();
  const bool hetero = plan.sampling().is_heterogeneous();
  Fields fields(plan.accelerator());
  fields.Add("#IS_HETERO", hetero ? 1 : 0);
  const auto prefix_of = [&](const RowSet& set) {
    if (!hetero) return std::string();
    const auto type = static_cast<size_t>(set.type);
    return absl::StrCat(
        set.of_edges
            ? KeyOf(dataset.edge_types()[type], options.direction).ToString()
            : dataset.node_types()[type].name,
        ".");
  };

  for (size_t t = 0; t < subgraph.nodes.size(); ++t) {
    const SampledSubgraph::Nodes& nodes = subgraph.nodes[t];
    const bool is_seed_type = static_cast<int>(t) == plan.seed_type();
    if (nodes.ids.empty() && !is_seed_type) continue;
    const std::string prefix = prefix_of({.type = static_cast<int>(t)});
    fields.Add(prefix + "ids", nodes.ids);
    fields.Add(prefix + "num_sampled_nodes", nodes.num_sampled_nodes);
    if (plan.sampling().is_temporal()) {
      fields.Add(prefix + "seed_of", nodes.seed_of);
    }
    if (is_seed_type) {
      fields.Add(prefix + "batch", seeds);
      // (Of links, the ends of negatives come after those of the batch.)
      fields.Add(
          prefix + "batch_locals",
          absl::MakeConstSpan(subgraph.seed_locals).subspan(0, seeds.size()));
    }
  }
  for (size_t e = 0; e < subgraph.edges.size(); ++e) {
    const SampledSubgraph::Edges& edges = subgraph.edges[e];
    if (edges.rows.empty() &&
        !plan.sampling().always_has_edges(static_cast<int>(e))) {
      continue;
    }
    const std::string prefix =
        prefix_of({.of_edges = true, .type = static_cast<int>(e)});
    // In this order a trainer's edge_index, [cols, rows], is a view with a
    // stride; the other way round it would be a copy.
    fields.Add(prefix + "cols", edges.cols);
    fields.Add(prefix + "rows", edges.rows);
    fields.Add(prefix + "num_sampled_edges", edges.num_sampled_edges);
    if (options.with_edge_ids) fields.Add(prefix + "eids", edges.edge_ids);
  }
  for (const RowSet& set : WantedRows(plan, subgraph)) {
    const bool is_labels = set.kind == RowKind::kLabels;
    fields.AddRows(prefix_of(set) + (set.of_edges ? "efeats"
                                     : is_labels  ? "nlabels"
                                                  : "nfeats"),
                   *FindRows(dataset, set), rows.Find(set),
                   IdsOf(subgraph, set), /*vector_if_one_column=*/is_labels);
  }
  for (const MetaTensor& tensor : batch.meta) fields.Add(tensor);
  return std::move(fields).Finish(header);
}

absl::Status BatchWriter::WriteTo(absl::Span<uint8_t> message) const {
  layout_.WriteFrame(message);
  for (size_t i = 0; i < sources_.size(); ++i) {
    const absl::Span<uint8_t> out =
        layout_.tensor_bytes(message, static_cast<int>(i));
    if (const auto* bytes =
            std::get_if<absl::Span<const uint8_t>>(&sources_[i])) {
      if (!bytes->empty()) std::memcpy(out.data(), bytes->data(), out.size());
    } else if (const auto* rows = std::get_if<Rows>(&sources_[i])) {
      FAIRLEAD_RETURN_IF_ERROR(
          rows->accelerator == nullptr
              ? rows->store->Gather(rows->ids, out)
              : rows->accelerator->Gather(*rows->store, rows->ids, out));
    } else if (const auto* gather =
                   std::get_if<const RowGather*>(&sources_[i])) {
      (*gather)->CopyTo(out.data());
    } else {
      std::memcpy(out.data(), &std::get<Constant>(sources_[i]).value,
                  out.size());
    }
  }
  return absl::OkStatus();
}

}  // namespace fairlead
