#ifndef FAIRLEAD_LIBS_LOADER_RECEIVE_METRICS_H_
#define FAIRLEAD_LIBS_LOADER_RECEIVE_METRICS_H_

#include <functional>
#include <memory>

#include "libs/loader/received_batch.h"
#include "libs/telemetry/telemetry.h"

namespace fairlead {

// Tells Prometheus what a trainer receives: asks `stats`, which must be
// thread-safe, at each scrape of `telemetry`, until what this returns is
// destroyed. `labels` tell it from what else the process receives.
std::shared_ptr<Telemetry::Sampled> ExposeReceiveStats(
    Telemetry& telemetry, const MetricSamples::Labels& labels,
    std::function<ReceiveStats()> stats);

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_LOADER_RECEIVE_METRICS_H_
