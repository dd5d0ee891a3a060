#include "libs/http_get/http_get.h"

#include <array>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "boost/asio/ip/tcp.hpp"

namespace fairlead {
namespace {

// The metrics of a thousand channels are well below one.
constexpr size_t kMostBytes = 64 << 20;

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
    const std::string& address, const std::string& path, absl::Duration timeout,
    const std::vector<std::pair<std::string, std::string>>& parameters) {
  std::string target = path;
  for (const auto& [name, value] : parameters) {
    absl::StrAppend(&target, absl::StrContains(target, "?") ? "&" : "?", name,
                    "=", PercentEncode(value));
  }
  const auto failed = [&](const std::string& why) {
    return absl::UnavailableError(
        absl::StrCat("http://", address, target, ": ", why));
  };
  const size_t colon = address.rfind(':');
  if (colon == std::string::npos) return failed("is no host:port");
  std::string host = address.substr(0, colon);
  if (host.size() > 2 && host.front() == '[') {
    host = host.substr(1, host.size() - 2);
  }
  boost::asio::ip::tcp::iostream http;
  http.expires_after(absl::ToChronoMilliseconds(timeout));
  http.connect(host, address.substr(colon + 1));
  // HTTP/1.0: one answer, ended by the end of the stream.
  http << "GET " << target << " HTTP/1.0\r\nHost: " << address << "\r\n\r\n"
       << std::flush;
  std::string status;
  if (!std::getline(http, status)) return failed(http.error().message());
  std::string line;
  while (std::getline(http, line) && line != "\r") {  // headers
  }
  std::string body;
  std::array<char, 16 << 10> some;
  while (http.read(some.data(), some.size()) || http.gcount() > 0) {
    body.append(some.data(), static_cast<size_t>(http.gcount()));
    if (body.size() > kMostBytes) return failed("has no end");
  }
  if (http.error() && http.error() != boost::asio::error::eof) {
    return failed(http.error().message());
  }
  if (!absl::StrContains(status, " 200 ")) {
    return failed(absl::StrCat(absl::StripSuffix(status, "\r"), " ", body));
  }
  return body;
}

}  // namespace fairlead
