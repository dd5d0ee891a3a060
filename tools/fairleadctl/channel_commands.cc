#include "tools/fairleadctl/channel_commands.h"

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/random/random.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "libs/status/status_macros.h"
#include "nlohmann/json.hpp"
#include "protos/fairlead/v1/registry.grpc.pb.h"
#include "protos/fairlead/v1/registry.pb.h"
#include "tools/fairleadctl/arguments.h"
#include "tools/fairleadctl/ask.h"
#include "tools/fairleadctl/command_context.h"
#include "tools/fairleadctl/describe_json.h"
#include "tools/fairleadctl/table.h"
#include "tools/fairleadctl/units.h"

namespace fairlead {
namespace {

using Json = nlohmann::ordered_json;
using Args = absl::Span<const std::string>;
using Stub = v1::RegistryService::Stub;

std::string Progress(const v1::ChannelDescription& channel) {
  if (!channel.started()) return "";
  return absl::StrCat(channel.completed_batches(), "/", channel.batches());
}

// Reads how the channel stands, changes that, and writes it back.
absl::Status Change(const CommandContext& context, const std::string& name,
                    const std::function<void(v1::ChannelControl&)>& change) {
  FAIRLEAD_ASSIGN_OR_RETURN(const uint64_t id, FindChannel(context, name));
  FAIRLEAD_ASSIGN_OR_RETURN(const v1::DescribeChannelResponse described,
                            DescribeChannel(context, id));
  v1::UpdateChannelRequest request;
  request.set_channel_id(id);
  *request.mutable_control() = described.channel().control();
  request.set_request_id(
      absl::StrCat(absl::Hex(absl::Uniform<uint64_t>(absl::BitGen()))));
  change(*request.mutable_control());
  FAIRLEAD_RETURN_IF_ERROR(
      AskRegistry(context, &Stub::UpdateChannel, request).status());
  FAIRLEAD_ASSIGN_OR_RETURN(const v1::DescribeChannelResponse now,
                            DescribeChannel(context, id));
  if (context.json) {
    context.out << ToJson(now.channel()).dump() << "\n";
    return absl::OkStatus();
  }
  const v1::ChannelControl& control = now.channel().control();
  context.out << "channel " << id << ": " << StateName(now.channel().state())
              << ", weight " << WeightOf(control) << ", priority "
              << control.priority() << ", rate " << RateOf(control) << "\n";
  return absl::OkStatus();
}

template <typename Number>
absl::StatusOr<Number> ParseNumber(const std::string& what,
                                   const std::string& text,
                                   bool (*parse)(absl::string_view, Number*)) {
  Number number = 0;
  if (parse(text, &number)) return number;
  return absl::InvalidArgumentError(
      absl::StrCat(what, ": \"", text, "\" is no number that it may be"));
}

void PrintField(const CommandContext& context, absl::string_view name,
                absl::string_view value) {
  context.out << absl::StreamFormat("%-18s %s\n", name, value);
}

}  // namespace

absl::StatusOr<uint64_t> FindChannel(const CommandContext& context,
                                     const std::string& name) {
  uint64_t id = 0;
  if (absl::SimpleAtoi(name, &id)) return id;
  FAIRLEAD_ASSIGN_OR_RETURN(
      const v1::ListChannelsResponse all,
      AskRegistry(context, &Stub::ListChannels, v1::ListChannelsRequest()));
  std::vector<uint64_t> ids;
  for (const v1::ChannelDescription& channel : all.channels()) {
    if (channel.worker_key() == name) ids.push_back(channel.channel_id());
  }
  if (ids.size() == 1) return ids[0];
  if (ids.empty()) {
    return absl::NotFoundError(
        absl::StrCat("channel \"", name,
                     "\": none has this id or worker_key; `fairleadctl "
                     "channels` lists all there are"));
  }
  return absl::InvalidArgumentError(
      absl::StrCat("channel \"", name, "\": is the worker_key of channels ",
                   absl::StrJoin(ids, ", "), "; give one of these"));
}

absl::StatusOr<v1::DescribeChannelResponse> DescribeChannel(
    const CommandContext& context, uint64_t channel_id, bool with_spec) {
  v1::DescribeChannelRequest request;
  request.set_channel_id(channel_id);
  request.set_with_spec(with_spec);
  return AskRegistry(context, &Stub::DescribeChannel, request);
}

absl::Status RunChannels(const CommandContext& context, Args args) {
  FAIRLEAD_RETURN_IF_ERROR(CheckArguments("channels", args, {}));
  FAIRLEAD_ASSIGN_OR_RETURN(
      const v1::ListChannelsResponse response,
      AskRegistry(context, &Stub::ListChannels, v1::ListChannelsRequest()));
  if (context.json) {
    Json channels = Json::array();
    for (const v1::ChannelDescription& channel : response.channels()) {
      channels.push_back(ToJson(channel));
    }
    context.out << channels.dump() << "\n";
    return absl::OkStatus();
  }
  Table table({{"channel", Table::kRight},
               {"worker_key"},
               {"state"},
               {"epoch", Table::kRight},
               {"batches", Table::kRight},
               {"failed", Table::kRight},
               {"weight", Table::kRight},
               {"prio", Table::kRight},
               {"buffer", Table::kRight},
               {"of", Table::kRight},
               {"pool"},
               {"trainer"}});
  for (const v1::ChannelDescription& channel : response.channels()) {
    table.AddRow({absl::StrCat(channel.channel_id()), channel.worker_key(),
                  StateName(channel.state()),
                  channel.started() ? absl::StrCat(channel.epoch()) : "",
                  Progress(channel), absl::StrCat(channel.failed_batches()),
                  WeightOf(channel.control()),
                  absl::StrCat(channel.control().priority()),
                  Bytes(channel.buffer_used_bytes()),
                  Bytes(channel.buffer_bytes()), channel.pool_name(),
                  channel.trainer_name()});
  }
  table.Print(context.out, context.terminal);
  return absl::OkStatus();
}

absl::Status RunBackends(const CommandContext& context, Args args) {
  FAIRLEAD_RETURN_IF_ERROR(CheckArguments("backends", args, {}));
  FAIRLEAD_ASSIGN_OR_RETURN(
      const v1::ListBackendsResponse response,
      AskRegistry(context, &Stub::ListBackends, v1::ListBackendsRequest()));
  if (context.json) {
    Json backends = Json::array();
    for (const v1::BackendDescription& backend : response.backends()) {
      backends.push_back(ToJson(backend));
    }
    context.out << backends.dump() << "\n";
    return absl::OkStatus();
  }
  Table table({{"backend", Table::kRight},
               {"key"},
               {"channels", Table::kRight},
               {"concurrency", Table::kRight},
               {"messages", Table::kRight},
               {"buffer", Table::kRight},
               {"trainers"}});
  const auto or_default = [](uint64_t value) {
    return value == 0 ? std::string("default") : absl::StrCat(value);
  };
  for (const v1::BackendDescription& backend : response.backends()) {
    const v1::BackendOptions& options = backend.options();
    table.AddRow({absl::StrCat(backend.backend_id()), backend.backend_key(),
                  absl::StrCat(backend.channels()),
                  or_default(options.worker_concurrency()),
                  or_default(options.buffer_capacity()),
                  options.buffer_bytes() == 0 ? "default"
                                              : Bytes(options.buffer_bytes()),
                  absl::StrJoin(backend.member_names(), ",")});
  }
  table.Print(context.out, context.terminal);
  return absl::OkStatus();
}

absl::Status RunDescribe(const CommandContext& context, Args args) {
  FAIRLEAD_RETURN_IF_ERROR(CheckArguments("describe", args, {"CHANNEL"}));
  FAIRLEAD_ASSIGN_OR_RETURN(const uint64_t id, FindChannel(context, args[0]));
  FAIRLEAD_ASSIGN_OR_RETURN(const v1::DescribeChannelResponse response,
                            DescribeChannel(context, id, /*with_spec=*/true));
  const v1::ChannelDescription& channel = response.channel();
  const v1::SamplingConfig& config = response.spec().config();
  if (context.json) {
    Json json = ToJson(channel);
    json["spec"] = ToJson(response.spec());
    context.out << json.dump() << "\n";
    return absl::OkStatus();
  }
  const auto field = [&context](absl::string_view name, const auto&... value) {
    PrintField(context, name, absl::StrCat(value...));
  };
  field("channel", channel.channel_id());
  field("worker_key", channel.worker_key());
  field("state", StateName(channel.state()));
  field("trainer", channel.trainer_name());
  field("pool", channel.pool_name(), " (server_rank ", channel.server_rank(),
        ")");
  field("backend", channel.backend_id());
  field("seeds", channel.seeds());
  if (channel.started()) {
    field("epoch", channel.epoch(), ", attempt ", channel.attempt());
    field("batches", channel.completed_batches(), " of ", channel.batches(),
          " made, ", channel.failed_batches(), " failed");
  } else {
    field("epoch", "none yet");
    field("batches", channel.batches(), " in every epoch");
  }
  field("in the making", channel.in_flight_batches(), ", room for ",
        channel.credit_batches(), " more");
  field("worker time", absl::StrFormat("%.3f s", channel.worker_seconds()));
  field("control", "weight ", WeightOf(channel.control()), ", priority ",
        channel.control().priority(), ", rate ", RateOf(channel.control()),
        channel.control().paused() ? ", paused" : "");
  field("buffer", Bytes(channel.buffer_used_bytes()), " of ",
        Bytes(channel.buffer_bytes()), ", at most ",
        Bytes(channel.buffer_high_water_bytes()), "; ",
        channel.buffer_messages(), " messages wait");
  field("sampling", ToJson(response.spec())["type"].get<std::string>(),
        ", fanout ", absl::StrJoin(config.fanout(), ","), ", batch_size ",
        config.batch_size(), ", seed ", config.seed(),
        config.shuffle() ? ", shuffled" : "");
  return absl::OkStatus();
}

absl::Status RunPause(const CommandContext& context, Args args) {
  FAIRLEAD_RETURN_IF_ERROR(CheckArguments("pause", args, {"CHANNEL"}));
  return Change(context, args[0],
                [](v1::ChannelControl& control) { control.set_paused(true); });
}

absl::Status RunResume(const CommandContext& context, Args args) {
  FAIRLEAD_RETURN_IF_ERROR(CheckArguments("resume", args, {"CHANNEL"}));
  return Change(context, args[0],
                [](v1::ChannelControl& control) { control.set_paused(false); });
}

absl::Status RunWeight(const CommandContext& context, Args args) {
  FAIRLEAD_RETURN_IF_ERROR(
      CheckArguments("weight", args, {"CHANNEL", "WEIGHT"}));
  FAIRLEAD_ASSIGN_OR_RETURN(const double weight,
                            ParseNumber("WEIGHT", args[1], &absl::SimpleAtod));
  return Change(context, args[0], [weight](v1::ChannelControl& control) {
    control.set_weight(weight);
  });
}

absl::Status RunPriority(const CommandContext& context, Args args) {
  FAIRLEAD_RETURN_IF_ERROR(
      CheckArguments("priority", args, {"CHANNEL", "PRIORITY"}));
  FAIRLEAD_ASSIGN_OR_RETURN(
      const uint32_t priority,
      ParseNumber<uint32_t>("PRIORITY", args[1], &absl::SimpleAtoi<uint32_t>));
  return Change(context, args[0], [priority](v1::ChannelControl& control) {
    control.set_priority(priority);
  });
}

absl::Status RunRate(const CommandContext& context, Args args) {
  FAIRLEAD_RETURN_IF_ERROR(CheckArguments("rate", args, {"CHANNEL", "RATE"}));
  FAIRLEAD_ASSIGN_OR_RETURN(const double rate,
                            ParseNumber("RATE", args[1], &absl::SimpleAtod));
  return Change(context, args[0], [rate](v1::ChannelControl& control) {
    control.set_max_batches_per_second(rate);
  });
}

absl::Status RunCancel(const CommandContext& context, Args args) {
  FAIRLEAD_RETURN_IF_ERROR(CheckArguments("cancel", args, {"CHANNEL"}));
  FAIRLEAD_ASSIGN_OR_RETURN(const uint64_t id, FindChannel(context, args[0]));
  FAIRLEAD_ASSIGN_OR_RETURN(const v1::DescribeChannelResponse described,
                            DescribeChannel(context, id));
  const v1::ChannelDescription& channel = described.channel();
  if (channel.state() == v1::CHANNEL_STATE_LOST) {
    return absl::UnavailableError(
        absl::StrCat("channel ", id, ": its sampler pool ", channel.pool_name(),
                     " is away; try again once it is back"));
  }
  if (!channel.started()) {
    return absl::FailedPreconditionError(
        absl::StrCat("channel ", id, ": is in no epoch"));
  }
  v1::CancelEpochRequest request;
  request.set_channel_id(id);
  request.set_epoch(channel.epoch());
  FAIRLEAD_RETURN_IF_ERROR(
      AskRegistry(context, &Stub::CancelEpoch, request).status());
  if (context.json) {
    context.out << Json{{"channel_id", id}, {"epoch", channel.epoch()}}.dump()
                << "\n";
  } else {
    context.out << "channel " << id << ": epoch " << channel.epoch()
                << " is cancelled\n";
  }
  return absl::OkStatus();
}

}  // namespace fairlead
