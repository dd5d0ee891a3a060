#include "libs/rpc/address.h"

#include <algorithm>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

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

}  // namespace fairlead::rpc
