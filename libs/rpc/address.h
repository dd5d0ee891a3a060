#ifndef FAIRLEAD_LIBS_RPC_ADDRESS_H_
#define FAIRLEAD_LIBS_RPC_ADDRESS_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace fairlead::rpc {

// INVALID_ARGUMENT, naming `what` (a flag or a field), unless `address` is
// host:port with a port from 0 to 65535. IPv6 hosts stand in brackets.
absl::Status CheckAddress(absl::string_view what, absl::string_view address);

// The same for the addresses of servers that stand in for each other: one
// host:port, or several ip:port of one kind of IP, with commas between them.
// (Several under one name are one address: the name's.)
absl::Status CheckAddresses(absl::string_view what,
                            absl::string_view addresses);

// Whether whoever connects to such an address is on the same host: localhost,
// 127.x.y.z or [::1], with a port.
bool IsLoopback(absl::string_view address);

}  // namespace fairlead::rpc

#endif  // FAIRLEAD_LIBS_RPC_ADDRESS_H_
