#include "tools/fairleadctl/trace_command.h"

#include <cstdint>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "libs/status/status_macros.h"
#include "libs/timeline/chrome_trace.h"
#include "nlohmann/json.hpp"
#include "protos/fairlead/v1/channel_gateway.grpc.pb.h"
#include "protos/fairlead/v1/registry.grpc.pb.h"
#include "protos/fairlead/v1/registry.pb.h"
#include "tools/fairleadctl/ask.h"
#include "tools/fairleadctl/command_context.h"

namespace fairlead {
namespace {

using Gateways = std::vector<std::pair<std::string, std::string>>;

// Names and addresses of whom to ask.
absl::StatusOr<Gateways> FindGateways(const CommandContext& context) {
  const std::string& only = context.options.gateway;
  if (!only.empty()) return Gateways{{only, only}};
  FAIRLEAD_ASSIGN_OR_RETURN(
      const v1::ListMembersResponse response,
      AskRegistry(context, &v1::RegistryService::Stub::ListMembers,
                  v1::ListMembersRequest()));
  Gateways gateways;
  for (const v1::Member& member : response.members()) {
    if (member.role() != v1::ROLE_CHANNEL_GATEWAY) continue;
    gateways.emplace_back(member.member_name(), member.address());
  }
  if (gateways.empty()) {
    return absl::NotFoundError(absl::StrCat("registry at ",
                                            context.registry_address,
                                            ": knows no channel gateway"));
  }
  return gateways;
}

// What people know channels by. Without it channels are numbers, which is no
// reason to fail: a gateway that was named needs no registry.
std::map<uint64_t, ChannelLabel> FindLabels(const CommandContext& context) {
  std::map<uint64_t, ChannelLabel> labels;
  const auto response =
      AskRegistry(context, &v1::RegistryService::Stub::ListChannels,
                  v1::ListChannelsRequest());
  if (!response.ok()) return labels;
  for (const v1::ChannelDescription& channel : response->channels()) {
    labels[channel.channel_id()] = {.worker_key = channel.worker_key(),
                                    .trainer = channel.trainer_name()};
  }
  return labels;
}

absl::Status Write(const std::string& file, const std::string& text) {
  std::ofstream out(file, std::ios::trunc);
  out << text << "\n";
  out.close();
  if (out.good()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("--out=", file, ": cannot be written to"));
}

}  // namespace

absl::Status RunTrace(const CommandContext& context,
                      absl::Span<const std::string> args) {
  v1::ListTimelinesRequest request;
  uint64_t channel = 0;
  if (args.size() > 1 ||
      (args.size() == 1 &&
       (!absl::SimpleAtoi(args[0], &channel) || channel == 0))) {
    return absl::InvalidArgumentError(absl::StrCat(
        "trace: takes the id of a channel, or nothing for all, got \"",
        args.back(), "\""));
  }
  if (context.options.out_file.empty()) {
    return absl::InvalidArgumentError(
        "trace: --out=FILE must say where to write to");
  }
  if (context.options.batches > UINT32_MAX) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--batches=", context.options.batches, ": must be below 2^32"));
  }
  request.set_channel_id(channel);
  request.set_limit(static_cast<uint32_t>(context.options.batches));

  FAIRLEAD_ASSIGN_OR_RETURN(const Gateways gateways, FindGateways(context));
  std::vector<GatewayTimelines> all;
  std::vector<absl::Status> left_out;
  for (const auto& [name, address] : gateways) {
    const auto stub =
        v1::ChannelGatewayService::NewStub(context.connect(address));
    absl::StatusOr<v1::ListTimelinesResponse> response =
        Ask(context,
            name == address
                ? absl::StrCat("channel gateway at ", address)
                : absl::StrCat("channel gateway ", name, " at ", address),
            *stub, &v1::ChannelGatewayService::Stub::ListTimelines, request);
    if (!response.ok()) {
      left_out.push_back(response.status());
      continue;
    }
    all.push_back(
        {name, {response->timelines().begin(), response->timelines().end()}});
  }
  if (all.empty()) return left_out.front();

  uint64_t batches = 0;
  uint64_t consumed = 0;
  std::set<uint64_t> channels;
  for (const GatewayTimelines& gateway : all) {
    for (const v1::BatchTimeline& timeline : gateway.timelines) {
      ++batches;
      consumed += timeline.has_consumed() ? 1 : 0;
      channels.insert(timeline.channel_id());
    }
  }
  if (batches == 0) {
    return absl::NotFoundError(absl::StrCat(
        "trace: no gateway has sent a sampled batch",
        channel == 0 ? "" : absl::StrCat(" of channel ", channel),
        " yet; one in --timeline_every of the gateway is sampled"));
  }
  FAIRLEAD_RETURN_IF_ERROR(
      Write(context.options.out_file,
            ToChromeTrace(all, FindLabels(context)).dump()));
  if (context.json) {
    context.out << nlohmann::ordered_json{{"file", context.options.out_file},
                                          {"batches", batches},
                                          {"consumed", consumed},
                                          {"channels", channels.size()},
                                          {"gateways", all.size()},
                                          {"gateways_left_out",
                                           left_out.size()}}
                       .dump()
                << "\n";
    return absl::OkStatus();
  }
  for (const absl::Status& why : left_out) {
    context.out << "left out: " << why.message() << "\n";
  }
  context.out << context.options.out_file << ": " << batches << " batches, "
              << consumed << " of them consumed, of " << channels.size()
              << " channels; open it in https://ui.perfetto.dev or "
                 "chrome://tracing\n";
  return absl::OkStatus();
}

}  // namespace fairlead
