#include "integration_tests/harness/scrape.h"

#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "libs/http_get/http_get.h"
#include "libs/status/status_macros.h"

namespace fairlead::testing {
namespace {

// That of a host that is busy with other tests.
constexpr absl::Duration kTimeout = absl::Minutes(1);

}  // namespace

absl::StatusOr<std::map<std::string, double>> Scrape(
    const std::string& address) {
  FAIRLEAD_ASSIGN_OR_RETURN(const std::string page,
                            HttpGet(address, "/metrics", kTimeout));
  std::map<std::string, double> samples;
  for (const absl::string_view line : absl::StrSplit(page, '\n')) {
    if (line.empty() || line[0] == '#') continue;
    const size_t space = line.rfind(' ');
    double value = 0;
    if (space == absl::string_view::npos ||
        !absl::SimpleAtod(line.substr(space + 1), &value)) {
      return absl::InternalError(
          absl::StrCat("http://", address, "/metrics: no sample: ", line));
    }
    samples[std::string(line.substr(0, space))] = value;
  }
  return samples;
}

}  // namespace fairlead::testing
