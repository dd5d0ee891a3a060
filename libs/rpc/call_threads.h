#ifndef FAIRLEAD_LIBS_RPC_CALL_THREADS_H_
#define FAIRLEAD_LIBS_RPC_CALL_THREADS_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "grpcpp/support/interceptor.h"
#include "grpcpp/support/server_interceptor.h"
#include "libs/event_loop/event_loop.h"
#include "libs/rpc/call_turns.h"
#include "libs/rpc/security.h"
#include "libs/sync/mutex.h"

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
//
// Clients take turns (see CallTurns), so that a flood of one delays another by
// one call. Where callers are known by certificate or token, one of them gets
// three quarters of the threads at most: slow calls of one leave room for the
// rest. (By its address nobody is known: all may come through one.)
class CallThreads {
 public:
  // Callers are known by the server's `security`; null if it has none.
  // INVALID_ARGUMENT unless `threads` is positive; RESOURCE_EXHAUSTED if the
  // system has not so many.
  static absl::StatusOr<std::unique_ptr<CallThreads>> Start(
      int threads, std::shared_ptr<Security> security);

  // For the builder of the server, which must be destroyed before this.
  std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>
  MakeInterceptorFactory();

  // Calls that wait for a thread.
  int64_t waiting() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  class Mover;
  class MoverFactory;
  // What goes on with a call.
  using Call = grpc::experimental::InterceptorBatchMethods*;

  CallThreads(int threads, std::shared_ptr<Security> security);

  // Puts a call on a thread, when it is its client's turn.
  void Run(const std::string& client, Call call) ABSL_LOCKS_EXCLUDED(mutex_);
  // Runs calls on this thread while it is anybody's turn.
  void RunTurns() ABSL_LOCKS_EXCLUDED(mutex_);

  const std::shared_ptr<Security> security_;

  mutable Mutex mutex_;
  int64_t waiting_ ABSL_GUARDED_BY(mutex_) = 0;
  CallTurns<Call> turns_ ABSL_GUARDED_BY(mutex_);
  EventLoop loop_;
};

}  // namespace fairlead::rpc

#endif  // FAIRLEAD_LIBS_RPC_CALL_THREADS_H_
