#include "integration_tests/harness/http_get.h"

#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "boost/asio/ip/tcp.hpp"

namespace fairlead::testing {
namespace {

std::string PercentEncode(const std::string& text) {
  std::string encoded;
  for (const char c : text) {
    if (absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_') {
      encoded.push_back(c);
    } else {
      absl::StrAppendFormat(&encoded, "%%%02X", static_cast<unsigned char>(c));
    }
  }
  return encoded;
}

}  // namespace

absl::StatusOr<std::string> HttpGet(
    const std::string& address, const std::string& path,
    const std::vector<std::pair<std::string, std::string>>& parameters) {
  std::string target = path;
  for (const auto& [name, value] : parameters) {
    absl::StrAppend(&target, absl::StrContains(target, "?") ? "&" : "?", name,
                    "=", PercentEncode(value));
  }
  const size_t colon = address.rfind(':');
  // HTTP/1.0: one answer, ended by the end of the stream.
  boost::asio::ip::tcp::iostream http(address.substr(0, colon),
                                      address.substr(colon + 1));
  http << "GET " << target << " HTTP/1.0\r\nHost: " << address << "\r\n\r\n"
       << std::flush;
  std::string status;
  std::getline(http, status);
  std::string line;
  while (std::getline(http, line) && line != "\r") {  // headers
  }
  std::string body(std::istreambuf_iterator<char>(http), {});
  if (!absl::StrContains(status, " 200 ")) {
    return absl::UnavailableError(
        absl::StrCat("http://", address, target, ": ", status,
                     http.error() ? http.error().message() : "", " ", body));
  }
  return body;
}

}  // namespace fairlead::testing
