#ifndef FAIRLEAD_LIBS_HTTP_GET_HTTP_GET_H_
#define FAIRLEAD_LIBS_HTTP_GET_HTTP_GET_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace fairlead {

// The body of http://`address``path`?name=value&..., whatever bytes the values
// have. UNAVAILABLE, naming the address, with the status line and the body for
// an answer that is not 200; or if there is none within `timeout`, or it has
// more than 64 MiB.
absl::StatusOr<std::string> HttpGet(
    const std::string& address, const std::string& path, absl::Duration timeout,
    const std::vector<std::pair<std::string, std::string>>& parameters = {});

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_HTTP_GET_HTTP_GET_H_
