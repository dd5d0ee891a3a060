#ifndef FAIRLEAD_LIBS_COST_MODEL_BATCH_COST_H_
#define FAIRLEAD_LIBS_COST_MODEL_BATCH_COST_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/cost_model/degree_profile.h"

namespace fairlead {

// What a batch of a graph of one node and one edge type costs, before there is
// one: expectations, by formulas that README.md derives. Pure.
//
//   FAIRLEAD_ASSIGN_OR_RETURN(BatchShape shape, ExpectBatch(profile, load));
//   BatchCost cost = CostOf(shape, load, row);
//   CpuFloor floor = FloorOf(cost, rates);

// What is sampled.
struct SampledLoad {
  double batch_size = 512;      // seeds, different from each other
  std::vector<int32_t> fanout;  // -1: all neighbours
  bool replace = false;
  bool with_edge = false;  // batches carry edge ids
};

// What goes with each node.
struct RowWidths {
  double features = 0;  // bytes of its features; 0 for none
  double labels = 0;    // bytes of its labels; 0 for none
};

// How large a batch is.
struct BatchShape {
  struct Hop {
    double frontier = 0;    // nodes that draw
    double edges = 0;       // drawn
    double new_nodes = 0;   // not in the batch before
    double list_lines = 0;  // cache lines of `indices` that these lie in
  };
  std::vector<Hop> hops;
  double seeds = 0;
  double nodes = 0;  // distinct
  double edges = 0;
};

// INVALID_ARGUMENT for fewer seeds than one, more than nodes, or a fanout
// below -1.
absl::StatusOr<BatchShape> ExpectBatch(const DegreeProfile& profile,
                                       const SampledLoad& load);

// Places in memory that are read in no order, and so may each miss all caches.
// How many do depends on how many of the hubs are still there: this is the
// most, a cold cache.
struct RandomReads {
  double offsets = 0;     // of a frontier node's list
  double neighbours = 0;  // cache lines of lists
  double index = 0;       // slots of the table from ids to local indices
  double features = 0;    // rows
  double labels = 0;      // rows

  double total() const {
    return offsets + neighbours + index + features + labels;
  }
};

// One copy of a batch's bytes on its way, in whose time it is made.
struct CopyStep {
  std::string process;  // "pool", "gateway", "trainer"
  std::string what;
  double bytes = 0;
};

struct BatchCost {
  double edges = 0;
  double nodes = 0;
  double message_bytes = 0;   // in shared memory, and on the network
  double topology_bytes = 0;  // of these: ids, rows, columns
  double gathered_bytes = 0;  // of these: features and labels
  double index_bytes = 0;     // of the table from ids to local indices
  RandomReads reads;
  double feature_lines = 0;  // cache lines of feature rows

  // Every copy from the dataset to the trainer's tensors, in order. Kernels
  // count: of a socket each byte is copied twice.
  std::vector<CopyStep> RemoteCopies() const;
  // The same where a trainer reads shared memory in place.
  std::vector<CopyStep> SharedMemoryCopies() const;
};
BatchCost CostOf(const BatchShape& shape, const SampledLoad& load,
                 const RowWidths& widths);

// What a machine can do at best, one thread. The defaults are a virtual core at
// 2.6 GHz; `tools/dev bench` measures them.
struct MachineRates {
  double sample_s_per_edge = 40e-9;
  double gather_bytes_per_s = 4e9;
  double send_s_per_byte = 0.23e-9;     // CPU, loopback TCP
  double receive_s_per_byte = 0.13e-9;  // CPU, loopback TCP
};

// CPU seconds that a batch takes at these rates if nobody does anything else.
struct CpuFloor {
  double sample = 0;
  double gather = 0;
  double send = 0;     // 0 through shared memory
  double receive = 0;  // 0 through shared memory

  double total() const { return sample + gather + send + receive; }
};
CpuFloor FloorOf(const BatchCost& cost, const MachineRates& rates);
CpuFloor SharedMemoryFloorOf(const BatchCost& cost, const MachineRates& rates);

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_COST_MODEL_BATCH_COST_H_
