#ifndef FAIRLEAD_LIBS_TELEMETRY_CHANNEL_SAMPLES_H_
#define FAIRLEAD_LIBS_TELEMETRY_CHANNEL_SAMPLES_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/types/span.h"
#include "libs/telemetry/metric_names.h"
#include "libs/telemetry/telemetry.h"

namespace fairlead {

// What is sampled of each channel at a scrape, with a bound on its series: at
// most `max_channels` channels have series of their own, with the labels
// `channel` and, if known, `worker_key`; the others are summed in one series
// each with channel="other".
//
//   ChannelSamples channels(/*max_channels=*/128);  // kept between scrapes
//   channels.Sample(ids, samples, [&](size_t i, ChannelSamples::One& one) {
//     one.Gauge(metrics::kPoolChannelCredit, credit_of[i]);
//   });
//
// First come, first served: a channel that was there before keeps its place,
// and what was once counted as other stays there, so that every counter only
// grows, "other" included: it keeps what ended channels had at their last
// scrape. Thread-compatible.
class ChannelSamples {
 public:
  class One;

  explicit ChannelSamples(size_t max_channels) : max_channels_(max_channels) {}

  // Has `sample` called once for each channel of `ids`, which are all there
  // are, with its place in there.
  void Sample(absl::Span<const uint64_t> ids, MetricSamples& samples,
              const std::function<void(size_t, One&)>& sample);

 private:
  enum class Kind { kCounter, kGauge, kHighest };
  using Label = std::pair<const char*, const char*>;  // {nullptr, _}: none
  // A series of "other".
  struct Sum {
    Kind kind = Kind::kGauge;
    double value = 0;  // of this scrape
    double ended = 0;  // of a counter: what channels had that are gone
    absl::flat_hash_map<uint64_t, double> last;  // of a counter, by channel
  };
  using SumKey = std::tuple<const MetricName*, std::string, std::string>;

  void Add(const MetricName& metric, const Label& label, Kind kind,
           uint64_t channel_id, double value);
  void ForgetEnded(absl::Span<const uint64_t> ids);
  void ExposeSums(MetricSamples& samples);

  const size_t max_channels_;
  absl::flat_hash_set<uint64_t> own_;    // have series of their own
  absl::flat_hash_set<uint64_t> other_;  // have not
  std::map<SumKey, Sum> sums_;
};

// One channel's samples. `label` is one more label and its value.
class ChannelSamples::One {
 public:
  // Before all samples: what to call it beside its id.
  void SetWorkerKey(const std::string& worker_key);

  void Counter(const MetricName& metric, double value, Label label = {}) {
    Add(metric, label, Kind::kCounter, value);
  }
  void Gauge(const MetricName& metric, double value, Label label = {}) {
    Add(metric, label, Kind::kGauge, value);
  }
  // A gauge of which the highest stands for several, not their sum.
  void Highest(const MetricName& metric, double value) {
    Add(metric, {}, Kind::kHighest, value);
  }

 private:
  friend class ChannelSamples;
  One(ChannelSamples& all, MetricSamples& samples, uint64_t channel_id,
      bool is_own);
  void Add(const MetricName& metric, const Label& label, Kind kind,
           double value);

  ChannelSamples& all_;
  MetricSamples& samples_;
  const uint64_t channel_id_;
  const bool is_own_;
  MetricSamples::Labels labels_;  // of its own series
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_TELEMETRY_CHANNEL_SAMPLES_H_
