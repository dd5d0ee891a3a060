#ifndef FAIRLEAD_LIBS_BATCH_MAKER_SAMPLING_PLAN_H_
#define FAIRLEAD_LIBS_BATCH_MAKER_SAMPLING_PLAN_H_

#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/graph/dataset.h"
#include "libs/sampling/ablp_sampler.h"
#include "libs/sampling/batch_sampler.h"
#include "libs/sampling/link_sampler.h"
#include "libs/sampling/neighbor_sampler.h"
#include "libs/sampling/ppr_degrees.h"
#include "libs/sampling/ppr_sampler.h"
#include "protos/fairlead/v1/sampling.pb.h"

namespace fairlead {

// How a channel's batches are sampled: its config, checked against the dataset
// and resolved to its indices. Immutable, so shared by workers without a lock.
// The dataset must outlive it.
class SamplingPlan {
 public:
  // INVALID_ARGUMENT, naming the field, for a config that makes no sense, or
  // asks for what the dataset lacks; NOT_FOUND for a node type or edge type
  // that it lacks.
  static absl::StatusOr<SamplingPlan> Create(const Dataset& dataset,
                                             const v1::SeedNodes& input,
                                             const v1::SamplingConfig& config);

  // Index of the node type that batches start from; of links that of their
  // sources.
  int seed_type() const { return seed_type_; }
  // Of links, the type of the edges.
  int link_edge_type() const { return link_.edge_type; }
  v1::SamplingType type() const { return type_; }
  const NeighborSamplerOptions& neighbors() const { return neighbors_; }
  bool is_temporal() const {
    return neighbors_.temporal != TemporalStrategy::kNone;
  }

  // Whether message keys carry type names: the dataset is heterogeneous. To
  // sample anchors, the edge types of labels do not make it so, since nothing
  // is passed along them (parity 2.8).
  bool is_heterogeneous() const;
  // Whether a message has edges of this type, were there none: a homogeneous
  // one always has its edges, so that a reader need not ask.
  bool always_has_edges(int edge_type) const;

  // One for each batch that is in the making, whose neighbourhoods `neighbors`
  // samples, as NodeBatchSampler does.
  absl::StatusOr<std::unique_ptr<BatchSampler>> NewSampler(
      std::shared_ptr<NeighborhoodSampler> neighbors) const;
  // Whether samplers of the other plan sample just as this one's: channels of
  // one job mostly differ in their seeds alone.
  bool SamplesAs(const SamplingPlan& other) const;
  // Whether it makes any use of `neighbors`.
  bool has_neighborhoods() const {
    return type_ == v1::SAMPLING_TYPE_NODE || type_ == v1::SAMPLING_TYPE_LINK ||
           type_ == v1::SAMPLING_TYPE_ABLP;
  }

 private:
  SamplingPlan() = default;

  absl::Status SetLink(const v1::SeedEdges& edges,
                       const v1::LinkOptions& options);
  absl::Status SetAblp(const v1::AblpOptions& options);
  absl::Status SetPpr(const v1::SamplingConfig& config);

  const Dataset* dataset_ = nullptr;
  v1::SamplingType type_ = v1::SAMPLING_TYPE_UNSPECIFIED;
  NeighborSamplerOptions neighbors_;
  int seed_type_ = 0;
  // Of its own kind each; of the others as they are made.
  LinkSamplerOptions link_;
  AblpSamplerOptions ablp_;
  PprSamplerOptions ppr_;
  std::shared_ptr<const PprDegrees> ppr_degrees_;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_BATCH_MAKER_SAMPLING_PLAN_H_
