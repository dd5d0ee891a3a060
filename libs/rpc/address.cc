#include "libs/rpc/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "libs/status/status_macros.h"

namespace fairlead::rpc {

absl::Status CheckAddress(absl::string_view what, absl::string_view address) {
  const size_t colon = address.rfind(':');
  if (colon != absl::string_view::npos && colon > 0 &&
      (address.find(':') == colon ||
       (address.front() == '[' && address[colon - 1] == ']'))) {
    const absl::string_view port = address.substr(colon + 1);
    uint32_t number = 0;
    // SimpleAtoi alone takes signs and spaces too.
    if (std::all_of(port.begin(), port.end(), absl::ascii_isdigit) &&
        absl::SimpleAtoi(port, &number) && number <= 65535) {
      return absl::OkStatus();
    }
  }
  return absl::InvalidArgumentError(absl::StrCat(
      what, "=\"", address, "\": must be host:port, such as 127.0.0.1:7100"));
}

absl::Status CheckAddresses(absl::string_view what,
                            absl::string_view addresses) {
  const std::vector<std::string> list = absl::StrSplit(addresses, ',');
  for (const std::string& address : list) {
    FAIRLEAD_RETURN_IF_ERROR(CheckAddress(what, address));
    const std::string host = address.substr(0, address.rfind(':'));
    in_addr parsed;
    if (list.size() > 1 && host.front() != '[' &&
        inet_pton(AF_INET, host.c_str(), &parsed) != 1) {
      return absl::InvalidArgumentError(absl::StrCat(
          what, "=\"", std::string(addresses), "\": ", host,
          " is no IP; list several as ip:port,ip:port, or name one host that "
          "resolves to all of them"));
    }
    if ((host.front() == '[') != (list.front().front() == '[')) {
      return absl::InvalidArgumentError(
          absl::StrCat(what, "=\"", std::string(addresses),
                       "\": lists IPv4 and IPv6; use one of them"));
    }
  }
  return absl::OkStatus();
}

bool IsLoopback(absl::string_view address) {
  const std::string host(address.substr(0, address.rfind(':')));
  in_addr ipv4 = {};
  if (inet_pton(AF_INET, host.c_str(), &ipv4) == 1) {
    return ntohl(ipv4.s_addr) >> IN_CLASSA_NSHIFT == IN_LOOPBACKNET;
  }
  return host == "localhost" || host == "[::1]";
}

}  // namespace fairlead::rpc
