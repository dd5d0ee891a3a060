#ifndef FAIRLEAD_LIBS_TELEMETRY_REFUSAL_SAMPLES_H_
#define FAIRLEAD_LIBS_TELEMETRY_REFUSAL_SAMPLES_H_

#include <cstdint>

#include "libs/rpc/refusals.h"
#include "libs/telemetry/metric_names.h"
#include "libs/telemetry/telemetry.h"

namespace fairlead {

// What a server has refused, as fairlead_refused_calls_total.
inline void SampleRefusals(const rpc::Refusals& refusals,
                           MetricSamples& samples) {
  const auto count = [&samples](const char* code, uint64_t calls) {
    samples.Counter(metrics::kRefusedCalls, {{"code", code}},
                    static_cast<double>(calls));
  };
  count("unauthenticated", refusals.unauthenticated());
  count("permission_denied", refusals.permission_denied());
  count("resource_exhausted", refusals.resource_exhausted());
}

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_TELEMETRY_REFUSAL_SAMPLES_H_
