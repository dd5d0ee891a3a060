#ifndef FAIRLEAD_LIBS_DIST_RPC_CALLEE_SERVER_H_
#define FAIRLEAD_LIBS_DIST_RPC_CALLEE_SERVER_H_

#include <concepts>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/message.h"
#include "libs/rpc/server.h"
#include "libs/status/status_macros.h"
#include "libs/sync/mutex.h"

namespace fairlead {

// Functions that other processes of a job may call by name (parity GL-130 to
// GL-133): each takes one message and returns one.
//
//   FAIRLEAD_ASSIGN_OR_RETURN(const auto callees, CalleeServer::Start({}));
//   FAIRLEAD_RETURN_IF_ERROR((callees->Register<Ids, Counts>(
//       "count_degrees", [&](const Ids& ids) { return CountDegrees(ids); })));
//   InitServer({..., .job = {.rpc_address = callees->address()}});
//
// The original runs whatever callable a client pickles, and numbers callees,
// so that all processes must register the same in one order. Here nothing that
// comes over the wire is run, names are the server's own, and processes may
// differ in what they offer.
//
// Functions run on a bounded number of threads, several at a time: they must be
// thread-safe. Thread-safe.
class CalleeServer {
 public:
  struct Options {
    std::string listen = "127.0.0.1:0";  // port 0 takes a free one
    std::shared_ptr<rpc::Security> security = nullptr;  // as ServerOptions'
    int max_concurrency = 16;  // calls that run at a time
    int max_queued = 256;      // calls that wait for a thread
    // Whether it may listen without TLS where other hosts can reach it.
    bool insecure_listen = false;
  };

  // As rpc::Server::Start and EventLoop::Start.
  static absl::StatusOr<std::unique_ptr<CalleeServer>> Start(
      const Options& options);

  // Refuses new calls, cancels those that wait, and returns when those that run
  // have ended.
  ~CalleeServer();

  const std::string& address() const { return server_->address(); }

  // Offers `function`, StatusOr<Response>(const Request&), from now on until
  // the end. ALREADY_EXISTS if the name is taken; INVALID_ARGUMENT for an empty
  // one. What it throws is the caller's INTERNAL.
  template <std::derived_from<google::protobuf::Message> Request,
            std::derived_from<google::protobuf::Message> Response>
  absl::Status Register(
      const std::string& name,
      std::function<absl::StatusOr<Response>(const Request&)> function) {
    return Add(
        name,
        {.request_type = Request::descriptor()->full_name(),
         .response_type = Response::descriptor()->full_name(),
         .run = [name, function = std::move(function)](
                    absl::string_view payload) -> absl::StatusOr<std::string> {
           Request request;
           if (!request.ParseFromArray(payload.data(),
                                       static_cast<int>(payload.size()))) {
             return absl::InvalidArgumentError(
                 absl::StrCat("callee ", name, ": the payload is no ",
                              Request::descriptor()->full_name()));
           }
           FAIRLEAD_ASSIGN_OR_RETURN(const Response response,
                                     function(request));
           return response.SerializeAsString();
         }});
  }

 private:
  class Service;

  struct Callee {
    std::string request_type;
    std::string response_type;
    std::function<absl::StatusOr<std::string>(absl::string_view)> run;
  };

  CalleeServer() = default;

  absl::Status Add(const std::string& name, Callee callee)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // The callee of a call, which stays: none is ever taken back.
  absl::StatusOr<const Callee*> Find(const std::string& name,
                                     const std::string& request_type,
                                     const std::string& response_type) const
      ABSL_LOCKS_EXCLUDED(mutex_);

  mutable Mutex mutex_;
  std::map<std::string, Callee> callees_ ABSL_GUARDED_BY(mutex_);

  std::unique_ptr<Service> service_;
  std::unique_ptr<rpc::Server> server_;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_DIST_RPC_CALLEE_SERVER_H_
