#include "libs/telemetry/channel_samples.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "libs/telemetry/metric_names.h"
#include "libs/telemetry/telemetry.h"

namespace fairlead {

void ChannelSamples::Sample(absl::Span<const uint64_t> ids,
                            MetricSamples& samples,
                            const std::function<void(size_t, One&)>& sample) {
  ForgetEnded(ids);
  for (auto& [key, sum] : sums_) sum.value = 0;
  for (size_t i = 0; i < ids.size(); ++i) {
    const bool is_own = own_.contains(ids[i]) || (!other_.contains(ids[i]) &&
                                                  own_.size() < max_channels_);
    (is_own ? own_ : other_).insert(ids[i]);
    One one(*this, samples, ids[i], is_own);
    sample(i, one);
  }
  ExposeSums(samples);
}

void ChannelSamples::ForgetEnded(absl::Span<const uint64_t> ids) {
  const absl::flat_hash_set<uint64_t> live(ids.begin(), ids.end());
  const auto is_gone = [&live](uint64_t id) { return !live.contains(id); };
  absl::erase_if(own_, is_gone);
  absl::erase_if(other_, is_gone);
  for (auto& [key, sum] : sums_) {
    for (auto it = sum.last.begin(); it != sum.last.end();) {
      const auto last = it++;
      if (!is_gone(last->first)) continue;
      sum.ended += last->second;
      sum.last.erase(last);
    }
  }
}

void ChannelSamples::Add(const MetricName& metric, const Label& label,
                         Kind kind, uint64_t channel_id, double value) {
  Sum& sum = sums_[{&metric, label.first == nullptr ? "" : label.first,
                    label.first == nullptr ? "" : label.second}];
  sum.kind = kind;
  if (kind == Kind::kHighest) {
    sum.value = std::max(sum.value, value);
  } else {
    sum.value += value;
  }
  if (kind == Kind::kCounter) sum.last[channel_id] = value;
}

void ChannelSamples::ExposeSums(MetricSamples& samples) {
  for (const auto& [key, sum] : sums_) {
    const auto& [metric, name, text] = key;
    MetricSamples::Labels labels = {{"channel", "other"}};
    if (!name.empty()) labels[name] = text;
    if (sum.kind == Kind::kCounter) {
      samples.Counter(*metric, labels, sum.ended + sum.value);
    } else {
      samples.Gauge(*metric, labels, sum.value);
    }
  }
}

ChannelSamples::One::One(ChannelSamples& all, MetricSamples& samples,
                         uint64_t channel_id, bool is_own)
    : all_(all), samples_(samples), channel_id_(channel_id), is_own_(is_own) {
  if (is_own_) labels_["channel"] = absl::StrCat(channel_id);
}

void ChannelSamples::One::SetWorkerKey(const std::string& worker_key) {
  if (is_own_) labels_["worker_key"] = worker_key;
}

void ChannelSamples::One::Add(const MetricName& metric, const Label& label,
                              Kind kind, double value) {
  if (!is_own_) {
    all_.Add(metric, label, kind, channel_id_, value);
    return;
  }
  const auto add = [&](const MetricSamples::Labels& labels) {
    if (kind == Kind::kCounter) {
      samples_.Counter(metric, labels, value);
    } else {
      samples_.Gauge(metric, labels, value);
    }
  };
  if (label.first == nullptr) {
    add(labels_);
    return;
  }
  labels_[label.first] = label.second;
  add(labels_);
  labels_.erase(label.first);
}

}  // namespace fairlead
