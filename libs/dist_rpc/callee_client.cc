#include "libs/dist_rpc/callee_client.h"

#include <memory>
#include <string>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "grpcpp/grpcpp.h"
#include "libs/rpc/channel.h"
#include "libs/rpc/status_conversion.h"

namespace fairlead {

struct CalleeClient::Call {
  grpc::ClientContext context;
  v1::CallRequest request;
  v1::CallResponse response;
  absl::AnyInvocable<void(absl::StatusOr<std::string>)> callback;
};

CalleeClient::CalleeClient(std::shared_ptr<rpc::Security> security)
    : security_(std::move(security)) {}

CalleeClient::~CalleeClient() {
  MutexLock lock(&mutex_);
  for (const auto& call : calls_) call->context.TryCancel();
  const auto none_is_left = [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    return calls_.empty();
  };
  mutex_.Await(absl::Condition(&none_is_left));
}

v1::CalleeService::Stub& CalleeClient::Stub(const std::string& address) {
  std::unique_ptr<v1::CalleeService::Stub>& stub = stubs_[address];
  if (stub == nullptr) {
    stub = v1::CalleeService::NewStub(
        rpc::MakeChannel(address, security_, rpc::Peer::kOwnJob));
  }
  return *stub;
}

void CalleeClient::Start(
    const std::string& address, v1::CallRequest request, absl::Time deadline,
    absl::AnyInvocable<void(absl::StatusOr<std::string>)> callback) {
  auto call = std::make_unique<Call>();
  call->context.set_deadline(absl::ToChronoTime(deadline));
  call->request = std::move(request);
  call->callback = std::move(callback);
  Call* const started = call.get();
  v1::CalleeService::Stub* stub = nullptr;
  {
    MutexLock lock(&mutex_);
    stub = &Stub(address);
    calls_.insert(std::move(call));
  }
  stub->async()->Call(
      &started->context, &started->request, &started->response,
      [this, address, call = started](const grpc::Status& result) {
        const absl::Status status = rpc::ToAbslStatus(result);
        if (status.ok()) {
          call->callback(std::move(*call->response.mutable_payload()));
        } else {
          call->callback(absl::Status(
              status.code(),
              absl::StrCat("callee ", call->request.name(), " at ", address,
                           ": ", std::string(status.message()))));
        }
        // What the callback holds goes before the client may. So does the call:
        // it has a hold on the connection, and if that were the last, gRPC
        // would wait for all its threads on one of them.
        call->callback = nullptr;
        MutexLock lock(&mutex_);
        calls_.erase(calls_.find(call));
      });
}

}  // namespace fairlead
