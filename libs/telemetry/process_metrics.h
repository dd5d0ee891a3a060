#ifndef FAIRLEAD_LIBS_TELEMETRY_PROCESS_METRICS_H_
#define FAIRLEAD_LIBS_TELEMETRY_PROCESS_METRICS_H_

#include "libs/telemetry/telemetry.h"

namespace fairlead {

// What this process is and uses: its build, when it began, CPU time, memory,
// descriptors. Read from the kernel at each call.
void SampleProcess(MetricSamples& samples);

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_TELEMETRY_PROCESS_METRICS_H_
