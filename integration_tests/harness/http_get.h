#ifndef FAIRLEAD_INTEGRATION_TESTS_HARNESS_HTTP_GET_H_
#define FAIRLEAD_INTEGRATION_TESTS_HARNESS_HTTP_GET_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace fairlead::testing {

// The body of http://`address``path`?name=value&..., whatever bytes the values
// have. UNAVAILABLE, with the status line or the body, for an answer that is
// not 200, or none.
absl::StatusOr<std::string> HttpGet(
    const std::string& address, const std::string& path,
    const std::vector<std::pair<std::string, std::string>>& parameters = {});

}  // namespace fairlead::testing

#endif  // FAIRLEAD_INTEGRATION_TESTS_HARNESS_HTTP_GET_H_
