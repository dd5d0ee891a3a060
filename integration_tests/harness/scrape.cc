#include "integration_tests/harness/scrape.h"

#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "boost/asio/ip/tcp.hpp"

namespace fairlead::testing {

absl::StatusOr<std::map<std::string, double>> Scrape(
    const std::string& address) {
  const size_t colon = address.rfind(':');
  // HTTP/1.0: one answer, ended by the end of the stream.
  boost::asio::ip::tcp::iostream http(address.substr(0, colon),
                                      address.substr(colon + 1));
  http << "GET /metrics HTTP/1.0\r\nHost: " << address << "\r\n\r\n"
       << std::flush;
  std::string line;
  if (!std::getline(http, line) || !absl::StrContains(line, " 200 ")) {
    return absl::UnavailableError(absl::StrCat(
        "http://", address, "/metrics: ", line, http.error().message()));
  }
  while (std::getline(http, line) && line != "\r") {  // other headers
  }
  std::map<std::string, double> samples;
  while (std::getline(http, line)) {
    if (line.empty() || line[0] == '#') continue;
    const size_t space = line.rfind(' ');
    double value = 0;
    if (space == std::string::npos ||
        !absl::SimpleAtod(line.substr(space + 1), &value)) {
      return absl::InternalError(
          absl::StrCat("http://", address, "/metrics: no sample: ", line));
    }
    samples[line.substr(0, space)] = value;
  }
  return samples;
}

}  // namespace fairlead::testing
