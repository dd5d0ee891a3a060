#ifndef FAIRLEAD_LIBS_RPC_SERVER_H_
#define FAIRLEAD_LIBS_RPC_SERVER_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "grpcpp/grpcpp.h"
#include "libs/rpc/call_threads.h"
#include "libs/rpc/readiness.h"

namespace fairlead::rpc {

// What the health service calls "takes work now".
inline constexpr char kReadinessService[] = "readiness";

struct ServerOptions {
  std::string listen;  // host:port; port 0 takes a free one
  // Calls that run at a time; others wait for their turn (see CallThreads).
  // Beside them gRPC has threads of its own, as many as it finds right for the
  // machine's cores, however many calls there are.
  int max_threads = 32;
  // What the health service says of kReadinessService, which it does not know
  // if this is null. Must outlive the server.
  Readiness* readiness = nullptr;
};

// A gRPC server with health checking and reflection on, messages of any size,
// and a port that nobody shares.
//
// The health service answers two questions, after Kubernetes's two probes:
// of "" (liveness) it says SERVING from the start until Drain(); of "readiness"
// whether the process takes work.
class Server {
 public:
  // `services` must outlive the server. UNAVAILABLE, naming the address, if
  // the port is in use; INVALID_ARGUMENT if `listen` is no host:port, or
  // for no threads.
  static absl::StatusOr<std::unique_ptr<Server>> Start(
      const ServerOptions& options,
      const std::vector<grpc::Service*>& services);

  // Stops at once, open calls and all.
  ~Server();

  // host:port, with the port that was taken.
  const std::string& address() const { return address_; }

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
