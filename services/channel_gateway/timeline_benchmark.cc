// What timelines cost a batch: the stamps, which every batch has, and what is
// kept of the sampled ones.

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "absl/types/span.h"
#include "benchmark/benchmark.h"
#include "libs/clock/clock.h"
#include "libs/telemetry/telemetry.h"
#include "libs/tensor_message/message_tag.h"
#include "libs/tensor_message/tensor_message.h"
#include "libs/tensor_message/trace_stamps.h"
#include "protos/fairlead/v1/channel_gateway.pb.h"
#include "services/channel_gateway/timeline_log.h"

namespace fairlead {
namespace {

// A heterogeneous batch has so many tensors, or more; the bytes do not matter.
constexpr int kTensors = 40;

MessageLayout Layout() {
  v1::MessageHeader header;
  header.set_channel_id(7);
  header.set_batch_index(1000);
  std::vector<TensorSpec> specs;
  for (int i = 0; i < kTensors; ++i) {
    specs.push_back(
        {.name = "synset__hypernym__synset.rows" + std::to_string(i),
         .dtype = v1::DTYPE_INT64,
         .shape = {16}});
  }
  return *MessageLayout::Plan(header, specs);
}

// The nine points of one batch: a look at the clock each, and the five of the
// pool written in their place.
void BM_Stamps(benchmark::State& state) {
  const RealClock clock;
  const MessageLayout layout = Layout();
  std::vector<uint8_t> message(layout.total_bytes());
  layout.WriteFrame(absl::MakeSpan(message));
  for (auto _ : state) {
    for (int i = 0; i < 4; ++i) benchmark::DoNotOptimize(clock.MonotonicNow());
    v1::TraceStamps trace;
    const auto now = [&clock] {
      return static_cast<uint64_t>(
          absl::ToInt64Nanoseconds(clock.MonotonicNow()));
    };
    trace.set_queued_ns(now());
    trace.set_started_ns(now());
    trace.set_sampled_ns(now());
    trace.set_features_ns(now());
    trace.set_committed_ns(now());
    layout.Stamp(absl::MakeSpan(message), trace);
    benchmark::DoNotOptimize(message.data());
  }
}
BENCHMARK(BM_Stamps);

// Of a batch that is not sampled.
void BM_NotSampled(benchmark::State& state) {
  Telemetry telemetry;
  const TimelineLog log({.every = 64}, telemetry);
  ChannelMessageTag tag{.kind = ChannelMessageTag::Kind::kBatch};
  for (auto _ : state) {
    tag.batch_index += 64;
    benchmark::DoNotOptimize(log.IsSampled(1, tag, absl::ZeroDuration()));
  }
}
BENCHMARK(BM_NotSampled);

// Of a sampled one, all that the gateway does: reads the pool's stamps, keeps
// the timeline, completes it, and shows it in the histograms.
void BM_Sampled(benchmark::State& state) {
  Telemetry telemetry;
  TimelineLog log({.every = 1}, telemetry);
  const MessageLayout layout = Layout();
  std::vector<uint8_t> message(layout.total_bytes());
  layout.WriteFrame(absl::MakeSpan(message));
  v1::ConsumedBatch consumed;
  for (auto _ : state) {
    v1::BatchTimeline timeline;
    timeline.set_channel_id(1);
    timeline.set_batch_index(consumed.batch_index() + 1);
    *timeline.mutable_pool() = *ReadTraceStamps(message);
    timeline.mutable_delivery()->set_received_ns(1000);
    timeline.mutable_delivery()->set_sent_ns(2000);
    log.OnSent(1, std::move(timeline));
    consumed.set_batch_index(consumed.batch_index() + 1);
    log.OnConsumed(1, consumed, absl::Nanoseconds(3000));
  }
}
BENCHMARK(BM_Sampled);

}  // namespace
}  // namespace fairlead
