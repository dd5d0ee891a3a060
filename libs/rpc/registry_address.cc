#include "libs/rpc/registry_address.h"

#include <cstdint>
#include <cstdlib>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "libs/rpc/address.h"
#include "libs/status/status_macros.h"

namespace fairlead::rpc {
namespace {

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

absl::StatusOr<std::string> RegistryAddress(const std::string& given) {
  if (!given.empty()) {
    FAIRLEAD_RETURN_IF_ERROR(CheckAddresses("registry", given));
    return given;
  }
  const std::string host = Environment("MASTER_ADDR");
  const std::string port = Environment("MASTER_PORT");
  if (host.empty() || port.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "registry: is empty, and so is $",
        host.empty() ? "MASTER_ADDR" : "MASTER_PORT",
        "; give host:port, or set both: it is taken to be at the port after "
        "$MASTER_PORT"));
  }
  uint32_t number = 0;
  if (!absl::SimpleAtoi(port, &number) || number == 0 || number >= 65535) {
    return absl::InvalidArgumentError(
        absl::StrCat("$MASTER_PORT=\"", port,
                     "\": must be 1 to 65534, since the registry's port is the "
                     "one after it"));
  }
  const bool is_bare_ipv6 =
      absl::StrContains(host, ":") && !absl::StartsWith(host, "[");
  const std::string address = absl::StrCat(
      is_bare_ipv6 ? absl::StrCat("[", host, "]") : host, ":", number + 1);
  FAIRLEAD_RETURN_IF_ERROR(
      CheckAddress("$MASTER_ADDR and the port after $MASTER_PORT", address));
  return address;
}

}  // namespace fairlead::rpc
