#include "tools/bench/process_usage.h"

#include <sys/types.h>
#include <time.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <system_error>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace fairlead::bench {
namespace {

namespace fs = std::filesystem;

double SecondsOf(const timespec& time) {
  return static_cast<double>(time.tv_sec) +
         static_cast<double>(time.tv_nsec) * 1e-9;
}

// The number in the line "KEY: NUMBER ..." of a status file; 0 if there is
// none.
double StatusField(const std::string& path, const char* key) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (!absl::StartsWith(line, key)) continue;
    std::istringstream rest(line.substr(line.find(':') + 1));
    double value = 0;
    rest >> value;
    return value;
  }
  return 0;
}

}  // namespace

double CpuSecondsOfThisThread() {
  timespec time = {};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return SecondsOf(time);
}

double CpuSecondsOf(pid_t pid) {
  clockid_t clock = 0;
  timespec time = {};
  if (clock_getcpuclockid(pid, &clock) != 0 ||
      clock_gettime(clock, &time) != 0) {
    return 0;
  }
  return SecondsOf(time);
}

double VoluntarySwitchesOf(pid_t pid) {
  double switches = 0;
  std::error_code error;
  for (const auto& thread :
       fs::directory_iterator(absl::StrCat("/proc/", pid, "/task"), error)) {
    switches += StatusField(thread.path().string() + "/status",
                            "voluntary_ctxt_switches");
  }
  return switches;
}

double ResidentBytesOf(pid_t pid) {
  return 1024 * StatusField(absl::StrCat("/proc/", pid, "/status"), "VmRSS");
}
double PeakResidentBytesOf(pid_t pid) {
  return 1024 * StatusField(absl::StrCat("/proc/", pid, "/status"), "VmHWM");
}

std::vector<pid_t> ChildrenOf(pid_t pid) {
  std::vector<pid_t> children;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/proc", error)) {
    pid_t child = 0;
    if (!absl::SimpleAtoi(entry.path().filename().string(), &child)) continue;
    if (StatusField(entry.path().string() + "/status", "PPid") == pid) {
      children.push_back(child);
    }
  }
  return children;
}

}  // namespace fairlead::bench
