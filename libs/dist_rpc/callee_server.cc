#include "libs/dist_rpc/callee_server.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "grpcpp/grpcpp.h"
#include "libs/event_loop/event_loop.h"
#include "libs/rpc/server.h"
#include "libs/rpc/status_conversion.h"
#include "libs/status/status_macros.h"
#include "protos/fairlead/v1/callee.grpc.pb.h"

namespace fairlead {

class CalleeServer::Service final : public v1::CalleeService::CallbackService {
 public:
  Service(const CalleeServer& callees, const Options& options)
      : callees_(callees),
        loop_({.name = "callees",
               .max_concurrency = options.max_concurrency,
               .max_queued = options.max_queued}) {}

  EventLoop& loop() { return loop_; }

 private:
  grpc::ServerUnaryReactor* Call(grpc::CallbackServerContext* context,
                                 const v1::CallRequest* request,
                                 v1::CallResponse* response) override {
    grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
    const absl::StatusOr<const Callee*> callee = callees_.Find(
        request->name(), request->request_type(), request->response_type());
    if (!callee.ok()) {
      reactor->Finish(rpc::ToGrpcStatus(callee.status()));
      return reactor;
    }
    const absl::Time deadline = absl::FromChrono(context->deadline());
    const absl::Status added = loop_.TryAddTask(
        [callee = *callee, deadline, request]() -> absl::StatusOr<std::string> {
          if (absl::Now() >= deadline) {
            return absl::DeadlineExceededError(
                absl::StrCat("callee ", request->name(),
                             ": the deadline was over before a thread was "
                             "free; give it more, or ask less at a time"));
          }
          return callee->run(request->payload());
        },
        [reactor, response](absl::StatusOr<std::string> result) {
          if (result.ok()) response->set_payload(*std::move(result));
          reactor->Finish(rpc::ToGrpcStatus(result.status()));
        });
    if (!added.ok()) reactor->Finish(rpc::ToGrpcStatus(added));
    return reactor;
  }

  const CalleeServer& callees_;
  EventLoop loop_;
};

absl::StatusOr<std::unique_ptr<CalleeServer>> CalleeServer::Start(
    const Options& options) {
  // The constructor is private, so std::make_unique cannot call it.
  std::unique_ptr<CalleeServer> callees(new CalleeServer());
  callees->service_ = std::make_unique<Service>(*callees, options);
  FAIRLEAD_RETURN_IF_ERROR(callees->service_->loop().Start());
  FAIRLEAD_ASSIGN_OR_RETURN(callees->server_,
                            rpc::Server::Start(
                                // Calls begin here, and run in the loop.
                                {.listen = options.listen,
                                 .security = options.security,
                                 .insecure_listen = options.insecure_listen,
                                 .max_threads = 2},
                                {callees->service_.get()}));
  return callees;
}

CalleeServer::~CalleeServer() {
  if (service_ == nullptr) return;
  // The loop first: a server that shuts down waits for its calls.
  service_->loop().Shutdown(EventLoop::ShutdownMode::kCancel).IgnoreError();
  server_ = nullptr;
}

absl::Status CalleeServer::Add(const std::string& name, Callee callee) {
  if (name.empty()) {
    return absl::InvalidArgumentError("callee: give it a name");
  }
  MutexLock lock(&mutex_);
  if (!callees_.emplace(name, std::move(callee)).second) {
    return absl::AlreadyExistsError(absl::StrCat(
        "callee ", name, ": is registered already; choose another name"));
  }
  return absl::OkStatus();
}

absl::StatusOr<const CalleeServer::Callee*> CalleeServer::Find(
    const std::string& name, const std::string& request_type,
    const std::string& response_type) const {
  MutexLock lock(&mutex_);
  const auto it = callees_.find(name);
  if (it == callees_.end()) {
    return absl::NotFoundError(absl::StrCat(
        "no callee ", name, " is registered",
        callees_.empty() ? ", nor is any other" : "; there are ",
        absl::StrJoin(callees_, ", ", [](std::string* out, const auto& entry) {
          absl::StrAppend(out, entry.first);
        })));
  }
  const Callee& callee = it->second;
  if (callee.request_type != request_type ||
      callee.response_type != response_type) {
    return absl::InvalidArgumentError(
        absl::StrCat("callee ", name, ": is ", callee.response_type, "(",
                     callee.request_type, "), and was called as ",
                     response_type, "(", request_type, ")"));
  }
  return &callee;
}

}  // namespace fairlead
