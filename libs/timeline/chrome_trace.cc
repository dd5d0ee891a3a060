#include "libs/timeline/chrome_trace.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "libs/timeline/align_clocks.h"
#include "libs/timeline/batch_stages.h"
#include "nlohmann/json.hpp"
#include "protos/fairlead/v1/channel_gateway.pb.h"

namespace fairlead {
namespace {

using Json = nlohmann::ordered_json;

// The part of a batch's way that one process has: some of its stages.
struct Part {
  const char* kind;
  BatchStage first;
  BatchStage last;
};
constexpr std::array<Part, 3> kParts = {
    Part{"sampler pool", BatchStage::kQueue, BatchStage::kCommit},
    Part{"channel gateway", BatchStage::kShm, BatchStage::kSend},
    Part{"trainer", BatchStage::kNetwork, BatchStage::kConsume}};
constexpr size_t kPool = 0;
constexpr size_t kGateway = 1;
constexpr size_t kTrainer = 2;

// A batch, placed on the clock of its group of hosts.
struct Placed {
  const v1::BatchTimeline* timeline;
  size_t host;
  BatchStages stages;
};

// Chrome's processes and threads: made as they are needed, with their names.
class Tracks {
 public:
  explicit Tracks(Json& events) : events_(events) {}

  struct Track {
    size_t pid;
    size_t tid;
  };

  // One of `process` where the slice overlaps no other.
  Track Take(size_t part, const std::string& process, const std::string& name,
             uint64_t begin, uint64_t end) {
    const auto [it, is_new] =
        processes_.try_emplace({part, process}, Process{});
    Process& used = it->second;
    if (is_new) {
      used.pid = processes_.size();
      Name("process_name", used.pid, 0, {{"name", process}});
      Name("process_sort_index", used.pid, 0, {{"sort_index", part}});
    }
    std::vector<Lane>& lanes = used.lanes[name];
    const auto free = std::find_if(
        lanes.begin(), lanes.end(),
        [begin](const Lane& lane) { return lane.free_from <= begin; });
    if (free != lanes.end()) {
      free->free_from = end;
      return {used.pid, free->tid};
    }
    lanes.push_back({.tid = ++used.tids, .free_from = end});
    Name("thread_name", used.pid, used.tids,
         {{"name",
           lanes.size() == 1 ? name : absl::StrCat(name, " #", lanes.size())}});
    return {used.pid, used.tids};
  }

 private:
  struct Lane {
    size_t tid;
    uint64_t free_from;
  };
  struct Process {
    size_t pid = 0;
    size_t tids = 0;
    std::map<std::string, std::vector<Lane>> lanes;
  };

  void Name(const char* what, size_t pid, size_t tid, Json args) {
    events_.push_back({{"name", what},
                       {"ph", "M"},
                       {"ts", 0},
                       {"pid", pid},
                       {"tid", tid},
                       {"args", std::move(args)}});
  }

  Json& events_;
  std::map<std::pair<size_t, std::string>, Process> processes_;
};

// Perfetto multiplies it again, and cuts off what is no whole nanosecond: it
// must not come to the one before.
double Microseconds(uint64_t nanoseconds) {
  const double microseconds = static_cast<double>(nanoseconds) / 1000;
  return static_cast<uint64_t>(microseconds * 1000) < nanoseconds
             ? std::nextafter(microseconds, HUGE_VAL)
             : microseconds;
}

Json Slice(const std::string& name, const Tracks::Track& track, uint64_t begin,
           uint64_t end, const Json& args) {
  return {{"name", name},
          {"cat", "batch"},
          {"ph", "X"},
          {"ts", Microseconds(begin)},
          {"dur", Microseconds(end - begin)},
          {"pid", track.pid},
          {"tid", track.tid},
          {"args", args}};
}

// A point of an arrow; it belongs to the slice that is there.
Json Arrow(const char* phase, uint64_t id, const Tracks::Track& track,
           uint64_t at) {
  Json arrow = {{"name", "batch"}, {"cat", "batch"},         {"ph", phase},
                {"id", id},        {"ts", Microseconds(at)}, {"pid", track.pid},
                {"tid", track.tid}};
  if (phase[0] == 'f') arrow["bp"] = "e";
  return arrow;
}

Json ArgsOf(const Placed& batch) {
  const v1::BatchTimeline& timeline = *batch.timeline;
  Json args = {{"channel", timeline.channel_id()},
               {"epoch", timeline.epoch()},
               {"batch_index", timeline.batch_index()},
               {"attempt", timeline.attempt()},
               {"bytes", timeline.bytes()},
               {"consumed", batch.stages.is_consumed}};
  if (batch.stages.is_consumed) {
    args["trainer_error_us"] = Microseconds(batch.stages.error_ns);
  }
  return args;
}

// All batches by when they were queued, from 0 on.
std::vector<Placed> PlaceAll(absl::Span<const GatewayTimelines> gateways,
                             const std::map<uint64_t, ChannelLabel>& channels) {
  std::vector<Placed> all;
  std::vector<ClockOffset> offsets;
  for (size_t host = 0; host < gateways.size(); ++host) {
    for (const v1::BatchTimeline& timeline : gateways[host].timelines) {
      all.push_back({&timeline, host, PlaceStages(timeline)});
      const auto channel = channels.find(timeline.channel_id());
      if (!all.back().stages.is_consumed || channel == channels.end()) continue;
      offsets.push_back(
          {.host = host,
           .trainer = channel->second.trainer,
           .ahead_ns = static_cast<int64_t>(timeline.consumed().received_ns() -
                                            all.back().stages.points_ns[7]),
           .error_ns = all.back().stages.error_ns});
    }
  }
  const std::vector<AlignedClock> clocks =
      AlignClocks(gateways.size(), offsets);
  std::map<size_t, int64_t> begin;  // of each group
  for (Placed& batch : all) {
    const AlignedClock& clock = clocks[batch.host];
    for (uint64_t& point : batch.stages.points_ns) {
      point += static_cast<uint64_t>(clock.shift_ns);
    }
    const auto queued = static_cast<int64_t>(batch.stages.points_ns.front());
    const auto earliest = begin.try_emplace(clock.group, queued).first;
    earliest->second = std::min(earliest->second, queued);
  }
  for (Placed& batch : all) {
    for (uint64_t& point : batch.stages.points_ns) {
      point -= static_cast<uint64_t>(begin[clocks[batch.host].group]);
    }
  }
  std::stable_sort(all.begin(), all.end(),
                   [](const Placed& a, const Placed& b) {
                     return a.stages.points_ns < b.stages.points_ns;
                   });
  return all;
}

}  // namespace

nlohmann::ordered_json ToChromeTrace(
    absl::Span<const GatewayTimelines> gateways,
    const std::map<uint64_t, ChannelLabel>& channels) {
  Json names = Json::array();
  Json events = Json::array();
  Tracks tracks(names);
  uint64_t number = 0;
  for (const Placed& batch : PlaceAll(gateways, channels)) {
    const v1::BatchTimeline& timeline = *batch.timeline;
    const auto label = channels.find(timeline.channel_id());
    const bool is_known = label != channels.end();
    const std::string channel =
        absl::StrCat("channel ", timeline.channel_id(), is_known ? " " : "",
                     is_known ? label->second.worker_key : "");
    const Json args = ArgsOf(batch);
    const auto& points = batch.stages.points_ns;
    ++number;
    for (size_t p = 0; p < kParts.size(); ++p) {
      if (p == kTrainer && !batch.stages.is_consumed) break;
      const Part& part = kParts[p];
      const auto first = static_cast<size_t>(part.first);
      const auto last = static_cast<size_t>(part.last);
      const std::string process =
          p == kTrainer
              ? (is_known ? absl::StrCat("trainer ", label->second.trainer)
                          : absl::StrCat("trainer of ", channel))
              : absl::StrCat(part.kind, " at ", gateways[batch.host].gateway);
      const Tracks::Track track =
          tracks.Take(p, process, channel, points[first], points[last + 1]);
      events.push_back(Slice(
          absl::StrCat("batch ", timeline.epoch(), ".", timeline.batch_index()),
          track, points[first], points[last + 1], args));
      uint64_t arrow_at = points[first];  // of pool and trainer, in the last
      for (size_t i = first; i <= last; ++i) {
        if (points[i] == points[i + 1]) continue;
        if (p != kGateway) arrow_at = points[i];
        events.push_back(
            Slice(std::string(BatchStageName(static_cast<BatchStage>(i))),
                  track, points[i], points[i + 1], args));
      }
      const bool is_last =
          p == kTrainer || (p == kGateway && !batch.stages.is_consumed);
      events.push_back(Arrow(p == kPool ? "s" : (is_last ? "f" : "t"), number,
                             track, arrow_at));
    }
  }
  // A slice stands before those that it holds.
  std::stable_sort(events.begin(), events.end(),
                   [](const Json& a, const Json& b) {
                     return a["ts"].get<double>() < b["ts"].get<double>();
                   });
  names.insert(names.end(), events.begin(), events.end());
  return {{"traceEvents", std::move(names)}, {"displayTimeUnit", "ms"}};
}

}  // namespace fairlead
