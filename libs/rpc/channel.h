#ifndef FAIRLEAD_LIBS_RPC_CHANNEL_H_
#define FAIRLEAD_LIBS_RPC_CHANNEL_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "grpcpp/channel.h"

namespace fairlead::rpc {

// INVALID_ARGUMENT, naming `what` (a flag or a field), unless `address` is
// host:port with a port from 0 to 65535. IPv6 hosts stand in brackets.
absl::Status CheckAddress(absl::string_view what, absl::string_view address);

// A client's connection to one server, made when it is first used and again
// whenever it breaks. Messages may be of any size; keep-alive pings find a
// peer that vanished without a word.
std::shared_ptr<grpc::Channel> MakeChannel(const std::string& address);

}  // namespace fairlead::rpc

#endif  // FAIRLEAD_LIBS_RPC_CHANNEL_H_
