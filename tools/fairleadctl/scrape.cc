#include "tools/fairleadctl/scrape.h"

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "boost/asio/ip/tcp.hpp"
#include "tools/fairleadctl/prometheus_text.h"

namespace fairlead {
namespace {

// A page of a thousand channels is well below one.
constexpr size_t kMostBytes = 64 << 20;

absl::Status Failed(const std::string& address, absl::string_view why) {
  return absl::UnavailableError(
      absl::StrCat("http://", address, "/metrics: ", why));
}

}  // namespace

absl::StatusOr<std::vector<MetricSample>> ScrapeMetrics(
    const std::string& address, absl::Duration timeout) {
  const size_t colon = address.rfind(':');
  if (colon == std::string::npos) return Failed(address, "is no host:port");
  std::string host = address.substr(0, colon);
  if (host.size() > 2 && host.front() == '[') {
    host = host.substr(1, host.size() - 2);
  }
  boost::asio::ip::tcp::iostream http;
  http.expires_after(absl::ToChronoMilliseconds(timeout));
  http.connect(host, address.substr(colon + 1));
  // HTTP/1.0: one answer, ended by the end of the stream.
  http << "GET /metrics HTTP/1.0\r\nHost: " << address << "\r\n\r\n"
       << std::flush;
  std::string line;
  if (!std::getline(http, line)) return Failed(address, http.error().message());
  if (!absl::StrContains(line, " 200 ")) return Failed(address, line);
  while (std::getline(http, line) && line != "\r") {  // other headers
  }
  std::string page;
  while (std::getline(http, line)) {
    absl::StrAppend(&page, line, "\n");
    if (page.size() > kMostBytes) return Failed(address, "has no end");
  }
  if (http.error() && http.error() != boost::asio::error::eof) {
    return Failed(address, http.error().message());
  }
  absl::StatusOr<std::vector<MetricSample>> samples = ParsePrometheusText(page);
  if (!samples.ok()) return Failed(address, samples.status().message());
  return samples;
}

}  // namespace fairlead
