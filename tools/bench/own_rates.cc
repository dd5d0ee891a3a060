#include "tools/bench/own_rates.h"

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "libs/cost_model/batch_cost.h"
#include "libs/cost_model/degree_profile.h"
#include "libs/graph/dataset.h"
#include "libs/random/philox.h"
#include "libs/sampling/neighbor_sampler.h"
#include "libs/status/status_macros.h"
#include "nlohmann/json.hpp"
#include "tools/bench/process_usage.h"

namespace fairlead::bench {
namespace {

using Json = nlohmann::ordered_json;

// Different nodes, as an epoch's batches have them.
std::vector<int64_t> SeedsOf(uint64_t batch, uint64_t batch_size,
                             uint64_t nodes) {
  RandomStream random(/*key=*/7, /*place=*/batch, /*lane=*/0);
  const uint64_t first = random.Below(nodes);
  // An odd stride meets each of 2^n nodes once, and of others nearly.
  const uint64_t stride = (nodes / batch_size) | 1;
  std::vector<int64_t> seeds;
  for (uint64_t i = 0; i < batch_size; ++i) {
    seeds.push_back(static_cast<int64_t>((first + i * stride) % nodes));
  }
  return seeds;
}

}  // namespace

Json ToJson(const BatchCost& cost) {
  return {{"edges", cost.edges},
          {"nodes", cost.nodes},
          {"message_bytes", cost.message_bytes},
          {"topology_bytes", cost.topology_bytes},
          {"gathered_bytes", cost.gathered_bytes},
          {"index_bytes", cost.index_bytes},
          {"random_reads",
           {{"offsets", cost.reads.offsets},
            {"neighbours", cost.reads.neighbours},
            {"index", cost.reads.index},
            {"features", cost.reads.features},
            {"labels", cost.reads.labels},
            {"total", cost.reads.total()}}},
          {"feature_lines", cost.feature_lines}};
}

Json ToJson(const CpuFloor& floor) {
  return {{"sample", floor.sample},
          {"gather", floor.gather},
          {"send", floor.send},
          {"receive", floor.receive},
          {"total", floor.total()}};
}

RowWidths WidthsOf(const Dataset& dataset) {
  const NodeType& type = dataset.node_types()[0];
  RowWidths widths;
  if (type.features.has_value()) {
    widths.features = static_cast<double>(type.features->table.row_bytes());
  }
  if (type.labels.has_value()) {
    widths.labels = static_cast<double>(type.labels->table.row_bytes());
  }
  return widths;
}

absl::StatusOr<Json> MeasureSampling(const Dataset& dataset,
                                     const std::vector<int32_t>& fanout,
                                     uint64_t batch_size, int rounds,
                                     double seconds) {
  if (dataset.is_heterogeneous() || !dataset.edge_types()[0].out.has_value()) {
    return absl::InvalidArgumentError(
        absl::StrCat("dataset ", dataset.name(),
                     ": must have one node and one edge type, with edges "
                     "listed by source"));
  }
  const auto nodes = static_cast<uint64_t>(dataset.node_types()[0].num_nodes);
  const NeighborSamplerOptions options{.fanouts = {fanout}};
  NeighborSampler sampler(dataset);
  SampledSubgraph out;
  std::vector<double> s_per_edge;
  double sampled_edges = 0;
  double sampled_nodes = 0;
  uint64_t batch = 0;
  // The first round warms up, and is not counted.
  for (int round = -1; round < rounds; ++round) {
    double spent = 0;
    double edges = 0;
    do {
      const std::vector<int64_t> seeds = SeedsOf(batch, batch_size, nodes);
      const double start = CpuSecondsOfThisThread();
      FAIRLEAD_RETURN_IF_ERROR(sampler.Sample(
          options, {.seeds = seeds, .batch_index = batch}, &out));
      spent += CpuSecondsOfThisThread() - start;
      ++batch;
      edges += static_cast<double>(out.TotalEdges());
      sampled_nodes += static_cast<double>(out.nodes[0].ids.size());
    } while (spent < seconds);
    sampled_edges += edges;
    if (round >= 0 && edges > 0) {
      s_per_edge.push_back(spent / edges);
    }
  }
  const auto batches = static_cast<double>(batch);
  const Topology& topology = *dataset.edge_types()[0].out;
  const SampledLoad load{.batch_size = static_cast<double>(batch_size),
                         .fanout = fanout};
  FAIRLEAD_ASSIGN_OR_RETURN(
      const BatchShape shape,
      ExpectBatch(DegreeProfile::Of(topology.indptr, topology.indices), load));
  return Json{{"fanout", absl::StrJoin(fanout, ",")},
              {"s_per_edge", s_per_edge},
              {"batches", batch},
              {"sampled",
               {{"edges", sampled_edges / batches},
                {"nodes", sampled_nodes / batches}}},
              {"expected", ToJson(CostOf(shape, load, WidthsOf(dataset)))}};
}

}  // namespace fairlead::bench
