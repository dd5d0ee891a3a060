#include "services/sampler_pool/available_cores.h"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <string>
#include <thread>

namespace fairlead {

int AvailableCores(const std::string& quota_file) {
  cpu_set_t mine;
  int cores = static_cast<int>(std::thread::hardware_concurrency());
  // Fails on a host with more cores than cpu_set_t has bits.
  if (sched_getaffinity(0, sizeof(mine), &mine) == 0) cores = CPU_COUNT(&mine);
  // "150000 100000": so many microseconds of every so many; or "max 100000".
  std::ifstream file(quota_file);
  double quota = 0;
  double period = 0;
  if (file >> quota >> period && quota > 0 && period > 0) {
    cores =
        static_cast<int>(std::min<double>(cores, std::ceil(quota / period)));
  }
  return std::max(1, cores);
}

}  // namespace fairlead
