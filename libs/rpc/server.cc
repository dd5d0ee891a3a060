#include "libs/rpc/server.h"

#include <algorithm>
#include <cstdint>
#include <iostream>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "grpcpp/ext/proto_server_reflection_plugin.h"
#include "grpcpp/grpcpp.h"
#include "grpcpp/health_check_service_interface.h"
#include "libs/rpc/address.h"
#include "libs/rpc/call_threads.h"
#include "libs/rpc/readiness.h"
#include "libs/rpc/security.h"
#include "libs/status/status_macros.h"

namespace fairlead::rpc {
namespace {

// A positive number that gRPC takes; what is more it takes for no bound.
int ToArgument(uint64_t number) {
  return static_cast<int>(
      std::min<uint64_t>(number, std::numeric_limits<int>::max()));
}
int ToArgument(absl::Duration duration) {
  return ToArgument(static_cast<uint64_t>(
      std::max<int64_t>(absl::ToInt64Milliseconds(duration), 1)));
}

void SetLimits(const ServerLimits& limits, grpc::ServerBuilder& builder) {
  builder.SetMaxReceiveMessageSize(ToArgument(limits.max_request_bytes));
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE,
                             ToArgument(limits.max_header_bytes));
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS,
                             limits.max_connection_streams);
  // Clients ping to find a server that vanished; let them.
  builder.AddChannelArgument(
      GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
      ToArgument(limits.min_ping_interval));
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS,
                             ToArgument(limits.max_connection_idle));
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_MS,
                             ToArgument(limits.max_connection_age));
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS,
                             ToArgument(limits.connection_age_grace));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Server>> Server::Start(
    const ServerOptions& options, const std::vector<grpc::Service*>& services) {
  FAIRLEAD_RETURN_IF_ERROR(CheckAddress("--listen", options.listen));
  std::shared_ptr<grpc::ServerCredentials> credentials =
      grpc::InsecureServerCredentials();
  if (options.security != nullptr) {
    FAIRLEAD_ASSIGN_OR_RETURN(
        credentials, options.security->ServerCredentials(options.refusals));
  } else if (!IsLoopback(options.listen)) {
    const std::string danger =
        absl::StrCat("--listen=", options.listen,
                     ": whoever reaches it may do anything, without TLS");
    if (!options.insecure_listen) {
      return absl::InvalidArgumentError(
          absl::StrCat(danger,
                       "; give --tls_cert, --tls_key and --tls_ca, or "
                       "--insecure_listen if the network keeps others out"));
    }
    std::cerr << "warning: " << danger << "\n";
  }
  FAIRLEAD_ASSIGN_OR_RETURN(
      std::unique_ptr<CallThreads> threads,
      CallThreads::Start(options.max_threads, options.security));
  // Both are switches of the whole process, and safe to set again.
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();

  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort(options.listen, credentials, &port);
  // Without this, two servers may share a port, and each gets some calls.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.SetMaxSendMessageSize(-1);
  SetLimits(options.limits, builder);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 10'000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10'000);
  // One queue for calls that arrive, with a thread or two; not one a core: they
  // only hand the calls on.
  builder.SetSyncServerOption(grpc::ServerBuilder::NUM_CQS, 1);
  std::vector<
      std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>>
      interceptors;
  interceptors.push_back(threads->MakeInterceptorFactory());
  builder.experimental().SetInterceptorCreators(std::move(interceptors));
  for (grpc::Service* service : services) builder.RegisterService(service);
  std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr || port == 0) {
    return absl::UnavailableError(
        absl::StrCat("--listen=", options.listen,
                     ": cannot be listened on; is the port in use, or the "
                     "host not this one? Port 0 takes a free one"));
  }
  const std::string host = options.listen.substr(0, options.listen.rfind(':'));
  // The constructor is private, so std::make_unique cannot call it.
  return std::unique_ptr<Server>(
      new Server(std::move(threads), std::move(server),
                 absl::StrCat(host, ":", port), options.readiness));
}

Server::Server(std::unique_ptr<CallThreads> threads,
               std::unique_ptr<grpc::Server> server, std::string address,
               Readiness* readiness)
    : threads_(std::move(threads)),
      server_(std::move(server)),
      address_(std::move(address)),
      readiness_(readiness) {
  if (readiness_ == nullptr) return;
  readiness_->Listen([health = server_->GetHealthCheckService()](bool ready) {
    health->SetServingStatus(kReadinessService, ready);
  });
}

Server::~Server() {
  Drain(absl::ZeroDuration());
  if (readiness_ != nullptr) readiness_->Listen(nullptr);
}

int64_t Server::waiting_calls() const { return threads_->waiting(); }

void Server::Drain(absl::Duration grace) {
  server_->Shutdown(absl::ToChronoTime(absl::Now() + grace));
  server_->Wait();
}

}  // namespace fairlead::rpc
