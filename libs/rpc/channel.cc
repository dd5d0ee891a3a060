#include "libs/rpc/channel.h"

#include <memory>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "grpcpp/grpcpp.h"
#include "libs/rpc/security.h"

namespace fairlead::rpc {

std::shared_ptr<grpc::Channel> MakeChannel(
    const std::string& address, const std::shared_ptr<Security>& security,
    Peer peer) {
  return MakeChannel(address, security == nullptr
                                  ? grpc::InsecureChannelCredentials()
                                  : security->ChannelCredentials(peer));
}

std::shared_ptr<grpc::Channel> MakeChannel(
    const std::string& address,
    const std::shared_ptr<grpc::ChannelCredentials>& credentials) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(-1);
  arguments.SetMaxSendMessageSize(-1);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 10'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10'000);
  // By default a client that sends no data stops pinging after two pings, and
  // a trainer that waits for its next batch sends none.
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  // A server that restarts should be found again soon.
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 2'000);
  // Despite its name, how long a connection may take to be made: long enough
  // for a busy host, and for a packet that TCP sends again after a second.
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 3'000);
  // Connections are not shared between channels of one process: each trainer
  // in it gets a stream of its own.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  const bool is_list = absl::StrContains(address, ',');
  const std::string target =
      is_list
          ? absl::StrCat(address.front() == '[' ? "ipv6:" : "ipv4:", address)
          : address;
  return grpc::CreateCustomChannel(target, credentials, arguments);
}

}  // namespace fairlead::rpc
