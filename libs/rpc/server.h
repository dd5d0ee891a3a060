#ifndef FAIRLEAD_LIBS_RPC_SERVER_H_
#define FAIRLEAD_LIBS_RPC_SERVER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/rpc/readiness.h"
#include "libs/rpc/refusals.h"
#include "libs/rpc/security.h"

namespace grpc {
class Server;
class Service;
}  // namespace grpc

namespace fairlead::rpc {

class CallThreads;

// What the health service calls "takes work now".
inline constexpr char kReadinessService[] = "readiness";

// What a client may take of a server. gRPC refuses what is beyond: larger
// messages and headers with RESOURCE_EXHAUSTED, pings by closing the connection
// ("too_many_pings"); streams beyond the most wait in the client.
struct ServerLimits {
  uint64_t max_request_bytes = 1ULL << 30;
  uint64_t max_header_bytes = 16 << 10;  // of the metadata of one call
  int max_connection_streams = 4096;     // calls under way, too, are streams
  // Of pings without data between them, of which two too early are forgiven.
  absl::Duration min_ping_interval = absl::Seconds(5);
  // After which connections without calls are closed, and all are told to make
  // another: then certificates are looked at anew.
  absl::Duration max_connection_idle = absl::InfiniteDuration();
  absl::Duration max_connection_age = absl::InfiniteDuration();
  // How long calls may go on then.
  absl::Duration connection_age_grace = absl::Minutes(1);
};

struct ServerOptions {
  std::string listen;  // host:port; port 0 takes a free one
  // Null listens in plain text.
  std::shared_ptr<Security> security = nullptr;
  // Told of whom that refuses; may be null. Must outlive the server.
  Refusals* refusals = nullptr;
  ServerLimits limits = {};
  // Whether it may listen without TLS where other hosts can reach it.
  bool insecure_listen = false;
  // Calls that run at a time; others wait for their turn (see CallThreads).
  // Beside them gRPC has threads of its own, as many as it finds right for the
  // machine's cores, however many calls there are.
  int max_threads = 32;
  // What the health service says of kReadinessService, which it does not know
  // if this is null. Must outlive the server.
  Readiness* readiness = nullptr;
};

// A gRPC server with health checking and reflection on, and a port that nobody
// shares. Over TLS if it is given security.
//
// The health service answers two questions, after Kubernetes's two probes:
// of "" (liveness) it says SERVING from the start until Drain(); of "readiness"
// whether the process takes work.
class Server {
 public:
  // `services` must outlive the server. UNAVAILABLE, naming the address, if
  // the port is in use; INVALID_ARGUMENT if `listen` is no host:port, for no
  // threads, or if others could reach it without TLS; FAILED_PRECONDITION if
  // its security is a token and no certificate.
  static absl::StatusOr<std::unique_ptr<Server>> Start(
      const ServerOptions& options,
      const std::vector<grpc::Service*>& services);

  // Stops at once, open calls and all.
  ~Server();

  // host:port, with the port that was taken.
  const std::string& address() const { return address_; }

  // Calls that wait for one of its threads.
  int64_t waiting_calls() const;

  // Refuses new calls and gives the open ones `grace` to end; then cancels
  // them.
  void Drain(absl::Duration grace);

 private:
  Server(std::unique_ptr<CallThreads> threads,
         std::unique_ptr<grpc::Server> server, std::string address,
         Readiness* readiness);

  const std::unique_ptr<CallThreads> threads_;
  const std::unique_ptr<grpc::Server> server_;
  const std::string address_;
  Readiness* const readiness_;
};

}  // namespace fairlead::rpc

#endif  // FAIRLEAD_LIBS_RPC_SERVER_H_
