#ifndef FAIRLEAD_LIBS_DIST_RPC_CALLEE_CLIENT_H_
#define FAIRLEAD_LIBS_DIST_RPC_CALLEE_CLIENT_H_

#include <concepts>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "google/protobuf/message.h"
#include "grpcpp/grpcpp.h"
#include "libs/rpc/security.h"
#include "libs/sync/mutex.h"
#include "protos/fairlead/v1/callee.grpc.pb.h"

namespace fairlead {

// Calls functions that processes offer with CalleeServer, by address.
//
//   FAIRLEAD_ASSIGN_OR_RETURN(
//       const Counts counts,
//       client.Request<Counts>(address, "count_degrees", ids, deadline));
//
// Errors are those of CalleeService.Call, and of the function, with the callee
// and the address in the text; UNAVAILABLE if nobody answers there. A call is
// never made again. Thread-safe.
class CalleeClient {
 public:
  // Speaks as `security` has it; null: plain text.
  explicit CalleeClient(std::shared_ptr<rpc::Security> security = nullptr);
  CalleeClient(const CalleeClient&) = delete;
  CalleeClient& operator=(const CalleeClient&) = delete;

  // Cancels the calls that are under way, and returns when their callbacks
  // have. Not from within a callback.
  ~CalleeClient();

  template <std::derived_from<google::protobuf::Message> Response>
  absl::StatusOr<Response> Request(const std::string& address,
                                   const std::string& name,
                                   const google::protobuf::Message& request,
                                   absl::Time deadline) {
    return RequestAsync<Response>(address, name, request, deadline).get();
  }

  template <std::derived_from<google::protobuf::Message> Response>
  std::future<absl::StatusOr<Response>> RequestAsync(
      const std::string& address, const std::string& name,
      const google::protobuf::Message& request, absl::Time deadline) {
    std::promise<absl::StatusOr<Response>> promise;
    auto future = promise.get_future();
    RequestAsync<Response>(address, name, request, deadline,
                           [promise = std::move(promise)](
                               absl::StatusOr<Response> response) mutable {
                             promise.set_value(std::move(response));
                           });
    return future;
  }

  // Calls `callback` once, on a thread of gRPC's: it must not wait for another
  // call's.
  template <std::derived_from<google::protobuf::Message> Response>
  void RequestAsync(
      const std::string& address, const std::string& name,
      const google::protobuf::Message& request, absl::Time deadline,
      absl::AnyInvocable<void(absl::StatusOr<Response>)> callback) {
    v1::CallRequest call;
    call.set_name(name);
    call.set_request_type(request.GetDescriptor()->full_name());
    call.set_response_type(Response::descriptor()->full_name());
    call.set_payload(request.SerializeAsString());
    Start(address, std::move(call), deadline,
          [name, callback = std::move(callback)](
              absl::StatusOr<std::string> payload) mutable {
            if (!payload.ok()) return callback(payload.status());
            Response response;
            if (!response.ParseFromString(*payload)) {
              return callback(absl::InternalError(
                  absl::StrCat("callee ", name, ": what it answered is no ",
                               Response::descriptor()->full_name())));
            }
            callback(std::move(response));
          });
  }

 private:
  struct Call;
  // Lets a call be looked up by a plain pointer.
  struct ByAddress {
    using is_transparent = void;
    static const Call* Of(const Call* call) { return call; }
    static const Call* Of(const std::unique_ptr<Call>& call) {
      return call.get();
    }
    bool operator()(const auto& a, const auto& b) const {
      return std::less<const Call*>()(Of(a), Of(b));
    }
  };

  void Start(const std::string& address, v1::CallRequest request,
             absl::Time deadline,
             absl::AnyInvocable<void(absl::StatusOr<std::string>)> callback)
      ABSL_LOCKS_EXCLUDED(mutex_);
  v1::CalleeService::Stub& Stub(const std::string& address)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::shared_ptr<rpc::Security> security_;

  Mutex mutex_;
  // By address. Kept: gRPC reconnects where a process comes back.
  std::map<std::string, std::unique_ptr<v1::CalleeService::Stub>> stubs_
      ABSL_GUARDED_BY(mutex_);
  std::set<std::unique_ptr<Call>, ByAddress> calls_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_DIST_RPC_CALLEE_CLIENT_H_
