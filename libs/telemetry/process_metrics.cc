#include "libs/telemetry/process_metrics.h"

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <sstream>
#include <string>

#include "libs/command_line/build_info.h"
#include "libs/telemetry/metric_names.h"
#include "libs/telemetry/telemetry.h"

namespace fairlead {
namespace {

double ResidentBytes() {
  std::ifstream statm("/proc/self/statm");
  double size = 0;
  double resident = 0;
  statm >> size >> resident;
  return resident * static_cast<double>(sysconf(_SC_PAGESIZE));
}

double OpenFds() {
  DIR* directory = opendir("/proc/self/fd");
  if (directory == nullptr) return 0;
  int entries = 0;
  while (readdir(directory) != nullptr) ++entries;
  closedir(directory);
  return entries - 3;  // ".", ".." and the descriptor of this look
}

double MaxFds() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  return static_cast<double>(limit.rlim_cur);
}

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) +
           1e-6 * static_cast<double>(time.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// When the host was booted, in seconds since 1970.
double BootSeconds() {
  std::ifstream stat("/proc/stat");
  std::string word;
  while (stat >> word) {
    double seconds = 0;
    if (word == "btime" && stat >> seconds) return seconds;
  }
  return 0;
}

double StartSeconds() {
  std::ifstream file("/proc/self/stat");
  const std::string stat{std::istreambuf_iterator<char>(file), {}};
  // The program's name, in brackets, may have spaces; 19 fields lie between it
  // and the ticks from boot to start.
  std::istringstream fields(stat.substr(stat.rfind(')') + 1));
  std::string skipped;
  for (int i = 0; i < 19; ++i) fields >> skipped;
  double ticks = 0;
  fields >> ticks;
  return BootSeconds() + ticks / static_cast<double>(sysconf(_SC_CLK_TCK));
}

}  // namespace

void SampleProcess(MetricSamples& samples) {
  const BuildInfo build = ThisBuild();
  samples.Gauge(metrics::kBuildInfo,
                {{"version", build.version},
                 {"commit", build.commit},
                 {"config", build.config}},
                1);
  samples.Gauge(metrics::kProcessStartTime, {}, StartSeconds());
  samples.Counter(metrics::kProcessCpuSeconds, {}, CpuSeconds());
  samples.Gauge(metrics::kProcessResidentMemory, {}, ResidentBytes());
  samples.Gauge(metrics::kProcessOpenFds, {}, OpenFds());
  samples.Gauge(metrics::kProcessMaxFds, {}, MaxFds());
}

}  // namespace fairlead
