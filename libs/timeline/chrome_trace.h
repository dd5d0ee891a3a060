#ifndef FAIRLEAD_LIBS_TIMELINE_CHROME_TRACE_H_
#define FAIRLEAD_LIBS_TIMELINE_CHROME_TRACE_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "nlohmann/json_fwd.hpp"
#include "protos/fairlead/v1/channel_gateway.pb.h"

namespace fairlead {

// What one gateway has said.
struct GatewayTimelines {
  std::string gateway;  // its name
  std::vector<v1::BatchTimeline> timelines;
};

// What people know a channel by.
struct ChannelLabel {
  std::string worker_key;
  std::string trainer;  // who reads it
};

// Timelines in Chrome's trace event format, for ui.perfetto.dev and
// chrome://tracing.
//
// Processes are services and trainers: a sampler pool and a gateway for each of
// `gateways`, and the trainers. A track of them is a channel, or several where
// its batches overlap. Each batch is a slice with its stages below it, and
// arrows lead from the pool's to the trainer's; `args` has what else is known,
// with how far the trainer's points may be off.
//
// Times are microseconds from the first point of all. Storage hosts whose
// clocks no trainer links begin at 0 each. Channels that are not in `channels`
// go by their number.
nlohmann::ordered_json ToChromeTrace(
    absl::Span<const GatewayTimelines> gateways,
    const std::map<uint64_t, ChannelLabel>& channels);

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_TIMELINE_CHROME_TRACE_H_
