#ifndef FAIRLEAD_SERVICES_SAMPLER_POOL_AVAILABLE_CORES_H_
#define FAIRLEAD_SERVICES_SAMPLER_POOL_AVAILABLE_CORES_H_

#include <string>

namespace fairlead {

// How many cores this process may keep busy: those that it may run on, or as
// much as a container's quota is worth, rounded up, if that is less. At
// least 1. `quota_file` is cgroup v2's cpu.max of the process.
int AvailableCores(const std::string& quota_file = "/sys/fs/cgroup/cpu.max");

}  // namespace fairlead

#endif  // FAIRLEAD_SERVICES_SAMPLER_POOL_AVAILABLE_CORES_H_
