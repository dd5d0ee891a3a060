#include "services/sampler_pool/batch_writer.h"

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
#include "libs/graph/dataset.h"
#include "libs/sampling/neighbor_sampler.h"
#include "libs/status/status_macros.h"
#include "libs/tensor_message/tensor_message.h"
#include "protos/fairlead/v1/messages.pb.h"
#include "services/sampler_pool/channel_plan.h"
#include "services/sampler_pool/element_dtype.h"

namespace fairlead {
// Collects the tensors of a message: what each is, and where it comes from.
class BatchWriter::Fields {
 public:
  void Add(std::string name, absl::Span<const int64_t> values) {
    specs_.push_back({std::move(name),
                      v1::DTYPE_INT64,
                      {static_cast<int64_t>(values.size())}});
    sources_.push_back(values);
  }

  void Add(std::string name, int64_t value) {
    specs_.push_back({std::move(name), v1::DTYPE_INT64, {1}});
    sources_.push_back(Constant{value});
  }

  // One row of `store` per id; a single column gives a vector (C-08).
  void AddRows(std::string name, const RowStore& store,
               absl::Span<const int64_t> ids, bool vector_if_one_column) {
    std::vector<int64_t> shape = {static_cast<int64_t>(ids.size())};
    if (!(vector_if_one_column && store.table.columns == 1)) {
      shape.push_back(store.table.columns);
    }
    specs_.push_back(
        {std::move(name), ToDType(store.table.element_type), std::move(shape)});
    sources_.push_back(Rows{&store, ids});
  }

  absl::StatusOr<BatchWriter> Finish(const v1::MessageHeader& header) && {
    FAIRLEAD_ASSIGN_OR_RETURN(MessageLayout layout,
                              MessageLayout::Plan(header, specs_));
    return BatchWriter(std::move(layout), std::move(sources_));
  }

 private:
  std::vector<TensorSpec> specs_;
  std::vector<Source> sources_;
};

absl::StatusOr<BatchWriter> BatchWriter::Plan(const ChannelPlan& plan,
                                              const v1::MessageHeader& header,
                                              absl::Span<const int64_t> seeds,
                                              const SampledSubgraph& subgraph) {
  const Dataset& dataset = plan.dataset();
  const bool hetero = dataset.is_heterogeneous();
  Fields fields;
  fields.Add("#IS_HETERO", hetero ? 1 : 0);

  for (size_t t = 0; t < subgraph.nodes.size(); ++t) {
    const SampledSubgraph::Nodes& nodes = subgraph.nodes[t];
    const bool is_seed_type = static_cast<int>(t) == plan.seed_type();
    if (nodes.ids.empty() && !is_seed_type) continue;
    const NodeType& type = dataset.node_types()[t];
    const std::string prefix = hetero ? absl::StrCat(type.name, ".") : "";
    fields.Add(prefix + "ids", nodes.ids);
    fields.Add(prefix + "num_sampled_nodes", nodes.num_sampled_nodes);
    if (plan.collect_features() && type.features.has_value()) {
      fields.AddRows(prefix + "nfeats", *type.features, nodes.ids,
                     /*vector_if_one_column=*/false);
    }
    if (is_seed_type) {
      // Labels come whenever there are any, for all nodes of the seeds' type,
      // features or not (GL-056).
      if (type.labels.has_value()) {
        fields.AddRows(prefix + "nlabels", *type.labels, nodes.ids,
                       /*vector_if_one_column=*/true);
      }
      fields.Add(prefix + "batch", seeds);
      fields.Add(prefix + "batch_locals", subgraph.seed_locals);
    }
  }
  for (size_t e = 0; e < subgraph.edges.size(); ++e) {
    const SampledSubgraph::Edges& edges = subgraph.edges[e];
    // A homogeneous message always has its edges, be there none: a reader
    // need not ask whether they are there.
    if (edges.rows.empty() && hetero) continue;
    const std::string prefix =
        hetero ? absl::StrCat(dataset.edge_types()[e].name.ToString(), ".")
               : "";
    // In this order a trainer's edge_index, [cols, rows], is a view with a
    // stride; the other way round it would be a copy.
    fields.Add(prefix + "cols", edges.cols);
    fields.Add(prefix + "rows", edges.rows);
    fields.Add(prefix + "num_sampled_edges", edges.num_sampled_edges);
    if (plan.sampler_options().with_edge_ids) {
      fields.Add(prefix + "eids", edges.edge_ids);
    }
  }
  return std::move(fields).Finish(header);
}

absl::Status BatchWriter::WriteTo(absl::Span<uint8_t> message) const {
  layout_.WriteFrame(message);
  for (size_t i = 0; i < sources_.size(); ++i) {
    const absl::Span<uint8_t> out =
        layout_.tensor_bytes(message, static_cast<int>(i));
    if (const auto* values =
            std::get_if<absl::Span<const int64_t>>(&sources_[i])) {
      if (!values->empty()) std::memcpy(out.data(), values->data(), out.size());
    } else if (const auto* rows = std::get_if<Rows>(&sources_[i])) {
      FAIRLEAD_RETURN_IF_ERROR(rows->store->Gather(rows->ids, out));
    } else {
      std::memcpy(out.data(), &std::get<Constant>(sources_[i]).value,
                  out.size());
    }
  }
  return absl::OkStatus();
}

}  // namespace fairlead
