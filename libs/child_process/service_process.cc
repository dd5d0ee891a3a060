#include "libs/child_process/service_process.h"

#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "libs/child_process/child_process.h"
#include "libs/rpc/ready_line.h"
#include "libs/status/status_macros.h"

namespace fairlead {
namespace {

constexpr size_t kTailBytes = 2000;

std::string Tail(const std::string& file) {
  std::ifstream in(file);
  const std::string all(std::istreambuf_iterator<char>(in), {});
  const size_t begin = all.size() > kTailBytes ? all.size() - kTailBytes : 0;
  return std::string(absl::StripTrailingAsciiWhitespace(all.substr(begin)));
}

}  // namespace

absl::StatusOr<ServiceProcess> ServiceProcess::Start(
    const std::vector<std::string>& argv, const std::string& log,
    absl::Duration timeout) {
  FAIRLEAD_ASSIGN_OR_RETURN(ChildProcess process,
                            ChildProcess::Start(argv, {.err = log}));
  const absl::Time deadline = absl::Now() + timeout;
  while (true) {
    FAIRLEAD_ASSIGN_OR_RETURN(const std::optional<std::string> line,
                              process.ReadLine(deadline - absl::Now()));
    if (!line.has_value()) {
      return absl::UnavailableError(
          absl::StrCat(argv[0], ": ended before it served: ", Tail(log)));
    }
    absl::StatusOr<rpc::ReadyLine> ready = rpc::ReadyLine::Parse(*line);
    if (ready.ok()) {
      return ServiceProcess(std::move(process), *std::move(ready), log);
    }
  }
}

}  // namespace fairlead
