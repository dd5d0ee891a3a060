#include "libs/cuda/device_accelerator.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "libs/cuda/dataset_view.h"
#include "libs/cuda/graph_view.h"
#include "libs/cuda/k_hop_request.h"
#include "libs/cuda/memory.h"
#include "libs/cuda/read_batch.h"
#include "libs/cuda/row_plan.h"
#include "libs/graph/dataset.h"
#include "libs/graph/id_space.h"
#include "libs/status/status_macros.h"

namespace fairlead::cuda {
namespace {

// A memory, of which no more may be taken than there is left of a budget.
Memory Within(const Memory& memory, uint64_t budget, uint64_t* left) {
  return {.allocate = [memory, budget,
                       left](size_t bytes) -> absl::StatusOr<SharedMemory> {
            if (bytes > *left) {
              return absl::ResourceExhaustedError(absl::StrCat(
                  "memory_budget: ", bytes,
                  " bytes of the device's memory are wanted, and ", *left,
                  " of ", budget,
                  " are left; raise it, or leave the graph in this host's "
                  "(graph_mode zero_copy)"));
            }
            FAIRLEAD_ASSIGN_OR_RETURN(SharedMemory there,
                                      memory.allocate(bytes));
            *left -= bytes;
            return there;
          },
          .copy = memory.copy};
}

// The features that a table can be made of.
const RowStore* FeaturesOf(const NodeType& type) {
  if (!type.features.has_value()) return nullptr;
  const Table& table = type.features->table;
  return table.rows > 0 && table.row_bytes() > 0 ? &*type.features : nullptr;
}

RowIds IdsOf(const RowStore& rows) {
  RowIds ids{.size = rows.ids.size()};
  if (rows.ids.is_range()) {
    ids.first = rows.ids.first();
  } else {
    ids.list = rows.ids.list().data();
  }
  return ids;
}

// What a table takes of the device beside its hot rows.
uint64_t Overhead(const RowIds& ids) {
  const uint64_t bytes =
      sizeof(uint32_t) + (ids.list == nullptr ? 0 : sizeof(int64_t));
  return static_cast<uint64_t>(ids.size) * bytes;
}

double Bytes(const RowStore& rows) {
  return static_cast<double>(rows.table.rows) *
         static_cast<double>(UnifiedTable::Stride(rows.table.row_bytes()));
}

std::vector<uint64_t> HeatOf(const Dataset& dataset, const GraphView& graph,
                             int type, EdgeDir direction, const RowIds& ids) {
  std::vector<uint64_t> heat(static_cast<size_t>(ids.size));
  for (size_t e = 0; e < graph.edge_types.size(); ++e) {
    if (dataset.edge_types()[e].neighbor_type(direction) != type) continue;
    AddMentions(graph.edge_types[e].edges, ids, absl::MakeSpan(heat));
  }
  return heat;
}

}  // namespace

class DeviceAccelerator::Sampler final : public NeighborhoodSampler {
 public:
  Sampler(DeviceAccelerator& owner, const GraphView& graph)
      : owner_(owner), graph_(graph) {}

  absl::StatusOr<bool> Begin(const NeighborSamplerOptions& options,
                             const NeighborSampleRequest& request,
                             SampledSubgraph* out) override {
    KHopRequest wanted{
        .seeds = {{.type = request.seed_type, .ids = request.seeds}},
        .epoch = request.epoch,
        .batch_index = request.batch_index};
    for (const SeedGroup& more : request.more_seeds) {
      wanted.seeds.push_back({.type = more.type, .ids = more.ids});
    }
    FAIRLEAD_RETURN_IF_ERROR(
        owner_.WithSession([&](DeviceSession& session) -> absl::Status {
          FAIRLEAD_ASSIGN_OR_RETURN(
              const KHopBatch batch,
              session.Sample(graph_,
                             {.fanouts = options.fanouts,
                              .replace = options.replace,
                              .with_edge_ids = options.with_edge_ids,
                              .seed = options.seed},
                             wanted));
          return ReadBatch(session, batch, wanted, out);
        }));
    return true;
  }
  std::vector<NeighborFetch>& fetches() override { return fetches_; }
  absl::StatusOr<bool> Resume() override { return true; }

 private:
  DeviceAccelerator& owner_;
  const GraphView& graph_;
  std::vector<NeighborFetch> fetches_;  // none: the graph is whole
};

absl::Status DeviceAccelerator::CheckDataset(const Dataset& dataset) {
  if (dataset.num_partitions() == 1) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "dataset ", dataset.name(), ": is one of ", dataset.num_partitions(),
      " partitions, and a GPU works on whole graphs alone; leave graph_mode "
      "at cpu, and feature_with_gpu false"));
}

absl::StatusOr<std::unique_ptr<DeviceAccelerator>> DeviceAccelerator::Create(
    const Dataset& dataset, const DeviceUse& use, Device device) {
  FAIRLEAD_RETURN_IF_ERROR(CheckDataset(dataset));
  // The constructor is private, so std::make_unique cannot call it.
  std::unique_ptr<DeviceAccelerator> made(
      new DeviceAccelerator(std::move(device)));
  FAIRLEAD_RETURN_IF_ERROR(made->device_.enter());
  uint64_t left = use.memory_budget_bytes;
  const Memory memory =
      Within(made->device_.memory, use.memory_budget_bytes, &left);
  if (use.graph_mode != GraphMode::kCpu) {
    FAIRLEAD_RETURN_IF_ERROR(made->PlaceGraph(
        dataset,
        use.graph_mode == GraphMode::kCuda ? memory : made->device_.host));
  }
  if (use.features) {
    FAIRLEAD_RETURN_IF_ERROR(made->PlaceFeatures(dataset, memory, left));
  }
  return made;
}

DeviceAccelerator::~DeviceAccelerator() {
  (void)device_.enter();
  MutexLock lock(&mutex_);
  idle_.clear();
}

absl::Status DeviceAccelerator::PlaceGraph(const Dataset& dataset,
                                           const Memory& memory) {
  for (const EdgeDir direction : {EdgeDir::kOut, EdgeDir::kIn}) {
    const absl::Span<const EdgeType> types = dataset.edge_types();
    if (std::none_of(types.begin(), types.end(),
                     [direction](const EdgeType& type) {
                       return type.topology(direction).has_value();
                     })) {
      continue;
    }
    FAIRLEAD_ASSIGN_OR_RETURN(const GraphView host, ViewOf(dataset, direction));
    FAIRLEAD_ASSIGN_OR_RETURN(PlacedGraph placed,
                              PlacedGraph::Create(host, memory));
    graphs_.emplace(direction, std::move(placed));
  }
  return absl::OkStatus();
}

absl::Status DeviceAccelerator::PlaceFeatures(const Dataset& dataset,
                                              const Memory& memory,
                                              uint64_t bytes_left) {
  uint64_t overhead = 0;
  double all_bytes = 0;  // of the rows of all types, as they lie there
  for (const NodeType& type : dataset.node_types()) {
    const RowStore* const rows = FeaturesOf(type);
    if (rows == nullptr) continue;
    overhead += Overhead(IdsOf(*rows));
    all_bytes += Bytes(*rows);
  }
  const double budget =
      static_cast<double>(bytes_left - std::min(bytes_left, overhead));
  const EdgeDir direction =
      dataset.Has(EdgeDir::kOut) ? EdgeDir::kOut : EdgeDir::kIn;
  FAIRLEAD_ASSIGN_OR_RETURN(const GraphView graph, ViewOf(dataset, direction));
  for (size_t t = 0; t < dataset.node_types().size(); ++t) {
    const RowStore* const rows = FeaturesOf(dataset.node_types()[t]);
    if (rows == nullptr) continue;
    const RowIds ids = IdsOf(*rows);
    const int64_t width = rows->table.row_bytes();
    const double share = budget * Bytes(*rows) / all_bytes;
    FAIRLEAD_ASSIGN_OR_RETURN(
        const RowPlan plan,
        PlanRows(HeatOf(dataset, graph, static_cast<int>(t), direction, ids),
                 UnifiedTable::Stride(width), static_cast<uint64_t>(share)));
    FAIRLEAD_ASSIGN_OR_RETURN(
        UnifiedTable table,
        UnifiedTable::Create(
            {.data = rows->table.data, .row_bytes = width, .ids = ids}, plan,
            memory, device_.host));
    tables_.emplace(rows, std::move(table));
  }
  return absl::OkStatus();
}

std::unique_ptr<NeighborhoodSampler> DeviceAccelerator::NewSampler(
    const NeighborSamplerOptions& options) {
  const auto graph = graphs_.find(options.direction);
  if (graph == graphs_.end() || options.weighted ||
      options.temporal != TemporalStrategy::kNone) {
    return nullptr;
  }
  for (const std::vector<int32_t>& fanouts : options.fanouts) {
    for (const int32_t fanout : fanouts) {
      if (fanout > kMaxFanout && !options.replace) return nullptr;
    }
  }
  return std::make_unique<Sampler>(*this, graph->second.view());
}

absl::Status DeviceAccelerator::Gather(const RowStore& rows,
                                       absl::Span<const int64_t> ids,
                                       absl::Span<uint8_t> out) {
  const UnifiedView& table = tables_.find(&rows)->second.view();
  return WithSession(
      [&](DeviceSession& session) { return session.Gather(table, ids, out); });
}

absl::Status DeviceAccelerator::WithSession(
    const std::function<absl::Status(DeviceSession&)>& work) {
  FAIRLEAD_RETURN_IF_ERROR(device_.enter());
  std::unique_ptr<DeviceSession> session;
  {
    MutexLock lock(&mutex_);
    if (!idle_.empty()) {
      session = std::move(idle_.back());
      idle_.pop_back();
    }
  }
  if (session == nullptr) {
    FAIRLEAD_ASSIGN_OR_RETURN(session, device_.new_session());
  }
  FAIRLEAD_RETURN_IF_ERROR(work(*session));
  MutexLock lock(&mutex_);
  idle_.push_back(std::move(session));
  return absl::OkStatus();
}

}  // namespace fairlead::cuda
