#include "tools/fairleadctl/describe_json.h"

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "libs/tensor_mesh/mesh_line.h"
#include "nlohmann/json.hpp"
#include "protos/fairlead/v1/registry.pb.h"
#include "protos/fairlead/v1/sampling.pb.h"

namespace fairlead {
namespace {

using Json = nlohmann::ordered_json;

std::string EnumName(absl::string_view name, absl::string_view prefix) {
  return absl::AsciiStrToLower(absl::StripPrefix(name, prefix));
}

}  // namespace

std::string AddressOf(const v1::Member& member) {
  if (!absl::StrContains(member.address(), '|')) return member.address();
  const absl::StatusOr<internal::MeshLine> line =
      internal::MeshLine::Parse(member.address());
  return line.ok() ? line->address : "";
}

std::string RoleName(v1::Role role) {
  return EnumName(v1::Role_Name(role), "ROLE_");
}

std::string StateName(v1::ChannelState state) {
  return EnumName(v1::ChannelState_Name(state), "CHANNEL_STATE_");
}

Json ToJson(const v1::Member& member) {
  Json json = {{"member_id", member.member_id()},
               {"member_name", member.member_name()},
               {"role", RoleName(member.role())},
               {"rank", member.rank()},
               {"address", AddressOf(member)},
               {"metrics_address", member.metrics_address()},
               {"shm_domain", member.shm_domain()},
               {"draining", member.draining()}};
  if (member.role() == v1::ROLE_SAMPLER_POOL) {
    json["dataset"] = {{"name", member.dataset().name()},
                       {"partition", member.dataset().partition()},
                       {"num_partitions", member.dataset().num_partitions()}};
  }
  return json;
}

Json ToJson(const v1::BackendDescription& backend) {
  return {{"backend_id", backend.backend_id()},
          {"backend_key", backend.backend_key()},
          {"worker_concurrency", backend.options().worker_concurrency()},
          {"buffer_capacity", backend.options().buffer_capacity()},
          {"buffer_bytes", backend.options().buffer_bytes()},
          {"channels", backend.channels()},
          {"member_names", backend.member_names()}};
}

Json ToJson(const v1::ChannelDescription& channel) {
  const v1::ChannelControl& control = channel.control();
  return {
      {"channel_id", channel.channel_id()},
      {"backend_id", channel.backend_id()},
      {"worker_key", channel.worker_key()},
      {"server_rank", channel.server_rank()},
      {"trainer_name", channel.trainer_name()},
      {"pool_name", channel.pool_name()},
      {"state", StateName(channel.state())},
      {"started", channel.started()},
      {"epoch", channel.epoch()},
      {"attempt", channel.attempt()},
      {"seeds", channel.seeds()},
      {"batches", channel.batches()},
      {"submitted_batches", channel.submitted_batches()},
      {"completed_batches", channel.completed_batches()},
      {"failed_batches", channel.failed_batches()},
      {"in_flight_batches", channel.in_flight_batches()},
      {"credit_batches", channel.credit_batches()},
      {"worker_seconds", channel.worker_seconds()},
      {"control",
       {{"weight", control.weight()},
        {"priority", control.priority()},
        {"max_batches_per_second", control.max_batches_per_second()},
        {"paused", control.paused()}}},
      {"buffer",
       {{"bytes", channel.buffer_bytes()},
        {"used_bytes", channel.buffer_used_bytes()},
        {"high_water_bytes", channel.buffer_high_water_bytes()},
        {"messages", channel.buffer_messages()},
        {"reclaimed_messages", channel.buffer_reclaimed_messages()},
        {"producer_wait_seconds", channel.buffer_producer_wait_seconds()},
        {"consumer_wait_seconds", channel.buffer_consumer_wait_seconds()}}}};
}

Json ToJson(const v1::ChannelSpec& spec) {
  const v1::SamplingConfig& config = spec.config();
  const v1::SeedNodes& input = spec.input();
  Json seeds = {{"node_type", input.node_type()}};
  if (input.has_ids()) {
    seeds["ids"] = input.ids().id_size();
  } else if (input.has_edges()) {
    seeds["edges"] = input.edges().src_size();
    seeds["all_edges"] = input.edges().all();
  } else {
    seeds["split"] = EnumName(v1::Split_Name(input.split()), "SPLIT_");
  }
  return {
      {"type",
       EnumName(v1::SamplingType_Name(config.type()), "SAMPLING_TYPE_")},
      {"fanout", config.fanout()},
      {"edge_type_fanouts", config.edge_type_fanouts_size()},
      {"batch_size", config.batch_size()},
      {"shuffle", config.shuffle()},
      {"drop_last", config.drop_last()},
      {"with_edge", config.with_edge()},
      {"collect_features", config.collect_features()},
      {"replace", config.replace()},
      {"with_weight", config.with_weight()},
      {"seed", config.seed()},
      {"failure_policy", EnumName(v1::FailurePolicy_Name(spec.failure_policy()),
                                  "FAILURE_POLICY_")},
      {"seeds", seeds}};
}

}  // namespace fairlead
