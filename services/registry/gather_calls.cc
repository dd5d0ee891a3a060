#include "services/registry/gather_calls.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "google/protobuf/util/time_util.h"
#include "grpcpp/alarm.h"
#include "grpcpp/grpcpp.h"
#include "libs/rpc/open_streams.h"
#include "libs/rpc/status_conversion.h"
#include "libs/status/status_macros.h"
#include "libs/sync/mutex.h"
#include "protos/fairlead/v1/registry.pb.h"
#include "services/registry/registry_core.h"
#include "services/registry/registry_state.h"
#include "services/registry/tenancy.h"

namespace fairlead {
namespace {

// Long enough for any rendezvous; whoever wants less says so.
constexpr std::chrono::hours kLongestWait(1);

std::chrono::nanoseconds TimeoutOf(const v1::AllGatherRequest& request) {
  if (!request.has_timeout()) return kLongestWait;
  const std::chrono::nanoseconds asked(
      google::protobuf::util::TimeUtil::DurationToNanoseconds(
          request.timeout()));
  return std::min<std::chrono::nanoseconds>(kLongestWait, asked);
}

}  // namespace

// Lives until gRPC is done with it, and for as long as the list has it.
class GatherCalls::Call final : public grpc::ServerUnaryReactor {
 public:
  Call(GatherCalls& calls, const v1::AllGatherRequest& request,
       v1::AllGatherResponse& response)
      : calls_(calls),
        group_(request.group()),
        round_(request.round()),
        world_size_(request.world_size()),
        timeout_after_(TimeoutOf(request)),
        response_(response) {}

  void Hold(std::shared_ptr<Call> self, rpc::OpenStreams::Place place) {
    self_ = std::move(self);
    place_ = std::move(place);
  }

  void ArmTimeout() {
    // The alarm keeps its function for as long as it lives, which is as long
    // as this does: the function must not keep this alive in turn.
    timeout_.Set(std::chrono::system_clock::now() + timeout_after_,
                 [weak = std::weak_ptr<Call>(self_)](bool fired) {
                   const std::shared_ptr<Call> call = weak.lock();
                   if (fired && call != nullptr) call->OnTimeout();
                 });
  }

  // Answers if there is an answer.
  void Look() {
    absl::StatusOr<v1::AllGatherResponse> answer =
        calls_.core_.Read([this](const RegistryState& state) {
          return state.gathers().Answer(group_, round_);
        });
    if (absl::IsUnavailable(answer.status())) return;
    MutexLock lock(&mutex_);
    if (finished_) return;
    if (answer.ok()) response_ = *std::move(answer);
    FinishLocked(answer.status());
  }

  void End(const absl::Status& status) {
    MutexLock lock(&mutex_);
    if (!finished_) FinishLocked(status);
  }

  void OnCancel() override { End(absl::CancelledError("the caller left")); }
  void OnDone() override {
    calls_.Forget(this);
    timeout_.Cancel();
    self_.reset();
  }

 private:
  void OnTimeout() {
    const std::string missing =
        calls_.core_.Read([this](const RegistryState& state) {
          return state.gathers().DescribeMissing(group_, round_);
        });
    End(absl::DeadlineExceededError(
        absl::StrCat("group ", group_, ", round ", round_, ": these ranks of ",
                     world_size_, " sent nothing in time: ", missing)));
  }

  void FinishLocked(const absl::Status& status)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    finished_ = true;
    Finish(rpc::ToGrpcStatus(status));
  }

  GatherCalls& calls_;
  // Of the request, which is gRPC's and may go before the list lets go of this.
  const std::string group_;
  const uint64_t round_;
  const uint32_t world_size_;
  const std::chrono::nanoseconds timeout_after_;
  v1::AllGatherResponse& response_;  // there until Finish
  std::shared_ptr<Call> self_;
  rpc::OpenStreams::Place place_;
  grpc::Alarm timeout_;

  Mutex mutex_;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
};

grpc::ServerUnaryReactor* GatherCalls::AllGather(
    const Caller& caller, const v1::AllGatherRequest& asked,
    v1::AllGatherResponse& response,
    absl::StatusOr<rpc::OpenStreams::Place> place) {
  v1::AllGatherRequest request = asked;
  request.set_group(OwnName(caller, asked.group()));
  auto call = std::make_shared<Call>(*this, request, response);
  if (!place.ok()) {
    call->Hold(call, nullptr);
    call->End(place.status());
    return call.get();
  }
  call->Hold(call, *std::move(place));
  const absl::Status written = core_.Commit(
      [&request, &caller](
          const RegistryState& state) -> absl::StatusOr<RegistryState::Writes> {
        FAIRLEAD_RETURN_IF_ERROR(MayActFor(state, caller, request.member_id()));
        return state.PlanGather(request);
      });
  if (!written.ok()) {
    call->End(written);
    return call.get();
  }
  {
    MutexLock lock(&mutex_);
    calls_.push_back(call);
  }
  call->ArmTimeout();
  call->Look();
  return call.get();
}

std::vector<std::shared_ptr<GatherCalls::Call>> GatherCalls::Calls() {
  MutexLock lock(&mutex_);
  return calls_;
}

void GatherCalls::OnChanged() {
  for (const auto& call : Calls()) call->Look();
}

void GatherCalls::Drain() {
  for (const auto& call : Calls()) {
    call->End(absl::UnavailableError(
        "this registry is being shut down; send the same again"));
  }
}

void GatherCalls::Forget(const Call* call) {
  MutexLock lock(&mutex_);
  std::erase_if(calls_, [call](const std::shared_ptr<Call>& other) {
    return other.get() == call;
  });
}

}  // namespace fairlead
