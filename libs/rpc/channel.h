#ifndef FAIRLEAD_LIBS_RPC_CHANNEL_H_
#define FAIRLEAD_LIBS_RPC_CHANNEL_H_

#include <memory>
#include <string>

#include "grpcpp/channel.h"
#include "libs/rpc/address.h"  // IWYU pragma: export

namespace fairlead::rpc {

// A client's connection to one server, made when it is first used and again
// whenever it breaks. Messages may be of any size; keep-alive pings find a
// peer that vanished without a word. `address` may list several servers that
// stand in for each other (see CheckAddresses): one of those that answer.
std::shared_ptr<grpc::Channel> MakeChannel(const std::string& address);

}  // namespace fairlead::rpc

#endif  // FAIRLEAD_LIBS_RPC_CHANNEL_H_
