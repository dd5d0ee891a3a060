#ifndef FAIRLEAD_LIBS_RPC_CHANNEL_H_
#define FAIRLEAD_LIBS_RPC_CHANNEL_H_

#include <memory>
#include <string>

#include "grpcpp/channel.h"
#include "grpcpp/security/credentials.h"
#include "libs/rpc/address.h"   // IWYU pragma: export
#include "libs/rpc/security.h"  // IWYU pragma: export

namespace fairlead::rpc {

// A client's connection to one server, made when it is first used and again
// whenever it breaks. Messages may be of any size; keep-alive pings find a
// peer that vanished without a word. `address` may list several servers that
// stand in for each other (see CheckAddresses): one of those that answer.
//
// In plain text without `security`. With it, over TLS: then calls fail with
// UNAVAILABLE unless a `peer` is found there, as its certificate says.
std::shared_ptr<grpc::Channel> MakeChannel(
    const std::string& address,
    const std::shared_ptr<Security>& security = nullptr,
    Peer peer = Peer::kService);

// The same as whoever `credentials` say.
std::shared_ptr<grpc::Channel> MakeChannel(
    const std::string& address,
    const std::shared_ptr<grpc::ChannelCredentials>& credentials);

}  // namespace fairlead::rpc

#endif  // FAIRLEAD_LIBS_RPC_CHANNEL_H_
