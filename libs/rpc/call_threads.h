#ifndef FAIRLEAD_LIBS_RPC_CALL_THREADS_H_
#define FAIRLEAD_LIBS_RPC_CALL_THREADS_H_

#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "grpcpp/support/server_interceptor.h"
#include "libs/event_loop/event_loop.h"

namespace fairlead::rpc {

// The threads on which a server's calls run, so many and no more; calls beyond
// them wait for their turn.
//
// gRPC itself has no such bound: it starts a thread for each call of a blocking
// method, and with a quota (ResourceQuota::SetMaxThreads) it refuses those for
// which there is none. So each call is taken from the thread on which gRPC
// received it, before its method begins, and put on one of these. A call of a
// callback method is here only for its beginning. Streams both ways and health
// checks are left alone: a heartbeat must not wait behind calls that are slow.
class CallThreads {
 public:
  // INVALID_ARGUMENT unless `threads` is positive; RESOURCE_EXHAUSTED if the
  // system has not so many.
  static absl::StatusOr<std::unique_ptr<CallThreads>> Start(int threads);

  // For the builder of the server, which must be destroyed before this.
  std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>
  MakeInterceptorFactory();

 private:
  explicit CallThreads(int threads);

  EventLoop loop_;
};

}  // namespace fairlead::rpc

#endif  // FAIRLEAD_LIBS_RPC_CALL_THREADS_H_
