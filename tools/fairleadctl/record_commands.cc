#include "tools/fairleadctl/record_commands.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/random/random.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "libs/loader/received_batch.h"
#include "libs/loader/recorded_sample_stream.h"
#include "libs/loader/remote_sample_stream.h"
#include "libs/loader/sample_stream_options.h"
#include "libs/recording/recording_reader.h"
#include "libs/recording/recording_writer.h"
#include "libs/status/status_macros.h"
#include "libs/tensor_message/tensor_message.h"
#include "nlohmann/json.hpp"
#include "protos/fairlead/v1/loader_cursor.pb.h"
#include "protos/fairlead/v1/recording.pb.h"
#include "protos/fairlead/v1/registry.pb.h"
#include "tools/fairleadctl/arguments.h"
#include "tools/fairleadctl/channel_commands.h"
#include "tools/fairleadctl/command_context.h"
#include "tools/fairleadctl/units.h"
#include "tools/loadgen/load.h"

namespace fairlead {
namespace {

// Of worker time, against a trainer's 1.
constexpr double kWeight = 0.1;

// A trainer of the same input on the same server, under names of its own.
SampleStreamOptions OptionsLike(const CommandContext& context,
                                const v1::DescribeChannelResponse& channel) {
  const std::string name = absl::StrCat(
      "fairleadctl-record-",
      absl::Hex(absl::Uniform<uint64_t>(absl::BitGen()), absl::kZeroPad16));
  SampleStreamOptions options;
  options.registry = context.registry_address;
  options.security = context.security;
  options.connect_timeout = context.timeout;
  options.server_ranks = {channel.channel().server_rank()};
  options.seeds = {channel.spec().input()};
  options.config = channel.spec().config();
  options.failure_policy = channel.spec().failure_policy();
  options.backend = channel.spec().options();
  options.backend_key = name;
  options.member_name = name;
  options.control.set_weight(kWeight);
  return options;
}

absl::Status Record(const CommandContext& context, SampleStream& stream,
                    RecordingWriter& writer, uint64_t& bytes) {
  const uint64_t most = context.options.batches;
  while (most == 0 || writer.batches() < most) {
    FAIRLEAD_ASSIGN_OR_RETURN(const std::optional<ReceivedBatch> batch,
                              stream.Next());
    if (!batch.has_value()) break;
    bytes += batch->bytes;
    FAIRLEAD_RETURN_IF_ERROR(
        writer.Add(absl::MakeConstSpan(batch->buffer.get(), batch->bytes),
                   ContentDigest(batch->message)));
  }
  return writer.Finish();
}

}  // namespace

absl::Status RunRecord(const CommandContext& context,
                       absl::Span<const std::string> args) {
  FAIRLEAD_RETURN_IF_ERROR(CheckArguments("record", args, {"CHANNEL"}));
  const std::string& path = context.options.out_file;
  if (path.empty()) {
    return absl::InvalidArgumentError("--out: must name the file to write");
  }
  FAIRLEAD_ASSIGN_OR_RETURN(const uint64_t id, FindChannel(context, args[0]));
  FAIRLEAD_ASSIGN_OR_RETURN(const v1::DescribeChannelResponse channel,
                            DescribeChannel(context, id, /*with_spec=*/true));
  const uint64_t epoch =
      context.options.epoch.value_or(channel.channel().epoch());
  const SampleStreamOptions options = OptionsLike(context, channel);
  FAIRLEAD_ASSIGN_OR_RETURN(const std::unique_ptr<RemoteSampleStream> stream,
                            RemoteSampleStream::Create(options));
  v1::RecordingHeader header;
  *header.mutable_spec() = channel.spec();
  header.set_epoch(epoch);
  header.set_seeds(stream->seeds());
  header.set_batches(stream->batches());
  FAIRLEAD_ASSIGN_OR_RETURN(const std::unique_ptr<RecordingWriter> writer,
                            RecordingWriter::Create(path, header));
  // Straight into that epoch, without those before it.
  v1::LoaderCursor start;
  start.set_epoch(epoch);
  start.set_input_fingerprint(InputFingerprint(options));
  FAIRLEAD_RETURN_IF_ERROR(stream->ResumeEpoch(start));
  uint64_t bytes = 0;
  FAIRLEAD_RETURN_IF_ERROR(Record(context, *stream, *writer, bytes));
  const std::string digest =
      absl::StrCat(absl::Hex(writer->content_digest(), absl::kZeroPad16));
  if (context.json) {
    context.out << nlohmann::ordered_json{{"channel_id", id},
                                          {"epoch", epoch},
                                          {"batches", writer->batches()},
                                          {"bytes", bytes},
                                          {"digest", digest},
                                          {"file", path}}
                       .dump()
                << "\n";
  } else {
    context.out << path << ": " << writer->batches() << " of "
                << header.batches() << " batches of epoch " << epoch
                << " of channel " << id << ", "
                << Bytes(static_cast<double>(bytes)) << ", digest " << digest
                << "\n";
  }
  return absl::OkStatus();
}

absl::Status RunReplay(const CommandContext& context,
                       absl::Span<const std::string> args) {
  FAIRLEAD_RETURN_IF_ERROR(CheckArguments("replay", args, {"FILE"}));
  const std::string& path = args[0];
  FAIRLEAD_ASSIGN_OR_RETURN(const std::unique_ptr<RecordingReader> recording,
                            RecordingReader::Open(path));
  LoadOptions options;
  options.open_stream =
      [&path]() -> absl::StatusOr<std::unique_ptr<SampleStream>> {
    return RecordedSampleStream::Create(path);
  };
  FAIRLEAD_ASSIGN_OR_RETURN(const LoadReport report, RunLoad(options));
  FAIRLEAD_RETURN_IF_ERROR(report.status);
  if (report.digest != recording->end().content_digest()) {
    return absl::DataLossError(
        absl::StrCat("recording ", path,
                     ": its batches do not have the digest that they "
                     "were written with"));
  }
  context.out << (context.json ? report.ToJson() + "\n" : report.ToText());
  return absl::OkStatus();
}

}  // namespace fairlead
