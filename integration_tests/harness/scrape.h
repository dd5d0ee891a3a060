#ifndef FAIRLEAD_INTEGRATION_TESTS_HARNESS_SCRAPE_H_
#define FAIRLEAD_INTEGRATION_TESTS_HARNESS_SCRAPE_H_

#include <map>
#include <string>

#include "absl/status/statusor.h"

namespace fairlead::testing {

// The samples of http://`address`/metrics by their names with labels, as
// Prometheus's text format writes them: `x_total{kind="batch"}`. UNAVAILABLE if
// nothing answers; INTERNAL, with the line, if it is not that format.
absl::StatusOr<std::map<std::string, double>> Scrape(
    const std::string& address);

}  // namespace fairlead::testing

#endif  // FAIRLEAD_INTEGRATION_TESTS_HARNESS_SCRAPE_H_
