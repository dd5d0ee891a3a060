#include "libs/rpc/call_threads.h"

#include <limits>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "grpcpp/support/interceptor.h"
#include "grpcpp/support/server_interceptor.h"
#include "libs/event_loop/event_loop.h"
#include "libs/status/status_macros.h"

namespace fairlead::rpc {
namespace {

using ::grpc::experimental::InterceptionHookPoints;
using ::grpc::experimental::Interceptor;
using ::grpc::experimental::InterceptorBatchMethods;
using ::grpc::experimental::ServerInterceptorFactoryInterface;
using ::grpc::experimental::ServerRpcInfo;

// One call. gRPC goes on with it on the thread that calls Proceed.
class CallMover final : public Interceptor {
 public:
  explicit CallMover(EventLoop& loop) : loop_(loop) {}

  void Intercept(InterceptorBatchMethods* methods) override {
    // What else is intercepted belongs to a method that has begun.
    if (!methods->QueryInterceptionHookPoint(
            InterceptionHookPoints::POST_RECV_INITIAL_METADATA)) {
      methods->Proceed();
      return;
    }
    const absl::Status added = loop_.TryAddTask(
        [methods] {
          methods->Proceed();
          return absl::OkStatus();
        },
        [](const absl::Status&) {});
    if (!added.ok()) methods->Proceed();  // the loop ends behind its server
  }

 private:
  EventLoop& loop_;
};

class CallMoverFactory final : public ServerInterceptorFactoryInterface {
 public:
  explicit CallMoverFactory(EventLoop& loop) : loop_(loop) {}

  // gRPC owns what is returned.
  Interceptor* CreateServerInterceptor(ServerRpcInfo* info) override {
    if (info->type() == ServerRpcInfo::Type::BIDI_STREAMING ||
        absl::StartsWith(info->method(), "/grpc.health.")) {
      return nullptr;
    }
    return std::make_unique<CallMover>(loop_).release();
  }

 private:
  EventLoop& loop_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<CallThreads>> CallThreads::Start(int threads) {
  if (threads <= 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("--max_server_threads=", threads, ": must be positive"));
  }
  // The constructor is private, so std::make_unique cannot call it.
  std::unique_ptr<CallThreads> started(new CallThreads(threads));
  FAIRLEAD_RETURN_IF_ERROR(started->loop_.Start());
  return started;
}

// What waits is bounded by its callers' deadlines: who comes while there is no
// thread free is served late, not refused.
CallThreads::CallThreads(int threads)
    : loop_({.name = "calls",
             .max_concurrency = threads,
             .max_queued = std::numeric_limits<int>::max() / 2}) {}

std::unique_ptr<ServerInterceptorFactoryInterface>
CallThreads::MakeInterceptorFactory() {
  return std::make_unique<CallMoverFactory>(loop_);
}

}  // namespace fairlead::rpc
