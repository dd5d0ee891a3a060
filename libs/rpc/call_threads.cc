#include "libs/rpc/call_threads.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "grpcpp/support/interceptor.h"
#include "grpcpp/support/server_interceptor.h"
#include "libs/event_loop/event_loop.h"
#include "libs/rpc/call_turns.h"
#include "libs/rpc/security.h"
#include "libs/status/status_macros.h"
#include "libs/sync/mutex.h"

namespace fairlead::rpc {
namespace {

using ::grpc::experimental::InterceptionHookPoints;
using ::grpc::experimental::Interceptor;
using ::grpc::experimental::InterceptorBatchMethods;
using ::grpc::experimental::ServerInterceptorFactoryInterface;
using ::grpc::experimental::ServerRpcInfo;

// How many calls of one client may run at a time.
size_t MostOfOneClient(int threads, bool callers_are_known) {
  const int most = callers_are_known ? threads - threads / 4 : threads;
  return static_cast<size_t>(std::max(1, most));
}

}  // namespace

// One call. gRPC goes on with it on the thread that calls Proceed.
class CallThreads::Mover final : public Interceptor {
 public:
  Mover(CallThreads& threads, ServerRpcInfo& info)
      : threads_(threads), info_(info) {}

  void Intercept(InterceptorBatchMethods* methods) override {
    // What else is intercepted belongs to a method that has begun.
    if (!methods->QueryInterceptionHookPoint(
            InterceptionHookPoints::POST_RECV_INITIAL_METADATA)) {
      methods->Proceed();
      return;
    }
    threads_.Run(ClientOf(threads_.security_, *info_.server_context()),
                 methods);
  }

 private:
  CallThreads& threads_;
  ServerRpcInfo& info_;  // which owns this
};

class CallThreads::MoverFactory final
    : public ServerInterceptorFactoryInterface {
 public:
  explicit MoverFactory(CallThreads& threads) : threads_(threads) {}

  // gRPC owns what is returned.
  Interceptor* CreateServerInterceptor(ServerRpcInfo* info) override {
    if (info->type() == ServerRpcInfo::Type::BIDI_STREAMING ||
        absl::StartsWith(info->method(), "/grpc.health.")) {
      return nullptr;
    }
    return std::make_unique<Mover>(threads_, *info).release();
  }

 private:
  CallThreads& threads_;
};

absl::StatusOr<std::unique_ptr<CallThreads>> CallThreads::Start(
    int threads, std::shared_ptr<Security> security) {
  if (threads <= 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("--max_server_threads=", threads, ": must be positive"));
  }
  // The constructor is private, so std::make_unique cannot call it.
  std::unique_ptr<CallThreads> started(
      new CallThreads(threads, std::move(security)));
  FAIRLEAD_RETURN_IF_ERROR(started->loop_.Start());
  return started;
}

// Who comes while there is no thread free is served late, not refused:
// gRPC 1.51 lets an interceptor of a server delay a call, but not answer it. So
// what waits is bounded by --max_connection_streams of each connection, beyond
// which calls wait in the client, and by its callers' deadlines.
CallThreads::CallThreads(int threads, std::shared_ptr<Security> security)
    : security_(std::move(security)),
      turns_(MostOfOneClient(threads, security_ != nullptr)),
      loop_({.name = "calls",
             .max_concurrency = threads,
             .max_queued = std::numeric_limits<int>::max() / 2}) {}

void CallThreads::Run(const std::string& client, Call call) {
  {
    MutexLock lock(&mutex_);
    turns_.Add(client, call);
    ++waiting_;
  }
  const absl::Status added = loop_.TryAddTask(
      [this] {
        RunTurns();
        return absl::OkStatus();
      },
      [](const absl::Status&) {});
  if (!added.ok()) RunTurns();  // the loop ends behind its server
}

// A call comes to be the next when it is added, or another of its client ends:
// each time a thread comes by here.
void CallThreads::RunTurns() {
  std::optional<CallTurns<Call>::Turn> turn;
  do {
    {
      MutexLock lock(&mutex_);
      if (turn.has_value()) turns_.Done(turn->client);
      turn = turns_.Next();
      if (turn.has_value()) --waiting_;
    }
    if (turn.has_value()) turn->call->Proceed();
  } while (turn.has_value());
}

int64_t CallThreads::waiting() const {
  MutexLock lock(&mutex_);
  return waiting_;
}

std::unique_ptr<ServerInterceptorFactoryInterface>
CallThreads::MakeInterceptorFactory() {
  return std::make_unique<MoverFactory>(*this);
}

}  // namespace fairlead::rpc
