#include "tools/fairleadctl/capacity_plan.h"

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "libs/cost_model/batch_cost.h"
#include "libs/status/status_macros.h"
#include "nlohmann/json.hpp"
#include "tools/fairleadctl/units.h"

namespace fairlead {
namespace {

using Json = nlohmann::ordered_json;

// Messages that a channel's buffer should hold, so that neither side waits for
// the other in turn: what `fairleadctl advise` asks for.
constexpr double kMessagesInBuffer = 8;

// CPU time over its floor that is planned for: the project's goal.
constexpr double kCpuMargin = 1.5;

absl::Status CheckPositive(const char* name, double value) {
  if (value > 0) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(name, ": must be above 0, got ", value));
}

std::string Rate(double bytes_per_s) {
  return absl::StrCat(Bytes(bytes_per_s), "/s");
}

}  // namespace

absl::StatusOr<CapacityPlan> PlanCapacity(const CapacityQuestion& question) {
  FAIRLEAD_RETURN_IF_ERROR(CheckPositive("trainers", question.trainers));
  FAIRLEAD_RETURN_IF_ERROR(
      CheckPositive("batches_per_s", question.batches_per_s));
  FAIRLEAD_RETURN_IF_ERROR(CheckPositive("hosts", question.hosts));
  FAIRLEAD_RETURN_IF_ERROR(CheckPositive("prefetch", question.prefetch));
  CapacityPlan plan;
  FAIRLEAD_ASSIGN_OR_RETURN(plan.shape,
                            ExpectBatch(question.profile, question.load));
  plan.batch = CostOf(plan.shape, question.load, question.widths);
  plan.floor = FloorOf(plan.batch, question.rates);

  const double batches_per_host =
      question.trainers * question.batches_per_s / question.hosts;
  CapacityPlan::Host& host = plan.host;
  host.dataset_bytes = question.dataset_bytes / question.hosts;
  host.buffer_bytes = kMessagesInBuffer * plan.batch.message_bytes;
  host.shm_bytes = question.trainers * host.buffer_bytes;
  host.memory_bytes = host.dataset_bytes + host.shm_bytes;
  host.sent_bytes_per_s = batches_per_host * plan.batch.message_bytes;
  // Of the rows and neighbours of a batch all but one in `hosts` are others'.
  const double others = 1 - 1 / question.hosts;
  const double asked =
      plan.batch.gathered_bytes + sizeof(int64_t) * plan.shape.edges;
  host.peer_bytes_per_s = batches_per_host * others * asked;
  host.cores = batches_per_host * kCpuMargin *
               (plan.floor.sample + plan.floor.gather + plan.floor.send);
  plan.trainer.memory_bytes =
      question.prefetch * question.hosts * plan.batch.message_bytes;
  plan.trainer.received_bytes_per_s =
      question.batches_per_s * plan.batch.message_bytes;
  plan.trainer.cores = question.batches_per_s * kCpuMargin * plan.floor.receive;
  return plan;
}

Json CapacityPlan::ToJson() const {
  Json hops = Json::array();
  for (const BatchShape::Hop& hop : shape.hops) {
    hops.push_back({{"frontier", hop.frontier},
                    {"edges", hop.edges},
                    {"new_nodes", hop.new_nodes}});
  }
  return {{"batch",
           {{"seeds", shape.seeds},
            {"nodes", shape.nodes},
            {"edges", shape.edges},
            {"hops", hops},
            {"message_bytes", batch.message_bytes},
            {"gathered_bytes", batch.gathered_bytes},
            {"topology_bytes", batch.topology_bytes},
            {"random_reads", batch.reads.total()},
            {"cpu_floor_s",
             {{"sample", floor.sample},
              {"gather", floor.gather},
              {"send", floor.send},
              {"receive", floor.receive}}}}},
          {"storage_host",
           {{"memory_bytes", host.memory_bytes},
            {"dataset_bytes", host.dataset_bytes},
            {"shm_bytes", host.shm_bytes},
            {"buffer_bytes", host.buffer_bytes},
            {"sent_bytes_per_s", host.sent_bytes_per_s},
            {"peer_bytes_per_s", host.peer_bytes_per_s},
            {"cores", host.cores}}},
          {"trainer",
           {{"memory_bytes", trainer.memory_bytes},
            {"received_bytes_per_s", trainer.received_bytes_per_s},
            {"cores", trainer.cores}}}};
}

std::string CapacityPlan::ToText() const {
  std::string text = absl::StrFormat(
      "a batch        %.0f nodes, %.0f edges; message %s, of these %s "
      "features and labels\n",
      shape.nodes, shape.edges, Bytes(batch.message_bytes),
      Bytes(batch.gathered_bytes));
  for (size_t i = 0; i < shape.hops.size(); ++i) {
    absl::StrAppendFormat(
        &text,
        "  hop %d        %.0f nodes draw %.0f edges, to %.0f new nodes\n",
        i + 1, shape.hops[i].frontier, shape.hops[i].edges,
        shape.hops[i].new_nodes);
  }
  absl::StrAppendFormat(
      &text,
      "  random reads %.0f at most\n"
      "  CPU, at best %s: sample %s, gather %s, send %s, receive %s\n"
      "a storage host %s of memory: %s of dataset, %s of shared memory "
      "(--shm_budget)\n"
      "  buffers      %s each (--buffer_bytes)\n"
      "  network      %s to trainers; up to %s to pools of other partitions\n"
      "  processor    %.2f cores\n"
      "a trainer      %s of memory, %s of network, %.2f cores, besides its "
      "model's\n",
      batch.reads.total(), Seconds(floor.total()), Seconds(floor.sample),
      Seconds(floor.gather), Seconds(floor.send), Seconds(floor.receive),
      Bytes(host.memory_bytes), Bytes(host.dataset_bytes),
      Bytes(host.shm_bytes), Bytes(host.buffer_bytes),
      Rate(host.sent_bytes_per_s), Rate(host.peer_bytes_per_s), host.cores,
      Bytes(trainer.memory_bytes), Rate(trainer.received_bytes_per_s),
      trainer.cores);
  return text;
}

}  // namespace fairlead
