#include "tools/bench/machine.h"

#include <stdlib.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "nlohmann/json.hpp"

namespace fairlead::bench {
namespace {

// What follows "KEY :" in a file of such lines; empty if nothing does.
std::string Lookup(const char* path, const char* key) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    const size_t colon = line.find(':');
    if (colon == std::string::npos || !absl::StartsWith(line, key)) continue;
    return std::string(absl::StripAsciiWhitespace(line.substr(colon + 1)));
  }
  return "";
}

std::string FirstLine(const char* path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

}  // namespace

double LoadAverage() {
  double one = 0;
  return getloadavg(&one, 1) == 1 ? one : 0;
}

nlohmann::ordered_json DescribeMachine() {
  utsname system = {};
  uname(&system);
  const auto pages = static_cast<int64_t>(sysconf(_SC_PHYS_PAGES));
  return {
      {"kernel", std::string(system.sysname) + " " + system.release},
      {"architecture", system.machine},
      {"cpu", Lookup("/proc/cpuinfo", "model name")},
      {"cores", std::max(1u, std::thread::hardware_concurrency())},
      {"cache", Lookup("/proc/cpuinfo", "cache size")},
      {"memory_bytes", pages * sysconf(_SC_PAGESIZE)},
      {"huge_pages", FirstLine("/sys/kernel/mm/transparent_hugepage/enabled")},
      {"load_before", LoadAverage()}};
}

}  // namespace fairlead::bench
